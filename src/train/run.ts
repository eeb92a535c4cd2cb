import type { Dataset } from '../data/dataset.js'
import { toDataset, type DataLike } from '../data/from.js'
import { describe, InputError } from '../errors.js'
import type { Adjustment, EvaluationRow, RunView, StopReason, StretchView } from '../views.js'
import { announceRun, announceView } from './announce.js'
import type { Core } from './core.js'
import { evaluate } from './evaluate.js'
import { readLikeAnArray, type HistoryRow } from './history.js'
import { Live } from './live.js'
import { evaluateRun, stretch, viewOf } from './loop.js'
import { checkRule } from './options.js'
import type { StopFunction, StopRule } from './stops.js'

export interface IterateOptions {
  /** Ends the call as Stop does: at a whole iteration, with `Interrupted`. */
  signal?: AbortSignal
}

/**
 * A model, its optimizer, the order of its data and its history: moves forward in iterations, and can go back.
 * Made by `train`.
 */
export class Run {
  readonly #core: Core
  readonly #live: Live

  constructor(core: Core) {
    this.#core = core
    this.#live = new Live(core, (view) => announceView(this, view))
    announceRun(this)
  }

  /** The model as it was passed to `train`; of a branch, its own copy. */
  get model(): any {
    return this.#core.trainee.model
  }
  get name(): string {
    return this.#core.name
  }
  /** Updates made so far. */
  get iteration(): number {
    return this.#core.iteration
  }
  /** Of the next iteration. */
  get learningRate(): number {
    return this.#core.learningRate()
  }
  get adjustments(): readonly Adjustment[] {
    return this.#core.adjustments
  }
  /** Why the last call ended; null after one that did all it was asked. */
  get stopReason(): StopReason | null {
    return this.#core.stopReason
  }
  /** One row an iteration, read like an array. */
  get history(): readonly HistoryRow[] {
    const core = this.#core
    return readLikeAnArray(
      () => core.history.length,
      (at) => core.history.row(at),
    )
  }
  /** One row an evaluation on `evaluateOn`. */
  get evaluations(): readonly EvaluationRow[] {
    return this.#core.evaluations
  }

  /** The run as it stands, as plain data: what its chart is drawn from. */
  view(): RunView {
    return viewOf(this.#core, { live: false, from: this.#core.iteration, started: performance.now() })
  }

  /** Trains for `n` more iterations. */
  async iterate(n = 1, options: IterateOptions = {}): Promise<StretchView> {
    checkCount(n, 'run.iterate(n)', 'iterations')
    return stretch(this.#core, this.#live, { iterations: n, spent: 'done', ...options })
  }

  /** Trains for as many iterations as `n` times through the training data take. */
  async epochs(n = 1, options: IterateOptions = {}): Promise<StretchView> {
    checkCount(n, 'run.epochs(n)', 'epochs')
    return stretch(this.#core, this.#live, {
      iterations: n * this.#core.iterationsPerEpoch,
      spent: 'done',
      ...options,
    })
  }

  /** Trains until the rule is met, for `atMost` iterations. */
  async until(
    rule: StopRule | StopFunction,
    { atMost = Infinity, ...options }: IterateOptions & { atMost?: number } = {},
  ): Promise<StretchView> {
    if (atMost !== Infinity) checkCount(atMost, 'run.until(rule, { atMost })', 'iterations')
    return stretch(this.#core, this.#live, {
      iterations: atMost,
      rule: this.#checkRule(rule, 'run.until(rule)'),
      spent: 'iterations',
      ...options,
    })
  }

  #checkRule(rule: StopRule | StopFunction, where: string): StopRule {
    const { settings, evaluateOn } = this.#core
    return checkRule(rule, { metrics: settings.metrics, evaluated: evaluateOn !== undefined, where })
  }

  /** Loss and metrics: on `evaluateOn` (written down as an evaluation of the run), or on data of your choice. */
  async evaluate(data?: DataLike): Promise<EvaluationRow> {
    const core = this.#core
    const pause = async () => {}
    if (data === undefined || data === core.evaluateOn) {
      if (!core.evaluateOn)
        throw new InputError({
          where: 'run.evaluate()',
          received: 'a run without evaluateOn',
          expected: 'data to evaluate on',
          fix: 'Pass it: run.evaluate(data.validation), or evaluateOn to train.',
        })
      return { ...(await evaluateRun(core, pause)).row }
    }
    const dataset: Dataset = toDataset(data, { name: 'evaluate' })
    core.trainee.checkData(dataset, 'run.evaluate(data)')
    return (await evaluate(core, dataset, pause)).row
  }
}

export function checkCount(n: unknown, where: string, what: string): asserts n is number {
  if (typeof n === 'number' && Number.isInteger(n) && n >= 0) return
  throw new InputError({
    where,
    received: describe(n),
    expected: `a whole number of ${what}, 0 or more`,
    ...(typeof n === 'number' && n < 0 && { fix: 'To go back, use run.undo() or run.goTo(iteration).' }),
  })
}
