import { crc32, inflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { encodeBands } from '../../../src/show/png/encode.js'
import { encodePng } from '../../../src/show/index.js'

/** The pixels of a PNG with no filters but the row above (type 2), as RGBA. */
function decode(png: Uint8Array): { width: number; height: number; type: number; pixels: number[] } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength)
  const chunks: { [type: string]: Uint8Array } = {}
  for (let at = 8; at < png.length; at += 12 + view.getUint32(at))
    chunks[String.fromCharCode(...png.subarray(at + 4, at + 8))] = png.subarray(
      at + 8,
      at + 8 + view.getUint32(at),
    )
  const [width, height, type] = [view.getUint32(16), view.getUint32(20), png[25]!]
  const depth = { 0: 1, 2: 3, 3: 1, 6: 4 }[type]!
  const rows = inflateSync(chunks.IDAT!)
  const stride = width * depth + 1
  for (let y = 1; y < height; y++)
    if (rows[y * stride] === 2)
      for (let at = y * stride + 1; at < (y + 1) * stride; at++) rows[at]! += rows[at - stride]!
  const pixels: number[] = []
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = y * (width * depth + 1) + 1 + x * depth
      const of = (i: number) =>
        type === 3 ? chunks.PLTE![rows[at]! * 3 + i]! : rows[at + Math.min(i, depth - 1)]!
      pixels.push(of(0), of(1), of(2), type === 6 ? rows[at + 3]! : 255)
    }
  return { width, height, type, pixels }
}

/** In one piece, and in two. */
const encodings = (pixels: Uint8Array, width: number, height: number) => {
  const half = height >> 1
  const at = half * width * 4
  return [
    [{ pixels, width, height }],
    [
      { pixels: pixels.slice(0, at), width, height: half },
      { pixels: pixels.slice(at), width, height: height - half },
    ],
  ].map((bands) => decode(encodeBands(bands)))
}

const picture = (width: number, height: number, colour: (i: number) => number[]) =>
  Uint8Array.from(Array.from({ length: width * height }, (_, i) => colour(i)).flat())

describe('drawn pixels', () => {
  it('of up to 256 colours keep each of them, with a palette', () => {
    const pixels = picture(20, 30, (i) =>
      [i % 256, (i * 7) % 13, 255, 255].map((v, c) => (c === 0 ? (i % 16) * 16 : v)),
    )
    for (const png of encodings(pixels, 20, 30)) {
      expect([png.width, png.height, png.type]).toEqual([20, 30, 3])
      expect(png.pixels).toEqual([...pixels])
    }
  })

  it('of many blends move by a few levels at most, and flat areas not at all', () => {
    const pixels = picture(64, 64, (i) =>
      i < 2048 ? [0, 114, 178, 255] : [i % 64, i % 64, (i * 3) % 128, 255],
    )
    for (const png of encodings(pixels, 64, 64)) {
      expect(png.type).toBe(3)
      expect(png.pixels.slice(0, 2048 * 4)).toEqual([...pixels.subarray(0, 2048 * 4)])
      expect(Math.max(...png.pixels.map((value, i) => Math.abs(value - pixels[i]!)))).toBeLessThanOrEqual(15)
    }
  })

  it('of a photograph, or not opaque, stay as they are', () => {
    const photograph = picture(100, 100, (i) => [(i * 37) % 256, Math.floor(i / 100) * 2, (i * i) % 251, 255])
    for (const png of encodings(photograph, 100, 100))
      expect(png).toMatchObject({ type: 6, pixels: [...photograph] })
    const glass = picture(4, 4, () => [10, 20, 30, 128])
    for (const png of encodings(glass, 4, 4)) expect(png).toMatchObject({ type: 6, pixels: [...glass] })
  })
})

describe('values as a picture', () => {
  it('are its pixels, whatever they repeat', () => {
    for (const [height, width, channels] of [
      [28, 28, 1],
      [5, 9, 3],
      [1, 1, 1],
      [64, 300, 1],
    ] as const) {
      const size = height * width * channels
      for (const value of [
        (i: number) => (i % 17) / 16,
        () => 0.5,
        (i: number) => ((i * 7919) % 256) / 255,
      ]) {
        const values = Float32Array.from({ length: size }, (_, i) => value(i))
        const { pixels } = decode(encodePng(values, [height, width, channels]))
        const expected = Array.from({ length: height * width }, (_, p) =>
          [0, 1, 2].map((c) => Math.round(values[p * channels + Math.min(c, channels - 1)]! * 255)),
        ).flat()
        expect(pixels.filter((_, i) => i % 4 < 3)).toEqual(expected)
      }
    }
  })

  it('outside 0..1 are cut, and NaN is black', () => {
    const { pixels } = decode(encodePng([-1, 2, Number.NaN, 1], [1, 4, 1]))
    expect(pixels.filter((_, i) => i % 4 === 0)).toEqual([0, 255, 0, 255])
  })

  it('where there is no Node are the same pixels, with the checksums of zlib', () => {
    const values = Float32Array.from({ length: 28 * 28 * 3 }, (_, i) => ((i * 7919) % 97) / 96)
    const { process } = globalThis
    let png: Uint8Array
    try {
      Reflect.deleteProperty(globalThis, 'process')
      png = encodePng(values, [28, 28, 3])
    } finally {
      globalThis.process = process
    }
    expect(decode(png)).toEqual(decode(encodePng(values, [28, 28, 3])))
    const view = new DataView(png.buffer, png.byteOffset, png.byteLength)
    for (let at = 8, end = 0; at < png.length; at = end + 4) {
      end = at + 8 + view.getUint32(at)
      expect(view.getUint32(end)).toBe(crc32(png.subarray(at + 4, end)))
    }
  })
})
