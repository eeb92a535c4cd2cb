import { constants, deflateSync } from 'node:zlib'
import { writePng } from './picture.js'

/**
 * Drawn pixels (8-bit RGBA) as a PNG, the way that makes notebooks small: with a palette where that can be, which a
 * chart's few colours and their blends at edges allow. The pictures of the gallery take 35 to 45 % of the bytes that
 * resvg's own encoder makes of them, in less time.
 */
export function encodeRgba(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const found = maybeColours(pixels, width, height)
  const reduced = found && maybePalette(found.colours, found.counts)
  if (!found || !reduced) return encodeColours(pixels, width, height)
  const rows = filtered(found.indices, reduced.places, width, height)
  // Differences between rows are mostly zeros: looking for longer repetitions takes four times as long for 8 % less.
  const packed = deflateSync(rows, { level: 1, strategy: constants.Z_RLE })
  return writePng(width, height, 'palette', packed, reduced.palette)
}

/** More colours than these are a photograph. A power of two, half of the table they are found in. */
const mostColours = 4096
const tableSize = 2 * mostColours

interface Colours {
  /** Of each pixel, into `colours`. */
  indices: Uint16Array
  /** As words of a little-endian machine: opacity, blue, green, red. */
  colours: Uint32Array
  counts: Uint32Array
}

/** Every colour once; `undefined` where they are too many or not opaque. */
function maybeColours(pixels: Uint8Array, width: number, height: number): Colours | undefined {
  const words = new Uint32Array(pixels.buffer, pixels.byteOffset, width * height)
  const bytes = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength)
  const stride = width * 4
  const indices = new Uint16Array(width * height)
  const colours = new Uint32Array(mostColours)
  const counts = new Uint32Array(mostColours)
  // Open addressing: index + 1 of the colour with this hash, or of one that was there before it.
  const table = new Uint16Array(tableSize)
  let count = 0
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
      let slot = (Math.imul(word, 0x9e3779b1) >>> 19) & (tableSize - 1)
      let index = table[slot]! - 1
      while (index >= 0 && colours[index] !== word) {
        slot = (slot + 1) & (tableSize - 1)
        index = table[slot]! - 1
      }
      if (index < 0) {
        if (count === mostColours || word >>> 24 !== 255) return undefined
        index = count++
        colours[index] = word
        table[slot] = count
      }
      counts[index]! += run - at
      if (run - at > 8) indices.fill(index, at, run)
      else for (let i = at; i < run; i++) indices[i] = index
      at = run
    }
  }
  return { indices, colours: colours.subarray(0, count), counts: counts.subarray(0, count) }
}

/**
 * Which bits of a pixel tell colours apart: all; then fewer of each channel. The most frequent colour stands for all that
 * differ in the others only, so flat areas keep their exact colour and blends move by 15 of 255 at most.
 */
const masks = [0xffffffff, 0xfffefefe, 0xfffcfcfc, 0xfff8f8f8, 0xfff0f0f0].map((mask) => mask >>> 0)
const coarsest = masks.at(-1)!
/** With the coarsest mask some more, each drawn in the nearest colour that is there; beyond that it is a photograph. */
const mostBlends = 640

/** 256 colours at most, and the place of each of the others among them. */
function maybePalette(
  colours: Uint32Array,
  counts: Uint32Array,
): { palette: Uint8Array; places: Uint8Array } | undefined {
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

/** Rows as differences to the row above (filter type 2 of the format), the first one as it is. */
function filtered(indices: Uint16Array, places: Uint8Array, width: number, height: number): Uint8Array {
  const rows = new Uint8Array((width + 1) * height)
  for (let i = 0; i < width; i++) rows[i + 1] = places[indices[i]!]!
  for (let y = 1; y < height; y++) {
    let to = y * (width + 1)
    rows[to++] = 2
    for (let at = y * width, end = at + width; at < end; at++, to++) {
      const index = indices[at]!
      const above = indices[at - width]!
      if (index !== above) rows[to] = places[index]! - places[above]!
    }
  }
  return rows
}

/** Photographs and smooth ramps, and what is not opaque everywhere. */
function encodeColours(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const stride = width * 4 + 1
  const rows = new Uint8Array(stride * height)
  for (let y = 0; y < height; y++)
    rows.set(pixels.subarray(y * width * 4, (y + 1) * width * 4), y * stride + 1)
  return writePng(width, height, 'rgba', deflateSync(rows, { level: 3 }))
}
