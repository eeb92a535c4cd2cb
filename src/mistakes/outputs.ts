import { nameTarget } from '../data/examples.js'
import { labelsOfTarget, ofTarget } from '../data/table/target-part.js'
import { valuesOfParts } from '../data/table/parts.js'
import { describe, InputError } from '../errors.js'
import type { EvaluationDetail } from './detail.js'

/** The labels that were corrected, by position. */
export type Labels = ReadonlyMap<number, ArrayLike<number>>

/** What was seen of one output of several; of a model with one it is all that was seen. */
export function detailOf(
  detail: EvaluationDetail,
  labels: Labels | undefined,
  output: string | undefined,
  where: string,
): { detail: EvaluationDetail; labels: Labels | undefined } {
  const { outputs, dataset } = detail
  if (!outputs) {
    if (output === undefined) return { detail, labels }
    throw new InputError({
      where,
      received: `output: ${describe(output)}, for a model with one output`,
      expected: 'no output: there is one',
    })
  }
  const one = output === undefined ? undefined : outputs[output]
  if (!one)
    throw new InputError({
      where,
      received: output === undefined ? 'a model with several outputs' : `the output ${describe(output)}`,
      expected: `one of them: { output: '${Object.keys(outputs).join("' | '")}' }`,
    })
  const { part, ...taken } = one
  const losses = detail.said?.[`${output}_loss`] ?? detail.losses
  const { everRight: _e, predicted: _p, probability: _s, right: _r, outputs: _o, ...rest } = detail
  return {
    detail: { ...rest, ...taken, losses, dataset: ofTarget(dataset, part) },
    labels: labels && labelsOfTarget(dataset, labels, part),
  }
}

/**
 * What was expected and predicted of one example by each output, `animal_expected`, `animal_predicted`; and of the output that it is
 * shown for: of those that are wrong the one with the highest loss, of numbers alone that with the highest loss.
 */
export function ofOutputs(
  { outputs = {}, dataset, said }: EvaluationDetail,
  position: number,
  label?: ArrayLike<number>,
): { [column: string]: string | number } {
  const y = label ?? (dataset.valuesAt(position).y as ArrayLike<number>)
  const expected = valuesOfParts(dataset.y, y)
  const columns: { [column: string]: string | number } = {}
  const names = Object.keys(outputs)
  for (const name of names) {
    const { part, predicted, probability } = outputs[name]!
    columns[`${name}_expected`] = nameTarget(dataset, expected[part]!, part)
    columns[`${name}_predicted`] = predicted ? nameTarget(dataset, [predicted[position]!], part) : ''
    if (probability) columns[`${name}_probability`] = probability[position]!
  }
  const lossOf = (name: string) => said?.[`${name}_loss`]?.[position] ?? 0
  const wrong = names.filter((name) => outputs[name]!.right?.[position] === 0)
  const [shown] = (wrong.length > 0 ? wrong : names).toSorted((a, b) => lossOf(b) - lossOf(a))
  if (shown === undefined) return columns
  const { probability } = outputs[shown]!
  return {
    ...columns,
    output: shown,
    expected: columns[`${shown}_expected`]!,
    predicted: columns[`${shown}_predicted`]!,
    ...(probability && { probability: probability[position]! }),
  }
}
