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
  const content: Content = { texts: [], data: [], ends: [] }
  const layout = JSON.stringify(withoutContent(spec, content))
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
  return withContent(JSON.parse(compiled), content) as Tree
}

/** What differs between charts of one layout. */
interface Content {
  texts: unknown[]
  data: unknown[]
  ends: number[]
}

/** What stands for a text and for data while it is compiled: characters and a field that no chart of sense has. */
const textMark = '\u0001text '
const dataField = '\u0001data'
/** Ends of axes, from here on by number. */
const endMark = 2 ** 50

/** Title of the whole chart and inline data, each replaced by its number. */
function withoutContent(part: unknown, content: Content, isTop = true): unknown {
  const { texts, data, ends } = content
  if (Array.isArray(part)) return part.map((item) => withoutContent(item, content, false))
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
      if (name === 'scale' && isTree(value) && isFixed(value))
        return [name, { ...value, domain: value.domain.map((end) => endMark + ends.push(end)) }]
      return [name, withoutContent(value, content, false)]
    }),
  )
}

const isTree = (value: unknown): value is Tree =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** A linear scale from one number to another: a run's axis grows with it. */
const isFixed = (scale: Tree): scale is Tree & { domain: number[] } =>
  (scale.type === undefined || scale.type === 'linear') &&
  Array.isArray(scale.domain) &&
  scale.domain.length === 2 &&
  scale.domain.every((end) => typeof end === 'number')

/** A line or lines; an expression is the compiler's. */
const isText = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') ||
  (Array.isArray(value) && value.length > 0 && value.every((line) => typeof line === 'string'))

function withContent(part: unknown, content: Content): unknown {
  const { texts, data, ends } = content
  if (typeof part === 'number' && part > endMark) return ends[part - endMark - 1] ?? part
  if (typeof part === 'string' && part.startsWith(textMark)) return texts[Number(part.slice(textMark.length))]
  if (Array.isArray(part)) {
    const [only] = part as Tree[]
    if (part.length === 1 && isTree(only) && dataField in only) return data[only[dataField] as number]
    return part.map((item) => withContent(item, content))
  }
  if (!isTree(part)) return part
  for (const [name, value] of Object.entries(part)) (part as Tree)[name] = withContent(value, content)
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
