/**
 * The kernel's side of the run panel: tells of the runs of this process over a comm, and does to them what the panel
 * asks. It opens the comm with the first run; a page that comes later finds it in the kernel's list of comms.
 */
import { Interrupted } from '../errors.js'
import { beside, maybeHost, type Comm } from '../host.js'
import { during } from '../settle.js'
import { cleanLine } from '../show/clean.js'
import { runData } from '../show/values/run-data.js'
import { shownMistake } from '../show/charts/shown-mistake.js'
import { firstFree } from '../train/disk/names.js'
import { isAside, knownRuns, onRuns } from '../train/run/announce.js'
import { labelsOf } from '../train/adjust/adjust.js'
import { coreOf, type Run } from '../train/run/run.js'
import { messageOf } from '../untrusted.js'
import type { RunView } from '../views.js'
import { target, type Action, type RunSummary, type Step, type ToKernel, type ToPanel } from './protocol.js'
import { standOf, Steps } from './steps.js'

/** Milliseconds between two charts of a run that trains. */
const pause = 350
/** Milliseconds after which a run knows that Stop has ended its training. */
const foundOutWithin = 1_500
/** Letters of a label to choose: each mistake has all of them. */
const mostOfLabel = 40
/** Pages that can look at runs at a time. */
const pages = 8

const ids = new WeakMap<Run, string>()
let count = 0
/** Notebooks keep ids longer than a process lives. */
const process = Math.random().toString(36).slice(2, 8)
function idOf(run: Run): string {
  if (!ids.has(run)) ids.set(run, `run-${process}-${++count}`)
  return ids.get(run)!
}

/** The name of a branch that was given none: the run's, or rather the next free one. */
function nameOf(run: Run): string {
  const taken = new Set(knownRuns().map(({ name }) => name))
  return firstFree(run.name, (name) => (taken.has(name) ? undefined : name))
}

/** The run that it branched from, where somebody still holds that. */
function parentOf(run: Run): Run | undefined {
  const { parent } = run
  return parent && knownRuns().findLast((one) => one !== run && one.name === parent.name)
}

const reasonOf = ({ why }: { why?: string }): { why?: string } => (why === undefined ? {} : { why })

type Do = Extract<ToKernel, { method: 'do' }>

interface Done {
  /** Whether the kernel has to be interrupted for it. */
  interrupt?: boolean
  step?: Omit<Step, 'id'> | undefined
}

class Panel {
  readonly #comm: Comm
  readonly #views = new WeakMap<Run, RunView>()
  /** Training that was asked for here, which Stop in the panel ends. */
  readonly #training = new Map<Run, AbortController>()
  /** By page: the run it looks at. Pages that went without a word are forgotten after some others came. */
  readonly #watched = new Map<string, { id: string; withParent: boolean }>()
  readonly #steps = new Steps()
  /** Branches that were made here: no variable of a cell has them. */
  readonly #branches = new Set<Run>()
  #active: WeakRef<Run> | undefined
  #travelling: Promise<unknown> = Promise.resolve()
  #sent = 0
  /** Runs whose news wait for the end of a pause. */
  readonly #due = new Set<Run>()
  #soon: ReturnType<typeof setTimeout> | undefined

  constructor(comm: Comm) {
    this.#comm = comm
    comm.onMsg((message: ToKernel) => void this.#receive(message))
    maybeHost()?.onTermination?.(() =>
      beside(() => setTimeout(() => this.#forgetEnded(), foundOutWithin).unref?.()),
    )
  }

  /** News of a run, from whoever trains it. */
  onRun(run: Run, view: RunView | undefined): void {
    this.#steps.follow(run)
    const isNew = this.#active?.deref() !== run && !isAside(run)
    if (isNew) this.#active = new WeakRef(run)
    const wasLive = this.#views.get(run)?.live ?? false
    if (view) this.#views.set(run, view)
    if (isNew || (view && wasLive !== view.live)) this.#sendRuns()
    if (!this.#isWatched(run)) return
    if (view && !view.live) this.#sendRun(run)
    else this.#sendSoon(run)
  }

  /** Changes come in crowds: one message a run tells of all that came within a pause. */
  #sendSoon(run: Run): void {
    this.#due.add(run)
    if (this.#soon) return
    const wait = Math.max(0, this.#sent + pause - performance.now())
    const send = (): void => {
      this.#soon = undefined
      for (const due of this.#due) if (this.#isWatched(due)) this.#sendRun(due)
      this.#due.clear()
    }
    this.#soon = beside(() => setTimeout(send, wait))
    ;(this.#soon as { unref?(): void }).unref?.()
  }

  #send(message: ToPanel): void {
    this.#comm.send(message)
  }

  #sendRuns(): void {
    const active = this.#active?.deref()
    const runs = knownRuns().map((run): RunSummary => {
      const { parent } = run
      return {
        id: idOf(run),
        name: run.name,
        iteration: run.iteration,
        live: this.#views.get(run)?.live ?? false,
        ...(parent && { parent }),
      }
    })
    this.#send({ method: 'runs', runs, active: active ? idOf(active) : (runs.at(-1)?.id ?? null) })
  }

  #sendRun(run: Run): void {
    this.#due.delete(run)
    this.#sent = performance.now()
    const live = this.#views.get(run)
    const view = live?.live ? live : run.view()
    const parent = this.#watching(run).some(({ withParent }) => withParent) ? parentOf(run) : undefined
    const labels = labelsOf(coreOf(run)!)
    this.#send({
      method: 'run',
      id: idOf(run),
      data: runData(parent ? { ...view, beside: [parent.view()] } : view, view.live ? 300 : 800),
      learningRate: run.learningRate,
      batchSize: run.batchSize,
      points: [...new Set(run.points.map(({ iteration }) => iteration))],
      ...(labels && {
        labels: labels === 'number' ? labels : labels.map((label) => cleanLine(label, mostOfLabel)),
      }),
    })
  }

  #watching(run: Run): { withParent: boolean }[] {
    const id = idOf(run)
    return [...this.#watched.values()].filter((one) => one.id === id)
  }

  #isWatched(run: Run): boolean {
    return this.#watching(run).length > 0
  }

  #watch(page: string, id: string | null, withParent = false): void {
    this.#watched.delete(page)
    if (id === null) return
    this.#watched.set(page, { id, withParent })
    const [oldest] = this.#watched.keys()
    if (this.#watched.size > pages) this.#watched.delete(oldest!)
  }

  #find(id: string | null): Run | undefined {
    return knownRuns().find((run) => idOf(run) === id)
  }

  async #receive(message: ToKernel): Promise<void> {
    if (message.method === 'state') this.#sendRuns()
    if (message.method === 'watch') this.#watch(message.page, message.id, message.withParent)
    if (message.method === 'do') return this.#act(message)
    for (const run of knownRuns()) if (this.#isWatched(run)) this.#sendRun(run)
  }

  async #act(message: Do): Promise<void> {
    const { id, request } = message
    const run = this.#find(id)
    try {
      if (!run) throw new Error('this run is gone')
      const { interrupt, step } = await this.#inTurn(run, message)
      this.#send({
        method: 'done',
        request,
        ...(interrupt && { interrupt }),
        ...(step && { step: { ...step, id } }),
      })
    } catch (error) {
      this.#send({ method: 'done', request, error: messageOf(error) })
    }
    this.#sendRuns()
    if (run && this.#isWatched(run)) this.#sendRun(run)
  }

  /** Steps back, forth and aside come one after the other, also where they are clicked faster than they are done. */
  async #inTurn(run: Run, message: Do): Promise<Done> {
    if (!['undo', 'redo', 'goTo', 'branch'].includes(message.action)) return this.#do(run, message)
    const before = this.#travelling
    const mine = before.then(() => this.#do(run, message))
    this.#travelling = mine.catch(() => {})
    return mine
  }

  async #do(run: Run, message: Do): Promise<Done> {
    const before = standOf(run)
    const byPanel = this.#training.has(run)
    let twin: Run | undefined
    switch (message.action) {
      case 'set':
        run.set(message.changes, reasonOf(message))
        break
      case 'exclude':
        run.exclude(message.ids, reasonOf(message))
        break
      case 'relabel': {
        const labels = labelsOf(coreOf(run)!)
        const label = Array.isArray(labels) ? labels[message.label] : undefined
        run.relabel(message.example, label ?? message.label, reasonOf(message))
        break
      }
      case 'why':
        return { step: this.#steps.explain(run, message.why) }
      case 'undo':
        await run.undo()
        break
      case 'redo':
        await run.redo()
        break
      case 'goTo':
        await run.goTo(message.iteration)
        break
      case 'branch':
        twin = await this.#branch(run, message.name ?? nameOf(run), message.at)
        this.#branches.add(twin)
        break
      case 'train':
        await this.#train(run, message.iterations)
        break
      case 'stop': {
        const ours = this.#training.get(run)
        if (ours) ours.abort()
        else await run.pause()
        // What a cell trains is stopped as the cell is.
        return { interrupt: !ours && run.state === 'training' }
      }
      case 'mistakes':
        await this.#mistakes(run, message)
        return {}
    }
    return { step: this.#steps.of(message.request, run, message, { before, twin, byPanel }) }
  }

  async #mistakes(run: Run, { k, of }: Extract<Action, { action: 'mistakes' }>): Promise<void> {
    const { iteration, rows } = await run.mistakes({ k, of })
    const shown = rows.map((row) => shownMistake(row))
    this.#send({ method: 'mistakes', id: idOf(run), of, iteration, rows: shown })
  }

  /** A branch from an earlier point begins where the run stands: it goes there for the moment. */
  async #branch(run: Run, name: string, at = run.iteration): Promise<Run> {
    if (at === run.iteration) return run.branch(name)
    await run.goTo(at)
    let back: Promise<unknown> | undefined
    const goBack = () => void (back ??= run.undo())
    const twin = during(goBack, () => run.branch(name))
    await back
    // The run told of its way back, after the branch had told of itself.
    this.#active = new WeakRef(twin)
    return twin
  }

  async #train(run: Run, iterations: number): Promise<void> {
    const controller = new AbortController()
    this.#training.set(run, controller)
    try {
      await run.iterate(iterations, { signal: controller.signal })
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error
    } finally {
      this.#training.delete(run)
    }
  }

  /** Training that Stop ended in the middle does not come back to say so. */
  #forgetEnded(): void {
    for (const run of this.#training.keys()) if (run.state !== 'training') this.#training.delete(run)
  }
}

let panel: Panel | undefined

/** From the first run on, in a notebook, the panel is told of runs. */
export function serveRuns(): void {
  onRuns((run, view) => {
    const host = maybeHost()
    if (host?.kind !== 'notebook') return
    panel ??= new Panel(host.comms.open(target, {}))
    panel.onRun(run, view)
  })
}
