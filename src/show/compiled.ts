import { compile, type TopLevelSpec } from 'vega-lite'

type Tree = { [name: string]: unknown }

/** Layouts that were compiled before, by everything but their data and titles. */
const mostKept = 40
const kept = new Map<string, string>()

/**
 * A Vega-Lite spec as Vega's, for a picture: without what only a pointer or a screen reader asks for. Vega-Lite's
 * compiler needs 8 to 14 ms for a chart of several panels, and most of it again for each; the same layout with other data
 * is taken from before. Data and titles pass through the compiler as they are, so they are put in afterwards.
 */
export function compiledFor(spec: object, logger: object): Tree {
  const texts: unknown[] = []
  const data: unknown[] = []
  const layout = JSON.stringify(withoutContent(spec, texts, data))
  let compiled = kept.get(layout)
  if (compiled === undefined) {
    const own = JSON.parse(layout) as { config?: object }
    const vega = compile({ ...own, config: { ...own.config, aria: false } } as unknown as TopLevelSpec, {
      logger: logger as never,
    }).spec
    compiled = JSON.stringify(withoutHelp(vega))
    if (kept.size >= mostKept) kept.delete(kept.keys().next().value!)
  } else kept.delete(layout)
  // The latest used is the last to be forgotten.
  kept.set(layout, compiled)
  return withContent(JSON.parse(compiled), texts, data) as Tree
}

/** What stands for a text and for data while it is compiled: characters and a field that no chart of sense has. */
const textMark = '\u0001text '
const dataField = '\u0001data'

/** Title of the whole chart and inline data, each replaced by its number. */
function withoutContent(part: unknown, texts: unknown[], data: unknown[], isTop = true): unknown {
  if (Array.isArray(part)) return part.map((item) => withoutContent(item, texts, data, false))
  if (!isTree(part)) return part
  return Object.fromEntries(
    Object.entries(part).map(([name, value]) => {
      if (name === 'data' && isTree(value) && Array.isArray(value.values))
        return [name, { ...value, values: [{ [dataField]: data.push(value.values) - 1 }] }]
      if (isTop && name === 'title' && isTree(value))
        return [
          name,
          Object.fromEntries(
            Object.entries(value).map(([key, own]) =>
              (key === 'text' || key === 'subtitle') && isText(own)
                ? [key, `${textMark}${texts.push(own) - 1}`]
                : [key, own],
            ),
          ),
        ]
      return [name, withoutContent(value, texts, data, false)]
    }),
  )
}

const isTree = (value: unknown): value is Tree =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** A line or lines; an expression is the compiler's. */
const isText = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') ||
  (Array.isArray(value) && value.length > 0 && value.every((line) => typeof line === 'string'))

function withContent(part: unknown, texts: readonly unknown[], data: readonly unknown[]): unknown {
  if (typeof part === 'string' && part.startsWith(textMark)) return texts[Number(part.slice(textMark.length))]
  if (Array.isArray(part)) {
    const [only] = part as Tree[]
    if (part.length === 1 && isTree(only) && dataField in only) return data[only[dataField] as number]
    return part.map((item) => withContent(item, texts, data))
  }
  if (!isTree(part)) return part
  for (const [name, value] of Object.entries(part)) (part as Tree)[name] = withContent(value, texts, data)
  return part
}

/** Tooltips and descriptions: an expression each for every mark. */
const help = new Set(['tooltip', 'description', 'ariaRoleDescription', 'cursor', 'href'])

function withoutHelp(part: unknown, inEncoding = false): unknown {
  if (Array.isArray(part)) return part.map((item) => withoutHelp(item, inEncoding))
  if (!isTree(part)) return part
  return Object.fromEntries(
    Object.entries(part)
      .filter(([name]) => !(inEncoding && help.has(name)))
      .map(([name, value]) => [
        name,
        withoutHelp(value, name === 'update' || name === 'enter' || name === 'hover'),
      ]),
  )
}
