import { describe, InputError } from '../../errors.js'
import { maybeFiles, type Files } from '../../store/files.js'
import { encodeEvents, type ScalarEvent } from '../../store/tfevents.js'
import type { Core } from '../state/core.js'

/** Writes history and evaluations where TensorBoard reads them: `tensorboard --logdir FOLDER`. Gives the file. */
export function exportTensorBoard(core: Core, given: string): string {
  const folder = pathOf(given, "run.exportTensorBoard('logs/first')")
  const files = filesOr('run.exportTensorBoard(folder)')
  const now = Date.now() / 1000
  const events: ScalarEvent[] = []
  const { history } = core.state
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
  for (const row of core.state.evaluations)
    for (const [name, value] of Object.entries(row))
      if (name !== 'iteration')
        events.push({
          step: row.iteration,
          tag: `evaluation/${name}`,
          value,
          wallTime: times[Math.max(0, row.iteration - 1)] ?? now,
        })
  // Two runs that are written within a second, or by two processes, are two files.
  const unique = crypto.randomUUID().slice(0, 8)
  const file = files.join(folder, `events.out.tfevents.${Math.floor(now)}.gradbook.${unique}`)
  writeTo(files, file, encodeEvents(events, now), 'run.exportTensorBoard(folder)')
  return file
}

/** The history as a table: a row each iteration, evaluations in columns of their own beside the iteration they belong to. */
function tableOf({ state: { history, evaluations } }: Core): { names: string[]; rows: (number | null)[][] } {
  const metrics = [...new Set(evaluations.flatMap((row) => Object.keys(row)))].filter(
    (name) => name !== 'iteration',
  )
  const byIteration = new Map(evaluations.map((row) => [row.iteration, row]))
  const names = history.names
  const evaluated = (iteration: number) => {
    const seen = byIteration.get(iteration)
    return metrics.map((name) => seen?.[name] ?? null)
  }
  const rows: (number | null)[][] = []
  // What was evaluated before the first iteration has a row of its own.
  const first = history.length ? history.row(0).iteration - 1 : 0
  if (byIteration.has(first))
    rows.push([...names.map((name) => (name === 'iteration' ? first : null)), ...evaluated(first)])
  const columns = names.map((name) => history.column(name))
  const iterations = history.column('iteration')
  for (let i = 0; i < history.length; i++)
    rows.push([
      ...columns.map((column) => (Number.isNaN(column[i]) ? null : column[i]!)),
      ...evaluated(iterations[i]!),
    ])
  return { names: [...names, ...metrics.map((name) => `evaluation_${name}`)], rows }
}

/** Writes the history as CSV, evaluations in columns of their own. Gives the file. */
export function exportCsv(core: Core, given: string): string {
  const file = pathOf(given, "run.exportCsv('first.csv')")
  const files = filesOr('run.exportCsv(file)')
  const { names, rows } = tableOf(core)
  const lines = [names.map(quoted).join(','), ...rows.map((row) => row.map((value) => value ?? '').join(','))]
  writeTo(files, file, `${lines.join('\n')}\n`, 'run.exportCsv(file)')
  return file
}

/** Writes the same table as Parquet: iterations as int32, all else as double, null where there is nothing. Gives the file. */
export async function exportParquet(core: Core, given: string): Promise<string> {
  const file = pathOf(given, "run.exportParquet('first.parquet')")
  const files = filesOr('run.exportParquet(file)')
  const { names, rows } = tableOf(core)
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  const buffer = parquetWriteBuffer({
    columnData: names.map((name, at) => ({
      name,
      data: rows.map((row) => row[at]!),
      type: name === 'iteration' ? 'INT32' : 'DOUBLE',
      nullable: name !== 'iteration',
    })),
  })
  writeTo(files, file, new Uint8Array(buffer), 'run.exportParquet(file)')
  return file
}

const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

function pathOf(path: unknown, example: string): string {
  if (typeof path === 'string' && path) return path
  throw new InputError({ received: describe(path), expected: `a path, e.g. ${example}` })
}

function writeTo(files: Files, file: string, content: string | Uint8Array, where: string): void {
  try {
    files.write(file, content)
  } catch (error) {
    throw new InputError(
      {
        where,
        received: `'${file}', which cannot be written (${(error as Error).message})`,
        expected: 'a file in a folder with room and with permission to write',
      },
      { cause: error },
    )
  }
}

function filesOr(where: string) {
  const files = maybeFiles()
  if (files) return files
  throw new InputError({ where, received: 'a place without a file system', expected: 'Node' })
}
