import { describe, InputError, Interrupted } from '../errors.js'
import { currentHost, maybeHost, type CellInfo, type Display } from '../host.js'
import { meanInterval } from '../mistakes/index.js'
import { say } from '../say.js'
import { named } from '../suggest.js'
import { whileWaiting } from '../settle.js'
import { messageOf } from '../untrusted.js'
import type { StudyView } from '../views.js'
import type { Engine, Pass, PassReport, Watch, Workers } from './engine.js'
import { importanceOf, type ImportanceRow } from './importance.js'
import type { Course, Pruner } from './pruning/pruner.js'
import type { Search, Searcher, Told } from './search/search.js'
import { describeSpace, type Entry, type ParametersOf, type Space } from './space.js'
import { StudyFolder, type StudyFile, type TrialFile } from './study-folder.js'
import { costOf, dominates, valuesOf, type Objective, type Trial } from './trial.js'
import { Work, type TrialContext } from './work.js'

/** What a study is made of. */
export interface StudyParts<S extends Space> {
  readonly name: string | undefined
  readonly entries: readonly Entry[]
  readonly trial: (parameters: ParametersOf<S>, context: TrialContext) => unknown
  readonly objectives: readonly Objective[]
  readonly search: Search
  readonly pruner: Pruner | undefined
  readonly seeds: readonly number[]
  readonly engine: Engine
  readonly progress: boolean
}

/** Milliseconds between two updates of what is shown. */
const updateEvery = 500
/** Trials that fail one after the other, from the first on, after which a study gives up: it is the trial, not its parameters. */
const failing = 3

/** Lets timers and messages have their turn, whatever the host does: a study of quick trials would hold them up. */
const turn = () => new Promise<void>((resolve) => void setTimeout(resolve))

/** Complete trials from which on the importance of parameters is shown. */
const enoughToSay = 10

interface Going {
  readonly abort: AbortController
  done: Promise<unknown>
}

/**
 * Many trainings of one kind, over a space of parameters: what was tried, what came of it, and what is tried next. Made by `sweep`.
 */
export class Study<S extends Space = Space> {
  readonly #parts: StudyParts<S>
  readonly #folder: StudyFolder | undefined
  readonly #where: string
  #trials: TrialFile[] = []
  #searcher: Searcher | undefined
  #going: Going | undefined
  #workers: Promise<Workers> | undefined
  /** Whoever asks the search waits for those who asked before. */
  #asking: Promise<unknown> = Promise.resolve()
  #shown: { display: Display; cell: CellInfo | undefined; at: number } | undefined
  #toldUnreported = false

  constructor(parts: StudyParts<S>) {
    this.#parts = parts
    this.#where = parts.name === undefined ? 'study' : `study '${parts.name}'`
    this.#folder = parts.name === undefined ? undefined : StudyFolder.open(parts.name)
    this.#takeUp()
  }

  /** What stands in its folder, if it is the same study. */
  #takeUp(): void {
    const folder = this.#folder
    const found = folder?.read(this.#where)
    if (!found) return
    const [ours, theirs] = [this.#file(), found.study]
    for (const [what, mine, its] of [
      ['space', ours.space, theirs.space],
      ['objectives', ours.objectives, theirs.objectives],
      ['seeds', ours.seeds, theirs.seeds],
    ] as const) {
      if (JSON.stringify(mine) === JSON.stringify(its)) continue
      throw new InputError({
        where: `sweep({ name: ${describe(this.#parts.name)} })`,
        received: `${what} other than those of the study in ${folder!.path}: ${JSON.stringify(mine)}`,
        expected: JSON.stringify(its),
        fix: 'Give this study another name, or remove that folder if its trials are of no use any more.',
      })
    }
    // Nobody is at work on what another process left running.
    this.#trials = found.trials.map((trial) =>
      trial.state === 'running' ? { ...trial, state: 'waiting' } : trial,
    )
  }

  #file(): StudyFile {
    const { name, entries, objectives, seeds } = this.#parts
    return { format: 1, name: name ?? '', space: describeSpace(entries), objectives, seeds }
  }

  /** undefined where it has none: such a study is in memory alone. */
  get name(): string | undefined {
    return this.#parts.name
  }
  /** Where it is written; undefined where it has no name. */
  get folder(): string | undefined {
    return this.#folder?.path
  }
  /** Whether trials are made now. */
  get running(): boolean {
    return this.#going !== undefined
  }

  /** All trials as data, in their order. */
  get trials(): Trial<ParametersOf<S>>[] {
    return this.#trials.map(({ calls: _, ...trial }) => ({
      ...trial,
      parameters: { ...trial.parameters } as ParametersOf<S>,
      ...(this.#folder && { folder: this.#folder.of(trial.number) }),
    }))
  }

  /** The best of the trials that are complete; undefined before the first. Of several objectives see `front`. */
  get best(): Trial<ParametersOf<S>> | undefined {
    const { objectives } = this.#parts
    if (objectives.length > 1)
      throw new InputError({
        where: 'study.best',
        received: `a study of ${objectives.length} objectives`,
        expected: 'one',
        fix: 'study.front has the trials to which none is better in all of them.',
      })
    let best: Trial<ParametersOf<S>> | undefined
    for (const trial of this.trials)
      if (trial.state === 'complete' && (!best || this.#cost(trial) < this.#cost(best))) best = trial
    return best
  }

  /** The complete trials to which none is better in one objective and not worse in the others (Pareto's front). */
  get front(): Trial<ParametersOf<S>>[] {
    const complete = this.trials.filter(({ state }) => state === 'complete')
    const { objectives } = this.#parts
    return complete.filter(
      (one) => !complete.some((other) => dominates(objectives, other as Trial, one as Trial)),
    )
  }

  /**
   * How much each parameter decides about which of the complete trials are among the best tenth (PED-ANOVA), the most important
   * first; shares of 1. Of several objectives, by the first or the one that is named.
   *
   * @throws InputError for fewer than two complete trials.
   */
  importance(options: { of?: string } = {}): ImportanceRow[] {
    const { objectives, entries } = this.#parts
    const { of = objectives[0]!.name } = named(options, ['of'], 'study.importance(options)')
    const objective = objectives.find(({ name }) => name === of)
    if (!objective)
      throw new InputError({
        where: 'study.importance({ of })',
        received: describe(of),
        expected: objectives.map(({ name }) => describe(name)).join(', '),
      })
    const complete = this.#trials.filter(({ state }) => state === 'complete')
    const judged = complete.map(({ parameters, values }) => ({ parameters, cost: costOf(objective, values) }))
    return importanceOf(entries, judged, 'study.importance()')
  }

  #cost(trial: Pick<Trial, 'values'>): number {
    return costOf(this.#parts.objectives[0]!, trial.values)
  }

  /**
   * Makes so many trials more, after those that were broken off. Resolves when they are over; sooner where the search has no more.
   *
   * @throws Interrupted when it is stopped: what was under way is taken up by the next call.
   */
  async run(trials: number, options: { signal?: AbortSignal } = {}): Promise<StudyView> {
    const where = 'study.run(trials)'
    const going = this.#begin(trials, where)
    const { signal } = options
    const interrupt = maybeHost()?.interrupt
    const stop = () => going.abort.abort()
    for (const one of [signal, interrupt]) {
      if (one?.aborted) stop()
      one?.addEventListener('abort', stop)
    }
    const isOver = whileWaiting(() => this.#leave(going))
    try {
      const work = this.#hold(where).then(() => this.#go(going, trials))
      going.done = work.catch(() => {})
      await work
    } finally {
      for (const one of [signal, interrupt]) one?.removeEventListener('abort', stop)
      if (isOver()) this.#leave(going)
    }
    this.#show(true)
    if (signal?.aborted || interrupt?.aborted) throw new Interrupted(this.#count('complete'), undefined)
    return this.view()
  }

  /** The same in the background: the cell ends at once, and others can run. `stop()` ends it, `await study.finished()` waits. */
  start(trials = Infinity): void {
    const where = 'study.start(trials)'
    const going = this.#begin(trials, where)
    going.done = this.#hold(where)
      .then(() => this.#go(going, trials))
      .catch((error: unknown) => say(`${this.#where} has ended: ${messageOf(error)}`))
      .finally(() => {
        this.#leave(going)
        this.#show(true)
      })
  }

  /** Resolves when nothing runs any more. */
  async finished(): Promise<void> {
    await this.#going?.done
  }

  /** Ends what runs, within an iteration; it is taken up by the next `run` or `start`. */
  async stop(): Promise<void> {
    this.#going?.abort.abort()
    await this.finished()
  }

  /** Stops it, ends its workers and lets its folder go: another process may go on with it. */
  async close(): Promise<void> {
    await this.stop()
    const workers = this.#workers
    this.#workers = undefined
    await (await workers?.catch(() => undefined))?.close()
    await this.#searcher?.close?.()
    await this.#folder?.release()
  }

  /**
   * The parameters of the next trial, for a loop of one's own; `tell` says what came of it.
   *
   * @throws InputError where the search has no more.
   */
  async ask(): Promise<Trial<ParametersOf<S>>> {
    await this.#hold('study.ask()')
    const trial = await this.#next()
    if (!trial)
      throw new InputError({
        where: 'study.ask()',
        received: `a search that has no more after ${this.#trials.length} trials`,
        expected: 'one that goes on',
      })
    return this.trials.find(({ number }) => number === trial.number)!
  }

  /**
   * What came of a trial that `ask` gave: its objective, several by name, or undefined where it failed.
   *
   * @example study.tell((await study.ask()).number, 0.31)
   */
  async tell(number: number, outcome: number | { [objective: string]: number } | undefined): Promise<void> {
    const where = 'study.tell(number, outcome)'
    await this.#hold(where)
    const trial = this.#trialAt(number, where)
    if (trial.state !== 'running' && trial.state !== 'waiting')
      throw new InputError({
        where,
        received: `trial ${number}, which is ${trial.state}`,
        expected: 'one that nothing was told of yet',
      })
    if (outcome === undefined) return this.#end(trial, { state: 'failed', message: 'told so' })
    const values = await valuesOf(outcome, this.#parts.objectives, undefined)
    const [seed] = this.#parts.seeds
    await this.#end(trial, { state: 'complete', values, seeds: [{ seed: seed!, values }] })
  }

  /**
   * What the trial's function gives for a trial that was made, its runs taken up from disk: nothing is trained anew.
   *
   * @example const run = await study.runOf(study.best!.number)
   */
  async runOf(number: number): Promise<unknown> {
    const where = 'study.runOf(number)'
    const trial = this.#trialAt(number, where)
    if (!this.#folder)
      throw new InputError({
        where,
        received: 'a study without a name, whose runs are not written',
        expected: "sweep({ name: 'rates', … })",
      })
    const [seed] = this.#parts.seeds
    const silent = { onReport: () => undefined, onCalls: () => {} }
    const work = new Work(this.#passOf(trial, seed!), silent, new AbortController().signal)
    return work.call(this.#parts.trial as (...given: never[]) => unknown)
  }

  /** What it looks like: as the last expression of a cell a study is drawn. */
  view(): StudyView {
    const { objectives, entries } = this.#parts
    const front = new Set(
      objectives.length > 1 ? this.front.map(({ number }) => number) : [this.best?.number],
    )
    return {
      kind: 'study',
      name: this.name ?? '',
      objectives,
      parameters: entries.map(({ name, dimension: { kind, settings } }) => ({
        name,
        kind,
        log: kind === 'logUniform' || settings.log === true,
      })),
      trials: this.#trials.map(
        ({ number, state, parameters, values, seeds, reports, milliseconds, message, branch }) => ({
          number,
          state,
          parameters,
          values,
          best: front.has(number),
          iteration: reports.at(-1)?.iteration ?? 0,
          milliseconds,
          ...(seeds.length > 1 && {
            spread: Object.fromEntries(
              objectives.map(({ name }) => {
                const { from, to } = meanInterval(seeds.map((one) => one.values[name]!))
                return [name, { from, to }]
              }),
            ),
          }),
          ...(message !== undefined && { message }),
          reports: reports.flatMap((report) =>
            report.seed === this.#parts.seeds[0] && Number.isFinite(report[objectives[0]!.name])
              ? [{ iteration: report.iteration, value: report[objectives[0]!.name]! }]
              : [],
          ),
          ...(branch?.from !== undefined && { from: branch.from }),
        }),
      ),
      running: this.running,
      ...(this.#count('complete') >= enoughToSay && { importance: this.importance() }),
    }
  }

  /** All trials as rows of a table, the best first: trial, state, objectives, parameters. */
  table(): { [column: string]: unknown }[] {
    const { objectives, entries, seeds } = this.#parts
    const [first] = objectives as [Objective]
    const cost = ({ values }: Trial) =>
      Number.isFinite(values[first.name]) ? costOf(first, values) : Infinity
    return this.#trials
      .toSorted(
        (a, b) =>
          Number(b.state === 'complete') - Number(a.state === 'complete') ||
          cost(a) - cost(b) ||
          a.number - b.number,
      )
      .map((trial) => ({
        trial: trial.number,
        state: trial.state,
        ...Object.fromEntries(objectives.map(({ name }) => [name, trial.values[name] ?? null])),
        ...(seeds.length > 1 && { seeds: trial.seeds.length }),
        ...Object.fromEntries(entries.map(({ name }) => [name, trial.parameters[name] ?? null])),
        iteration: trial.reports.at(-1)?.iteration ?? null,
        ...(trial.branch?.from !== undefined && { from: trial.branch.from }),
        seconds: trial.milliseconds / 1000,
      }))
  }

  /** The trials that led to this one, of a population: from the one that began anew to itself. */
  lineage(number: number): Trial<ParametersOf<S>>[] {
    const { branch } = this.#trialAt(number, 'study.lineage(number)')
    const before = branch?.from === undefined ? [] : this.lineage(branch.from)
    return [...before, this.trials[number]!]
  }

  #count(state: Trial['state']): number {
    return this.#trials.filter((trial) => trial.state === state).length
  }

  #trialAt(number: number, where: string): TrialFile {
    const trial = this.#trials.find((one) => one.number === number)
    if (trial) return trial
    throw new InputError({
      where,
      received: describe(number),
      expected:
        this.#trials.length === 0 ? 'a trial, of which there is none yet' : `0 to ${this.#trials.length - 1}`,
    })
  }

  /** The folder is held from here on. */
  async #hold(where: string): Promise<void> {
    const isNew = await this.#folder?.take(`${this.#where}, ${where}`, () => this.stop())
    if (!isNew) return
    this.#takeUp()
    this.#searcher = undefined
    this.#folder!.write(this.#file())
  }

  #begin(trials: unknown, where: string): Going {
    if (trials !== Infinity && (!Number.isInteger(trials) || (trials as number) < 1))
      throw new InputError({
        where,
        received: describe(trials),
        expected: 'a whole number of trials, at least 1',
      })
    if (this.#going)
      throw new InputError({
        where,
        received: `${this.#where}, which is at work`,
        expected: 'one that stands still',
        fix: 'await study.stop(), or await study.finished().',
      })
    return (this.#going = { abort: new AbortController(), done: Promise.resolve() })
  }

  /** What it was at is over, in whichever way. */
  #leave(going: Going): void {
    if (this.#going !== going) return
    this.#going = undefined
    for (const trial of this.#trials) if (trial.state === 'running') this.#change(trial, { state: 'waiting' })
  }

  async #go(going: Going, trials: number): Promise<void> {
    const { signal } = going.abort
    const { engine, trial, objectives } = this.#parts
    this.#workers ??= engine.open({
      name: this.#where,
      objectives,
      trial: trial as (...given: never[]) => unknown,
    })
    let workers: Workers
    try {
      workers = await this.#workers
    } catch (error) {
      this.#workers = undefined
      throw error
    }
    let left = trials
    const lane = async (): Promise<void> => {
      while (left-- > 0 && !signal.aborted) {
        const next = await this.#take()
        if (!next) break
        await this.#pass(next, workers, signal)
        this.#checkFailing()
        this.#show(false)
        await turn()
      }
    }
    const lanes = Array.from(
      { length: Math.min(workers.size, trials, this.#search().atOnce ?? Infinity) },
      async () => {
        try {
          await lane()
        } catch (error) {
          // The others end with it: what they are at is taken up later.
          going.abort.abort()
          throw error
        }
      },
    )
    const ended = await Promise.allSettled(lanes)
    await this.#searcher?.close?.()
    const failed = ended.find((one) => one.status === 'rejected')
    if (failed) throw failed.reason
  }

  /** A trial to be made: one that was broken off, or a new one. */
  #take(): Promise<TrialFile | undefined> {
    const taken = this.#asking.then(async () => {
      const waiting = this.#trials.find(({ state }) => state === 'waiting')
      return waiting ? this.#change(waiting, { state: 'running' }) : this.#next()
    })
    this.#asking = taken.catch(() => {})
    return taken
  }

  /** All of the first failed: that is said with what the last one said, in place of going on to the end. */
  #checkFailing(): void {
    const over = this.#trials.filter(({ state }) => state !== 'running' && state !== 'waiting')
    if (over.length !== failing || !over.every(({ state }) => state === 'failed')) return
    throw new InputError({
      where: this.#where,
      received: `${failing} trials that failed, and none that did not. The last one said: ${over.at(-1)!.message}`,
      expected: 'trials that come to an end',
      fix: 'Mend the trial; the next run goes on with other parameters.',
    })
  }

  #search(): Searcher {
    const { search, entries, objectives, name, seeds } = this.#parts
    if (this.#searcher) return this.#searcher
    this.#searcher = search.begin({
      name: name ?? 'study',
      entries,
      objectives,
      folder: this.#folder?.path,
      branches: new Map(
        this.#trials.flatMap(({ number, branch }) => (branch ? [[number, branch] as const] : [])),
      ),
      trials: this.#trials.flatMap((trial) => this.#told(trial) ?? []),
    })
    if (this.#searcher.branchOf && seeds.length > 1)
      throw new InputError({
        where: 'sweep({ repeat })',
        received: `${seeds.length} seeds beside ${search.name}`,
        expected: '1: members of a population are their own repetition',
      })
    return this.#searcher
  }

  /** A trial that nobody has begun; undefined when there are no more. */
  async #next(): Promise<TrialFile | undefined> {
    const searcher = this.#search()
    const number = this.#trials.length
    const parameters = await searcher.ask(number)
    if (!parameters) return undefined
    const branch = searcher.branchOf?.(number)
    const from = branch?.from === undefined ? undefined : this.#trials[branch.from]!
    if (from) this.#folder!.branch(from.number, number)
    const trial: TrialFile = {
      number,
      parameters,
      state: 'running',
      values: {},
      seeds: [],
      reports: [],
      milliseconds: 0,
      ...(branch && { branch }),
      calls: from?.calls ?? {},
    }
    this.#trials = [...this.#trials, trial]
    this.#folder?.writeTrial(trial)
    return trial
  }

  /** What the search is told; nothing of a trial that is not over. */
  #told({ number, parameters, state, values, reports }: TrialFile): Told | undefined {
    if (state === 'running' || state === 'waiting') return undefined
    const { objectives } = this.#parts
    const known = objectives.every(({ name }) => Number.isFinite(values[name]))
    return {
      number,
      parameters,
      state,
      values: known ? objectives.map((one) => costOf(one, values)) : undefined,
      iteration: reports.at(-1)?.iteration ?? 0,
    }
  }

  #change(trial: TrialFile, changes: Partial<TrialFile>): TrialFile {
    const now = this.#trials[trial.number]!
    const changed = { ...now, ...changes }
    this.#trials = this.#trials.with(trial.number, changed)
    this.#folder?.writeTrial(changed)
    return changed
  }

  async #end(trial: TrialFile, changes: Partial<TrialFile>): Promise<void> {
    const told = this.#told(this.#change(trial, changes))
    if (told) await this.#searcher?.tell?.(told)
  }

  /** One trial, with all its seeds; what was made before of them is not made again. */
  async #pass(trial: TrialFile, workers: Workers, signal: AbortSignal): Promise<void> {
    const { seeds, objectives } = this.#parts
    const { number } = trial
    const now = () => this.#trials[number]!
    for (const seed of seeds) {
      if (now().seeds.some((one) => one.seed === seed)) continue
      const started = performance.now()
      const watch: Watch = {
        onReport: (report) => this.#report(number, report),
        onCalls: (calls) => {
          const own = Object.entries(calls).map(([run, ends]) => [`${seed}/${run}`, ends])
          this.#change(trial, { calls: { ...now().calls, ...Object.fromEntries(own) } })
        },
        onLost: (why) => say(`${this.#where}, trial ${number}: ${why}. It goes on from its last snapshot.`),
      }
      const ended = await workers.run(this.#passOf(now(), seed), watch, signal)
      const milliseconds = now().milliseconds + performance.now() - started
      if (ended.state === 'waiting') return void this.#change(trial, { state: 'waiting', milliseconds })
      if (ended.state !== 'complete') {
        const last = ended.state === 'pruned' ? now().reports.at(-1) : undefined
        const values = objectives.flatMap(({ name }) => (last && name in last ? [[name, last[name]!]] : []))
        return this.#end(trial, { ...ended, values: Object.fromEntries(values), milliseconds })
      }
      this.#change(trial, { seeds: [...now().seeds, { seed, values: ended.values }], milliseconds })
    }
    const done = now().seeds
    const means = objectives.map(({ name }) => [
      name,
      done.reduce((sum, { values }) => sum + values[name]! / done.length, 0),
    ])
    await this.#end(trial, {
      state: 'complete',
      values: Object.fromEntries(means) as { [name: string]: number },
    })
  }

  #passOf({ number, parameters, calls, branch }: TrialFile, seed: number): Pass {
    const folder = this.#folder?.of(number)
    const prefix = `${seed}/`
    const before = Object.entries(calls).flatMap(([run, ends]) =>
      run.startsWith(prefix) ? [[run.slice(prefix.length), ends] as const] : [],
    )
    return {
      number,
      parameters,
      seed,
      folder: folder === undefined || this.#parts.seeds.length === 1 ? folder : `${folder}/seed-${seed}`,
      before: Object.fromEntries(before),
      ...(branch && { until: branch.until }),
    }
  }

  /** Writes down what a trial reports; gives why it shall end there, where it shall. */
  #report(number: number, report: PassReport): string | undefined {
    const trial = this.#trials[number]!
    // Of an iteration that is made again.
    const others = trial.reports.filter(
      ({ seed, iteration }) => seed !== report.seed || iteration !== report.iteration,
    )
    this.#change(trial, { reports: [...others, report] })
    this.#show(false)
    return this.#judge(number, report.seed)
  }

  /** Why a trial shall end early: others were better. */
  #judge(number: number, seed: number): string | undefined {
    const { pruner, seeds, objectives } = this.#parts
    // Further seeds tell how sure one can be of a trial that was good enough.
    if (!pruner || seed !== seeds[0]) return undefined
    const [objective] = objectives as [Objective]
    const courseOf = (trial: TrialFile): Course => ({
      number: trial.number,
      state: trial.state,
      reports: trial.reports
        .filter((report) => report.seed === seeds[0] && objective.name in report)
        .map((report) => ({ iteration: report.iteration, value: costOf(objective, report) })),
    })
    const trial = courseOf(this.#trials[number]!)
    if (trial.reports.length === 0) {
      if (this.#toldUnreported) return undefined
      this.#toldUnreported = true
      say(`${this.#where}: evaluations have no '${objective.name}', so ${pruner.name} ends no trial early.`)
      return undefined
    }
    return pruner.verdict(trial, this.#trials.filter((other) => other.number !== number).map(courseOf))
  }

  /** Shows how it stands, below the cell that waits for it; now, or when it is due. */
  #show(now: boolean): void {
    const host = maybeHost()
    if (!host || !this.#parts.progress) return
    const { cell } = host
    const isHere = this.#shown && this.#shown.cell?.number === cell?.number
    const at = performance.now()
    if (!now && isHere && at - this.#shown!.at < updateEvery) return
    if (isHere) this.#shown!.display.update(this.view())
    this.#shown = { display: isHere ? this.#shown!.display : currentHost().display(this.view()), cell, at }
  }
}
