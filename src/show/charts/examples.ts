import type { MimeBundle } from '../../host.js'
import type { ExampleRow, ExamplesView, Mistake, MistakesView } from '../../views.js'
import { cleanLine } from '../clean.js'
import { formatCount, formatNumber } from '../format.js'
import { colours } from '../look.js'
import { pictureUrl } from '../picture.js'
import { pixels } from '../places.js'
import { chart, vegaLite, type Part, type Spec } from '../spec.js'
import { windowStrips } from './text/windows.js'
import { tableHtml, tableText, type TableView } from '../table.js'

/** Pictures in one grid: more are too small to look at. */
const mostPictures = 64
const mostRows = 50

/** A picture with up to three lines of text below it. */
export interface Tile {
  url: string
  /** The first line, drawn strong. */
  label: string
  more: readonly string[]
  wrong: boolean
  tooltip: string
}

export interface GridOptions {
  title: string
  subtitle?: string
  columns?: number
  /** Pixels of a picture's side. */
  size?: number
  /** Pixels that all columns share; default: as many as their texts need. */
  width?: number
}

/** Pictures side by side, each with what is to be said of it: one chart. */
export function tileGrid(tiles: readonly Tile[], options: GridOptions): Part {
  const { size = 72 } = options
  const lineHeight = 14
  const lines = Math.max(0, ...tiles.map((tile) => 1 + tile.more.length))
  const longest = Math.max(
    0,
    ...tiles.map((tile) => Math.max(tile.label.length * 7.2, ...tile.more.map((text) => text.length * 5.8))),
  )
  const cell = {
    width:
      options.width && options.columns
        ? options.width / options.columns
        : Math.max(size + 18, Math.min(150, longest + 10)),
    height: size + 8 + lines * lineHeight + 14,
  }
  const columns = Math.max(
    1,
    Math.min(options.columns ?? Math.max(3, Math.floor(800 / cell.width)), tiles.length),
  )
  const values = tiles.map((tile, i) => ({
    url: tile.url,
    x: (i % columns) * cell.width,
    y: Math.floor(i / columns) * cell.height,
    right: (i % columns) * cell.width + size,
    bottom: Math.floor(i / columns) * cell.height + size,
    line0: tile.label,
    ...Object.fromEntries(tile.more.map((text, line) => [`line${line + 1}`, text])),
    wrong: tile.wrong,
    about: tile.tooltip,
  }))
  const textLine = (line: number): Part => ({
    mark: {
      type: 'text',
      align: 'left',
      baseline: 'top',
      dx: 0.5,
      dy: size + 6 + line * lineHeight,
      fontSize: line === 0 ? 12 : 11,
      fontWeight: line === 0 ? 600 : 400,
      limit: cell.width - 4,
      ...(line > 0 && { color: colours.quiet }),
    },
    encoding: {
      text: { field: `line${line}` },
      ...(line === 0 && {
        color: { condition: { test: 'datum.wrong', value: colours.wrongText }, value: colours.ink },
      }),
    },
  })
  return {
    title: { text: options.title, ...(options.subtitle && { subtitle: options.subtitle }) },
    width: Math.max(columns * cell.width, options.width ?? 0),
    height: Math.ceil(tiles.length / columns) * cell.height - 10,
    data: { values },
    encoding: { x: pixels('x'), y: pixels('y') },
    layer: [
      {
        mark: {
          type: 'image',
          width: size,
          height: size,
          align: 'left',
          baseline: 'top',
          smooth: false,
          aspect: true,
        },
        encoding: { url: { field: 'url' }, tooltip: { field: 'about' } },
      },
      // A hairline around each picture: a white one would have no edge.
      {
        mark: { type: 'rect', filled: false, stroke: colours.line, strokeWidth: 1 },
        encoding: {
          x2: { field: 'right' },
          y2: { field: 'bottom' },
        },
      },
      ...Array.from({ length: lines }, (_, line) => textLine(line)),
    ],
  }
}

/**
 * Examples of a dataset: a grid of images, or a table.
 *
 * @example examplesChart(sample(data.train, 16))
 */
export function examplesChart(view: ExamplesView): Spec | undefined {
  const rows = pictured(view.rows)
  if (!rows) return undefined
  return chart(
    tileGrid(
      rows.map((row) => ({
        url: urlOf(row),
        label: cleanLine(row.expected, 16),
        more: [`id ${row.id}`],
        wrong: false,
        tooltip: `${cleanLine(row.expected, 80)}, id ${row.id} (${row.split})`,
      })),
      {
        title: cleanLine(view.title ?? `${formatCount(view.rows.length)} examples`, 100),
        subtitle: kept(rows, view.rows),
      },
    ),
  )
}

/**
 * The mistakes: expected and predicted, loss and id under each image; of texts, their tokens coloured by loss.
 *
 * @example mistakesChart(await run.mistakes({ k: 16 }))
 */
export function mistakesChart(view: MistakesView): Spec | undefined {
  const rows = pictured(view.rows)
  if (!rows) return windowStrips(view, mistakesTitle(view))
  return chart(
    tileGrid(rows.map(mistakeTile), {
      title: mistakesTitle(view),
      subtitle: `expected → predicted${rows.some((row) => row.probability !== undefined) ? ', its probability' : ''}, loss, id of the example${kept(rows, view.rows) ? ` · ${kept(rows, view.rows)}` : ''}`,
    }),
  )
}

export function mistakeTile(row: Mistake): Tile {
  const expected = cleanLine(readable(row.expected), 12)
  const predicted = cleanLine(readable(row.predicted), 12)
  const probability = row.probability === undefined ? '' : `${Math.round(row.probability * 100)} %`
  return {
    url: urlOf(row),
    label: predicted ? `${expected} → ${predicted}` : expected,
    more: [`${probability && `${probability}, `}loss ${formatNumber(row.loss, 3)}`, `id ${row.id}`],
    wrong: predicted !== '' && row.expected !== row.predicted,
    tooltip: `expected ${expected}${predicted && `, predicted ${predicted}`}${probability && ` (${probability})`}, loss ${formatNumber(row.loss)}, id ${row.id} (${row.split})`,
  }
}

export function mistakesTitle(view: MistakesView): string {
  const of = view.of === 'train' ? 'training examples' : 'evaluation examples'
  const by = view.by === 'loss' ? 'highest loss' : cleanLine(view.by, 40)
  const wrong =
    view.wrong === undefined ? '' : ` · ${formatCount(view.wrong)} of ${formatCount(view.examined)} wrong`
  const sample = view.sample === undefined ? '' : ` · of ${cleanLine(view.sample, 80)}`
  return `${of[0]!.toUpperCase()}${of.slice(1)} by ${by}, after iteration ${formatCount(view.iteration)}${wrong}${sample}`
}

/** Columns of a mistake that every one has. */
const usual = new Set(['id', 'split', 'loss', 'probability', 'expected', 'predicted'])
/** Columns that are shown beside those. */
const mostSaid = 6

/** Numbers that a loss of the user's own gave of each example, by name. */
function saidOf(rows: readonly Mistake[]): string[] {
  const names = new Set(
    rows.flatMap((row) => Object.keys(row).filter((name) => typeof row[name] === 'number')),
  )
  return [...names].filter((name) => !usual.has(name)).slice(0, mostSaid)
}

/** Input, expected, predicted, loss and id as a table: for what is no image, and as the text of what is. */
export function examplesTable(view: ExamplesView | MistakesView): TableView {
  const mistakes = view.kind === 'mistakes'
  const shown = view.rows.slice(0, mostRows)
  // A model that only has a loss predicts nothing.
  const predicts = mistakes && shown.some((row) => (row as Mistake).predicted !== '')
  const withInput = shown.some((row) => !row.input.picture)
  const said = view.kind === 'mistakes' ? saidOf(view.rows.slice(0, mostRows)) : []
  const more =
    shown.length < view.rows.length ? `first ${shown.length} of ${formatCount(view.rows.length)}` : undefined
  return {
    title: mistakes ? mistakesTitle(view) : view.title,
    columns: [
      'id',
      'split',
      ...(withInput ? ['input'] : []),
      'expected',
      ...(predicts ? ['predicted'] : []),
      ...(mistakes ? ['loss', 'probability'] : []),
      ...said.map((name) => cleanLine(name, 20)),
    ],
    rows: shown.map((row) => [
      String(row.id),
      row.split,
      ...(withInput ? [inputText(row)] : []),
      row.expected,
      ...(predicts ? [(row as Mistake).predicted] : []),
      ...(mistakes ? [(row as Mistake).loss, (row as Mistake).probability] : []),
      ...said.map((name) => (row as Mistake)[name] as number | undefined),
    ]),
    ...(more && { note: more }),
  }
}

export function examplesBundle(view: ExamplesView | MistakesView): MimeBundle {
  const table = examplesTable(view)
  const spec = view.kind === 'mistakes' ? mistakesChart(view) : examplesChart(view)
  const text = tableText(table)
  return spec
    ? { [vegaLite]: spec, 'text/plain': text }
    : { 'text/html': tableHtml(table), 'text/plain': text }
}

/** An input in a few characters: the start of a text, the first numbers. */
export function inputText(row: ExampleRow): string {
  const { text, values, shape, picture } = row.input
  if (text !== undefined) return cleanLine(text, 60)
  if (picture) return `image ${picture[1]} × ${picture[0]}`
  if (!values) return ''
  const first = Array.from({ length: Math.min(6, values.length) }, (_, i) => formatNumber(values[i]!))
  return `[${first.join(', ')}${values.length > 6 ? `, … ${shape?.join(' × ') ?? values.length}` : ''}]`
}

/** The rows as pictures, if every one of them has one. */
export function pictured<Row extends ExampleRow>(rows: readonly Row[]): readonly Row[] | undefined {
  if (rows.length === 0 || !rows.every((row) => row.input.picture && row.input.values)) return undefined
  return rows.slice(0, mostPictures)
}

const kept = (shown: readonly unknown[], all: readonly unknown[]) =>
  shown.length < all.length ? `first ${shown.length} of ${formatCount(all.length)}` : undefined

const urlOf = (row: ExampleRow) => pictureUrl(row.input.values!, row.input.picture!)
const readable = (value: string | number) => (typeof value === 'number' ? formatNumber(value) : value)
