import { nameTarget } from '../../data/examples.js'
import type { Dataset } from '../../data/dataset.js'
import { mistakesOf, type EvaluationDetail } from '../../mistakes/index.js'
import type { Mistake, MistakesView } from '../../views.js'
import type { Core } from '../state/core.js'
import { placesAt, type Given } from './evaluate.js'
import { tokensAt } from './tokens-at.js'

/** Predictions of several values are not kept of all examples: they are computed for those that are shown. */
export function withPlaces(
  core: Core,
  view: MistakesView,
  { dataset, outputs = {} }: EvaluationDetail,
): MistakesView {
  const several = Object.values(outputs)
  if (several.length > 0 && several.every(({ predicted }) => predicted)) return view
  const positions = view.rows.map(({ id }) => dataset.positionOf(id)!)
  const tokens = positions.length > 0 ? tokensAt(core, dataset, positions) : undefined
  if (tokens) return { ...view, rows: view.rows.map((row, i) => ({ ...row, ...tokens[i]! })) }
  const values = positions.length > 0 ? placesAt(core, dataset, positions) : undefined
  if (!values) return view
  return {
    ...view,
    rows: view.rows.map((row, i) => withGiven(row, values[i]!, dataset, outputs)),
  }
}

/** A mistake with predictions that are more than one thing each. */
function withGiven(
  row: Mistake,
  given: Given,
  dataset: Dataset,
  outputs: NonNullable<EvaluationDetail['outputs']>,
): Mistake {
  if (typeof (given as { length?: unknown }).length === 'number')
    return { ...row, predicted: nameTarget(dataset, given as ArrayLike<number>) }
  const more: { [column: string]: string | number } = {}
  for (const [name, values] of Object.entries(given as { [output: string]: ArrayLike<number> }))
    if (outputs[name] && !outputs[name].predicted)
      more[`${name}_predicted`] = nameTarget(dataset, values, outputs[name].part)
  const predicted = more[`${row.output as string}_predicted`]
  return { ...row, ...more, ...(predicted !== undefined && { predicted }) }
}

/** Of an evaluation: a view comes five times a second, an evaluation now and then. */
const seen = new WeakMap<EvaluationDetail, MistakesView>()

/** Examples of the newest evaluation that a view carries. */
const shown = 8

/** The worst examples of an evaluation, with what was predicted of them while the run stands where it was made. */
export function worstOf(core: Core, detail: EvaluationDetail): MistakesView | undefined {
  const known = seen.get(detail)
  if (known) return known
  if (!detail.losses.some((loss) => !Number.isNaN(loss))) return undefined
  const plain = mistakesOf({ detail, of: 'evaluation', k: shown })
  const isNow = detail.iteration === core.state.iteration
  const view = detail.predicted || !isNow ? plain : withPlaces(core, plain, detail)
  seen.set(detail, view)
  return view
}
