import { look } from './look.js'

/** A Vega-Lite specification: plain data. */
export type Spec = { $schema: string; [property: string]: unknown }

/** A part of one: a layer, a panel, a mark. */
export type Part = { [property: string]: unknown }

/** JupyterLab 4, VS Code and nbconvert know this version; what is used here is the same in later ones. */
export const schema = 'https://vega.github.io/schema/vega-lite/v5.json'

/** The MIME type of a chart. */
export const vegaLite = 'application/vnd.vegalite.v5+json'

/** A whole chart of parts, with the look of all of ours in it: it is drawn the same wherever it goes. */
export function chart(parts: Part): Spec {
  return { $schema: schema, ...parts, config: look }
}

export function isSpec(value: unknown): value is Spec {
  const schemaOf = (value as { $schema?: unknown } | null)?.$schema
  return typeof schemaOf === 'string' && /\/vega-lite\/v\d/.test(schemaOf)
}

/** A specification of Vega itself, below Vega-Lite. */
export function isVega(value: unknown): boolean {
  const schemaOf = (value as { $schema?: unknown } | null)?.$schema
  return typeof schemaOf === 'string' && /\/vega\/v\d/.test(schemaOf)
}
