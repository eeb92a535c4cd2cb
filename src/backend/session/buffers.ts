import type { Value } from '../onnx/model.js'
import { elementTypes, sizeOf, type ElementType, type Elements } from '../onnx/types.js'
import type { NativeTensor } from './native.js'

/** Freed buffers by size, to be written again: a fresh array of zeros costs more than many an operator. */
class Buffers {
  private readonly free = new Map<number, ArrayBuffer[]>()
  private bytes = 0
  private static readonly smallest = 4096
  private static readonly most = 256 * 2 ** 20

  take(bytes: number): ArrayBuffer {
    const buffer = bytes >= Buffers.smallest ? this.free.get(bytes)?.pop() : undefined
    if (!buffer) return new ArrayBuffer(bytes)
    this.bytes -= bytes
    return buffer
  }

  give({ buffer, byteLength }: Elements): void {
    const bytes = buffer.byteLength
    // A part of a row has neighbours that may still be in use.
    if (byteLength !== bytes || !(buffer instanceof ArrayBuffer)) return
    if (bytes < Buffers.smallest || this.bytes + bytes > Buffers.most) return
    const list = this.free.get(bytes)
    if (list) list.push(buffer)
    else this.free.set(bytes, [buffer])
    this.bytes += bytes
  }

  clear(): void {
    this.free.clear()
    this.bytes = 0
  }
}

export const buffers = new Buffers()

/** Elements for a result, from the freed buffers where there is one; not zeroed. */
export function allocate(type: ElementType, size: number): Elements {
  const { array, bytes } = elementTypes[type]
  return new (array as unknown as { new (buffer: ArrayBuffer, offset: number, length: number): Elements })(
    buffers.take(size * bytes),
    0,
    size,
  )
}

export const tensorOf = (type: ElementType, data: Elements, dims: readonly number[]): NativeTensor => ({
  type,
  data,
  dims,
  location: 'cpu',
})

/** A tensor for a result that a graph writes. */
export const emptyTensor = ({ type, shape }: Value): NativeTensor =>
  tensorOf(type, allocate(type, sizeOf(shape)), shape)
