import type { MimeBundle } from '../../host.js'
import { cleanText, escapeHtml } from '../clean.js'
import { look } from '../look.js'
import { base64 } from '../picture.js'
import { chart, isSpec, schema, vegaLite, type Part, type Spec } from '../spec.js'

const display = Symbol.for('Jupyter.display')
const mostLines = 40

/** Nothing that stands beside another shares a scale with it. */
const channels = ['color', 'fill', 'stroke', 'opacity', 'shape', 'size'] as const
const independent = Object.fromEntries(channels.map((channel) => [channel, 'independent']))

/** Values side by side: as the last expression of a cell, or `display(show(a, b))`. */
export interface SideBySide {
  readonly values: readonly unknown[]
}

/**
 * Draws bundles side by side: charts as one chart (what is no chart stands in it as text), anything else as HTML.
 *
 * @param draw how one value looks, in so many pixels where its size is a choice; `undefined` for what has no shape of
 *   its own.
 */
export function sideBySide(
  values: readonly unknown[],
  draw: (value: unknown, width?: number) => MimeBundle | undefined,
): SideBySide {
  const width = values.length > 1 ? Math.max(leastWidth, Math.floor(mostWidth / values.length)) : undefined
  const bundles = values.map((value) => draw(value, width) ?? { 'text/plain': textOf(value) })
  return { values, [display]: () => together(bundles) } as SideBySide
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return cleanText(value, 4000)
  return cleanText(process.getBuiltinModule('node:util').inspect(value), 4000)
}

function together(bundles: readonly MimeBundle[]): MimeBundle {
  const text = bundles.map((bundle) => String(bundle['text/plain'] ?? '')).join('\n\n')
  if (bundles.some((bundle) => bundle[vegaLite]))
    return { [vegaLite]: besideEachOther(bundles), 'text/plain': text }
  const cells = bundles.map((bundle) => `<div>${htmlOf(bundle)}</div>`)
  return {
    'text/html': `<div style="display:flex;flex-wrap:wrap;gap:24px;align-items:flex-start">${cells.join('\n')}</div>`,
    'text/plain': text,
  }
}

/** One chart of several. A part keeps its own look where it has one: the whole takes that of the first. */
function besideEachOther(bundles: readonly MimeBundle[]): Spec {
  const specs = bundles.map((bundle) => bundle[vegaLite]).filter((spec) => isSpec(spec))
  const parts = bundles.map((bundle) => {
    const spec = bundle[vegaLite]
    if (!isSpec(spec)) {
      const url = pictureOf(bundle)
      return url === undefined ? textPart(String(bundle['text/plain'] ?? '')) : picturePart(url)
    }
    const {
      $schema: _schema,
      config: _config,
      padding: _padding,
      background: _background,
      autosize: _autosize,
      ...part
    } = spec
    return part
  })
  fit(parts)
  const own = specs.find((spec) => spec.config)?.config
  const whole = {
    spacing: 40,
    hconcat: parts,
    resolve: { scale: independent, legend: independent },
  }
  return own === look || !own ? chart(whole) : { $schema: schema, ...whole, config: own }
}

/** Pixels of plots beside each other: with their axes and legends as wide as a notebook. */
const mostWidth = 620
const leastWidth = 180
const pictureSize = 320

/** Makes plots smaller that would not fit beside each other, in their own proportions; other parts keep their size. */
function fit(parts: Part[]): void {
  for (const [i, part] of parts.entries())
    if (part.title !== undefined && Array.isArray(part.vconcat))
      parts[i] = { ...part, title: folded(part.title, widthOf(part)) }
  const sum = parts.reduce((total, part) => total + widthOf(part), 0)
  if (sum <= mostWidth) return
  for (const [i, part] of parts.entries()) {
    const { width, height } = part
    if (
      typeof width !== 'number' ||
      (part.encoding === undefined && part.layer === undefined) ||
      isTiled(part)
    )
      continue
    const factor = Math.max(leastWidth / width, mostWidth / sum)
    if (factor < 1)
      parts[i] = {
        ...part,
        ...(part.title !== undefined && { title: folded(part.title, Math.round(width * factor)) }),
        width: Math.round(width * factor),
        ...(typeof height === 'number' && { height: Math.round(height * factor) }),
      }
  }
}

/** That of a plot, or of the widest of those below each other. */
function widthOf({ width, vconcat }: Part): number {
  if (typeof width === 'number') return width
  return Array.isArray(vconcat) ? Math.max(0, ...vconcat.map((part) => widthOf(part as Part))) : 0
}

/** A line below the title in as many lines as its plot is wide for. */
function folded(title: unknown, width: number): unknown {
  const { subtitle } = title as { subtitle?: unknown }
  if (typeof subtitle !== 'string') return title
  const most = Math.max(20, Math.floor(width / 6))
  const lines = ['']
  for (const word of subtitle.split(' ')) {
    const line = lines.at(-1)!
    if (line && line.length + word.length >= most) lines.push(word)
    else lines[lines.length - 1] = line ? `${line} ${word}` : word
  }
  return { ...(title as object), subtitle: lines }
}

/** Drawn in pixels of its own: texts and pictures stand where they would not fit another size. */
const isTiled = (part: Part): boolean => JSON.stringify(part).includes('"scale":null')

/** A text as a part of a chart, in letters of one width. */
function textPart(text: string): Part {
  const lines = cleanText(text, 4000).split('\n').slice(0, mostLines)
  return {
    width: Math.max(...lines.map((line) => line.length)) * 7,
    height: lines.length * 15,
    data: { values: lines.map((line, i) => ({ y: i * 15, line })) },
    mark: {
      type: 'text',
      align: 'left',
      baseline: 'top',
      font: "'DejaVu Sans Mono', ui-monospace, monospace",
      fontSize: 11,
    },
    encoding: {
      x: { value: 0 },
      y: { field: 'y', type: 'quantitative', scale: null, axis: null },
      text: { field: 'line' },
    },
  }
}

/** A picture of the bundle as a data URL. */
function pictureOf(bundle: MimeBundle): string | undefined {
  for (const type of ['image/png', 'image/jpeg', 'image/gif', 'image/webp']) {
    const data = bundle[type]
    if (data) return `data:${type};base64,${data instanceof Uint8Array ? base64(data) : String(data)}`
  }
  const svg = bundle['image/svg+xml']
  return typeof svg === 'string'
    ? `data:image/svg+xml;base64,${base64(new TextEncoder().encode(svg))}`
    : undefined
}

/** A picture as a part of a chart: in a square, in its own proportions. */
const picturePart = (url: string): Part => ({
  width: pictureSize,
  height: pictureSize,
  data: { values: [{ url }] },
  mark: { type: 'image', width: pictureSize, height: pictureSize, align: 'left', baseline: 'top' },
  encoding: { x: { value: 0 }, y: { value: 0 }, url: { field: 'url' } },
})

function htmlOf(bundle: MimeBundle): string {
  const html = bundle['text/html']
  if (typeof html === 'string') return html
  const url = pictureOf(bundle)
  if (url !== undefined) return `<img alt="" src="${escapeHtml(url)}">`
  return `<pre>${escapeHtml(cleanText(bundle['text/plain'] ?? '', 10_000))}</pre>`
}
