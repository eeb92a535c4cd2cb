import type { EvaluationRow } from '../../views.js'
import type { Gpt } from '../models/gpt.js'

/** Numbers by name that stand in the evaluation's row, beside the loss. */
export type Columns = { readonly [name: string]: number }

/** What is done after each evaluation of a model's run; `pause` is awaited now and then. */
export type AfterEvaluation = (row: EvaluationRow, pause: () => Promise<void>) => Promise<Columns | void>

const watching = new WeakMap<Gpt, Set<AfterEvaluation>>()

/** Has this done after each evaluation, until the function that it gives is called. */
export function afterEvaluation(model: Gpt, work: AfterEvaluation): () => void {
  if (!watching.has(model)) watching.set(model, new Set())
  watching.get(model)!.add(work)
  return () => void watching.get(model)?.delete(work)
}

/** Does all of it, one after the other; undefined where nothing gives numbers. */
export async function doAfterEvaluation(
  model: Gpt,
  row: EvaluationRow,
  pause: () => Promise<void>,
): Promise<Columns | undefined> {
  const columns: { [name: string]: number } = {}
  for (const work of watching.get(model) ?? []) {
    await pause()
    Object.assign(columns, await work(row, pause))
  }
  return Object.keys(columns).length > 0 ? columns : undefined
}
