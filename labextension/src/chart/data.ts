/** What the kernel sends of a run: `RunData` of src/show/run-data.ts, read from outside and so not trusted to be whole. */
import type { RunData } from '../../../src/show/values/run-data.js'

export type { RunData }
export type Line = RunData['loss']

const emptyLine: Line = { x: [], y: [] }
const listOf = <Item>(value: readonly Item[] | undefined): readonly Item[] =>
  Array.isArray(value) ? value : []
/** JSON has null for numbers that are not finite. */
const lineOf = (value: Line | undefined): Line =>
  Array.isArray(value?.x) && Array.isArray(value?.y)
    ? { ...value, y: value.y.map((one: number | null) => one ?? Number.NaN) }
    : emptyLine

/** The data with what is missing filled in as empty. */
export function readRun(raw: unknown): RunData {
  const data = (raw ?? {}) as Partial<RunData>
  return {
    kind: 'run',
    name: String(data.name ?? 'run'),
    live: data.live === true,
    iteration: Number(data.iteration ?? 0),
    from: Number(data.from ?? 0),
    to: data.to,
    milliseconds: Number(data.milliseconds ?? 0),
    metrics: listOf(data.metrics).map(String),
    stopReason: data.stopReason ?? null,
    loss: lineOf(data.loss),
    mean: lineOf(data.mean),
    ...(data.newest && { newest: data.newest }),
    ...(data.undone && { undone: lineOf(data.undone) }),
    learningRate: lineOf(data.learningRate),
    gradientNorm: lineOf(data.gradientNorm),
    evaluations: listOf(data.evaluations),
    adjustments: listOf(data.adjustments),
    spikes: listOf(data.spikes).map((spike) => ({
      at: Number(spike.at),
      loss: Number(spike.loss),
      expected: Number(spike.expected),
      count: Number(spike.count),
      ids: listOf(spike.ids),
    })),
    ...(data.mistakes && { mistakes: { ...data.mistakes, rows: listOf(data.mistakes.rows) } }),
    beside: listOf(data.beside).map((run) => ({
      name: String(run.name),
      mean: lineOf(run.mean),
      evaluations: listOf(run.evaluations),
    })),
  }
}
