import { brainFloatsToFloats, halvesToFloats } from './half.js'

/** How numbers of one kind lie in a GGUF file (ggml's `ggml-quants.c` and `ggml-common.h` say each). */
export interface Quantisation {
  name: string
  /** Numbers of one block, and its bytes. */
  block: number
  bytes: number
  read(bytes: Uint8Array, into: Float32Array): void
}

/** Half-precision numbers at an offset of each block. */
export function scalesAt(bytes: Uint8Array, size: number, offset: number): Float32Array {
  const bits = new Uint16Array(bytes.length / size)
  for (let block = 0, at = offset; block < bits.length; block++, at += size)
    bits[block] = bytes[at]! | (bytes[at + 1]! << 8)
  return halvesToFloats(bits)
}

/** Blocks of 32 numbers of 4 or 5 bits; the halves of a byte are 16 apart. `minimum`: a number that is added, else they are centred. */
function small(name: string, { five, minimum }: { five: boolean; minimum: boolean }): Quantisation {
  const head = minimum ? 4 : 2
  const size = head + (five ? 4 : 0) + 16
  return {
    name,
    block: 32,
    bytes: size,
    read(bytes, into) {
      const scales = scalesAt(bytes, size, 0)
      const minima = minimum ? scalesAt(bytes, size, 2) : undefined
      const centre = minimum ? 0 : five ? 16 : 8
      for (let block = 0; block < scales.length; block++) {
        const from = block * size
        const to = block * 32
        const scale = scales[block]!
        const add = minima ? minima[block]! : 0
        const low = from + size - 16
        for (let i = 0; i < 16; i++) {
          const byte = bytes[low + i]!
          let first = byte & 15
          let second = byte >> 4
          if (five) {
            // Bit i of 32 is the fifth of number i.
            first |= ((bytes[from + head + (i >> 3)]! >> (i & 7)) & 1) << 4
            second |= ((bytes[from + head + 2 + (i >> 3)]! >> (i & 7)) & 1) << 4
          }
          into[to + i] = (first - centre) * scale + add
          into[to + i + 16] = (second - centre) * scale + add
        }
      }
    },
  }
}

const q8: Quantisation = {
  name: 'Q8_0',
  block: 32,
  bytes: 34,
  read(bytes, into) {
    const scales = scalesAt(bytes, 34, 0)
    for (let block = 0; block < scales.length; block++)
      for (let i = 0; i < 32; i++)
        into[block * 32 + i] = ((bytes[block * 34 + 2 + i]! << 24) >> 24) * scales[block]!
  },
}

/** 256 numbers of 4 bits in 8 groups, each with a scale and a minimum of 6 bits. */
const q4k: Quantisation = {
  name: 'Q4_K',
  block: 256,
  bytes: 144,
  read(bytes, into) {
    const scales = scalesAt(bytes, 144, 0)
    const minima = scalesAt(bytes, 144, 2)
    for (let block = 0; block < scales.length; block++) {
      const packed = block * 144 + 4
      for (let group = 0; group < 8; group++) {
        const [scale, minimum] = sixBits(bytes, packed, group)
        const d = scales[block]! * scale
        const m = minima[block]! * minimum
        const from = packed + 12 + (group >> 1) * 32
        const to = block * 256 + group * 32
        const shift = (group & 1) * 4
        for (let i = 0; i < 32; i++) into[to + i] = d * ((bytes[from + i]! >> shift) & 15) - m
      }
    }
  },
}

/** The scale and the minimum of a group, of 12 bytes that hold 16 numbers of 6 bits. */
export function sixBits(bytes: Uint8Array, at: number, group: number): [scale: number, minimum: number] {
  if (group < 4) return [bytes[at + group]! & 63, bytes[at + group + 4]! & 63]
  return [
    (bytes[at + group + 4]! & 15) | ((bytes[at + group - 4]! >> 6) << 4),
    (bytes[at + group + 4]! >> 4) | ((bytes[at + group]! >> 6) << 4),
  ]
}

/** 256 numbers of 6 bits, four from each pair of low bits and quarter of a byte of high ones, in 16 groups with a scale. */
const q6k: Quantisation = {
  name: 'Q6_K',
  block: 256,
  bytes: 210,
  read(bytes, into) {
    const scales = scalesAt(bytes, 210, 208)
    for (let block = 0; block < scales.length; block++) {
      const from = block * 210
      for (let half = 0; half < 2; half++)
        for (let quarter = 0; quarter < 4; quarter++)
          for (let i = 0; i < 32; i++) {
            const low = bytes[from + half * 64 + (quarter & 1) * 32 + i]!
            const high = (bytes[from + 128 + half * 32 + i]! >> (2 * quarter)) & 3
            const value = (((quarter < 2 ? low & 15 : low >> 4) | (high << 4)) - 32) * scales[block]!
            const scale = (bytes[from + 192 + half * 8 + quarter * 2 + (i >> 4)]! << 24) >> 24
            into[block * 256 + half * 128 + quarter * 32 + i] = value * scale
          }
    }
  },
}

/** Bytes as numbers of a wider kind, wherever they begin. */
const copied = (bytes: Uint8Array): ArrayBuffer => bytes.slice().buffer as ArrayBuffer

/** What can be read, by ggml's number of the type. */
export const quantisations: ReadonlyMap<number, Quantisation> = new Map([
  [
    0,
    {
      name: 'F32',
      block: 1,
      bytes: 4,
      read: (bytes: Uint8Array, into: Float32Array) => into.set(new Float32Array(copied(bytes))),
    },
  ],
  [
    1,
    {
      name: 'F16',
      block: 1,
      bytes: 2,
      read: (bytes: Uint8Array, into: Float32Array) =>
        into.set(halvesToFloats(new Uint16Array(copied(bytes)))),
    },
  ],
  [2, small('Q4_0', { five: false, minimum: false })],
  [3, small('Q4_1', { five: false, minimum: true })],
  [6, small('Q5_0', { five: true, minimum: false })],
  [7, small('Q5_1', { five: true, minimum: true })],
  [8, q8],
  [12, q4k],
  [14, q6k],
  [
    30,
    {
      name: 'BF16',
      block: 1,
      bytes: 2,
      read: (bytes: Uint8Array, into: Float32Array) =>
        into.set(brainFloatsToFloats(new Uint16Array(copied(bytes)))),
    },
  ],
])
