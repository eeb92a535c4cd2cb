import { InputError } from '../errors.js'
import { maybeFiles } from '../store/files.js'
import { encodeEvents, type ScalarEvent } from '../store/tfevents.js'
import type { Core } from './core.js'

/** Writes history and evaluations where TensorBoard reads them: `tensorboard --logdir FOLDER`. Gives the file. */
export function exportTensorBoard(core: Core, folder: string): string {
  const files = filesOr('run.exportTensorBoard(folder)')
  const now = Date.now() / 1000
  const events: ScalarEvent[] = []
  const { history } = core
  const steps = history.column('iteration')
  // Each iteration at its own time, counted back from now.
  const milliseconds = history.column('milliseconds')
  let time = now - milliseconds.reduce((a, b) => a + b, 0) / 1000
  const times = Array.from(milliseconds, (took) => (time += took / 1000))
  for (const name of history.names) {
    if (name === 'iteration') continue
    const values = history.column(name)
    for (let i = 0; i < values.length; i++)
      if (!Number.isNaN(values[i]))
        events.push({ step: steps[i]!, tag: `train/${name}`, value: values[i]!, wallTime: times[i]! })
  }
  for (const row of core.evaluations)
    for (const [name, value] of Object.entries(row))
      if (name !== 'iteration')
        events.push({
          step: row.iteration,
          tag: `evaluation/${name}`,
          value,
          wallTime: times[Math.max(0, row.iteration - 1)] ?? now,
        })
  const file = files.join(folder, `events.out.tfevents.${Math.floor(now)}.gradbook`)
  files.write(file, encodeEvents(events, now))
  return file
}

/** Writes the history as CSV, evaluations in columns of their own. Gives the file. */
export function exportCsv(core: Core, file: string): string {
  const files = filesOr('run.exportCsv(file)')
  const { history, evaluations } = core
  const metrics = [...new Set(evaluations.flatMap((row) => Object.keys(row)))].filter(
    (name) => name !== 'iteration',
  )
  const byIteration = new Map(evaluations.map((row) => [row.iteration, row]))
  const head = [...history.names, ...metrics.map((name) => `evaluation_${name}`)]
  const lines = [head.map(quoted).join(',')]
  const last = history.length ? history.row(0).iteration - 1 : 0
  const early = byIteration.get(last)
  if (early)
    lines.push(
      [
        ...history.names.map((name) => (name === 'iteration' ? last : '')),
        ...metrics.map((name) => early[name] ?? ''),
      ].join(','),
    )
  for (let i = 0; i < history.length; i++) {
    const row = history.row(i)
    const seen = byIteration.get(row.iteration)
    lines.push(
      [...history.names.map((name) => row[name] ?? ''), ...metrics.map((name) => seen?.[name] ?? '')].join(
        ',',
      ),
    )
  }
  files.write(file, `${lines.join('\n')}\n`)
  return file
}

const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

function filesOr(where: string) {
  const files = maybeFiles()
  if (files) return files
  throw new InputError({ where, received: 'a place without a file system', expected: 'Node' })
}
