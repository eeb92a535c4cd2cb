import { cleanLine } from '../clean.js'
import { short } from './downsample.js'
import { formatCount, formatShare } from '../format.js'
import { colours, series } from '../look.js'
import { pca, umap, type Rows } from './projection.js'
import { chart, type Spec } from '../spec.js'

const mostPoints = 5000

/** Positions of those that are shown: evenly chosen, so that data sorted by class keeps all its classes. */
function chosen(length: number): number[] {
  const step = Math.max(1, length / mostPoints)
  return Array.from({ length: Math.min(length, mostPoints) }, (_, i) => Math.floor(i * step))
}

export interface EmbeddingOptions {
  /** The class of each row: its colour. */
  labels?: readonly (string | number)[]
  /** The id of each row: in its tooltip. */
  ids?: readonly number[]
  title?: string
  /** Default 'pca'; 'umap' takes seconds and keeps neighbours together. */
  method?: 'pca' | 'umap'
  seed?: number
}

/**
 * Rows of many numbers (embeddings, activations) as points in a plane.
 *
 * @example await embeddingChart(rows, { labels: ['a', 'b', 'b'], method: 'umap' })
 */
export async function embeddingChart(rows: Rows, options: EmbeddingOptions = {}): Promise<Spec> {
  const places = chosen(rows.length)
  const shown = places.map((place) => rows[place]!)
  const plane =
    options.method === 'umap' ? { points: await umap(shown, options), explained: undefined } : pca(shown)
  return scatterChart(
    plane.points.map(([x, y], i) => ({
      x,
      y,
      label: options.labels?.[places[i]!],
      id: options.ids?.[places[i]!],
    })),
    {
      title: options.title ?? 'Embedding',
      subtitle: `${formatCount(shown.length)} points${plane.explained ? `, two principal components with ${formatShare(plane.explained[0] + plane.explained[1])} of the spread` : ', UMAP: distances between groups mean little'}`,
    },
  )
}

export interface ScatterPoint {
  x: number
  y: number
  label?: string | number
  id?: number
}

/**
 * Points in a plane, coloured by their label: eight colours, then shapes too.
 *
 * @example scatterChart([{ x: 0, y: 1, label: 'a' }], { title: 'Points' })
 */
export function scatterChart(
  points: readonly ScatterPoint[],
  options: { title: string; subtitle?: string },
): Spec {
  const labelled = points.some((point) => point.label !== undefined)
  const shown = chosen(points.length).map((place) => points[place]!)
  const values = shown.map((point) => ({
    x: short(point.x),
    y: short(point.y),
    ...(point.label !== undefined && { label: cleanLine(point.label, 40) || '(empty)' }),
    ...(point.id !== undefined && { id: point.id }),
  }))
  const names = [...new Set(values.map((value) => value.label).filter((label) => label !== undefined))]
    .toSorted()
    .slice(0, 40)
  const shapes = ['circle', 'square', 'triangle-up', 'diamond', 'cross']
  const hidden = { title: null, axis: { labels: false, ticks: false, domain: false, grid: false } }
  return chart({
    title: { text: cleanLine(options.title, 80), ...(options.subtitle && { subtitle: options.subtitle }) },
    width: 460,
    height: 380,
    view: { stroke: colours.line },
    data: { values },
    mark: { type: 'point', filled: true, size: points.length > 1000 ? 14 : 34, opacity: 0.75 },
    encoding: {
      x: { field: 'x', type: 'quantitative', scale: { zero: false }, ...hidden },
      y: { field: 'y', type: 'quantitative', scale: { zero: false }, ...hidden },
      ...(labelled && {
        color: {
          field: 'label',
          type: 'nominal',
          title: null,
          scale: { domain: names, range: names.map((_, i) => series[i % series.length]!) },
        },
        shape: {
          field: 'label',
          type: 'nominal',
          title: null,
          scale: {
            domain: names,
            range: names.map((_, i) => shapes[Math.floor(i / series.length) % shapes.length]!),
          },
        },
      }),
      tooltip: [
        ...(labelled ? [{ field: 'label' }] : []),
        ...(points[0]?.id === undefined ? [] : [{ field: 'id' }]),
      ],
    },
  })
}
