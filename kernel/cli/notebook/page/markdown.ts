/** The text of a notebook as HTML: Markdown with formulas, pictures inside, headings that can be linked to, code in colours. */
import { Marked, type Tokens } from 'marked'
import { escapeHtml } from '../../../../src/show/clean.js'
import { highlight } from './highlight.js'
import { block, inline, mathsToHtml, type Macros } from './maths.js'
import { findPicture, type PictureSource } from './pictures.js'

export interface Heading {
  level: number
  id: string
  text: string
}

/** What the texts of one page share. */
export class PageTexts {
  readonly headings: Heading[] = []
  readonly macros: Macros = {}
  readonly #folder: string | undefined
  readonly #warn: (text: string) => void
  readonly #ids = new Set<string>()
  readonly #marked: Marked
  /** Of the cell that is rendered now. */
  #attachments: PictureSource['attachments']

  constructor({ folder, warn = () => {} }: { folder?: string; warn?: (text: string) => void } = {}) {
    this.#folder = folder
    this.#warn = warn
    this.#marked = this.#createMarked()
  }

  /** `attachments` are those of the cell whose text it is. */
  render(text: string, attachments?: PictureSource['attachments']): string {
    this.#attachments = attachments
    return this.#marked.parse(text, { async: false })
  }

  #createMarked(): Marked {
    const { macros } = this
    const heading = (html: string, level: number): string => this.#heading(html, level)
    const image = (href: string, alt: string, title?: string): string => this.#image(href, alt, title)
    const withPictures = (html: string): string => this.#withPictures(html)
    const formula = (name: string, level: 'inline' | 'block', pattern: RegExp, start: RegExp) => ({
      name,
      level,
      start: (source: string) => {
        const at = source.search(start)
        return at < 0 ? undefined : at
      },
      tokenizer: (source: string) => {
        const found = pattern.exec(source)
        if (!found) return undefined
        const { text, round, displayed, square, environment } = found.groups!
        const tex = text ?? round ?? displayed ?? square ?? environment!
        return { type: name, raw: found[0], tex, display: text === undefined && round === undefined }
      },
      renderer: ({ tex, display }: Tokens.Generic) => {
        const html = mathsToHtml(tex, display, macros)
        return level === 'block' ? `<div class="maths">${html}</div>\n` : html
      },
    })
    return new Marked({
      gfm: true,
      extensions: [
        formula('maths-block', 'block', block, /\n {0,3}(?:\$\$|\\begin\{)/),
        formula('maths', 'inline', inline, /\$|\\\\[([]/),
      ],
      renderer: {
        heading({ tokens, depth }) {
          return heading(this.parser.parseInline(tokens), depth)
        },
        code({ text, lang = '' }) {
          return `<pre><code>${colour(text, lang)}</code></pre>\n`
        },
        image({ href, title, text }) {
          return image(href, text, title ?? undefined)
        },
        paragraph({ tokens }) {
          const [only] = tokens
          // A picture on its own whose title is said has it below.
          if (tokens.length === 1 && only?.type === 'image' && only.title)
            return `<figure>${this.parser.parseInline(tokens)}<figcaption>${escapeHtml(only.title)}</figcaption></figure>\n`
          return `<p>${this.parser.parseInline(tokens)}</p>\n`
        },
        table(token) {
          const row = (cells: Tokens.TableCell[], tag: 'th' | 'td') =>
            `<tr>${cells.map(({ tokens, align }) => `<${tag}${align ? ` style="text-align: ${align}"` : ''}>${this.parser.parseInline(tokens)}</${tag}>`).join('')}</tr>`
          return `<div class="wide"><table><thead>${row(token.header, 'th')}</thead><tbody>${token.rows.map((cells) => row(cells, 'td')).join('')}</tbody></table></div>\n`
        },
        link({ href, title, tokens }) {
          const text = this.parser.parseInline(tokens)
          if (/^\s*(?:javascript|vbscript|data):/i.test(href)) return text
          return `<a href="${escapeHtml(href)}"${title ? ` title="${escapeHtml(title)}"` : ''}>${text}</a>`
        },
        html({ text }) {
          return withPictures(text)
        },
      },
    })
  }

  /** Ids as JupyterLab makes them, and as GitHub does, so that links written for either arrive. */
  #heading(html: string, level: number): string {
    const text = textOf(html)
    const id = this.#unique(text.replaceAll(/\s/g, '-') || 'section')
    const other = text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-')
    const alias =
      other && !this.#ids.has(other) ? `<span id="${escapeHtml(this.#unique(other))}"></span>` : ''
    this.headings.push({ level, id, text })
    return `<h${level} id="${escapeHtml(id)}">${alias}${html}</h${level}>\n`
  }

  #unique(name: string): string {
    let id = name
    for (let count = 1; this.#ids.has(id); count++) id = `${name}-${count}`
    this.#ids.add(id)
    return id
  }

  #image(href: string, alt: string, title?: string): string {
    const found = findPicture(href, { attachments: this.#attachments, folder: this.#folder })
    if ('address' in found)
      return `<img src="${escapeHtml(found.address)}" alt="${escapeHtml(alt)}"${title ? ` title="${escapeHtml(title)}"` : ''}>`
    this.#warn(`the picture ${href} is not on the page: ${found.missing}`)
    const name = `${alt || 'picture'} (${href})`
    return /^https?:/i.test(href)
      ? `<a class="missing" href="${escapeHtml(href)}">${escapeHtml(name)}</a>`
      : `<span class="missing" title="${escapeHtml(found.missing)}">${escapeHtml(name)}</span>`
  }

  /** `<img>` written as HTML keeps what it says of itself; only where it comes from changes. */
  #withPictures(html: string): string {
    return html.replace(
      /(<img\b[^>]*?\ssrc\s*=\s*)(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi,
      (whole, before: string, double?: string, single?: string, bare?: string) => {
        const address = unescape(double ?? single ?? bare ?? '')
        const found = findPicture(address, { attachments: this.#attachments, folder: this.#folder })
        if ('address' in found) return `${before}"${escapeHtml(found.address)}"`
        this.#warn(`the picture ${address} is not on the page: ${found.missing}`)
        return whole
      },
    )
  }
}

/** Languages whose words are those of TypeScript. */
const coloured = new Set(['ts', 'typescript', 'tsx', 'mts', 'js', 'javascript', 'jsx', 'mjs', 'json'])

function colour(text: string, language: string): string {
  return coloured.has(language.split(/[\s,{]/)[0]!.toLowerCase()) ? highlight(text) : escapeHtml(text)
}

const entities: { [name: string]: string } = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
const unescape = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name]!)

/** What a reader reads of inline HTML; of a formula its TeX. */
export function textOf(html: string): string {
  return unescape(
    html
      .replace(/<math[\s\S]*?<annotation[^>]*>([\s\S]*?)<\/annotation>[\s\S]*?<\/math>/g, '$1')
      .replace(/<[^>]*>/g, ''),
  ).trim()
}
