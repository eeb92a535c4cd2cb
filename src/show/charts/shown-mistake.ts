/** A mistake as the JupyterLab extension shows it: plain JSON of cleaned text, a picture as bytes. */
import type { InputView, Mistake } from '../../views.js'
import { cleanLine } from '../clean.js'
import { formatNumber } from '../format.js'
import { base64 } from '../picture.js'

/** An example with its picture as bytes of grey or colour, row by row. */
export interface ShownMistake {
  id: number
  split: Mistake['split']
  expected: string
  predicted: string
  /** As a text where it is not finite: JSON has no such numbers. */
  loss: number | string
  /** Of what was predicted. */
  probability?: number
  text?: string
  picture?: { height: number; width: number; channels: number; pixels: string }
}

/** Pictures are shown this high and wide at most, in pixels; larger ones lose rows and columns. */
const largest = 64

function pictureOf({ values, picture }: InputView, side: number): ShownMistake['picture'] {
  if (!values || !picture) return undefined
  const [height, width, channels] = picture
  const step = Math.max(1, Math.ceil(Math.max(height, width) / side))
  const [rows, columns] = [Math.ceil(height / step), Math.ceil(width / step)]
  const pixels = new Uint8Array(rows * columns * channels)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      for (let channel = 0; channel < channels; channel++) {
        const value = values[(row * step * width + column * step) * channels + channel]!
        pixels[(row * columns + column) * channels + channel] = Math.max(0, Math.min(255, value * 255))
      }
  return { height: rows, width: columns, channels, pixels: base64(pixels) }
}

/** A class by its name, a number in four digits. */
const named = (value: string | number) =>
  cleanLine(typeof value === 'number' ? formatNumber(value) : value, 40)

function textOf({ text, values }: InputView): string | undefined {
  if (text !== undefined) return cleanLine(text, 160)
  if (!values) return undefined
  const first = Array.from({ length: Math.min(4, values.length) }, (_, i) =>
    Number(values[i]!.toPrecision(3)),
  )
  return `${first.join(', ')}${values.length > 4 ? ', …' : ''}`
}

/** @param side of a picture in pixels, at most. */
export function shownMistake(row: Mistake, side = largest): ShownMistake {
  const picture = pictureOf(row.input, side)
  const text = picture ? undefined : textOf(row.input)
  return {
    id: row.id,
    split: row.split,
    expected: named(row.expected),
    predicted: named(row.predicted),
    loss: Number.isFinite(row.loss) ? row.loss : String(row.loss),
    ...(row.probability !== undefined && { probability: row.probability }),
    ...(picture && { picture }),
    ...(text !== undefined && { text }),
  }
}
