import { crc32 } from '../checksum.js'
import { zlibStream } from './png/deflate.js'

/**
 * Values in 0..1 of shape [height, width, channels] as a PNG in a data URL, one pixel a value; 1 channel is grey, 3 are
 * colours, 4 have an opacity, of any other number the first is shown. Values outside 0..1 are cut, NaN is drawn black.
 *
 * @example pictureUrl([0, 1, 1, 0], [2, 2, 1])
 */
export function pictureUrl(values: ArrayLike<number>, shape: readonly [number, number, number]): string {
  return `data:image/png;base64,${base64(encodePng(values, shape))}`
}

/**
 * The same as the bytes of a PNG.
 *
 * @example const bytes = encodePng([0, 1, 1, 0], [2, 2, 1])
 */
export function encodePng(
  values: ArrayLike<number>,
  [height, width, channels]: readonly [number, number, number],
): Uint8Array {
  const depth = channels === 3 || channels === 4 ? channels : 1
  const stride = width * depth + 1
  const rows = new Uint8Array(stride * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < depth; c++) {
        const value = values[(y * width + x) * channels + c]!
        rows[y * stride + 1 + x * depth + c] = value > 0 ? Math.min(255, Math.round(value * 255)) : 0
      }
  return writePng(
    width,
    height,
    depth === 1 ? 'grey' : depth === 3 ? 'rgb' : 'rgba',
    zlibStream(rows, [depth, stride]),
  )
}

/** Colour types of the format, by how a pixel is written. */
const colourTypes = { grey: 0, rgb: 2, palette: 3, rgba: 6 } as const

/**
 * @param data the rows, a filter byte before each, as a zlib stream.
 * @param palette red, green and blue of each colour.
 */
export function writePng(
  width: number,
  height: number,
  type: keyof typeof colourTypes,
  data: Uint8Array,
  palette?: Uint8Array,
): Uint8Array {
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header[8] = 8 // bits a channel, or of an index into the palette
  header[9] = colourTypes[type]
  return joined([
    Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
    chunk('IHDR', header),
    ...(palette ? [chunk('PLTE', palette)] : []),
    chunk('IDAT', data),
    chunk('IEND', new Uint8Array(0)),
  ])
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, data.length)
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i)
  bytes.set(data, 8)
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)))
  return bytes
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export function base64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 8190)
    text += String.fromCharCode(...bytes.subarray(at, at + 8190))
  return btoa(text)
}
