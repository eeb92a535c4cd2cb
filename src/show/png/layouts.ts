import { parse, View, type Runtime } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { during } from '../../settle.js'

type Tree = { [name: string]: unknown }

/** Layouts that were compiled before, by everything but their data and titles. */
const mostKept = 40
const kept = new Map<string, { runtime: Runtime; places: readonly Place[] }>()

/**
 * The view of a Vega-Lite spec, for a picture: without what only a pointer or a screen reader asks for. Vega-Lite's
 * compiler needs 8 to 14 ms for a chart of several panels and Vega's parser 4 to 5, and most of it again for each; the
 * same layout with other data is taken from before. Data and titles pass through both as they are, so they are put in
 * afterwards.
 */
export function viewOf(spec: object, logger: object): View {
  const content: Content = { texts: [], data: [], ends: [] }
  const layout = JSON.stringify(withoutContent(spec, content))
  let found = kept.get(layout)
  if (found === undefined) {
    const own = JSON.parse(layout) as { config?: object }
    const vega = compile({ ...own, config: { ...own.config, aria: false } } as unknown as TopLevelSpec, {
      logger: logger as never,
    }).spec
    const runtime = parse(withoutHelp(vega) as never)
    found = { runtime, places: [...placesIn(runtime as unknown as Tree)] }
    if (kept.size >= mostKept) kept.delete(kept.keys().next().value!)
  } else kept.delete(layout)
  // The latest used is the last to be forgotten.
  kept.set(layout, found)
  const { runtime, places } = found
  // The view has its data; kept here they would never go.
  const putBack = () => {
    for (const { owner, name, mark } of places) owner[name] = mark
  }
  return during(putBack, () => {
    for (const { owner, name, mark } of places) owner[name] = withContent(mark, content)
    return new View(runtime, { renderer: 'none', logger: logger as never })
  })
}

/** What differs between charts of one layout. */
interface Content {
  texts: unknown[]
  data: unknown[]
  ends: number[]
}

/** What stands for a text and for data while it is compiled: words and a field that no chart of sense has. */
const textMark = 'gradbook:text:'
const dataField = 'gradbook:data'
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
                ? [key, `${textMark}${texts.push(own) - 1};`]
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

/** A linear scale from one number to another: a run's axis grows with it. Where zero lies inside, bars begin there. */
const isFixed = (scale: Tree): scale is Tree & { domain: number[] } =>
  (scale.type === undefined || scale.type === 'linear') &&
  Array.isArray(scale.domain) &&
  scale.domain.length === 2 &&
  scale.domain.every((end) => typeof end === 'number') &&
  (scale.domain[0] as number) >= 0

/** A line or lines; an expression is the compiler's. */
const isText = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') ||
  (Array.isArray(value) && value.length > 0 && value.every((line) => typeof line === 'string'))

/** Where something stands that is put in for each chart. */
interface Place {
  owner: Tree
  name: string
  mark: unknown
}

function* placesIn(owner: Tree): Generator<Place> {
  for (const [name, part] of Object.entries(owner)) {
    if (isMark(part)) yield { owner, name, mark: part }
    else if (part !== null && typeof part === 'object') yield* placesIn(part as Tree)
  }
}

const isMark = (part: unknown): boolean =>
  typeof part === 'number'
    ? part > endMark && part <= endMark + 1000
    : typeof part === 'string'
      ? part.includes(textMark)
      : dataOf(part) !== undefined

/** The number of the data that these rows stand for. */
const dataOf = (part: unknown): number | undefined =>
  Array.isArray(part) && part.length === 1
    ? ((part[0] as Tree | null)?.[dataField] as number | undefined)
    : undefined

function withContent(mark: unknown, { texts, data, ends }: Content): unknown {
  if (typeof mark === 'number') return ends[mark - endMark - 1]
  // Parsed, a text is in the code of a function.
  if (typeof mark === 'string') return mark.replaceAll(quotedText, (_, i) => JSON.stringify(texts[Number(i)]))
  return data[dataOf(mark)!]
}

const quotedText = new RegExp(`"${textMark}(\\d+);"`, 'g')

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
