import { InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import type { DataRecord } from '../table/fields.js'
import type { TextOptions } from './decode.js'
import { linesOf } from './lines.js'
import { parseExactly } from './whole.js'

/**
 * The records of a file with one JSON object a line. Whole numbers that a JavaScript number does not hold exactly come as
 * BigInt.
 *
 * @example for await (const { text } of readJsonLines('reviews.jsonl')) console.log(text)
 */
export async function* readJsonLines(path: string, options: TextOptions = {}): AsyncGenerator<DataRecord> {
  named(options, ['encoding'], 'readJsonLines(path, options)')
  let number = 0
  for await (const line of linesOf(path, options)) {
    number++
    if (!line.trim()) continue
    let record: unknown
    try {
      record = parseExactly(line)
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
