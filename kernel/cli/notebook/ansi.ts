/** Text with a terminal's colours as HTML. */
import { escapeHtml } from '../../../src/show/clean.js'

const colours = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white']

interface Style {
  bold: boolean
  dim: boolean
  colour: string | undefined
}

function applyCode(style: Style, code: number): Style {
  if (code === 0) return { bold: false, dim: false, colour: undefined }
  if (code === 1) return { ...style, bold: true }
  if (code === 2) return { ...style, dim: true }
  if (code === 22) return { ...style, bold: false, dim: false }
  if (code === 39) return { ...style, colour: undefined }
  const colour = colours[code >= 90 ? code - 90 : code - 30]
  return colour ? { ...style, colour } : style
}

/** Everything is escaped; colours become classes, other escape sequences vanish. */
export function ansiToHtml(text: string): string {
  let style: Style = { bold: false, dim: false, colour: undefined }
  let html = ''
  let at = 0
  const write = (piece: string): void => {
    if (piece === '') return
    const classes = [style.bold && 'b', style.dim && 'd', style.colour].filter(Boolean).join(' ')
    html += classes ? `<span class="ansi ${classes}">${escapeHtml(piece)}</span>` : escapeHtml(piece)
  }
  // oxlint-disable-next-line no-control-regex
  for (const found of text.matchAll(/\x1b\[([0-9;?]*)([A-Za-z])/g)) {
    write(text.slice(at, found.index))
    at = found.index + found[0].length
    if (found[2] !== 'm') continue
    // Colours of the 256 or of RGB are left out: their codes would read as others.
    if (/(?:^|;)[34]8;/.test(found[1]!)) continue
    for (const code of found[1]!.split(';')) style = applyCode(style, Number(code || 0))
  }
  write(text.slice(at))
  return html
}

/** A stream as a terminal would leave it: a carriage return writes over its line. */
export function overwriteLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/\r+$/, '').split('\r').at(-1)!)
    .join('\n')
}
