import { deflateSync } from 'node:zlib'
import { writePng } from './picture.js'

/**
 * Drawn pixels (8-bit RGBA) as a PNG, the way that makes notebooks small: with a palette where that can be, which a
 * chart's few colours and their blends at edges allow. The pictures of the gallery take 35 to 45 % of the bytes that
 * resvg's own encoder makes of them, in as much time.
 */
export function encodeRgba(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const words = new Uint32Array(pixels.buffer, pixels.byteOffset, width * height)
  for (const mask of masks) {
    const indexed = maybeIndexed(words, mask, width, height)
    if (indexed)
      return writePng(width, height, 'palette', deflateSync(indexed.rows, { level: 6 }), indexed.palette)
  }
  return encodeColours(pixels, width, height)
}

/**
 * Which bits of a pixel tell colours apart: all; then fewer of each channel. The first colour seen stands for all that
 * differ in the others only, so flat areas keep their exact colour and blends move by 15 of 255 at most.
 */
const masks = [0xffffffff, 0xfffefefe, 0xfffcfcfc, 0xfff8f8f8, 0xfff0f0f0].map((mask) => mask >>> 0)

const coarsest = masks.at(-1)!
/** With the coarsest mask some more, each drawn in the nearest colour that is there; beyond that it is a photograph. */
const mostBlends = 640

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

function maybeIndexed(words: Uint32Array, mask: number, width: number, height: number) {
  const indices = new Map<number, number>()
  const palette: number[] = []
  const rows = new Uint8Array((width + 1) * height)
  let last = -1
  let lastIndex = 0
  for (let y = 0, from = 0; y < height; y++) {
    let to = y * (width + 1) + 1
    for (const end = from + width; from < end; from++, to++) {
      const word = words[from]!
      if (word !== last) {
        // The words of a little-endian machine: opacity is the highest byte.
        if (word >>> 24 !== 255) return undefined
        const key = (word & mask) >>> 0
        let index = indices.get(key)
        if (index === undefined) {
          if (indices.size === (mask === coarsest ? mostBlends : 256)) return undefined
          if (palette.length < 768) {
            index = palette.length / 3
            palette.push(word & 255, (word >>> 8) & 255, (word >>> 16) & 255)
          } else index = nearest(palette, word)
          indices.set(key, index)
        }
        last = word
        lastIndex = index
      }
      rows[to] = lastIndex
    }
  }
  return { rows, palette: Uint8Array.from(palette) }
}

/** Photographs and smooth ramps, and what is not opaque everywhere. */
function encodeColours(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const stride = width * 4 + 1
  const rows = new Uint8Array(stride * height)
  for (let y = 0; y < height; y++)
    rows.set(pixels.subarray(y * width * 4, (y + 1) * width * 4), y * stride + 1)
  return writePng(width, height, 'rgba', deflateSync(rows, { level: 3 }))
}
