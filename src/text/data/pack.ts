import { describe, InputError } from '../../errors.js'

/** Where one item, or a part of one that is longer than a row, lies in a row. */
export interface PackedPiece {
  /** The item's place in `lengths`. */
  item: number
  /** Where in the item it begins: 0 unless the item is longer than a row. */
  from: number
  length: number
  /** Where in the row it begins. */
  at: number
}

export type PackedRow = readonly PackedPiece[]

/**
 * Items whole in rows of `room` places, as few rows as best fit by falling length finds (Ding et al. 2024, arXiv 2404.10830): each
 * goes where the least room is left that is enough for it. Only what is longer than a row is cut, into whole rows and a rest. Rows, and
 * the pieces in each, are in the order of the items; items of length 0 are in none.
 *
 * @throws InputError for lengths that are no whole numbers.
 * @example packWhole([5, 3, 2, 9], 8)   // rows of 8: [0, 1] whole, [2] with the last place of [3], and the first 8 places of [3]
 */
export function packWhole(lengths: ArrayLike<number>, room: number): PackedRow[] {
  const where = 'packWhole(lengths, room)'
  if (!Number.isInteger(room) || room < 1)
    throw new InputError({
      where: `${where}: room`,
      received: describe(room),
      expected: 'a whole number, at least 1',
    })
  const rows: Omit<PackedPiece, 'at'>[][] = []
  const rests: number[] = []
  for (let item = 0; item < lengths.length; item++) {
    const length = lengths[item]!
    if (!Number.isSafeInteger(length) || length < 0)
      throw new InputError({
        where: `${where}: lengths[${item}]`,
        received: describe(length),
        expected: 'a whole number, at least 0',
      })
    let from = 0
    for (; length - from >= room; from += room) rows.push([{ item, from, length: room }])
    if (from < length) rests.push(item)
  }
  const restOf = (item: number) => lengths[item]! % room
  rests.sort((a, b) => restOf(b) - restOf(a) || a - b)
  const open = new OpenRows(room)
  for (const item of rests) {
    const length = restOf(item)
    const found = open.take(length)
    const row = found ?? { pieces: [], left: room }
    if (!found) rows.push(row.pieces)
    row.pieces.push({ item, from: lengths[item]! - length, length })
    open.put({ pieces: row.pieces, left: row.left - length })
  }
  for (const row of rows) row.sort((a, b) => a.item - b.item)
  rows.sort(([a], [b]) => a!.item - b!.item || a!.from - b!.from)
  return rows.map((row) => {
    let at = 0
    return row.map((piece) => ({ ...piece, at: (at += piece.length) - piece.length }))
  })
}

interface OpenRow {
  pieces: Omit<PackedPiece, 'at'>[]
  left: number
}

/** Rows by the room that is left in them. */
class OpenRows {
  readonly #byRoom: OpenRow[][]
  /** A bit for each room that some row has left: 32 are passed over at once. */
  readonly #bits: Uint32Array

  constructor(room: number) {
    this.#byRoom = Array.from({ length: room }, () => [])
    this.#bits = new Uint32Array((room >> 5) + 1)
  }

  put(row: OpenRow): void {
    if (row.left === 0) return
    this.#byRoom[row.left]!.push(row)
    this.#bits[row.left >> 5]! |= 1 << (row.left & 31)
  }

  /** The row with the least room left that is enough, taken out. */
  take(length: number): OpenRow | undefined {
    let word = length >> 5
    // Those below `length` in its word do not count.
    let bits = this.#bits[word]! & (-1 << (length & 31))
    while (bits === 0 && ++word < this.#bits.length) bits = this.#bits[word]!
    if (bits === 0) return undefined
    const left = (word << 5) + 31 - Math.clz32(bits & -bits)
    const rows = this.#byRoom[left]!
    const row = rows.pop()!
    if (rows.length === 0) this.#bits[word]! &= ~(1 << (left & 31))
    return row
  }
}
