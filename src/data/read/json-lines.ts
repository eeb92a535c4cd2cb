import { InputError } from '../../errors.js'
import type { DataRecord } from '../from.js'
import { linesOf } from './lines.js'

/**
 * The records of a file with one JSON object a line.
 *
 * @example for await (const { text } of readJsonLines('reviews.jsonl')) console.log(text)
 */
export async function* readJsonLines(path: string): AsyncGenerator<DataRecord> {
  let number = 0
  for await (const line of linesOf(path)) {
    number++
    if (!line.trim()) continue
    let record: unknown
    try {
      record = JSON.parse(line)
    } catch (error) {
      throw new InputError(
        { where: `${path}, line ${number}`, received: (error as Error).message, expected: 'one JSON object' },
        { cause: error },
      )
    }
    if (typeof record !== 'object' || record === null || Array.isArray(record))
      throw new InputError({
        where: `${path}, line ${number}`,
        received: line.slice(0, 40),
        expected: 'one JSON object, { … }',
      })
    yield record as DataRecord
  }
}
