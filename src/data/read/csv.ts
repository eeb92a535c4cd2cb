import { describe, InputError } from '../../errors.js'
import { say } from '../../say.js'
import { named } from '../../suggest.js'
import { quote, quoteAll } from '../code.js'
import type { DataRecord } from '../table/fields.js'
import type { TextOptions } from './decode.js'
import { wholeLinesOf, withoutEnd } from './lines.js'
import { missingTexts, readValue, type ValueOptions } from './values.js'

export interface CsvOptions extends TextOptions, Partial<ValueOptions> {
  /** What stands between values. Default: ',' (tab for names that end in .tsv). `separator: ';'` */
  separator?: string
  /** Names of the columns where the first line has none. Default: the first line. `columns: ['a', 'b']` */
  columns?: readonly string[]
  /** Lines to pass over at the beginning. Default: 0. `skip: 1` */
  skip?: number
  /** Leaves values as the text they are, instead of making numbers and truth values of what reads like them. Default: false. `asText: true` */
  asText?: boolean
}

export const csvOptions = ['separator', 'columns', 'skip', 'asText', 'decimal', 'missing', 'encoding']

/**
 * The records of a CSV file (RFC 4180: quotes, doubled quotes, line breaks in quotes), one after the other, so that the
 * file may be larger than memory. Numbers, true and false are read as such (also pandas' True and False); empty values and
 * what pandas takes for missing (NaN, NA, null, …) as null. Whole numbers that a JavaScript number does not hold exactly
 * come as BigInt. A column without a name is called `Unnamed: 0`, by its place, as pandas does.
 *
 * @example for await (const { species } of readCsv('flowers.csv', { separator: ';' })) console.log(species)
 */
export async function* readCsv(path: string, options: CsvOptions = {}): AsyncGenerator<DataRecord> {
  named(options, csvOptions, 'readCsv(path, options)')
  const { separator = /\.tsv(\.gz)?$/i.test(path) ? '\t' : ',', asText = false, skip = 0 } = options
  const { decimal = '.', missing = missingTexts } = options
  checkOptions(separator, decimal, skip)
  const values = { decimal, missing: new Set(missing) }
  const head = new Head(path, separator, options.columns)
  let pending = ''
  let number = 0
  let started = 0
  for await (const line of wholeLinesOf(path, options)) {
    if (++number <= skip) continue
    if (pending === '') started = number
    const text = withoutEnd(pending === '' ? line : pending + line)
    if (text === '') continue
    const fields = splitFields(text, separator, `${path}, line ${started}`)
    if (!fields) {
      pending = pending === '' ? line : pending + line
      continue
    }
    pending = ''
    if (!head.columns) {
      head.read(fields, skip)
      continue
    }
    head.check(fields, started)
    const { columns } = head
    const record: { [field: string]: unknown } = {}
    for (let i = 0; i < columns.length; i++)
      record[columns[i]!] = asText ? fields[i] : readValue(fields[i]!, values)
    yield record
  }
  if (pending)
    throw new InputError({
      where: `${path}, line ${started}`,
      received: 'a quote that is never closed',
      expected: 'the same number of opening and closing quotes',
    })
}

function checkOptions(separator: unknown, decimal: unknown, skip: unknown): void {
  const wrong =
    typeof separator !== 'string' || separator === '' || separator === '"'
      ? { option: 'separator', received: separator, expected: "what stands between values, e.g. ';'" }
      : decimal !== '.' && decimal !== ','
        ? { option: 'decimal', received: decimal, expected: "'.' or ','" }
        : decimal === separator
          ? { option: 'decimal', received: decimal, expected: "another sign than the separator's" }
          : !Number.isInteger(skip) || (skip as number) < 0
            ? { option: 'skip', received: skip, expected: 'a whole number of lines' }
            : undefined
  if (wrong)
    throw new InputError({
      where: `readCsv(path, { ${wrong.option} })`,
      received: describe(wrong.received),
      expected: wrong.expected,
    })
}

/** The names of the columns, and how many values each line has to have. */
class Head {
  columns: readonly string[] | undefined
  readonly #path: string
  readonly #separator: string
  /** Whether lines end in a separator, with nothing behind it. */
  #open = false
  #said = false

  constructor(path: string, separator: string, columns: readonly string[] | undefined) {
    this.#path = path
    this.#separator = separator
    this.columns = columns
  }

  read(fields: readonly string[], skip: number): void {
    const names = fields.map((field) => field.trim())
    this.#checkSeparator(names)
    this.#open = names.length > 1 && names.at(-1) === ''
    if (this.#open) names.pop()
    this.columns = names.map((name, i) => (name === '' ? `Unnamed: ${i}` : name))
    this.#checkTwice(this.columns, skip)
  }

  check(fields: string[], line: number): void {
    const { length } = this.columns!
    if (fields.length === length && !this.#open) return
    if (fields.length === length + 1 && fields[length]!.trim() === '') {
      if (!this.#open && !this.#said) {
        this.#said = true
        say(
          `${this.#path}: lines end in ${JSON.stringify(this.#separator)} with nothing behind it, which is left out.`,
        )
      }
      return
    }
    if (this.#open && fields.length === length) return
    const nameless = this.#open && fields.length === length + 1
    throw new InputError({
      where: `${this.#path}, line ${line}`,
      received: nameless ? `${quote(fields[length]!)} in a column without a name` : `${fields.length} values`,
      expected: nameless ? 'a name in the first line' : `${length}, one for each column`,
      ...(fields.length === 1 && { fix: otherSeparator(this.#path, ';') }),
    })
  }

  #checkSeparator(names: readonly string[]): void {
    const other =
      names.length === 1 &&
      [';', '\t', '|', ','].find((one) => one !== this.#separator && names[0]!.includes(one))
    if (!other) return
    throw new InputError({
      where: this.#path,
      received: `one column, '${names[0]}'`,
      expected: `columns separated by ${JSON.stringify(this.#separator)}`,
      fix: otherSeparator(this.#path, other),
    })
  }

  #checkTwice(columns: readonly string[], skip: number): void {
    const twice = columns.find((name, i) => columns.indexOf(name) !== i)
    if (twice === undefined) return
    const names: string[] = []
    for (const name of columns) {
      let own = name
      for (let i = 1; names.includes(own); i++) own = `${name}.${i}`
      names.push(own)
    }
    throw new InputError({
      where: this.#path,
      received: `two columns named '${twice}'`,
      expected: 'a name of its own for each',
      fix: `Name them: { csv: { columns: ${quoteAll(names)}, skip: ${skip + 1} } }.`,
    })
  }
}

const otherSeparator = (path: string, separator: string): string =>
  `Is the separator another one? load(${quote(path)}, { csv: { separator: ${JSON.stringify(separator)} } }).`

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
