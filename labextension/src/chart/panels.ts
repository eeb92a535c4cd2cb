/** A run as panels one below the other, on one axis of iterations. */
import type { TranslationBundle } from '@jupyterlab/translation'
import type { Line, RunData } from './data.js'

export interface Series {
  /** For its colour in the style sheet. */
  look: string
  name: string
  line: Line
  /** Drawn as points joined by a line, not as a line alone. */
  points?: boolean
  /** Single batches: a few may lie beyond the axis. */
  noisy?: boolean
  /** Has no say in the scale. */
  aside?: boolean
}
export interface Panel {
  key: string
  title: string
  height: number
  /** Logarithmic or not; undefined: as the values ask for. */
  log: boolean | undefined
  /** A plan, read as a whole and from zero. */
  plan?: boolean
  series: Series[]
}

const column = (rows: RunData['evaluations'], field: string): Line => {
  const measured = rows.filter((row) => Number.isFinite(row[field]))
  return { x: measured.map((row) => row.iteration), y: measured.map((row) => row[field]!) }
}

/** 'learningRate' -> 'learning rate'. */
export const words = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase()

export function panelsOf(
  run: RunData,
  compact: boolean,
  logLoss: boolean | undefined,
  trans: TranslationBundle,
): Panel[] {
  const scale = compact ? 0.72 : 1
  const others = run.beside ?? []
  const panel = (key: string, title: string, height: number, series: Series[]): Panel => ({
    key,
    title,
    height: Math.round(height * scale),
    log: key === 'loss' ? logLoss : key === 'gradientNorm' ? undefined : false,
    plan: key === 'learningRate',
    series: series.filter(({ line }) => line.x.length > 0),
  })
  const evaluated = (field: string): Series[] => [
    { look: 'evaluation', name: trans.__('evaluation'), line: column(run.evaluations, field), points: true },
    ...others.map((other, i) => ({
      look: `beside-${i % 4}`,
      name: other.name,
      line: column(other.evaluations, field),
      points: true,
    })),
  ]
  return [
    panel('loss', trans.__('loss'), 190, [
      ...(run.undone
        ? [{ look: 'undone', name: trans.__('taken back'), line: run.undone, aside: true }]
        : []),
      { look: 'raw', name: trans.__('each batch'), line: run.loss, noisy: true },
      ...others.map((other, i) => ({ look: `beside-${i % 4}`, name: other.name, line: other.mean })),
      { look: 'mean', name: trans.__('mean'), line: run.mean },
      ...evaluated('loss').slice(0, 1),
    ]),
    ...run.metrics.map((metric) => panel(metric, words(metric), 92, evaluated(metric))),
    panel('learningRate', trans.__('learning rate'), 58, [
      { look: 'rate', name: trans.__('learning rate'), line: run.learningRate },
    ]),
    panel('gradientNorm', trans.__('gradient norm'), 58, [
      { look: 'gradient', name: trans.__('gradient norm'), line: run.gradientNorm, noisy: true },
    ]),
  ].filter(({ series }) => series.length > 0)
}

/** The index of the point nearest to `x`, -1 in an empty line. */
export function nearest(line: Line, x: number): number {
  let [low, high] = [0, line.x.length - 1]
  if (high < 0) return -1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (line.x[middle]! < x) low = middle
    else high = middle
  }
  return Math.abs(line.x[low]! - x) <= Math.abs(line.x[high]! - x) ? low : high
}

/** The value of a line at `x`, between its points as it is drawn; `undefined` beyond its ends. */
export function valueAt(line: Line, x: number): number | undefined {
  const at = nearest(line, x)
  if (at < 0 || x < line.x[0]! || x > line.x.at(-1)!) return undefined
  const next = line.x[at]! < x ? at + 1 : at - 1
  const [x0, x1] = [line.x[at]!, line.x[next] ?? line.x[at]!]
  if (x0 === x1) return line.y[at]
  return line.y[at]! + ((x - x0) / (x1 - x0)) * (line.y[next]! - line.y[at]!)
}
