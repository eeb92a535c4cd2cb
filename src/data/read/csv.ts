import { InputError } from '../../errors.js'
import type { DataRecord } from '../from.js'
import { linesOf } from './lines.js'

export interface CsvOptions {
  /** What stands between values. Default: ',' (tab for names that end in .tsv). `separator: ';'` */
  separator?: string
  /** Names of the columns where the first line has none. Default: the first line. `columns: ['a', 'b']` */
  columns?: readonly string[]
  /** Leaves values as the text they are, instead of making numbers and truth values of what reads like them. Default: false. `asText: true` */
  asText?: boolean
}

/**
 * The records of a CSV file (RFC 4180: quotes, doubled quotes, line breaks in quotes), one after the other, so that the
 * file may be larger than memory. Numbers, true and false are read as such, empty values as null.
 *
 * @example for await (const { species } of readCsv('flowers.csv', { separator: ';' })) console.log(species)
 */
export async function* readCsv(path: string, options: CsvOptions = {}): AsyncGenerator<DataRecord> {
  const { separator = path.endsWith('.tsv') ? '\t' : ',', asText = false } = options
  let columns = options.columns
  let pending = ''
  let number = 0
  let started = 0
  for await (const line of linesOf(path)) {
    number++
    if (pending === '') started = number
    const text = pending === '' ? line : `${pending}\n${line}`
    if (line === '' && pending === '') continue
    const fields = splitFields(text, separator, `${path}, line ${started}`)
    if (!fields) {
      pending = text
      continue
    }
    pending = ''
    if (!columns) {
      columns = fields.map((field) => field.trim())
      checkColumns(columns, separator, path)
      continue
    }
    if (fields.length !== columns.length)
      throw new InputError({
        where: `${path}, line ${started}`,
        received: `${fields.length} values`,
        expected: `${columns.length}, one for each column`,
        fix: fields.length === 1 ? "Is the separator another one? { separator: ';' }" : undefined,
      })
    const record: { [field: string]: unknown } = {}
    for (let i = 0; i < columns.length; i++) record[columns[i]!] = asText ? fields[i] : readValue(fields[i]!)
    yield record
  }
  if (pending)
    throw new InputError({
      where: `${path}, line ${started}`,
      received: 'a quote that is never closed',
      expected: 'the same number of opening and closing quotes',
    })
}

function checkColumns(columns: readonly string[], separator: string, path: string): void {
  const other = columns.length === 1 && [';', '\t', '|', ','].find((one) => columns[0]!.includes(one))
  if (other)
    throw new InputError({
      where: path,
      received: `one column, '${columns[0]}'`,
      expected: `columns separated by ${JSON.stringify(separator)}`,
      fix: `Is the separator another one? { csv: { separator: ${JSON.stringify(other)} } }`,
    })
  const twice = columns.find((name, i) => columns.indexOf(name) !== i)
  if (twice !== undefined)
    throw new InputError({
      where: path,
      received: `two columns named '${twice}'`,
      expected: 'a name of its own for each',
      fix: 'Name them: { csv: { columns: […] } }, without the first line.',
    })
}

/** The fields of one record; `undefined` when a quote is still open at its end. */
function splitFields(text: string, separator: string, where: string): string[] | undefined {
  if (!text.includes('"')) return text.split(separator)
  const fields: string[] = []
  let at = 0
  for (;;) {
    if (text[at] !== '"') {
      const end = text.indexOf(separator, at)
      if (end < 0) return [...fields, text.slice(at)]
      fields.push(text.slice(at, end))
      at = end + separator.length
      continue
    }
    let field = ''
    for (at++; ;) {
      const end = text.indexOf('"', at)
      if (end < 0) return undefined
      field += text.slice(at, end)
      at = end + 1
      if (text[at] !== '"') break
      field += '"'
      at++
    }
    fields.push(field)
    if (at >= text.length) return fields
    if (!text.startsWith(separator, at))
      throw new InputError({
        where,
        received: `'${text.slice(at, at + 20)}' after a closing quote`,
        expected: `${JSON.stringify(separator)} or the end of the line there, and quotes within a value doubled`,
      })
    at += separator.length
  }
}

// Leading zeros are part numbers and post codes, not numbers.
const numeric = /^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/

function readValue(raw: string): unknown {
  const text = raw.trim()
  if (text === '') return null
  if (numeric.test(text)) return Number(text)
  if (text === 'true') return true
  if (text === 'false') return false
  return raw
}
