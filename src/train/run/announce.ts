/**
 * Who wants to know of the runs of this process: a panel, the controls of a run. They hang on a global symbol, so that
 * two copies of gradbook in one kernel know of each other's runs. A run that nobody else holds is let go.
 */
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

/** A run was made. */
export function announceRun(run: Run): void {
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
