import { describe, InputError } from '../../errors.js'
import type { Adjustment, ComparisonView, RunView } from '../../views.js'
import type { Core } from '../state/core.js'
import { viewOf } from './run-view.js'
import { coreOf, type AnyRun } from './run.js'
import { recordOf } from '../rules/recorded.js'

type Cell = string | number | null

/** What is compared: one row each. */
const rows: { readonly [what: string]: (core: Core) => Cell } = {
  iteration: (core) => core.state.iteration,
  'training loss': (core) => (core.state.history.length ? meanOfLast(core) : null),
  'learning rate': (core) => core.learningRate(),
  'batch size': (core) => core.settings.batchSize,
  'batch sizes by rule': ({ settings }) =>
    settings.batchSchedule ? JSON.stringify(recordOf(settings.batchSchedule)) : null,
  'batches an update': (core) => core.settings.accumulate ?? 1,
  'average of parameters': (core) => core.settings.ema ?? null,
  dropout: ({ dropouts }) => JSON.stringify(dropouts.record(undefined)),
  optimizer: (core) => core.settings.optimizer.name,
  schedule: ({ settings }) => (settings.schedule ? JSON.stringify(recordOf(settings.schedule)) : 'constant'),
  'training examples': (core) => core.state.order.included,
  seed: (core) => core.settings.seed,
}

/** The last 20 iterations: one batch says little. */
function meanOfLast(core: Core): number {
  const losses = core.state.history.column('loss').subarray(-20)
  return losses.reduce((a, b) => a + b, 0) / losses.length
}

/** 'learningRate 0.001 at 200; relabel 12 times at 400'. */
function adjustmentsText(adjustments: readonly Adjustment[]): string {
  const alike = new Map<string, Adjustment[]>()
  for (const one of adjustments) {
    const key = `${one.at} ${one.what}`
    const group = alike.get(key)
    if (group) group.push(one)
    else alike.set(key, [one])
  }
  const texts = [...alike.values()].map((group) => {
    const { at, what: name, to } = group.at(-1)!
    const what = name.replaceAll(/(?<=[a-z])[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`)
    if (group.length > 1) return `${what} ${group.length} times at ${at}`
    const ids = (to as { ids?: unknown } | null)?.ids
    const value = Array.isArray(ids) ? `${ids.length} examples` : typeof to === 'object' ? describe(to) : to
    return `${what} ${value} at ${at}`
  })
  return texts.join('; ')
}

/** Names that differ, as lines on one chart are told apart by them: runs that were not named are all called 'run'. */
function apart(names: readonly string[]): string[] {
  const taken = new Set<string>()
  return names.map((name) => {
    let own = name
    for (let number = 2; taken.has(own); number++) own = `${name} (${number})`
    taken.add(own)
    return own
  })
}

/**
 * A table of what differs between runs, and their charts.
 *
 * @example compare(run, other)
 */
export function compare(...runs: readonly AnyRun[]): ComparisonView {
  return comparisonOf(
    runs.map((run) => {
      const core = coreOf(run)
      if (core) return core
      throw new InputError({
        where: 'compare(a, b)',
        received: describe(run),
        expected: 'runs made by train',
      })
    }),
  )
}

/** What runs have in common is left out, but for where they stand. */
function comparisonOf(cores: readonly Core[]): ComparisonView {
  if (cores.length < 2)
    throw new InputError({
      where: 'compare(a, b)',
      received: `${cores.length} run${cores.length === 1 ? '' : 's'}`,
      expected: 'at least two',
    })
  const always = ['iteration', 'training loss']
  const table = Object.entries(rows).map(([what, read]) => ({ what, values: cores.map(read) }))
  const metrics = [
    ...new Set(cores.flatMap((core) => Object.keys(core.state.evaluations.at(-1) ?? {}))),
  ].filter((name) => name !== 'iteration')
  const evaluated = metrics.map((name) => ({
    what: name === 'loss' ? 'evaluation loss' : name,
    values: cores.map((core) => core.state.evaluations.at(-1)?.[name] ?? null),
  }))
  const shared = cores[0]!.state.adjustments.findIndex((one, i) =>
    cores.some((core) => JSON.stringify(core.state.adjustments[i]) !== JSON.stringify(one)),
  )
  const from = shared < 0 ? cores[0]!.state.adjustments.length : shared
  const adjustments = {
    what: 'adjustments of its own',
    values: cores.map((core): Cell => adjustmentsText(core.state.adjustments.slice(from)) || null),
  }
  const differs = ({ what, values }: { what: string; values: readonly Cell[] }) =>
    always.includes(what) || values.some((value) => value !== values[0])
  const names = apart(cores.map(({ name }) => name))
  const charts = cores.map((core, i): RunView => ({
    ...viewOf(core, { live: false, from: 0, to: core.state.iteration, started: performance.now() }),
    name: names[i]!,
  }))
  return {
    kind: 'comparison',
    runs: names,
    rows: [...table.filter(differs), ...evaluated, ...[adjustments].filter(differs)],
    charts,
  }
}
