import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'

/**
 * Sequences of different lengths as rows of equal length, e.g. for `fromArrays({ x: pad(tokens).values }, { shape })`.
 *
 * @param options.length of a row; longer sequences lose their end (or their start, with `side: 'left'`). Default: the
 *   longest.
 * @param options.value what fills the rest. Default 0.
 * @param options.side where the filling goes. Default 'right'.
 * @returns `values`: int32, row after row; `lengths`: how many of each row are real; `shape`: of one row.
 */
export function pad(
  sequences: readonly ArrayLike<number>[],
  options: { length?: number; value?: number; side?: 'left' | 'right' } = {},
): { values: Int32Array; lengths: Int32Array; shape: [number] } {
  if (!Array.isArray(sequences))
    throw new InputError({
      where: 'pad(sequences)',
      received: describe(sequences),
      expected: 'an array of sequences of numbers',
    })
  const longest = sequences.reduce((most, sequence) => Math.max(most, sequence.length), 0)
  const known = ['length', 'value', 'side']
  const { length = longest, value = 0, side = 'right' } = named(options, known, 'pad(sequences, options)')
  if (!Number.isInteger(length) || length < 1)
    throw new InputError({
      where: 'pad(sequences, { length })',
      received: describe(length),
      expected: 'a whole number, at least 1',
    })
  const values = new Int32Array(sequences.length * length).fill(value)
  const lengths = new Int32Array(sequences.length)
  for (const [row, sequence] of sequences.entries()) {
    const kept = Math.min(length, sequence.length)
    const from = side === 'left' ? sequence.length - kept : 0
    const to = row * length + (side === 'left' ? length - kept : 0)
    for (let i = 0; i < kept; i++) values[to + i] = sequence[from + i]!
    lengths[row] = kept
  }
  return { values, lengths, shape: [length] }
}
