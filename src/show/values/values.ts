import type { MimeBundle } from '../../host.js'
import { messageOf } from '../../untrusted.js'
import { cleanLine } from '../clean.js'
import { maybeImageType } from './image-bytes.js'
import { maybeKind } from './kinds.js'
import { isModel, modelBundle } from './model.js'
import { sideBySide, type SideBySide } from './side-by-side.js'
import { plainData } from '../plain.js'
import { isVega, maybeSpec, type Spec } from '../spec.js'
import { maybeTable } from './tabular.js'
import { tableBundle } from './results.js'
import { isTensor, tensorBundle } from './tensor.js'

const display = Symbol.for('Jupyter.display')

/**
 * What a value looks like, as MIME type -> data (text as strings, JSON as objects, pictures as bytes); `undefined` when
 * it is nothing that is known here, and its text says it best. Never throws: a value that cannot be drawn says why.
 *
 * @example const { 'text/plain': text } = toBundle(run) ?? {}
 */
export function toBundle(value: unknown): MimeBundle | undefined {
  return drawn(value)
}

/** @param width pixels that its plots may take where it stands beside others. */
function drawn(value: unknown, width?: number): MimeBundle | undefined {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined
  try {
    for (const draw of shapes) {
      const bundle = draw(value, width)
      if (bundle) return bundle
    }
  } catch (error) {
    return {
      'text/plain': `(could not be shown: ${cleanLine(messageOf(error), 300)})`,
    }
  }
  return undefined
}

/** Several values side by side, as the last expression of a cell: `show(run, worst)`. */
export function show(...values: unknown[]): SideBySide {
  return sideBySide(values, drawn)
}

/** The shapes that are known, the most explicit first. */
const shapes: readonly ((value: object, width?: number) => MimeBundle | undefined)[] = [
  ownDisplay,
  maybeKind,
  runLike,
  (value) => {
    const spec = maybeSpec(value)
    return spec && specBundle(spec)
  },
  vegaLiteBuilder,
  (value) => (isTensor(value) ? tensorBundle(value) : undefined),
  (value) => (isModel(value) ? modelBundle(value) : undefined),
  imageBytes,
  (value) => {
    const table = maybeTable(value)
    return table && tableBundle(table)
  },
  domLike,
]

/** Values that bring their own bundle, as Deno's and tslab's conventions have it. */
function ownDisplay(value: object): MimeBundle | undefined {
  const draw = (value as { [display]?: unknown })[display]
  if (typeof draw !== 'function') return undefined
  const bundle: unknown = draw.call(value)
  return bundle !== null && typeof bundle === 'object' && !('then' in bundle)
    ? (bundle as MimeBundle)
    : undefined
}

/** A run itself, or a study: as it stands. */
function runLike(value: object, width?: number): MimeBundle | undefined {
  const run = value as { view?: unknown; history?: unknown; adjustments?: unknown; trials?: unknown }
  if (typeof run.view !== 'function' || !((run.history && run.adjustments) || run.trials)) return undefined
  const view: unknown = run.view.call(value)
  return typeof view === 'object' && view !== null ? maybeKind(view, width) : undefined
}

/** A specification as it is; what is said of it in text is its title and the line below it: where ours say the figures. */
function specBundle(given: Spec): MimeBundle {
  const spec = plainData(given) as Spec
  const title = spec.title as string | { text?: unknown; subtitle?: unknown } | undefined
  const lines = title !== null && typeof title === 'object' ? [title.text, title.subtitle] : [title]
  const text = lines
    .flat()
    .filter((line) => typeof line === 'string' && line !== '')
    .slice(0, 4)
    .map((line) => cleanLine(line, 100))
    .join(' · ')
  // The types that front ends know: what came later draws in them too.
  const mime = isVega(spec)
    ? 'application/vnd.vega.v5+json'
    : `application/vnd.vegalite.v${/v4/.test(spec.$schema) ? 4 : 5}+json`
  return { [mime]: spec, 'text/plain': `[chart${text ? `: ${text}` : ''}]` }
}

/** What the packages vega-lite-api and Altair's likes give: an object that can say its specification. */
function vegaLiteBuilder(value: object): MimeBundle | undefined {
  const build =
    (value as { toSpec?: unknown; toObject?: unknown }).toSpec ?? (value as { toObject?: unknown }).toObject
  if (typeof build !== 'function' || Array.isArray(value)) return undefined
  const spec: unknown = build.call(value)
  const found = typeof spec === 'object' && spec !== null ? maybeSpec(spec) : undefined
  return found && specBundle(found)
}

function imageBytes(value: object): MimeBundle | undefined {
  const bytes = value instanceof ArrayBuffer ? new Uint8Array(value) : value
  if (!(bytes instanceof Uint8Array)) return undefined
  const type = maybeImageType(bytes)
  return type === undefined ? undefined : { [type]: bytes, 'text/plain': `[${type}, ${bytes.length} bytes]` }
}

/**
 * Elements of a browser's document or of jsdom and linkedom, e.g. what Observable Plot returns. An SVG is shown as a
 * picture, where black is black on any page: it gets a white ground, unless it has one or a colour of its own.
 */
function domLike(value: object): MimeBundle | undefined {
  const { outerHTML, nodeType } = value as { outerHTML?: unknown; nodeType?: unknown }
  if (typeof outerHTML !== 'string' || nodeType !== 1) return undefined
  const name = cleanLine((value as { tagName?: unknown }).tagName ?? 'element', 30).toLowerCase()
  const title = cleanLine(titleOf(value), 100)
  const text = `[${name}${title ? `: ${title}` : ''}]`
  return name === 'svg'
    ? { 'image/svg+xml': svgFile(outerHTML), 'text/plain': text }
    : { 'text/html': outerHTML, 'text/plain': text }
}

/** What a figure says of itself. */
function titleOf(value: object): string {
  const element = value as {
    getAttribute?(name: string): unknown
    querySelector?(selector: string): { textContent?: unknown } | null
  }
  const label = element.getAttribute?.('aria-label')
  if (typeof label === 'string' && label) return label
  const text = element.querySelector?.('h1, h2, h3, figcaption, title')?.textContent
  return typeof text === 'string' ? text : ''
}

/** An element's HTML as a file of its own: with its namespaces, and without HTML's one name for a character. */
function svgFile(html: string): string {
  let head = /^<(?:"[^"]*"|[^">])*/.exec(html)![0]
  const rest = html.slice(head.length)
  const add = (attribute: string) => (head = head.replace('<svg', `<svg ${attribute}`))
  if (!head.includes(' xmlns=')) add('xmlns="http://www.w3.org/2000/svg"')
  if (html.includes('xlink:') && !head.includes('xmlns:xlink='))
    add('xmlns:xlink="http://www.w3.org/1999/xlink"')
  const style = /\sstyle="([^"]*)"/.exec(head)?.[1]
  if (style === undefined) add('style="background:white"')
  else if (!/(?:^|[;\s])(?:background|color)/.test(style))
    head = head.replace(/(\sstyle=")/, '$1background:white;')
  return `${head}${rest}`.replaceAll('&nbsp;', '&#160;')
}
