import type { MimeBundle } from '../../host.js'
import type { CurveLine, CurvesView } from '../../views.js'
import { cleanLine } from '../clean.js'
import { short } from './downsample.js'
import { formatNumber } from '../format.js'
import { series, width } from '../look.js'
import { chart, vegaLite, type Part, type Spec } from '../spec.js'

/** Points of a line; of more, means of as many neighbours as it takes. */
const mostPoints = 200

/**
 * What iterations say of themselves, panel below panel over one axis; what was measured on held-out data is dashed.
 *
 * @example curvesChart({ kind: 'curves', title: 'run', notes: ['It may fall.'],
 *   panels: [{ title: 'margin', lines: [{ name: 'margin', heldOut: false, iterations: [1, 2], values: [0, 1] }] }] })
 */
export function curvesChart(view: CurvesView, options: { title?: string } = {}): Spec {
  const last = Math.max(
    1,
    ...view.panels.flatMap(({ lines }) => lines.map((one) => one.iterations.at(-1) ?? 1)),
  )
  return chart({
    title: {
      text: cleanLine(options.title ?? view.title, 80),
      subtitle: view.notes.map((note) => cleanLine(note, 160)),
    },
    vconcat: view.panels.map(({ title, lines }, i) =>
      panel(title, lines, last, i === view.panels.length - 1),
    ),
    spacing: 14,
  })
}

function panel(title: string, lines: readonly CurveLine[], last: number, isLast: boolean): Part {
  const names = lines.map(nameOf)
  return {
    title: { text: cleanLine(title, 80), fontSize: 12, fontWeight: 600, offset: 6 },
    width,
    height: 90,
    data: { values: lines.flatMap((line) => pointsOf(line)) },
    mark: { type: 'line', strokeWidth: 1.5, point: lines.some(({ values }) => values.length === 1) },
    encoding: {
      x: {
        field: 'iteration',
        type: 'quantitative',
        title: isLast ? 'iteration' : null,
        scale: { domain: [0, last], nice: false },
        axis: { tickCount: 8, tickMinStep: 1 },
      },
      y: {
        field: 'value',
        type: 'quantitative',
        title: null,
        scale: { zero: false },
        axis: { tickCount: 4 },
      },
      color: {
        field: 'name',
        type: 'nominal',
        title: null,
        scale: { domain: names, range: names.map((_, i) => series[i % series.length]) },
        legend: names.length > 1 ? { orient: 'right' } : null,
      },
      strokeDash: {
        field: 'heldOut',
        type: 'nominal',
        legend: null,
        scale: {
          domain: [false, true],
          range: [
            [1, 0],
            [4, 3],
          ],
        },
      },
      tooltip: [{ field: 'name', title: 'what' }, { field: 'iteration' }, { field: 'value', format: '.4~r' }],
    },
    resolve: { scale: { color: 'independent', strokeDash: 'independent' } },
  }
}

const nameOf = ({ name, heldOut }: CurveLine) => cleanLine(heldOut ? `${name}, held out` : name, 40)

function pointsOf(line: CurveLine) {
  const { iterations, values, heldOut } = line
  const step = Math.ceil(values.length / mostPoints)
  const points: { name: string; heldOut: boolean; iteration: number; value: number }[] = []
  for (let from = 0; from < values.length; from += step) {
    const some = values.slice(from, from + step)
    points.push({
      name: nameOf(line),
      heldOut,
      iteration: iterations[Math.min(values.length, from + step) - 1]!,
      value: short(some.reduce((a, b) => a + b, 0) / some.length),
    })
  }
  return points
}

export function curvesBundle(view: CurvesView): MimeBundle {
  const said = view.panels.flatMap(({ lines }) =>
    lines.map(
      (line) => `${nameOf(line)} ${formatNumber(line.values[0]!)} → ${formatNumber(line.values.at(-1)!)}`,
    ),
  )
  return {
    [vegaLite]: curvesChart(view),
    'text/plain': [
      `[${cleanLine(view.title, 80)}: ${said.join(', ') || 'nothing yet'}]`,
      ...view.notes.map((note) => cleanLine(note, 200)),
    ].join('\n'),
  }
}
