import { quantisations, scalesAt, sixBits } from './dequantise.js'

/**
 * A matrix [rows, columns] of few bits, as ONNX Runtime's `MatMulNBits` reads it: a number is scale x (q - centre) + shift, with a
 * scale, a centre and a shift for each block of a row.
 */
export interface BlockMatrix {
  rows: number
  columns: number
  bits: 4 | 8
  /** Numbers of a block. */
  block: number
  /** [rows, columns / block, block x bits / 8]; of 4 bits the first of two numbers is the lower half of a byte. */
  data: Uint8Array
  /** [rows, columns / block] */
  scales: Float32Array
  /** [rows, columns / block x bits / 8], as `data`. Default: 2 ** (bits - 1). */
  centres?: Uint8Array
  /** [rows, columns / block] where blocks have one: `MatMulNBits` knows none, so it is a product of its own. */
  shifts?: Float32Array
}

/** Reads the numbers of one kind of block; `at` is where the block begins. */
interface Kind {
  bits: 4 | 8
  block: number
  hasShift: boolean
  read(bytes: Uint8Array, into: BlockMatrix): void
}

/** Q4_0 and Q4_1: the halves of a byte are 16 numbers apart, here they are neighbours. */
function four(head: 2 | 4): Kind {
  const size = head + 16
  return {
    bits: 4,
    block: 32,
    hasShift: head === 4,
    read(bytes, { data, scales, shifts }) {
      scales.set(scalesAt(bytes, size, 0))
      if (shifts) {
        const minima = scalesAt(bytes, size, 2)
        // scale x q + minimum = scale x (q - 8) + (minimum + 8 x scale)
        for (let i = 0; i < minima.length; i++) shifts[i] = minima[i]! + 8 * scales[i]!
      }
      for (let from = head, to = 0; from < bytes.length; from += size, to += 16)
        for (let i = 0; i < 8; i++) {
          const first = bytes[from + 2 * i]!
          const second = bytes[from + 2 * i + 1]!
          data[to + i] = (first & 15) | ((second & 15) << 4)
          data[to + i + 8] = (first >> 4) | (second & 240)
        }
    },
  }
}

const q8: Kind = {
  bits: 8,
  block: 32,
  hasShift: false,
  read(bytes, { data, scales }) {
    scales.set(scalesAt(bytes, 34, 0))
    for (let from = 2, to = 0; from < bytes.length; from += 34, to += 32)
      for (let i = 0; i < 32; i++) data[to + i] = bytes[from + i]! ^ 128
  },
}

/** Q5_0 and Q5_1, in 8 bits: the fifth bit of number i is bit i of 32. */
function five(head: 2 | 4): Kind {
  const size = head + 20
  return {
    bits: 8,
    block: 32,
    hasShift: head === 4,
    read(bytes, { data, scales, shifts }) {
      scales.set(scalesAt(bytes, size, 0))
      shifts?.set(scalesAt(bytes, size, 2))
      const centre = shifts ? 128 : 112
      for (let from = head, to = 0; from < bytes.length; from += size, to += 32)
        for (let i = 0; i < 32; i++) {
          const byte = bytes[from + 4 + (i & 15)]!
          const high = (bytes[from + (i >> 3)]! >> (i & 7)) & 1
          data[to + i] = centre + ((i < 16 ? byte & 15 : byte >> 4) | (high << 4))
        }
    },
  }
}

/** 256 numbers in 8 groups, each with a scale and a minimum of its own. */
const q4k: Kind = {
  bits: 4,
  block: 32,
  hasShift: true,
  read(bytes, { data, scales, shifts }) {
    const wide = scalesAt(bytes, 144, 0)
    const minima = scalesAt(bytes, 144, 2)
    for (let block = 0; block < wide.length; block++)
      for (let group = 0; group < 8; group++) {
        const at = block * 8 + group
        const [scale, minimum] = sixBits(bytes, block * 144 + 4, group)
        scales[at] = wide[block]! * scale
        shifts![at] = 8 * scales[at]! - minima[block]! * minimum
        const from = block * 144 + 16 + (group >> 1) * 32
        const shift = (group & 1) * 4
        for (let i = 0; i < 16; i++)
          data[at * 16 + i] =
            ((bytes[from + 2 * i]! >> shift) & 15) | (((bytes[from + 2 * i + 1]! >> shift) & 15) << 4)
      }
  },
}

/** 256 numbers of 6 bits in 16 groups, here of 8. */
const q6k: Kind = {
  bits: 8,
  block: 16,
  hasShift: false,
  read(bytes, { data, scales }) {
    const wide = scalesAt(bytes, 210, 208)
    for (let block = 0; block < wide.length; block++) {
      const from = block * 210
      for (let group = 0; group < 16; group++)
        scales[block * 16 + group] = wide[block]! * ((bytes[from + 192 + group]! << 24) >> 24)
      for (let i = 0; i < 256; i++) {
        const [half, quarter, at] = [i >> 7, (i >> 5) & 3, i & 31]
        const low = bytes[from + half * 64 + (quarter & 1) * 32 + at]!
        const high = (bytes[from + 128 + half * 32 + at]! >> (2 * quarter)) & 3
        data[block * 256 + i] = 96 + ((quarter < 2 ? low & 15 : low >> 4) | (high << 4))
      }
    }
  },
}

/** By ggml's number of the type. What is not here is held as float32. */
const kinds: ReadonlyMap<number, Kind> = new Map([
  [2, four(2)],
  [3, four(4)],
  [6, five(2)],
  [7, five(4)],
  [8, q8],
  [12, q4k],
  [14, q6k],
])

/** Whether a type of GGUF has a form here. */
export const isInBlocks = (type: number): boolean => kinds.has(type)

/**
 * A matrix of a GGUF file in the form of `MatMulNBits`, number for number.
 *
 * @param bytes as they lie in the file: row by row.
 */
export function blocksFrom(type: number, bytes: Uint8Array, rows: number, columns: number): BlockMatrix {
  const { bits, block, hasShift, read } = kinds.get(type)!
  const blocks = (rows * columns) / block
  const made: BlockMatrix = {
    rows,
    columns,
    bits,
    block,
    data: new Uint8Array((rows * columns * bits) / 8),
    scales: new Float32Array(blocks),
    ...(hasShift && { shifts: new Float32Array(blocks) }),
  }
  read(bytes, made)
  return made
}

/** The rows of several matrices below each other; `undefined` where they differ in form. */
export function maybeStacked(parts: readonly BlockMatrix[]): BlockMatrix | undefined {
  const [first] = parts
  if (!first) return undefined
  const same = parts.every(
    ({ bits, block, columns, shifts }) =>
      bits === first.bits && block === first.block && columns === first.columns && !shifts === !first.shifts,
  )
  if (!same) return undefined
  if (parts.length === 1) return first
  const joined = <T extends Uint8Array | Float32Array>(arrays: T[]): T => {
    const whole = new (arrays[0]!.constructor as new (length: number) => T)(
      arrays.reduce((sum, { length }) => sum + length, 0),
    )
    let at = 0
    for (const array of arrays) {
      whole.set(array, at)
      at += array.length
    }
    return whole
  }
  return {
    ...first,
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    data: joined(parts.map(({ data }) => data)),
    scales: joined(parts.map(({ scales }) => scales)),
    ...(first.shifts && { shifts: joined(parts.map(({ shifts }) => shifts!)) }),
  }
}

/**
 * 8 bits as twice 4, side by side: with q = 16 high + low, scale x (q - 128) is 16 scale x (high - 8) + scale x low. Exact, and for
 * activations in float32 quicker: `MatMulNBits` has no such kernel for 8 bits and would make floats of the whole matrix each time.
 */
export function inHalves(matrix: BlockMatrix): BlockMatrix {
  const { rows, columns, block, data, scales, shifts } = matrix
  const perRow = columns / block
  const made: BlockMatrix = {
    rows,
    columns: 2 * columns,
    bits: 4,
    block,
    data: new Uint8Array(rows * columns),
    scales: new Float32Array(2 * rows * perRow),
    centres: new Uint8Array(rows * perRow),
  }
  const half = columns / 2
  for (let row = 0; row < rows; row++) {
    const from = row * columns
    for (let i = 0; i < half; i++) {
      const first = data[from + 2 * i]!
      const second = data[from + 2 * i + 1]!
      made.data[from + i] = (first >> 4) | (second & 240)
      made.data[from + half + i] = (first & 15) | ((second & 15) << 4)
    }
    for (let i = 0; i < perRow; i++) {
      const scale = scales[row * perRow + i]!
      made.scales[2 * row * perRow + i] = 16 * scale
      made.scales[(2 * row + 1) * perRow + i] = scale
      // Two centres a byte, the first in its lower half: 8 of a block of high halves, 0 of low ones.
      made.centres![row * perRow + (i >> 1)]! |= 8 << (4 * (i & 1))
    }
  }
  return shifts ? { ...made, shifts: besideNothing(shifts, rows, perRow) } : made
}

/** Shifts of the first half of each row's blocks, and none of the others. */
function besideNothing(shifts: Float32Array, rows: number, perRow: number): Float32Array {
  const made = new Float32Array(2 * shifts.length)
  for (let row = 0; row < rows; row++)
    made.set(shifts.subarray(row * perRow, (row + 1) * perRow), 2 * row * perRow)
  return made
}

/**
 * Rows of a file's matrix as float32: an embedding's, for the tokens that are read.
 *
 * @param read the bytes of a row.
 */
export function readRows(
  type: number,
  columns: number,
  rows: Int32Array,
  read: (row: number) => Uint8Array,
): Float32Array {
  const { read: dequantise } = quantisations.get(type)!
  const into = new Float32Array(rows.length * columns)
  for (const [i, row] of rows.entries()) dequantise(read(row), into.subarray(i * columns, (i + 1) * columns))
  return into
}
