import type { MimeBundle } from '../../host.js'
import type { ConfusionView } from '../../views.js'
import { cleanLine } from '../clean.js'
import { formatCount, formatShare } from '../format.js'
import { colours } from '../look.js'
import { labelsOf } from '../places.js'
import { chart, vegaLite, type Part, type Spec } from '../spec.js'
import { tableText } from '../table.js'

/** With more classes the counts no longer fit into their cells; they are in the tooltips. */
const mostWithCounts = 25
const mostCells = 5000

interface Cell {
  expected: number
  predicted: number
  count: number
  /** Of the examples of the expected class. */
  share: number
  right: boolean
}

/**
 * Expected classes as rows, predicted ones as columns; right ones blue, mistakes orange, the darker the more often.
 *
 * @example confusionChart(await run.confusion())
 */
export function confusionChart(view: ConfusionView): Spec {
  const labels = view.labels.map((label) => cleanLine(label, 24))
  const cells = cellsOf(view)
  const side = Math.max(12, Math.min(42, Math.floor(560 / Math.max(1, labels.length))))
  const names = labelsOf(labels)
  const position = (field: string, title: string, more: Part) => ({
    field,
    type: 'ordinal',
    title,
    scale: { domain: labels.map((_, i) => i), padding: 0.04 },
    axis: {
      labelExpr: names,
      labelColor: colours.ink,
      labelFontSize: Math.min(12, side),
      domain: false,
      ticks: false,
      labelOverlap: true,
      ...more,
    },
  })
  const shade = (right: boolean): Part => ({
    transform: [{ filter: `datum.right === ${right}` }],
    mark: { type: 'rect', cornerRadius: 2, tooltip: true },
    encoding: {
      color: {
        field: 'share',
        type: 'quantitative',
        scale: {
          domain: [0, 1],
          range: right ? ['#dbeaf5', '#0a5a8f'] : ['#fdeadf', '#b34700'],
          ...(!right && { type: 'pow', exponent: 0.5 }),
        },
        legend: null,
      },
      tooltip: [
        { field: 'expectedName', title: 'expected' },
        { field: 'predictedName', title: 'predicted' },
        { field: 'count', title: 'examples' },
        { field: 'share', title: 'of this class', format: '.1%' },
      ],
    },
  })
  const counts: Part = {
    mark: { type: 'text', fontSize: Math.min(12, side * 0.34) },
    encoding: {
      text: { field: 'count', format: ',d' },
      color: {
        condition: { test: 'datum.right ? datum.share > 0.5 : datum.share > 0.3', value: '#ffffff' },
        value: colours.ink,
      },
    },
  }
  return chart({
    title: {
      text: `${view.split === 'train' ? 'Training' : view.split === 'test' ? 'Test' : 'Validation'} set after iteration ${formatCount(view.iteration)}`,
      subtitle: accuracyText(view),
    },
    width: { step: side },
    height: { step: side },
    view: { fill: '#f4f6f8', cornerRadius: 3 },
    data: {
      values: cells.map((cell) => ({
        ...cell,
        expectedName: labels[cell.expected],
        predictedName: labels[cell.predicted],
      })),
    },
    encoding: {
      x: position('predicted', 'predicted', {
        orient: 'top',
        labelAngle: labels.some((label) => label.length * 7 > side) ? -60 : 0,
      }),
      y: position('expected', 'expected', {}),
    },
    layer: [shade(false), shade(true), ...(labels.length <= mostWithCounts ? [counts] : [])],
    resolve: { scale: { color: 'independent' } },
  })
}

/** The cells that hold anything; of more than 5,000 the largest. */
function cellsOf(view: ConfusionView): Cell[] {
  const cells: Cell[] = []
  for (const [expected, row] of view.counts.entries()) {
    const total = row.reduce((sum, count) => sum + count, 0)
    for (const [predicted, count] of row.entries())
      if (count > 0)
        cells.push({
          expected,
          predicted,
          count,
          share: Number((count / total).toPrecision(4)),
          right: expected === predicted,
        })
  }
  return cells.length > mostCells ? cells.toSorted((a, b) => b.count - a.count).slice(0, mostCells) : cells
}

function accuracyText(view: ConfusionView): string {
  let right = 0
  let all = 0
  for (const [expected, row] of view.counts.entries())
    for (const [predicted, count] of row.entries()) {
      all += count
      if (expected === predicted) right += count
    }
  const worst = cellsOf(view)
    .filter((cell) => !cell.right)
    .toSorted((a, b) => b.count - a.count)[0]
  const most = worst
    ? ` · most often mistaken: ${cleanLine(view.labels[worst.expected], 20)} for ${cleanLine(view.labels[worst.predicted], 20)} (${formatCount(worst.count)})`
    : ''
  return `${formatCount(right)} of ${formatCount(all)} right${all ? ` (${formatShare(right / all)})` : ''}${most}`
}

export function confusionBundle(view: ConfusionView): MimeBundle {
  const few = view.labels.length <= mostWithCounts
  const text = tableText({
    title: accuracyText(view),
    columns: few ? ['expected \\ predicted', ...view.labels] : ['expected', 'predicted', 'count'],
    rows: few
      ? view.counts.map((row, i) => [cleanLine(view.labels[i], 24), ...row])
      : cellsOf(view)
          .filter((cell) => !cell.right)
          .toSorted((a, b) => b.count - a.count)
          .slice(0, 20)
          .map((cell) => [view.labels[cell.expected], view.labels[cell.predicted], cell.count]),
  })
  return { [vegaLite]: confusionChart(view), 'text/plain': text }
}
