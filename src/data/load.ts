import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import type { Dataset } from './dataset.js'
import { fromRecords, recordOptions, type DataRecord, type RecordOptions } from './from.js'
import { readCsv, type CsvOptions } from './read/csv.js'
import { readJsonLines } from './read/json-lines.js'
import { readText } from './read/lines.js'
import { readParquet } from './read/parquet.js'
import { spool } from './spool.js'

/** Files beyond this many bytes are spooled: as records in memory they would take ten times as much. */
const large = 100 << 20

/** How each kind of file is read, by the ending of its name. */
const readers: readonly {
  ending: RegExp
  read: (path: string, options: CsvOptions) => AsyncGenerator<DataRecord>
}[] = [
  { ending: /\.[ct]sv(\.gz)?$/i, read: readCsv },
  { ending: /\.(jsonl|ndjson)(\.gz)?$/i, read: readJsonLines },
  { ending: /\.parquet$/i, read: (path) => readParquet(path) },
  { ending: /\.txt(\.gz)?$/i, read: readText },
]

export interface LoadOptions extends RecordOptions {
  /** How a CSV file is written. Default: commas, with a head. `csv: { separator: ';' }` */
  csv?: CsvOptions
  /** 'memory', or 'disk' for what is larger than memory (see `spool`). Default: by the size of the file, 100 MB. `keep: 'disk'` */
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
    received: `'${path}'`,
    expected: 'a name that ends in .csv, .tsv, .jsonl, .ndjson, .parquet or .txt',
  })
}

/**
 * A dataset from a file of records.
 *
 * @example await load('flowers.csv', { y: 'species' })
 */
export async function load(path: string, options: LoadOptions = {}): Promise<Dataset> {
  const { csv, keep, ...rest } = named(options, [...recordOptions, 'csv', 'keep'], 'load(path, options)')
  named(csv, ['separator', 'columns', 'asText'], 'load(path, { csv })')
  if (keep !== undefined && keep !== 'memory' && keep !== 'disk')
    throw new InputError({
      where: 'load(path, { keep })',
      received: describe(keep),
      expected: "'memory' or 'disk'",
    })
  const size = await sizeOfFile(path)
  const { basename } = await import('node:path')
  const about = { name: basename(path).replace(/\.[^.]*(\.gz)?$/, ''), ...rest }
  const records = readRecords(path, csv)
  if ((keep ?? (size > large ? 'disk' : 'memory')) === 'disk') return spool(records, about)
  const all: DataRecord[] = []
  for await (const record of records) all.push(record)
  if (all.length === 0)
    throw new InputError({ where: path, received: 'no records', expected: 'at least one, below the head' })
  return fromRecords(all, about)
}

async function sizeOfFile(path: string): Promise<number> {
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
  return found.size
}
