import type { Band } from './encode.js'

/** More colours than these are a photograph. A power of two, half of the table they are found in. */
const mostColours = 4096
const tableSize = 2 * mostColours

/** Every colour of a picture once. */
export class Colours {
  /** Of each pixel of each band the number of its colour. */
  readonly indices: Uint16Array[] = []
  /** As words of a little-endian machine: opacity, blue, green, red. */
  readonly #colours = new Uint32Array(mostColours)
  readonly #counts = new Uint32Array(mostColours)
  /** Open addressing: number + 1 of the colour with this hash, or of one that was there before it. */
  readonly #table = new Uint16Array(tableSize)
  #count = 0
  /** Too many, or not opaque. */
  #hopeless = false

  add({ pixels, width, height }: Band): void {
    if (this.#hopeless) return
    const words = new Uint32Array(pixels.buffer, pixels.byteOffset, width * height)
    const bytes = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength)
    const stride = width * 4
    const indices = new Uint16Array(width * height)
    const counts = this.#counts
    for (let y = 0; y < height; y++) {
      const from = y * width
      // Most rows of a chart repeat the one above: the ground, its grid, the sides of bars.
      if (y > 0 && bytes.compare(bytes, (y - 1) * stride, y * stride, y * stride, (y + 1) * stride) === 0) {
        indices.copyWithin(from, from - width, from)
        continue
      }
      const end = from + width
      for (let at = from; at < end;) {
        const word = words[at]!
        let run = at + 1
        while (run < end && words[run] === word) run++
        const index = this.#indexOf(word)
        if (index < 0) {
          this.#hopeless = true
          return
        }
        counts[index]! += run - at
        if (run - at > 8) indices.fill(index, at, run)
        else for (let i = at; i < run; i++) indices[i] = index
        at = run
      }
    }
    this.indices.push(indices)
  }

  /** -1: the picture is none for a palette. */
  #indexOf(word: number): number {
    const table = this.#table
    const colours = this.#colours
    let slot = (Math.imul(word, 0x9e3779b1) >>> 19) & (tableSize - 1)
    let index = table[slot]! - 1
    while (index >= 0 && colours[index] !== word) {
      slot = (slot + 1) & (tableSize - 1)
      index = table[slot]! - 1
    }
    if (index >= 0) return index
    if (this.#count === mostColours || word >>> 24 !== 255) return -1
    index = this.#count++
    colours[index] = word
    table[slot] = this.#count
    return index
  }

  /** 256 colours at most, and the place of each of the others among them; `undefined` for a photograph. */
  maybePalette(): Palette | undefined {
    if (this.#hopeless) return undefined
    return maybePalette(this.#colours.subarray(0, this.#count), this.#counts.subarray(0, this.#count))
  }
}

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

function maybePalette(colours: Uint32Array, counts: Uint32Array): Palette | undefined {
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
