import { renderAsync, type ResvgRenderOptions } from '@resvg/resvg-js'
import type { Band } from './encode.js'

/** Fewer pixels are drawn in one piece: to parse the SVG a second time takes 2 ms. */
const leastPixels = 800_000

/**
 * An SVG as vega writes it, drawn: a large one as its upper and its lower half, both at the same time in Node's thread
 * pool. Two million pixels take resvg 20 ms in one piece.
 *
 * @param zoom pixels for one of the SVG's.
 */
export async function drawBands(
  svg: string,
  zoom: number,
  font: NonNullable<ResvgRenderOptions['font']>,
): Promise<Band[]> {
  const { width, height } = sizeOf(svg)
  // Halves meet between two pixels, and resvg fits each to whole ones: at no other zoom or height are they the same.
  const isCut =
    Number.isInteger(zoom) && Number.isInteger(height) && width * height * zoom * zoom >= leastPixels
  const middle = Math.round(height / 2)
  // As bytes: a text of 200 kB takes resvg's binding a millisecond to read, each time.
  const bytes = Buffer.from(svg)
  const parts = isCut ? [cut(svg, bytes, 0, middle), cut(svg, bytes, middle, height - middle)] : [bytes]
  const drawn = await Promise.all(
    parts.map((part) => renderAsync(part, { fitTo: { mode: 'zoom', value: zoom }, font })),
  )
  return drawn.map((image) => ({ pixels: image.pixels, width: image.width, height: image.height }))
}

const head = /^<svg [^>]*?width="([\d.]+)" height="([\d.]+)" viewBox="[^"]*"/

/** In pixels of the SVG. */
export function sizeOf(svg: string): { width: number; height: number } {
  const [, width, height] = head.exec(svg) ?? []
  return { width: Number(width ?? 1), height: Number(height ?? 1) }
}

/** The same drawing from `top` on. */
function cut(svg: string, bytes: Buffer, top: number, height: number): Buffer {
  const [old, width] = head.exec(svg)!
  const size = `width="${width}" height="${height}" viewBox="0 ${top} ${width} ${height}"`
  const start = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${size}`
  return Buffer.concat([Buffer.from(start), bytes.subarray(Buffer.byteLength(old))])
}
