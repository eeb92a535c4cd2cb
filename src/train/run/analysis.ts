import type { Dataset } from '../../data/dataset.js'
import { isDataset, isRecordTable, toDataset, type DataLike } from '../../data/from.js'
import { describe, InputError } from '../../errors.js'
import {
  calibrationOf,
  detailOf,
  confusionOf,
  labelDoubts,
  mistakesOf,
  residualsOf,
  slicesOf,
  type Calibration,
  type Confusion,
  type EvaluationDetail,
  type MistakesBy,
  type ResidualRow,
  type SliceRow,
} from '../../mistakes/index.js'
import { named } from '../../suggest.js'
import type { EvaluationRow, Mistake, MistakesView } from '../../views.js'
import { refuseMade } from '../order/ids.js'
import { lookedAt, type Looked as Sample } from '../adjust/looked.js'
import { checkAverages } from '../step/averages.js'
import type { Core } from '../state/core.js'
import type { Events } from '../state/events.js'
import type { State } from '../state/fields.js'
import { evaluate } from '../step/evaluate.js'
import { evaluateRun } from '../step/evaluate-run.js'
import { withPlaces } from '../step/worst.js'
import type { Course } from './course.js'
import type { Live } from './live.js'

/** Which examples are looked at. */
export type Looked = 'train' | 'evaluation'

export interface EvaluateOptions {
  /** What is looked at instead of `evaluateOn`. `data: data.test` */
  data?: DataLike
  /** Whether the averages of the parameters stand in their place. Default: false. */
  ema?: boolean
}

/** Looks at what the model makes of its data, without training. */
export class Analysis {
  readonly #core: Core
  readonly #live: Live
  readonly #journal: Events
  /** The last two looks at the training data. */
  #looks: EvaluationDetail[] = []
  /** The last look, and of which values and labels: the same is not computed twice. */
  #last:
    | {
        version: number
        labels: State['labels']
        corrections: State['corrections']
        detail: EvaluationDetail
      }
    | undefined

  constructor({ core, live, journal }: Pick<Course, 'core' | 'live' | 'journal'>) {
    this.#core = core
    this.#live = live
    this.#journal = journal
  }

  /** Of `evaluateOn`, or of data of one's own; data and options may also be one argument. */
  async evaluate(
    first: DataLike | EvaluateOptions | undefined,
    second: EvaluateOptions,
  ): Promise<EvaluationRow> {
    const core = this.#core
    const { data, ema = false } = isOptions(first)
      ? named(first, ['data', 'ema'], 'run.evaluate({ data, ema })')
      : { ...named(second, ['ema'], 'run.evaluate(data, { ema })'), data: first }
    if (typeof ema !== 'boolean')
      throw new InputError({
        where: 'run.evaluate({ ema })',
        received: describe(ema),
        expected: 'true: with the averages of the parameters in their place; or false',
      })
    if (ema) checkAverages(core, 'run.evaluate({ ema })')
    if (!ema && (data === undefined || data === core.evaluateOn)) {
      if (!core.evaluateOn) throw withoutEvaluateOn('run.evaluate()', 'run.evaluate(data.validation)')
      return { ...(await evaluateRun(core, this.#journal, this.#live.pause())).row }
    }
    const evaluated = data ?? core.evaluateOn
    if (evaluated === undefined) throw withoutEvaluateOn('run.evaluate()', 'run.evaluate(data.validation)')
    const dataset: Dataset = toDataset(evaluated, { name: 'evaluate' })
    core.trainee.checkData(dataset, 'run.evaluate(data)')
    const { row } = await evaluate(core, dataset, this.#live.pause(), { ema })
    // Each look at data that was set apart is part of the record.
    const look = { data: dataset.name, split: dataset.split, ema, ...row }
    core.state.looks = [...core.state.looks, look]
    this.#journal.event('look', look)
    return row
  }

  /** What is seen of each example now. */
  async #at(of: Looked, where: string): Promise<EvaluationDetail> {
    const core = this.#core
    if (of !== 'train' && of !== 'evaluation')
      throw new InputError({ where, received: describe(of), expected: "of: 'train' or 'evaluation'" })
    if (of === 'train')
      refuseMade(
        core.source,
        where,
        'Look at some that stay: evaluateOn: await source.fixed({ batches: 4, seed: 7 }), without of.',
      )
    const dataset = of === 'train' ? core.data : core.evaluateOn
    if (!dataset) throw withoutEvaluateOn(where, "of: 'train'")
    const { version } = core
    const { labels, corrections } = core.state
    const known = this.#last
    if (
      known?.version === version &&
      known.labels === labels &&
      known.corrections === corrections &&
      known.detail.dataset === dataset
    )
      return known.detail
    const { detail } = await evaluate(core, dataset, this.#live.pause())
    // Training data has no evaluations: what is new or forgotten there is told from the looks at it.
    const earlier = this.#looks.filter(({ iteration }) => iteration < detail.iteration)
    this.#looks = dataset === core.data ? [...earlier.slice(-1), detail] : this.#looks
    this.#last = { version, labels, corrections, detail }
    return detail
  }

  async mistakes(options: { k?: number; of?: Looked; by?: MistakesBy }): Promise<MistakesView> {
    const { of = 'evaluation', k, by } = named(options, ['k', 'of', 'by'], 'run.mistakes(options)')
    const { iteration, details } = this.#core.state
    const looked = of === 'train' && !this.#core.source ? lookedAt(this.#core) : undefined
    if (looked?.sample) return this.#mistakesOfSample(looked, { k, by })
    const detail = await this.#at(of, 'run.mistakes({ of })')
    const before = [...this.#looks, ...details].filter(
      (one) => one.iteration < iteration && one.dataset === detail.dataset,
    )
    const view = mistakesOf({ detail, before, of, k, by, ...(of === 'train' && this.#ofTraining()) })
    return detail.predicted ? view : withPlaces(this.#core, view, detail)
  }

  /** Of many training examples those of a random sample. */
  async #mistakesOfSample(
    { dataset, sample, positionIn }: Sample,
    { k, by }: { k: number | undefined; by: MistakesBy | undefined },
  ): Promise<MistakesView> {
    const { detail } = await evaluate(this.#core, dataset, this.#live.pause())
    const labels = new Map<number, ArrayLike<number>>()
    for (let place = 0; place < dataset.length; place++) {
      const label = this.#core.state.labels.get(positionIn(place))
      if (label) labels.set(place, label)
    }
    const view = { ...mistakesOf({ detail, of: 'train', k, by, labels }), sample: sample! }
    return detail.predicted ? view : withPlaces(this.#core, view, detail)
  }

  async residuals(options: { of?: Looked; output?: string }): Promise<ResidualRow[]> {
    const { of = 'evaluation', output } = named(options, ['of', 'output'], 'run.residuals(options)')
    const { detail, labels } = await this.#ofOutput(of, output, 'run.residuals')
    return residualsOf(detail, labels)
  }

  async confusion(options: { of?: Looked; output?: string }): Promise<Confusion> {
    const { of = 'evaluation', output } = named(options, ['of', 'output'], 'run.confusion(options)')
    const { detail, labels } = await this.#ofOutput(of, output, 'run.confusion')
    return confusionOf(detail, labels)
  }

  async slices(options: {
    by: (row: Mistake) => string | number | boolean
    of?: Looked
  }): Promise<SliceRow[]> {
    const { by, of = 'evaluation' } = named(options, ['by', 'of'], 'run.slices(options)')
    return slicesOf(await this.#at(of, 'run.slices({ of })'), by, this.#corrected(of))
  }

  async calibration(options: { of?: Looked; bins?: number; output?: string }): Promise<Calibration> {
    const known = ['of', 'bins', 'output']
    const { of = 'evaluation', bins, output } = named(options, known, 'run.calibration(options)')
    return calibrationOf((await this.#ofOutput(of, output, 'run.calibration')).detail, bins)
  }

  async doubtfulLabels(options: { k?: number }): Promise<MistakesView> {
    const { k = 16 } = named(options, ['k'], 'run.doubtfulLabels(options)')
    const { books, labels } = this.#core.state
    const detail = await this.#at('train', 'run.doubtfulLabels()')
    const score = labelDoubts(detail, books.vectors(), labels)
    return mistakesOf({ detail, of: 'train', k, score, ...this.#ofTraining() })
  }

  /** What was seen, of one output where there are several. */
  async #ofOutput(of: Looked, output: string | undefined, where: string) {
    const detail = await this.#at(of, `${where}({ of })`)
    return detailOf(detail, this.#corrected(of), output, `${where}({ output })`)
  }

  /** Labels that were corrected: of the training data alone. */
  #corrected(of: Looked): State['labels'] | undefined {
    return of === 'train' ? this.#core.state.labels : undefined
  }

  /** Corrected labels are what is expected, and what was excluded is dealt with. */
  #ofTraining() {
    const { labels, order } = this.#core.state
    return { labels, without: (position: number) => order.isExcluded(position) }
  }
}

/** A plain object that is no data (a Dataset, arrays under x, a table), with nothing in it, or with what the options have. */
function isOptions(first: DataLike | EvaluateOptions | undefined): first is EvaluateOptions {
  if (typeof first !== 'object' || first === null || Array.isArray(first)) return false
  const prototype: unknown = Object.getPrototypeOf(first)
  if (prototype !== Object.prototype && prototype !== null) return false
  if ('x' in first || isDataset(first) || isRecordTable(first)) return false
  return 'ema' in first || 'data' in first || Object.keys(first).length === 0
}

function withoutEvaluateOn(where: string, instead: string): InputError {
  return new InputError({
    where,
    received: 'a run without evaluateOn',
    expected: 'data to evaluate on',
    fix: `Use ${instead}, or pass evaluateOn to train.`,
  })
}
