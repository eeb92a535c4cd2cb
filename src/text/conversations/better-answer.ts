import { InputError } from '../../errors.js'
import type { ConversationTokens } from './tokens.js'

/**
 * The tokens of a conversation in which the assistant's last turn says something else. What ends the turn, and what stands behind it,
 * stays.
 */
export function withAnswer(
  { ids, turns }: ConversationTokens,
  answer: ArrayLike<number>,
  special: ReadonlySet<number>,
): { tokens: ConversationTokens; before: Int32Array } {
  const turn = turns.reduce((last, one) => Math.max(last, one), -1)
  if (turn < 0)
    throw new InputError({
      where: 'run.correct(id, answer)',
      received: 'a conversation in which the assistant says nothing that is learned',
      expected: 'one with an answer',
    })
  const from = turns.indexOf(turn)
  let to = turns.lastIndexOf(turn) + 1
  while (to > from && special.has(ids[to - 1]!)) to--
  const said = Array.from(answer)
  const joined = (of: Int32Array, middle: readonly number[]) =>
    Int32Array.from([...of.subarray(0, from), ...middle, ...of.subarray(to)])
  return {
    tokens: {
      ids: joined(ids, said),
      turns: joined(
        turns,
        said.map(() => turn),
      ),
    },
    before: ids.slice(from, to),
  }
}
