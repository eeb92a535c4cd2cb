import { look } from './look.js'

/** A Vega-Lite specification: plain data. */
export type Spec = { $schema: string; [property: string]: unknown }

/** A part of one: a layer, a panel, a mark. */
export type Part = { [property: string]: unknown }

/** JupyterLab 4, VS Code and nbconvert know this version; what is used here is the same in later ones. */
export const schema = 'https://vega.github.io/schema/vega-lite/v5.json'

/** The MIME type of a chart. */
export const vegaLite = 'application/vnd.vegalite.v5+json'

/**
 * A whole chart of parts, with the look of all of ours in it: it is drawn the same wherever it goes.
 *
 * @example chart({ data: { values: [{ a: 1 }] }, mark: 'bar', encoding: { y: { field: 'a' } } })
 */
export function chart(parts: Part): Spec {
  return { $schema: schema, ...parts, config: look }
}

/** What can be drawn, by the names that Vega-Lite has for it. */
export const markNames =
  'arc area bar boxplot circle errorband errorbar geoshape image line point rect rule square text tick trail'.split(
    ' ',
  )

/**
 * A specification, also of those who leave out `$schema`: known by its marks, or those of its parts, and by data.
 */
export function maybeSpec(value: object): Spec | undefined {
  if (isSpec(value) || isVega(value)) return value as Spec
  return !('$schema' in value) && isPart(value as Part) && hasData(value as Part)
    ? { $schema: schema, ...value }
    : undefined
}

const composed = ['layer', 'hconcat', 'vconcat', 'concat'] as const
const isObject = (value: unknown): value is Part =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function isPart(part: Part): boolean {
  const mark = isObject(part.mark) ? part.mark.type : part.mark
  if (typeof mark === 'string' && markNames.includes(mark)) return true
  if ('facet' in part || 'repeat' in part) return isObject(part.spec) && isPart(part.spec)
  return composed.some((name) => {
    const parts = part[name]
    return Array.isArray(parts) && parts.length > 0 && parts.every((one) => isObject(one) && isPart(one))
  })
}

/** Without data there is nothing to see: a part that somebody is just putting together. */
const hasData = (part: Part): boolean =>
  isObject(part.data) ||
  [part.spec, ...composed.flatMap((name) => part[name] ?? [])].some((one) => isObject(one) && hasData(one))

/**
 * Whether a value says that it is a Vega-Lite specification.
 *
 * @example if (isSpec(value)) display(value)
 */
export function isSpec(value: unknown): value is Spec {
  const schemaOf = (value as { $schema?: unknown } | null)?.$schema
  return typeof schemaOf === 'string' && /\/vega-lite\/v\d/.test(schemaOf)
}

/** A specification of Vega itself, below Vega-Lite. */
export function isVega(value: unknown): boolean {
  const schemaOf = (value as { $schema?: unknown } | null)?.$schema
  return typeof schemaOf === 'string' && /\/vega\/v\d/.test(schemaOf)
}
