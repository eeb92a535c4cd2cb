import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import type { Dataset } from './dataset.js'
import { findFields, type DataRecord } from './table/fields.js'
import { checkWhere, oneSplit, recordOptions, rowsToTable, type RecordOptions } from './from.js'
import { csvOptions, readCsv, type CsvOptions } from './read/csv.js'
import type { TextOptions } from './read/decode.js'
import { readJsonLines } from './read/json-lines.js'
import { readText } from './read/lines.js'
import { readParquet } from './read/parquet.js'
import { layOut } from './spool.js'
import { Pauses } from './table/pauses.js'

/** Values from which records are laid out as rows while they come: as objects they take ten times as much memory. */
const many = 1 << 20

/** How each kind of file is read, by the ending of its name. */
const readers: readonly {
  ending: RegExp
  read: (path: string, options: CsvOptions) => AsyncGenerator<DataRecord>
}[] = [
  { ending: /\.[ct]sv(\.gz)?$/i, read: readCsv },
  { ending: /\.(jsonl|ndjson)(\.gz)?$/i, read: (path, options) => readJsonLines(path, textOf(options)) },
  { ending: /\.parquet$/i, read: (path) => readParquet(path) },
  { ending: /\.txt(\.gz)?$/i, read: (path, options) => readText(path, textOf(options)) },
]

const textOf = ({ encoding }: TextOptions): TextOptions => (encoding === undefined ? {} : { encoding })

export interface LoadOptions extends RecordOptions, TextOptions {
  /** How a CSV file is written. Default: commas, with a head. `csv: { separator: ';' }` */
  csv?: CsvOptions
  /**
   * 'memory', or 'disk' for what is larger than memory (see `spool`). Default: by the numbers that there are, whatever the size
   * of the file; beyond 16 million (64 MB) on disk. `keep: 'disk'`
   */
  keep?: 'memory' | 'disk'
}

/**
 * The records of a CSV, TSV, JSON lines, Parquet or text file, one after the other.
 *
 * @example for await (const record of readRecords('flowers.csv')) console.log(record.species)
 */
export function readRecords(path: string, options: CsvOptions = {}): AsyncGenerator<DataRecord> {
  const reader = readers.find(({ ending }) => ending.test(path))
  if (reader) return reader.read(path, options)
  throw new InputError({
    where: 'readRecords(path)',
    received: describe(path),
    expected: 'a name that ends in .csv, .tsv, .jsonl, .ndjson, .parquet or .txt',
  })
}

/**
 * A dataset from a file of records.
 *
 * @example await load('flowers.csv', { y: 'species' })
 */
export async function load<Field extends string = never>(
  path: string,
  options: LoadOptions & { fields?: readonly Field[] } = {},
): Promise<Dataset<Field>> {
  return (await loadRecords(path, options)) as Dataset<Field>
}

async function loadRecords(path: string, options: LoadOptions): Promise<Dataset> {
  const known = [...recordOptions, 'csv', 'keep', 'encoding']
  const { csv, keep, encoding, where, ...rest } = named(options, known, 'load(path, options)')
  named(csv, csvOptions, 'load(path, { csv })')
  if (keep !== undefined && keep !== 'memory' && keep !== 'disk')
    throw new InputError({
      where: 'load(path, { keep })',
      received: describe(keep),
      expected: "'memory' or 'disk'",
    })
  await checkFile(path)
  const { basename } = await import('node:path')
  const about = { name: basename(path).replace(/\.[^.]*(\.gz)?$/i, ''), ...rest }
  const records = used(readRecords(path, { ...csv, ...textOf({ encoding }) }), where)
  if (keep === 'disk') return layOut(records, { ...about, keep })
  const begun: DataRecord[] = []
  let values = 0
  const pauses = new Pauses()
  for (let next = await records.next(); !next.done; next = await records.next()) {
    begun.push(next.value)
    for (const value of Object.values(next.value))
      values += Array.isArray(value) || ArrayBuffer.isView(value) ? (value as ArrayLike<unknown>).length : 1
    if (begun.length % 256 === 0) await pauses.give()
    if (values < many) continue
    const found = findFields(begun, about, about.name)
    // Texts have no rows of equal size: they stay as they are.
    if (typeof found.x === 'string' && typeof begun[0]![found.x] === 'string') values = -Infinity
    else return layOut(chain(begun, records), { ...about, found, ...(keep && { keep }) })
  }
  if (begun.length === 0)
    throw new InputError({
      where: path,
      received: where ? 'no records that { where } takes' : 'no records',
      expected: 'at least one, below the head',
    })
  return oneSplit(rowsToTable(begun, { ...about, streamed: true }), about)
}

async function* used(
  records: AsyncGenerator<DataRecord>,
  where: LoadOptions['where'],
): AsyncGenerator<DataRecord> {
  if (where === undefined) return yield* records
  const isUsed = checkWhere(where, 'load')
  for await (const record of records) if (isUsed(record)) yield record
}

/** What has been read, then the rest. Those that were passed on can be forgotten. */
async function* chain(begun: DataRecord[], rest: AsyncGenerator<DataRecord>): AsyncGenerator<DataRecord> {
  for (const record of begun.splice(0)) yield record
  yield* rest
}

async function checkFile(path: string): Promise<void> {
  const refused = (why: string, cause?: unknown) =>
    new InputError(
      { where: 'load(path)', received: `${describe(path)} (${why})`, expected: 'a file that can be read' },
      { cause },
    )
  if (typeof path !== 'string') throw refused('no path')
  const { stat } = await import('node:fs/promises')
  const found = await stat(path).catch((error: unknown) => {
    throw refused((error as { code?: string }).code ?? String(error), error)
  })
  if (!found.isFile()) throw refused('a folder')
}
