import { describe, InputError } from '../../errors.js'
import type { CurveLine, CurvesView } from '../../views.js'

/** What belongs on one axis, by the columns of the history. */
export interface CurvePanel {
  title: string
  columns: readonly string[]
}

/** An objective says what of it is to be looked at, and what is to be known when one does. */
export interface Charted {
  readonly curves: { readonly panels: readonly CurvePanel[]; readonly notes: readonly string[] }
}

/** What is read of a run. */
export interface ChartedRun {
  readonly name: string
  /** Of the stage that it is in: what type it has says what the run began with. */
  readonly model: object
  readonly history: Rows
  readonly evaluations: Rows
}
interface Rows {
  map<T>(to: (row: { iteration: number; loss: number }) => T): T[]
}

/**
 * What an objective says of its iterations beside the loss (rewards, margins, likelihoods, distances, lengths), panel below panel, with
 * what is worth knowing about them. What was measured on `evaluateOn` is drawn too. As the last expression of a cell it is a chart.
 *
 * @throws InputError for a run of another model.
 * @example
 * const tokenizer = charTokenizer('abc?! '), model = gpt({ ...presets.tiny, vocabulary: tokenizer.size })
 * const pairs = await preferences([{ prompt: 'a?', chosen: 'b!', rejected: 'c' }], tokenizer, { context: 16, reference: model })
 * const run = train(dpo(model), { data: pairs, optimizer: adam({ learningRate: 1e-4 }) })
 * await run.iterate(2)
 * curves(run)
 */
export function curves(run: ChartedRun): CurvesView {
  const charted = (run?.model as Partial<Charted> | undefined)?.curves
  if (!charted)
    throw new InputError({
      where: 'curves(run)',
      received: describe(run?.model ?? run),
      expected: 'a run of an objective: dpo(model), rewardModel(model) or grpo(model, …)',
    })
  const lineOf = (rows: Rows, name: string, heldOut: boolean): CurveLine => {
    const points = rows
      .map((row) => [row.iteration, (row as { [name: string]: number })[name]] as const)
      .filter((point): point is [number, number] => Number.isFinite(point[1]))
    return { name, heldOut, iterations: points.map(([at]) => at), values: points.map(([, value]) => value) }
  }
  const panels = charted.panels.map(({ title, columns }) => ({
    title,
    lines: columns
      .flatMap((name) => [lineOf(run.history, name, false), lineOf(run.evaluations, name, true)])
      .filter(({ values }) => values.length > 0),
  }))
  return {
    kind: 'curves',
    title: run.name,
    notes: charted.notes,
    panels: panels.filter(({ lines }) => lines.length > 0),
  }
}
