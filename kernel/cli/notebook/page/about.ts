/** What a page says of itself: title, authors, date, description. From the notebook's metadata, or the lines that head it. */
import { basename, extname } from 'node:path'
import { escapeHtml } from '../../../../src/show/clean.js'
import { textOf } from './markdown.js'

export interface About {
  title: string
  authors: readonly string[]
  /** As the author wrote it; else the day on which the page was made, where that was told. */
  date: string | undefined
  description: string | undefined
}

/** Lines between `---` at the head of the first cell, as Quarto, MyST and Jupyter Book read them. */
const frontMatter = /^---[ \t]*\r?\n([\s\S]*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/

/** The first cell without them; `{}` where it has none. Values of one line and lists of names are read. */
export function readFrontMatter(source: string): { values: Record<string, string[]>; rest: string } {
  const found = frontMatter.exec(source)
  if (!found || !/^\w[\w-]*:/m.test(found[1]!)) return { values: {}, rest: source }
  const values: Record<string, string[]> = {}
  let name = ''
  for (const line of found[1]!.split(/\r?\n/)) {
    const entry = /^([\w-]+):[ \t]*(.*)$/.exec(line)
    const item = /^\s+-\s+(?:name:\s*)?(.+)$/.exec(line)
    if (entry) {
      name = entry[1]!.toLowerCase()
      values[name] = entry[2] ? listOf(entry[2]) : []
    } else if (item && name) values[name]!.push(bare(item[1]!))
  }
  return { values, rest: source.slice(found[0].length) }
}

const bare = (text: string): string => text.trim().replace(/^(["'])(.*)\1$/, '$2')
const listOf = (text: string): string[] =>
  /^\[.*\]$/.test(text.trim()) ? text.trim().slice(1, -1).split(',').map(bare) : [bare(text)]

/** Names in what Jupyter, Quarto and MyST write: a text, `{ name }`, or a list of them. */
function namesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn)
  if (typeof value === 'string') return value.trim() === '' ? [] : [value.trim()]
  return value && typeof value === 'object' ? namesIn((value as { name?: unknown }).name) : []
}

/** Characters of a description: what previews of links show. */
const longestDescription = 200

function cutAtWord(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  if (line.length <= longestDescription) return line
  return `${line.slice(0, longestDescription - 1).replace(/\s+\S*$/, '')}…`
}

/** `texts`: the HTML of its text cells, in order; `today`: the date of a page whose author says none. */
export function findAbout(
  {
    metadata,
    cells,
  }: { metadata: Record<string, unknown>; cells: readonly { cell_type: string; source: string }[] },
  file: string,
  texts: readonly string[],
  today?: string,
): About {
  const head = cells[0] && cells[0].cell_type !== 'code' ? readFrontMatter(cells[0].source).values : {}
  const said = (...names: string[]): string[] => {
    for (const name of names) {
      const values = head[name]?.length ? head[name] : namesIn(metadata[name])
      if (values.length > 0) return values
    }
    return []
  }
  const first = (tag: string): string | undefined => {
    for (const html of texts) {
      const found = new RegExp(`<${tag}\\b[^>]*>([\\s\\S]*?)</${tag}>`).exec(html)
      const text = found && textOf(found[1]!)
      if (text) return text
    }
    return undefined
  }
  const description = said('description')[0] ?? first('p')
  return {
    title: said('title')[0] ?? first('h1') ?? basename(file, extname(file)),
    authors: said('authors', 'author'),
    date: said('date')[0] ?? today,
    description: description && cutAtWord(description),
  }
}

/** For search engines and what shows a preview of a link. A picture of it would need an address of its own. */
export function aboutHead({ title, authors, date, description }: About): string {
  const metas: [kind: 'name' | 'property', name: string, content: string | undefined][] = [
    ['name', 'generator', 'gradbook'],
    ['name', 'description', description],
    ['name', 'author', authors.join(', ') || undefined],
    ['name', 'date', date],
    ['property', 'og:type', 'article'],
    ['property', 'og:title', title],
    ['property', 'og:description', description],
    ['property', 'article:published_time', date],
    ['name', 'twitter:card', 'summary'],
  ]
  return [
    `<title>${escapeHtml(title)}</title>`,
    ...metas
      .filter(([, , content]) => content)
      .map(([kind, name, content]) => `<meta ${kind}="${name}" content="${escapeHtml(content!)}">`),
  ].join('\n')
}
