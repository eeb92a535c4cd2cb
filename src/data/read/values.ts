import { exactNumber } from './whole.js'

export interface ValueOptions {
  /** What stands before the digits behind the whole ones. Default: '.'. `decimal: ','` */
  decimal: '.' | ','
  /** Values that say that there is none. Default: what pandas takes for that: '', 'NaN', 'NA', 'null', 'None', …. `missing: ['', '?']` */
  missing: readonly string[]
}

/** As pandas' `read_csv` does, and what it writes for a time that is missing. */
export const missingTexts: readonly string[] = [
  '',
  '#N/A',
  '#N/A N/A',
  '#NA',
  '-1.#IND',
  '-1.#QNAN',
  '-NaN',
  '-nan',
  '1.#IND',
  '1.#QNAN',
  '<NA>',
  'N/A',
  'NA',
  'NULL',
  'NaN',
  'NaT',
  'None',
  'n/a',
  'nan',
  'null',
]

const truths: ReadonlyMap<string, boolean> = new Map(
  ['true', 'True', 'TRUE', 'false', 'False', 'FALSE'].map((text) => [text, text.toLowerCase() === 'true']),
)

// Leading zeros are part numbers and post codes, not numbers.
const numeric = /^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/
const infinite = /^[+-]?inf(?:inity)?$/i

/** What a text in a table stands for: a number, a truth value, null for none, or itself. */
export function readValue(raw: string, how: { decimal: string; missing: ReadonlySet<string> }): unknown {
  const text = raw.trim()
  if (how.missing.has(text)) return null
  const number = how.decimal === ',' ? text.replace(',', '.') : text
  if (numeric.test(number) && (how.decimal === '.' || !text.includes('.'))) return exactNumber(number)
  if (infinite.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  return truths.get(text) ?? raw
}
