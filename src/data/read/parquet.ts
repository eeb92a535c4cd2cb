import { InputError } from '../../errors.js'
import type { DataRecord } from '../from.js'

/** Rows that are decoded at once. */
const chunk = 16_384

/**
 * The records of a Parquet file, decoded some thousands at a time (hyparquet; uncompressed and Snappy).
 *
 * @example const set = await spool(readParquet('trips.parquet'), { y: 'minutes' })
 */
export async function* readParquet(
  path: string,
  options: { columns?: string[] } = {},
): AsyncGenerator<DataRecord> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet')
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file).catch((error: unknown) => {
    throw new InputError(
      { where: path, received: (error as Error).message, expected: 'a Parquet file' },
      { cause: error },
    )
  })
  const rows = Number(metadata.num_rows)
  for (let rowStart = 0; rowStart < rows; rowStart += chunk) {
    const rowEnd = Math.min(rows, rowStart + chunk)
    const records = await parquetReadObjects({ file, metadata, rowStart, rowEnd, ...options })
    for (const record of records) {
      for (const [field, value] of Object.entries(record))
        if (typeof value === 'bigint') record[field] = Number(value)
      yield record
    }
  }
}
