import type { FileMetaData, SchemaElement } from 'hyparquet'
import { describe, InputError } from '../../errors.js'
import { say } from '../../say.js'
import { named } from '../../suggest.js'
import type { DataRecord } from '../table/fields.js'
import { Pauses } from '../table/pauses.js'
import { fromBigInt, parseExactly } from './whole.js'

/** Bytes of decoded columns that are held at once: a row group of any usual size, and parts of a larger one. */
const budget = 128 << 20
/** Values that are decoded without a turn for others. */
const most = 1 << 20

/**
 * The records of a Parquet file, a row group at a time (hyparquet; every codec but LZO). Whole numbers of 64 bits come as
 * numbers where that is exact, else as BigInt; decimals as numbers, or as text where a number has too few digits; bytes that
 * are not marked as text as Uint8Array; times as Date.
 *
 * @example const set = await spool(readParquet('trips.parquet'), { y: 'minutes' })
 */
export async function* readParquet(
  path: string,
  options: { columns?: string[] } = {},
): AsyncGenerator<DataRecord> {
  const { columns } = named(options, ['columns'], 'readParquet(path, options)')
  const { asyncBufferFromFile, parquetMetadataAsync, parquetRead, parquetSchema } = await import('hyparquet')
  const { file, metadata } = await guarded(path, 'a Parquet file', async () => {
    const opened = await asyncBufferFromFile(path)
    return { file: opened, metadata: await parquetMetadataAsync(opened) }
  })
  const leaves = new Map(parquetSchema(metadata).children.map((child) => [child.element.name, child]))
  for (const name of columns ?? [])
    if (!leaves.has(name))
      throw new InputError({
        where: `readParquet('${path}', { columns })`,
        received: describe(name),
        expected: `one of ${describe([...leaves.keys()])}`,
      })
  const dropped = { digits: 0 }
  const wanted = (columns ?? [...leaves.keys()]).map((name) => {
    const { element, children } = leaves.get(name)!
    const convert = children.length === 0 && takeDecimal(element)
    return { name, convert: convert || plain }
  })
  const names = wanted.map(({ name }) => name)
  const compressors = await compressorsFor(metadata)
  const pauses = new Pauses()
  for (const { rowStart, rowEnd } of parts(metadata, names)) {
    const pieces = new Map<string, Piece[]>(names.map((name) => [name, []]))
    await guarded(path, 'a Parquet file that is whole', async () => {
      const atOnce = Math.max(1, Math.floor(most / (rowEnd - rowStart)))
      for (let i = 0; i < names.length; i += atOnce) {
        await parquetRead({
          file,
          metadata,
          rowStart,
          rowEnd,
          columns: names.slice(i, i + atOnce),
          utf8: false,
          parsers: { ...parsers, ...times(dropped) },
          ...(compressors && { compressors }),
          onChunk: ({ columnName, columnData, rowStart: from }) =>
            pieces.get(columnName)!.push({ from, values: columnData }),
        })
        await pauses.give()
      }
    })
    const fields = wanted.map(({ name, convert }) => ({ name, convert, at: walk(pieces.get(name)!) }))
    for (let row = rowStart; row < rowEnd; row++) {
      const record: { [field: string]: unknown } = {}
      for (const { name, convert, at } of fields) record[name] = convert(at(row))
      yield record
    }
  }
  if (dropped.digits > 0)
    say(
      `${path}: ${dropped.digits} ${dropped.digits === 1 ? 'time is' : 'times are'} cut to milliseconds, which is what a Date holds.`,
    )
}

/** Some values of a column, and the row of the first. */
interface Piece {
  from: number
  values: ArrayLike<unknown>
}

/** The value at a row, for rows that are asked for one after the other. */
function walk(pieces: Piece[]): (row: number) => unknown {
  const inOrder = pieces.toSorted((a, b) => a.from - b.from)
  let at = 0
  return (row) => {
    while (at < inOrder.length - 1 && row >= inOrder[at]!.from + inOrder[at]!.values.length) at++
    return inOrder[at]?.values[row - inOrder[at]!.from]
  }
}

async function guarded<T>(path: string, expected: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new InputError({ where: path, received: (error as Error).message, expected }, { cause: error })
  }
}

/** What unpacks the columns, where that is more than hyparquet brings; loaded for files that need it. */
async function compressorsFor({ row_groups }: FileMetaData) {
  const known = new Set<string>(['UNCOMPRESSED', 'SNAPPY'])
  const isKnown = row_groups.every(({ columns }) =>
    columns.every(({ meta_data }) => !meta_data || known.has(meta_data.codec)),
  )
  return isKnown ? undefined : (await import('hyparquet-compressors')).compressors
}

/** Ranges of rows that are decoded at once. */
function* parts(
  { row_groups }: FileMetaData,
  wanted: readonly string[],
): Generator<{ rowStart: number; rowEnd: number }> {
  let start = 0
  for (const { num_rows, columns } of row_groups) {
    const rows = Number(num_rows)
    let bytes = 0
    for (const { meta_data } of columns) {
      if (!meta_data || !wanted.includes(meta_data.path_in_schema[0]!)) continue
      const text = meta_data.type === 'BYTE_ARRAY' || meta_data.type === 'FIXED_LEN_BYTE_ARRAY'
      bytes += text
        ? Number(meta_data.num_values) * 64 + Number(meta_data.total_uncompressed_size)
        : Number(meta_data.num_values) * 8
    }
    const step = Math.ceil(rows / Math.max(1, Math.ceil(bytes / budget)))
    for (let from = 0; from < rows; from += step)
      yield { rowStart: start + from, rowEnd: start + Math.min(rows, from + step) }
    start += rows
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

const parsers = {
  stringFromBytes: (bytes: Uint8Array) => bytes && decoder.decode(bytes),
  jsonFromBytes: (bytes: Uint8Array) => bytes && parseExactly(decoder.decode(bytes)),
}

/** Times as Date, and how many have digits that it does not hold. */
function times(dropped: { digits: number }) {
  const date = (count: bigint, inOne: bigint): Date | undefined => {
    if (count === undefined || count === null) return undefined
    const rest = ((count % inOne) + inOne) % inOne
    if (rest !== 0n) dropped.digits++
    return new Date(Number((count - rest) / inOne))
  }
  return {
    timestampFromMicroseconds: (micros: bigint) => date(micros, 1000n),
    timestampFromNanoseconds: (nanos: bigint) => date(nanos, 1_000_000n),
  }
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return fromBigInt(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]))
  return value === undefined ? null : value
}

/**
 * How a decimal is read: by its digits, as hyparquet multiplies them with a power of ten (435 times 0.01 is
 * 4.3500000000000005). Takes the mark away, so that the digits come as they stand.
 */
function takeDecimal(element: SchemaElement): ((value: unknown) => unknown) | undefined {
  const isDecimal = element.converted_type === 'DECIMAL' || element.logical_type?.type === 'DECIMAL'
  if (!isDecimal) return undefined
  const logical = element.logical_type as { scale?: number } | undefined
  const scale = element.scale ?? logical?.scale ?? 0
  delete element.converted_type
  delete element.logical_type
  return (value) => {
    if (value === undefined || value === null) return null
    const digits = value instanceof Uint8Array ? fromBytes(value) : BigInt(value as number)
    return decimal(digits, scale)
  }
}

function decimal(digits: bigint, scale: number): unknown {
  if (scale <= 0) return fromBigInt(digits * 10n ** BigInt(-scale))
  const written = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0')
  const text = `${digits < 0n ? '-' : ''}${written.slice(0, -scale)}.${written.slice(-scale)}`
  const number = Number(text)
  return String(number) === text.replace(/\.?0+$/, '') ? number : text
}

/** Whole numbers of any length, the highest byte first, negative ones as two's complement. */
function fromBytes(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return BigInt.asIntN(bytes.length * 8, value)
}
