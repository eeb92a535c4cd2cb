/**
 * Who wants to know of the runs of this process: a panel, the controls of a run. They hang on a global symbol, so that
 * two copies of gradbook in one kernel know of each other's runs. A run that nobody else holds is let go.
 */
import { describe, InputError } from '../../errors.js'
import { whileWaiting } from '../../settle.js'
import type { RunView } from '../../views.js'
import type { Run } from './run.js'

/**
 * Called when a run is made or was changed (without a view), a few times a second while it trains, and when a call that
 * trained has ended.
 */
export type RunListener = (run: Run, view: RunView | undefined) => void

interface Registry {
  runs: WeakRef<Run>[]
  listeners: Set<RunListener>
  /** Calls under way that make runs which nobody asked to look at. */
  makers?: Set<object>
  aside?: WeakSet<Run>
}
const key = Symbol.for('gradbook.runs')
const registry = ((globalThis as { [key]?: Registry })[key] ??= { runs: [], listeners: new Set() })

/**
 * The runs that are still held by someone, oldest first.
 *
 * @example const names = knownRuns().map(({ name }) => name)
 */
export function knownRuns(): Run[] {
  const runs = registry.runs.map((ref) => ref.deref()).filter((run) => run !== undefined)
  if (runs.length < registry.runs.length) registry.runs = runs.map((run) => new WeakRef(run))
  return runs
}

/**
 * Calls `listener` with news of every run. Returns how to stop that.
 *
 * @example const stop = onRuns(({ name }, view) => console.log(name, view?.iteration))
 */
export function onRuns(listener: RunListener): () => void {
  registry.listeners.add(listener)
  return () => void registry.listeners.delete(listener)
}

/**
 * The run of a name, the newest where several have it: also a branch that was made in the panel, which no cell has a name for.
 *
 * @throws InputError where no run of this process that somebody still holds has the name.
 * @example await findRun('digits-2').iterate(200)
 */
export function findRun(name: string): Run {
  const found = knownRuns().findLast((run) => run.name === name)
  if (found) return found
  const names = [...new Set(knownRuns().map((run) => `'${run.name}'`))]
  throw new InputError({
    where: 'findRun(name)',
    received: describe(name),
    expected:
      names.length > 0 ? `the name of a run: ${names.slice(-12).join(', ')}` : 'a run; there is none yet',
    fix: "train(model, { name: 'digits', … }) names a run, run.branch('digits-2') a branch. One in a folder is taken up by loadRun(folder, …).",
  })
}

/** Awaits `work`, which makes runs for its own sake, such as one a seed: they do not come before the one that is looked at. */
export async function aside<T>(work: () => Promise<T>): Promise<T> {
  const call = {}
  const { makers } = withAside()
  const end = (): void => void makers.delete(call)
  const isOver = whileWaiting(end)
  makers.add(call)
  try {
    return await work()
  } finally {
    if (isOver()) end()
  }
}

/** Whether a call that needs many runs made this one. */
export const isAside = (run: Run): boolean => registry.aside?.has(run) ?? false

function withAside(): { makers: Set<object>; aside: WeakSet<Run> } {
  return { makers: (registry.makers ??= new Set()), aside: (registry.aside ??= new WeakSet()) }
}

/** A run was made. */
export function announceRun(run: Run): void {
  const { makers, aside } = withAside()
  if (makers.size > 0) aside.add(run)
  registry.runs.push(new WeakRef(run))
  announceView(run, undefined)
}

/** Another object goes on with the run: who asks for the runs is given that one. */
export function forgetRun(run: Run): void {
  registry.runs = registry.runs.filter((ref) => ref.deref() !== run)
}

export function announceView(run: Run, view: RunView | undefined): void {
  for (const listener of registry.listeners) listener(run, view)
}
