import { cleanLine } from '../show/clean.js'
import type { InputView, Mistake } from '../views.js'
import type { ShownMistake } from './protocol.js'

/** Pictures are shown this high and wide at most, in pixels; larger ones lose rows and columns. */
const side = 64

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}

function pictureOf({ values, picture }: InputView): ShownMistake['picture'] {
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

function textOf({ text, values }: InputView): string | undefined {
  if (text !== undefined) return cleanLine(text, 160)
  if (!values) return undefined
  const first = Array.from({ length: Math.min(4, values.length) }, (_, i) =>
    Number(values[i]!.toPrecision(3)),
  )
  return `${first.join(', ')}${values.length > 4 ? ', …' : ''}`
}

/** An example as the panel shows it. */
export function shownMistake(row: Mistake): ShownMistake {
  const picture = pictureOf(row.input)
  const text = picture ? undefined : textOf(row.input)
  return {
    id: row.id,
    split: row.split,
    expected: cleanLine(row.expected, 40),
    predicted: cleanLine(row.predicted, 40),
    loss: row.loss,
    ...(picture && { picture }),
    ...(text !== undefined && { text }),
  }
}
