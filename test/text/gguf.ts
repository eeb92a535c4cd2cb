/** A GGUF file as llama.cpp would write it, for tests: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. */
export interface GgufTensor {
  name: string
  /** As in PyTorch, the last varies fastest. */
  shape: readonly number[]
  type: number
  bytes: Uint8Array
}

type Value = number | string | readonly string[] | readonly number[] | { u32: number }

export function writeGguf(
  metadata: { [name: string]: Value },
  tensors: readonly GgufTensor[],
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = []
  const put = (size: number, write: (view: DataView) => void) => {
    const bytes = new Uint8Array(size)
    write(new DataView(bytes.buffer))
    parts.push(bytes)
  }
  const u32 = (value: number) => put(4, (view) => view.setUint32(0, value, true))
  const u64 = (value: number) => put(8, (view) => view.setBigUint64(0, BigInt(value), true))
  const f32 = (value: number) => put(4, (view) => view.setFloat32(0, value, true))
  const text = (value: string) => {
    const bytes = new TextEncoder().encode(value)
    u64(bytes.length)
    parts.push(bytes)
  }
  parts.push(new TextEncoder().encode('GGUF'))
  u32(3)
  u64(tensors.length)
  u64(Object.keys(metadata).length)
  for (const [name, value] of Object.entries(metadata)) {
    text(name)
    if (typeof value === 'string') {
      u32(8)
      text(value)
    } else if (typeof value === 'number') {
      u32(6)
      f32(value)
    } else if ('u32' in value) {
      u32(4)
      u32(value.u32)
    } else {
      u32(9)
      const isText = typeof value[0] === 'string'
      u32(isText ? 8 : 5)
      u64(value.length)
      for (const item of value)
        if (typeof item === 'string') text(item)
        else put(4, (view) => view.setInt32(0, item, true))
    }
  }
  let offset = 0
  for (const { name, shape, type, bytes } of tensors) {
    text(name)
    u32(shape.length)
    for (const length of shape.toReversed()) u64(length)
    u32(type)
    u64(offset)
    offset += Math.ceil(bytes.length / 32) * 32
  }
  const align = () => {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    parts.push(new Uint8Array((32 - (length % 32)) % 32))
  }
  align()
  for (const { bytes } of tensors) {
    parts.push(bytes)
    align()
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
