import { describe, InputError } from '../../errors.js'
import { trainingPositions } from '../order/ids.js'
import type { Core } from '../state/core.js'
import { note } from './adjust.js'

const where = 'run.correct(id, answer)'

/** Puts a better answer in the place of what a training example teaches. */
export function correct(core: Core, id: number | string, answer: string, why?: string): void {
  const { data } = core
  if (typeof answer !== 'string' || answer.trim() === '')
    throw new InputError({ where, received: describe(answer), expected: 'a better answer, a text' })
  if (typeof id === 'number') trainingPositions(core, id, where)
  else if (typeof id !== 'string')
    throw new InputError({
      where,
      received: describe(id),
      expected: 'the id of a row of mistakes, or of a conversation',
    })
  if (!data.corrected)
    throw new InputError({
      where,
      received: `${data.name}, whose examples have no answers`,
      expected: 'conversations',
      fix: 'run.relabel(id, label) corrects a class, a number, or the values of y.',
    })
  const one = { id, answer }
  const [position] = trainingPositions(core, data.corrected([one]).id, where)
  // Answers to other conversations of the same row stay.
  const earlier = core.state.corrections.get(position!)?.answers ?? []
  const answers = [...earlier.filter((other) => other.id !== id), one]
  const { values, before } = data.corrected(answers)
  core.state.corrections = new Map([...core.state.corrections, [position!, { answers, values }]])
  note(core, { what: 'correct', from: before, to: one, ...(why !== undefined && { why }) })
}
