/** Charts of very many rows with only those that can be told apart in a picture. */
import type { Part, Spec } from './spec.js'

/** Of more rows a picture is made of a choice: 10,000 marks take 0.2 s to draw, a million take more than anyone waits, or has memory for. */
const mostRows = 20_000
/** So many are chosen, about. */
const wanted = 10_000

export interface Thinned {
  spec: Spec
  kept: number
  of: number
}

type Row = Record<string, unknown>
type Channel = { field?: unknown; type?: unknown; [option: string]: unknown }

const isObject = (value: unknown): value is Part =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What makes one mark of several rows, or one of none: then every row counts. */
const gathers = [
  'aggregate',
  'bin',
  'timeUnit',
  'stack',
  'impute',
  'sort',
  'condition',
  'bandPosition',
] as const
const apart = new Set(['row', 'column', 'facet', 'order', 'x2', 'y2', 'xError', 'yError', 'theta', 'url'])

const dots = new Set(['point', 'circle', 'square', 'tick'])
const lines = new Set(['line', 'trail', 'area'])

/** A part whose marks are its rows: with the fields of its axes, and those by which it tells rows from each other. */
interface Plot {
  isLine: boolean
  x: Measure | undefined
  y: Measure | undefined
  /** Fields with numbers, by which marks are coloured or sized. */
  measures: string[]
  /** Fields with names. */
  names: string[]
}

interface Measure {
  field: string
  isTime: boolean
}

function readPlot(spec: Part): Plot | undefined {
  const mark = isObject(spec.mark) ? spec.mark.type : spec.mark
  if (typeof mark !== 'string' || !(dots.has(mark) || lines.has(mark))) return undefined
  if (spec.transform !== undefined || spec.params !== undefined || !isObject(spec.encoding)) return undefined
  const plot: Plot = { isLine: lines.has(mark), x: undefined, y: undefined, measures: [], names: [] }
  for (const [name, channel] of Object.entries(spec.encoding) as [string, Channel][]) {
    if (apart.has(name)) return undefined
    for (const one of Array.isArray(channel) ? (channel as Channel[]) : [channel]) {
      if (!isObject(one)) continue
      if (gathers.some((option) => option in one)) return undefined
      const { field, type } = one
      if (field === undefined) continue
      // `a.b` and `a[0]` are paths into a row.
      if (typeof field !== 'string' || /[.[\]\\]/.test(field)) return undefined
      const isMeasure = type === 'quantitative' || type === 'temporal'
      if (name === 'x' || name === 'y') {
        if (!isMeasure) return undefined
        plot[name] = { field, isTime: type === 'temporal' }
      } else if (name !== 'tooltip' && name !== 'href') (isMeasure ? plot.measures : plot.names).push(field)
    }
  }
  if (!plot.x && !plot.y) return undefined
  // Areas in colours lie on each other: their sums count.
  if (plot.isLine && (!plot.x || !plot.y || plot.measures.length > 0)) return undefined
  return mark === 'area' && plot.names.length > 0 ? undefined : plot
}

function numberOf(row: Row, { field, isTime }: Measure): number {
  const value = row[field]
  if (typeof value === 'number') return value
  if (isTime && typeof value === 'string') return Date.parse(value)
  return value === null || value === undefined || value === '' ? NaN : Number(value)
}

/** Between which numbers a measure lies, and the rows that have them. */
function extentOf(rows: readonly Row[], measure: Measure): { least: number; most: number; at: number[] } {
  let [least, most, first, last] = [Infinity, -Infinity, -1, -1]
  for (let i = 0; i < rows.length; i++) {
    const value = numberOf(rows[i]!, measure)
    if (value < least && value > -Infinity) [least, first] = [value, i]
    if (value > most && value < Infinity) [most, last] = [value, i]
  }
  return { least, most, at: [first, last].filter((index) => index >= 0) }
}

/** Numbers of places along an extent. */
function placesOf(rows: readonly Row[], measure: Measure | undefined, count: number) {
  if (!measure) return { at: [] as number[], place: () => 0 }
  const { least, most, at } = extentOf(rows, measure)
  const scale = most > least ? (count - 1e-9) / (most - least) : 0
  return { at, place: (row: Row) => Math.floor((numberOf(row, measure) - least) * scale) }
}

function chooseDots(
  rows: readonly Row[],
  { x, y, names }: Plot,
  kept: Set<number>,
  width: number,
  height: number,
): void {
  const across = Math.max(1, Math.round(Math.sqrt((wanted * width) / height)))
  const down = Math.max(1, Math.round(wanted / across))
  const [columns, levels] = [
    placesOf(rows, x, x && y ? across : wanted),
    placesOf(rows, y, x && y ? down : wanted),
  ]
  for (const index of [...columns.at, ...levels.at]) kept.add(index)
  // The last one lies on top.
  const top = new Map<string | number, number>()
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const [column, level] = [columns.place(row), levels.place(row)]
    if (!Number.isFinite(column) || !Number.isFinite(level)) continue
    const cell = column * wanted + level
    top.set(names.length === 0 ? cell : `${cell} ${names.map((name) => String(row[name])).join(' ')}`, i)
  }
  for (const index of top.values()) kept.add(index)
}

function chooseLines(rows: readonly Row[], { x, y, names }: Plot, kept: Set<number>): void {
  const series = new Map<string, number[]>()
  for (let i = 0; i < rows.length; i++) {
    const name = names.map((field) => String(rows[i]![field])).join(' ')
    const known = series.get(name)
    if (known) known.push(i)
    else series.set(name, [i])
  }
  const columns = placesOf(rows, x, Math.max(8, Math.floor(wanted / (4 * series.size))))
  for (const indices of series.values()) {
    /** Of each column the first and the last place, and the lowest and the highest. */
    const ends = new Map<number, { first: number; last: number; low: number; high: number }>()
    const [xs, ys] = [(i: number) => numberOf(rows[i]!, x!), (i: number) => numberOf(rows[i]!, y!)]
    for (const i of indices) {
      const column = columns.place(rows[i]!)
      const known = ends.get(column)
      if (!known) ends.set(column, { first: i, last: i, low: i, high: i })
      else {
        if (xs(i) < xs(known.first)) known.first = i
        if (xs(i) >= xs(known.last)) known.last = i
        if (ys(i) < ys(known.low)) known.low = i
        if (ys(i) > ys(known.high)) known.high = i
      }
    }
    for (const { first, last, low, high } of ends.values())
      for (const i of [first, last, low, high]) kept.add(i)
  }
}

/**
 * A chart whose marks are its rows (dots, lines) with those that can be told apart where it is drawn: of dots one in each place
 * of some pixels, of lines the ends, the lowest and the highest of each column; scales and colours stay what they are.
 * `undefined` where there are few rows, or each of them counts.
 */
export function thin(spec: Spec): Thinned | undefined {
  const rows = isObject(spec.data) ? spec.data.values : undefined
  if (!Array.isArray(rows) || rows.length <= mostRows || !rows.every(isObject)) return undefined
  const layers = Array.isArray(spec.layer) ? (spec.layer as Part[]) : [spec]
  const shared = isObject(spec.encoding) ? spec.encoding : {}
  if (spec.transform !== undefined || layers.some((layer) => layer !== spec && 'data' in layer))
    return undefined
  const plots = layers.map((layer) =>
    readPlot({ ...layer, encoding: { ...shared, ...(isObject(layer.encoding) ? layer.encoding : {}) } }),
  )
  const kept = new Set<number>()
  const [width, height] = [spec.width, spec.height].map((size) =>
    typeof size === 'number' && size > 0 ? size : 300,
  )
  for (const plot of plots) {
    if (!plot) return undefined
    for (const field of plot.measures)
      for (const index of extentOf(rows, { field, isTime: false }).at) kept.add(index)
    if (plot.isLine) chooseLines(rows, plot, kept)
    else chooseDots(rows, plot, kept, width!, height!)
  }
  // Nothing is gained.
  if (kept.size > mostRows * 5 || kept.size === 0) return undefined
  const values = [...kept].toSorted((a, b) => a - b).map((index) => rows[index] as unknown)
  return { spec: { ...spec, data: { ...(spec.data as Part), values } }, kept: kept.size, of: rows.length }
}
