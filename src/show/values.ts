import type { MimeBundle } from '../host.js'
import { cleanLine } from './clean.js'
import { maybeImageType } from './image-bytes.js'
import { maybeKind } from './kinds.js'
import { isModel, modelBundle } from './model.js'
import { sideBySide, type SideBySide } from './side-by-side.js'
import { isSpec, isVega, type Spec } from './spec.js'
import { maybeTable } from './tabular.js'
import { tableBundle } from './results.js'
import { isTensor, tensorBundle } from './tensor.js'

const display = Symbol.for('Jupyter.display')

/**
 * What a value looks like, as MIME type -> data (text as strings, JSON as objects, pictures as bytes); `undefined` when
 * it is nothing that is known here, and its text says it best. Never throws: a value that cannot be drawn says why.
 */
export function toBundle(value: unknown): MimeBundle | undefined {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined
  try {
    for (const draw of shapes) {
      const bundle = draw(value)
      if (bundle) return bundle
    }
  } catch (error) {
    return {
      'text/plain': `(could not be shown: ${cleanLine(error instanceof Error ? error.message : error, 300)})`,
    }
  }
  return undefined
}

/** Several values side by side, as the last expression of a cell: `show(run, worst)`. */
export function show(...values: unknown[]): SideBySide {
  return sideBySide(values, toBundle)
}

/** The shapes that are known, the most explicit first. */
const shapes: readonly ((value: object) => MimeBundle | undefined)[] = [
  ownDisplay,
  maybeKind,
  runLike,
  (value) => (isSpec(value) || isVega(value) ? specBundle(value as Spec) : undefined),
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

/** A run itself: as it stands. */
function runLike(value: object): MimeBundle | undefined {
  const run = value as { view?: unknown; history?: unknown; adjustments?: unknown }
  if (typeof run.view !== 'function' || !run.history || !run.adjustments) return undefined
  const view: unknown = run.view.call(value)
  return typeof view === 'object' && view !== null ? maybeKind(view) : undefined
}

/** A specification as it is; what is said of it in text is its title and the line below it: where ours say the figures. */
function specBundle(spec: Spec): MimeBundle {
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
  return isSpec(spec) ? specBundle(spec) : undefined
}

function imageBytes(value: object): MimeBundle | undefined {
  const bytes = value instanceof ArrayBuffer ? new Uint8Array(value) : value
  if (!(bytes instanceof Uint8Array)) return undefined
  const type = maybeImageType(bytes)
  return type === undefined ? undefined : { [type]: bytes, 'text/plain': `[${type}, ${bytes.length} bytes]` }
}

/** Elements of a browser's document or of jsdom and linkedom, e.g. what Observable Plot returns. */
function domLike(value: object): MimeBundle | undefined {
  const { outerHTML, nodeType } = value as { outerHTML?: unknown; nodeType?: unknown }
  if (typeof outerHTML !== 'string' || nodeType !== 1) return undefined
  const name = cleanLine((value as { tagName?: unknown }).tagName ?? 'element', 30).toLowerCase()
  if (name !== 'svg') return { 'text/html': outerHTML, 'text/plain': `[${name}]` }
  const svg = outerHTML.includes('xmlns=')
    ? outerHTML
    : outerHTML.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"')
  return { 'image/svg+xml': svg, 'text/plain': '[svg]' }
}
