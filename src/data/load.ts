import { InputError } from '../errors.js'
import type { Dataset } from './dataset.js'
import { fromRecords, type DataRecord, type RecordOptions } from './from.js'
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
  csv?: CsvOptions
  /** 'memory', or 'disk' for what is larger than memory (see `spool`). Default: by the size of the file. */
  keep?: 'memory' | 'disk'
}

/** The records of a CSV, TSV, JSON lines, Parquet or text file, one after the other. */
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
  const { csv, keep, ...rest } = options
  const { stat } = await import('node:fs/promises')
  const { size } = await stat(path).catch((error: unknown) => {
    throw new InputError(
      {
        where: 'load(path)',
        received: `'${path}' (${(error as { code?: string }).code})`,
        expected: 'a file that can be read',
      },
      { cause: error },
    )
  })
  const { basename } = await import('node:path')
  const named = { name: basename(path).replace(/\.[^.]*(\.gz)?$/, ''), ...rest }
  const records = readRecords(path, csv)
  if ((keep ?? (size > large ? 'disk' : 'memory')) === 'disk') return spool(records, named)
  const all: DataRecord[] = []
  for await (const record of records) all.push(record)
  return fromRecords(all, named)
}
