/** The lines around a place in what the user wrote, in colours, with a caret below the place. */
import { readFileSync } from 'node:fs'

// The sixteen basic colours, bold where they carry weight: front ends adapt these to light and dark, unlike fixed RGB ones.
const paint = (code: string) => (text: string) => (text ? `\u001B[${code}m${text}\u001B[0m` : '')
export const red = paint('1;31')
export const blue = paint('34')
const bold = paint('1')
export const faint = paint('90')

const shown = 2

/** Of longer lines the part around the place is shown: front ends wrap what is wider, and the caret points elsewhere. */
const mostColumns = 120

/** The lines around a place, the column marked below. */
export function codeFrame(text: string, line: number, column: number, width = 1): string[] {
  const whole = text.split(/\r?\n/)
  const isLong = (whole[line - 1] ?? '').length > mostColumns
  const from = isLong ? Math.max(0, column - 1 - mostColumns / 2) : 0
  const lines = whole.map((code) => {
    const part = code.slice(from, from + mostColumns)
    const before = from > 0 && code.length > 0 ? '…' : ''
    return `${before}${part}${code.length > from + mostColumns ? '…' : ''}`
  })
  column -= from > 0 ? from - 1 : 0
  const first = Math.max(1, line - shown)
  const last = Math.min(lines.length, line + shown)
  const digits = String(last).length
  const frame: string[] = []
  for (let number = first; number <= last; number++) {
    const code = (lines[number - 1] ?? '').replaceAll('\t', ' ')
    const label = String(number).padStart(digits)
    if (number !== line) frame.push(`${faint(`  ${label} |`)} ${code}`.trimEnd())
    else {
      const room = Math.max(1, Math.min(width, code.length - column + 1))
      frame.push(`${red('>')} ${bold(`${label} |`)} ${code}`)
      frame.push(`${faint(`  ${' '.repeat(digits)} |`)} ${' '.repeat(column - 1)}${red('^'.repeat(room))}`)
    }
  }
  return frame
}

/** The text of a file; `undefined` where it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
