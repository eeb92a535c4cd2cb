/** Element types that the graphs use, by the names that onnxruntime-node gives them. */
export type ElementType = 'float32' | 'int32' | 'bool' | 'int64' | 'uint32' | 'uint8' | 'float64'

export type Elements = Float32Array | Int32Array | Uint8Array | BigInt64Array | Uint32Array | Float64Array

interface ElementRow {
  /** `TensorProto.DataType` in onnx.proto. */
  code: number
  bytes: number
  array: { new (length: number): Elements; from(values: Iterable<never>): Elements }
}

const row = (code: number, bytes: number, array: unknown): ElementRow => ({
  code,
  bytes,
  array: array as ElementRow['array'],
})

export const elementTypes: { readonly [type in ElementType]: ElementRow } = {
  float32: row(1, 4, Float32Array),
  uint8: row(2, 1, Uint8Array),
  int32: row(6, 4, Int32Array),
  int64: row(7, 8, BigInt64Array),
  bool: row(9, 1, Uint8Array),
  float64: row(11, 8, Float64Array),
  uint32: row(12, 4, Uint32Array),
}

/** Numbers as elements of a type. */
export function toElements(values: ArrayLike<number>, type: ElementType): Elements {
  if (type === 'int64') return BigInt64Array.from(values as ArrayLike<number>, (value) => BigInt(value))
  return elementTypes[type].array.from(values as unknown as Iterable<never>)
}

export const sizeOf = (shape: readonly number[]): number => {
  let size = 1
  for (const dimension of shape) size *= dimension
  return size
}
