import type { MistakesView } from '../../../views.js'
import { inputText, mistakeTile, pictured, tileGrid } from '../examples.js'
import { formatCount } from '../../format.js'
import { width } from '../../look.js'
import type { Part } from '../../spec.js'
import { tablePanel } from './table-panel.js'

/** In one row, as wide as the chart above them. */
const mostPictures = 8
const mostRows = 5

/** A live view brings the same mistakes again and again. */
const drawn = new WeakMap<MistakesView, Part>()

/** The worst examples of a run's newest evaluation, below its chart: pictures in a row, else a short table. */
export function mistakesPanel(view: MistakesView): Part | undefined {
  const known = drawn.get(view)
  if (known) return known
  const part = panelOf(view)
  if (part) drawn.set(view, part)
  return part
}

function panelOf(view: MistakesView): Part | undefined {
  if (view.rows.length === 0) return undefined
  const title = `Worst of the evaluation after iteration ${formatCount(view.iteration)}`
  const wrong =
    view.wrong === undefined ? '' : `${formatCount(view.wrong)} of ${formatCount(view.examined)} wrong`
  const heading = {
    text: title,
    fontSize: 12,
    offset: 8,
    ...(wrong && { subtitle: wrong, subtitleFontSize: 11 }),
  }
  const rows = pictured(view.rows.slice(0, mostPictures))
  if (rows) {
    const tiles = rows.map((row) => ({ ...mistakeTile(row), more: [`id ${row.id}`] }))
    return { ...tileGrid(tiles, { title, size: 52, columns: mostPictures, width }), title: heading }
  }
  const table = tablePanel({
    columns: ['id', 'input', 'expected', 'predicted', 'loss'],
    rows: view.rows
      .slice(0, mostRows)
      .map((row) => [String(row.id), inputText(row), row.expected, row.predicted, row.loss]),
  })
  return { ...table, title: heading }
}
