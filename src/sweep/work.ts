import { describe, GradbookError, InputError } from '../errors.js'
import { seed as setSeed } from '../seed.js'
import { disposeCore } from '../train/run/check.js'
import type { Core } from '../train/state/core.js'
import { supervised, type Supervisor } from '../train/state/supervisor.js'
import { isInstance, messageOf } from '../untrusted.js'
import type { EvaluationRow } from '../views.js'
import type { Ended, Job, Pass, PassReport, Watch } from './engine.js'
import { valuesOf } from './trial.js'

/** Thrown in a trial that is ended early since others were better. */
export class Pruned extends GradbookError {
  override name = 'Pruned'
}

/** Thrown in a trial of a population whose run has come to where it is compared with others. */
export class Halted extends GradbookError {
  override name = 'Halted'
}

/** What a trial's function is given beside the parameters. */
export interface TrialContext {
  readonly number: number
  /** Of this pass through the trial: for what is random in it. Weights and runs without a seed of their own have it already. */
  readonly seed: number
  /** Aborted when the study is stopped. Runs stop by themselves. */
  readonly signal: AbortSignal
  /** The folder of this trial, for files of one's own; undefined where nothing is written. */
  readonly folder: string | undefined
  /**
   * Says how good it is so far. Evaluations of runs are reported by themselves; this is for what is no run.
   *
   * @throws Pruned where others were better at this iteration.
   */
  report(iteration: number, values: { readonly [name: string]: number }): void
}

/** One pass through a trial's function: looks after the runs that it makes. */
export class Work implements Supervisor {
  readonly folder: string | undefined
  readonly signal: AbortSignal
  readonly #pass: Pass
  readonly #watch: Watch
  readonly #runs: { core: Core; close: () => boolean }[] = []
  /** Calls of each run in this pass: where they ended. */
  readonly #calls = new Map<Core, number[]>()
  #unnamed = 0
  last: PassReport | undefined

  constructor(pass: Pass, watch: Watch, signal: AbortSignal) {
    this.folder = pass.folder
    this.signal = signal
    this.#pass = pass
    this.#watch = watch
  }

  /** Calls the trial's function. */
  call(trial: Job['trial']): unknown {
    const { number, seed, parameters } = this.#pass
    const context: TrialContext = {
      number,
      seed,
      signal: this.signal,
      folder: this.folder,
      report: (iteration, values) => this.report(iteration, values),
    }
    setSeed(seed)
    return supervised(this, () => (trial as (...given: unknown[]) => unknown)({ ...parameters }, context))
  }

  /** A run is found again by its name, or by its place among those without one. */
  options<Options extends object>(given: Options): Options {
    if (typeof given !== 'object' || given === null) return given
    const { name } = given as { name?: string }
    const number = name === undefined ? ++this.#unnamed : 0
    return {
      progress: false,
      seed: this.#pass.seed,
      ...(this.folder !== undefined && { resume: true }),
      ...given,
      name: name ?? (number === 1 ? 'run' : `run-${number}`),
    }
  }

  get until(): number | undefined {
    return this.#pass.until
  }

  halted(core: Core): Error {
    const row = core.state.evaluations.at(-1)
    // Taken up where it had come to before it was broken off, it says nothing anew.
    if (row && this.last?.iteration !== row.iteration) this.last = { ...row, seed: this.#pass.seed }
    return new Halted(`the run is compared with others at iteration ${core.state.iteration}`)
  }

  made(core: Core, close: () => boolean): void {
    this.#runs.push({ core, close })
  }

  /** Its runs are over: those that are on disk give their tensors back. */
  letGo(): void {
    for (const { core, close } of this.#runs.splice(0)) if (close()) disposeCore(core)
  }

  begin(core: Core, iterations: number): number {
    const calls = this.#calls.get(core) ?? []
    this.#calls.set(core, calls)
    const end = this.#pass.before[core.name]?.[calls.length]
    const { iteration } = core.state
    if (end !== undefined && iteration >= end) return iterations
    return Math.min(iterations, Math.max(0, iteration - (calls.at(-1) ?? 0)))
  }

  ended(core: Core): void {
    const calls = this.#calls.get(core)!
    const end = this.#pass.before[core.name]?.[calls.length]
    calls.push(end !== undefined && core.state.iteration >= end ? end : core.state.iteration)
    this.#watch.onCalls(Object.fromEntries([...this.#calls].map(([{ name }, ends]) => [name, ends])))
  }

  evaluated(_: Core, { iteration, ...row }: EvaluationRow): void {
    this.report(iteration, row)
  }

  report(iteration: number, values: { readonly [name: string]: number }): void {
    const where = 'context.report(iteration, values)'
    if (!Number.isSafeInteger(iteration) || iteration < 0)
      throw new InputError({ where, received: describe(iteration), expected: 'a whole number of iterations' })
    for (const [name, value] of Object.entries(values))
      if (typeof value !== 'number')
        throw new InputError({ where, received: `${name}: ${describe(value)}`, expected: 'numbers by name' })
    this.last = { ...values, seed: this.#pass.seed, iteration }
    const why = this.#watch.onReport(this.last)
    if (why !== undefined) throw new Pruned(why)
  }
}

/** Does a pass in this process. */
export async function doPass(work: Work, { trial, objectives }: Job): Promise<Ended> {
  try {
    const outcome = await work.call(trial)
    return { state: 'complete', values: await valuesOf(outcome, objectives, work.last) }
  } catch (error) {
    if (isInstance(error, Halted))
      try {
        return { state: 'complete', values: await valuesOf(undefined, objectives, work.last) }
      } catch (missing) {
        return { state: 'failed', message: messageOf(missing) }
      }
    if (work.signal.aborted) return { state: 'waiting' }
    return { state: isInstance(error, Pruned) ? 'pruned' : 'failed', message: messageOf(error) }
  }
}
