import type { Band } from './png/encode.js'

/** More colours than these are a photograph. A power of two, half of the table they are found in. */
const mostColours = 4096
const tableSize = 2 * mostColours

/**
 * Memory that the next picture takes again: the system gives fresh pages of 4 kB for 2 µs each, which is a millisecond for
 * a large chart. Kept for so many changes and bytes of a file, not for more.
 */
const mostKept = { changes: 1 << 20, bytes: 4 << 20 }
let kept = { at: new Uint32Array(1 << 16), colour: new Uint16Array(1 << 16), rows: new Uint8Array(0) }
/** Changes whose colours are looked for at a time: a photograph is known by the first. */
const atOnce = 1 << 16

/**
 * A picture as what changes from each row to the next: most of a chart repeats what is above it, and neither looking for
 * colours nor writing the file has to pass over that.
 */
export class Colours {
  /** How many pixels differ from the one above. */
  changes = 0
  readonly #width: number
  readonly #height: number
  /** Of each change, from the top: its pixel, counted from the first of the picture, and the number of its colour. */
  #at = kept.at
  #colour = kept.colour
  /** As words of a little-endian machine: opacity, blue, green, red. */
  readonly #colours = new Int32Array(mostColours)
  readonly #counts = new Int32Array(mostColours)
  /** Open addressing: number + 1 of the colour with this hash, or of one that was there before it. */
  readonly #table = new Uint16Array(tableSize)
  #count = 0
  /** Too many, or not opaque. */
  #hopeless = false

  /** Bands of one width, from the top. */
  constructor(bands: readonly Band[]) {
    this.#width = bands[0]!.width
    this.#height = bands.reduce((sum, band) => sum + band.height, 0)
    /** Numbers of the colours of the row above. */
    const above = new Int16Array(this.#width).fill(-1)
    let row = 0
    let last: Band | undefined
    for (const band of bands) {
      this.#add(band, row, last, above)
      if (this.#hopeless) break
      row += band.height
      last = band
    }
    if (this.#at.length <= mostKept.changes) kept = { ...kept, at: this.#at, colour: this.#colour }
  }

  /** First where a band differs from the row above, then in what: in one loop both take longer. */
  #add(band: Band, firstRow: number, last: Band | undefined, above: Int16Array): void {
    const width = this.#width
    const stride = width * 4
    const bytes = bytesOf(band)
    const words = wordsOf(band)
    let [bytesAbove, wordsAbove, y] = last
      ? [bytesOf(last), wordsOf(last), last.height - 1]
      : [undefined, undefined, 0]
    let numbered = this.changes
    for (let row = 0; row < band.height && !this.#hopeless; row++) {
      const from = row * stride
      const to = from + stride
      if (!bytesAbove || bytesAbove.compare(bytes, from, to, y * stride, (y + 1) * stride) !== 0) {
        this.#reserve(width)
        const place = (firstRow + row) * width
        this.changes = wordsAbove
          ? differences(words, row * width, wordsAbove, y * width, width, this.#at, this.changes, place)
          : all(width, this.#at, this.changes, place)
      }
      ;[bytesAbove, wordsAbove, y] = [bytes, words, row]
      if (this.changes - numbered > atOnce || row === band.height - 1) {
        this.#number(words, firstRow, numbered, above)
        numbered = this.changes
      }
    }
  }

  /** The colours of the changes from the one numbered `from` on, in a band that begins with `firstRow`. */
  #number(words: Int32Array, firstRow: number, from: number, above: Int16Array): void {
    const width = this.#width
    const [at, colour, counts] = [this.#at, this.#colour, this.#counts]
    const before = firstRow * width
    let start = before
    // A pixel counts as often as it is repeated below, until another takes its place.
    let rest = this.#height - firstRow
    for (let i = from; i < this.changes; i++) {
      const place = at[i]!
      while (place >= start + width) {
        start += width
        rest--
      }
      const number = this.#numberOf(words[place - before]!)
      if (number < 0) {
        this.#hopeless = true
        return
      }
      const x = place - start
      if (above[x]! >= 0) counts[above[x]!]! -= rest
      counts[number]! += rest
      above[x] = number
      colour[i] = number
    }
  }

  #reserve(more: number): void {
    const least = this.changes + more
    if (least <= this.#at.length) return
    const length = Math.max(least, 2 * this.#at.length)
    const [at, colour] = [new Uint32Array(length), new Uint16Array(length)]
    at.set(this.#at.subarray(0, this.changes))
    colour.set(this.#colour.subarray(0, this.changes))
    this.#at = at
    this.#colour = colour
  }

  /** -1: the picture is none for a palette. */
  #numberOf(word: number): number {
    const table = this.#table
    const colours = this.#colours
    let slot = (Math.imul(word, 0x9e3779b1) >>> 19) & (tableSize - 1)
    let number = table[slot]! - 1
    while (number >= 0 && colours[number] !== word) {
      slot = (slot + 1) & (tableSize - 1)
      number = table[slot]! - 1
    }
    if (number >= 0) return number
    if (this.#count === mostColours || word >>> 24 !== 255) return -1
    number = this.#count++
    colours[number] = word
    table[slot] = this.#count
    return number
  }

  /** 256 colours at most, and the place of each of the others among them; `undefined` for a photograph. */
  maybePalette(): Palette | undefined {
    if (this.#hopeless) return undefined
    return maybePalette(this.#colours.subarray(0, this.#count), this.#counts.subarray(0, this.#count))
  }

  /**
   * Rows of a PNG, each as its differences to the row above (filter type 2 of the format), with these places for colours.
   * The memory is that of the next picture's rows too.
   */
  rows(places: Uint8Array): Uint8Array {
    const width = this.#width
    const length = (width + 1) * this.#height
    const memory = kept.rows.length >= length ? kept.rows : new Uint8Array(length)
    if (length <= mostKept.bytes) kept.rows = memory
    const rows = memory.subarray(0, length).fill(0)
    // Above the first row there is nothing.
    for (let y = 1; y < this.#height; y++) rows[y * (width + 1)] = 2
    const above = new Uint8Array(width)
    const [pixels, colour] = [this.#at, this.#colour]
    let start = 0
    let row = 0
    for (let i = 0; i < this.changes; i++) {
      const at = pixels[i]!
      while (at >= start + width) {
        start += width
        row++
      }
      const place = places[colour[i]!]!
      const x = at - start
      // The byte in front of each row is its filter.
      rows[at + row + 1] = place - above[x]!
      above[x] = place
    }
    return rows
  }
}

/** Notes the places, from `place` on, where two rows differ; returns how many are noted then. */
function differences(
  words: Int32Array,
  from: number,
  above: Int32Array,
  fromAbove: number,
  width: number,
  noted: Uint32Array,
  count: number,
  place: number,
): number {
  const toAbove = fromAbove - from
  const toPlace = place - from
  for (let at = from; at < from + width; at++)
    if (words[at] !== above[at + toAbove]) noted[count++] = at + toPlace
  return count
}

function all(width: number, noted: Uint32Array, count: number, place: number): number {
  for (let x = 0; x < width; x++) noted[count++] = place + x
  return count
}

const wordsOf = ({ pixels, width, height }: Band) =>
  new Int32Array(pixels.buffer, pixels.byteOffset, width * height)
const bytesOf = ({ pixels }: Band) => Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength)

/**
 * Which bits of a pixel tell colours apart: all; then fewer of each channel. The most frequent colour stands for all that
 * differ in the others only, so flat areas keep their exact colour and blends move by 15 of 255 at most.
 */
const masks = [0xffffffff, 0xfffefefe, 0xfffcfcfc, 0xfff8f8f8, 0xfff0f0f0].map((mask) => mask >>> 0)
const coarsest = masks.at(-1)!
/** With the coarsest mask some more, each drawn in the nearest colour that is there; beyond that it is a photograph. */
const mostBlends = 640

export interface Palette {
  /** Red, green and blue of each of up to 256 colours. */
  palette: Uint8Array
  /** Of each colour that was found, its place in the palette. */
  places: Uint8Array
}

function maybePalette(colours: Int32Array, counts: Int32Array): Palette | undefined {
  const byCount = Array.from(colours.keys()).toSorted((a, b) => counts[b]! - counts[a]!)
  for (const mask of masks) {
    const groups = new Map<number, number[]>()
    for (const index of byCount) {
      const key = (colours[index]! & mask) >>> 0
      const group = groups.get(key)
      if (group) group.push(index)
      else groups.set(key, [index])
    }
    if (groups.size > (mask === coarsest ? mostBlends : 256)) continue
    const palette: number[] = []
    const places = new Uint8Array(colours.length)
    for (const group of groups.values()) {
      const word = colours[group[0]!]!
      let place = palette.length / 3
      if (place < 256) palette.push(word & 255, (word >>> 8) & 255, (word >>> 16) & 255)
      else place = nearest(palette, word)
      for (const index of group) places[index] = place
    }
    return { palette: Uint8Array.from(palette), places }
  }
  return undefined
}

function nearest(palette: readonly number[], word: number): number {
  let best = 0
  let least = Infinity
  for (let i = 0; i < palette.length; i += 3) {
    const distance =
      (palette[i]! - (word & 255)) ** 2 +
      (palette[i + 1]! - ((word >>> 8) & 255)) ** 2 +
      (palette[i + 2]! - ((word >>> 16) & 255)) ** 2
    if (distance < least) [least, best] = [distance, i / 3]
  }
  return best
}
