import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { decodeTensors, encodeTensors } from '../../src/store/safetensors.js'

const file = () =>
  encodeTensors({
    tensors: {
      a: { shape: [2, 2], values: Float32Array.from([1, 2, 3, NaN]) },
      flags: { shape: [3], values: Uint8Array.from([1, 0, 1]), bool: true },
      wide: { shape: [1], values: Float64Array.from([Math.PI]) },
      empty: { shape: [0, 4], values: new Int32Array() },
      scalar: { shape: [], values: Int32Array.from([7]) },
    },
    metadata: { note: 'one ☃' },
  })

/** The same file with another header. */
function withHeader(change: (header: any) => unknown): Uint8Array {
  const bytes = file()
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))
  const text = new TextEncoder().encode(JSON.stringify(change(header) ?? header))
  const changed = new Uint8Array(8 + text.length + bytes.length - 8 - length)
  new DataView(changed.buffer).setBigUint64(0, BigInt(text.length), true)
  changed.set(text, 8)
  changed.set(bytes.subarray(8 + length), 8 + text.length)
  return changed
}

describe('safetensors', () => {
  test('what is written is read, with types, shapes and metadata', () => {
    const { tensors, metadata } = decodeTensors(file())
    expect(metadata).toEqual({ note: 'one ☃' })
    expect(tensors.a).toEqual({ shape: [2, 2], values: Float32Array.from([1, 2, 3, NaN]) })
    expect(tensors.flags).toEqual({ shape: [3], values: Uint8Array.from([1, 0, 1]), bool: true })
    expect(tensors.wide!.values[0]).toBe(Math.PI)
    expect(tensors.empty!.shape).toEqual([0, 4])
    expect(tensors.scalar!.values[0]).toBe(7)
  })

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(3)],
    ['a header longer than the file', Uint8Array.from([255, 255, 255, 255, 255, 255, 255, 127, 1])],
    ['a header that is not JSON', Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 1, 2])],
    ['a file cut off', file().slice(0, -1)],
    ['a file with more after it', Uint8Array.from([...file(), 0])],
    ['an unknown type', withHeader((header) => void (header.a.dtype = 'F8'))],
    ['a negative size', withHeader((header) => void (header.a.shape = [-2, -2]))],
    ['a size that does not fit its bytes', withHeader((header) => void (header.a.shape = [2, 3]))],
    ['a size beyond all numbers', withHeader((header) => void (header.a.shape = [1e300, 1e300]))],
    ['bytes outside the file', withHeader((header) => void (header.a.data_offsets = [1e9, 1e9 + 16]))],
    ['tensors on top of each other', withHeader((header) => void (header.a.data_offsets = [0, 16]))],
    ['metadata that is not text', withHeader((header) => void (header.__metadata__ = { a: 1 }))],
  ])('refuses %s', (_name, bytes) => {
    expect(() => decodeTensors(bytes)).toThrow(InputError)
  })

  test('a file with any one byte changed is read or refused, never trusted beyond its end', () => {
    const whole = file()
    for (let i = 0; i < whole.length; i++) {
      const bytes = whole.slice()
      bytes[i] = bytes[i]! ^ 0xff
      try {
        decodeTensors(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(InputError)
      }
    }
  })
})
