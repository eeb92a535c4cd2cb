/**
 * A notebook as one page that asks nothing of any server.
 *
 * Outputs may carry HTML of their own (tables) and whatever was in the data; the page's content security policy is what
 * keeps it harmless: no script runs but ours, and nothing but inline styles and embedded pictures is loaded.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { escapeHtml } from '../../../src/show/clean.js'
import { runMime } from '../../../src/show/values/run-data.js'
import { packageFolder } from '../own-files.js'
import { ansiToHtml, overwriteLines } from './ansi.js'
import { highlight } from './page/highlight.js'
import { lastOfEachRun, renderAdjustments } from './adjustments.js'
import { formatIpynb } from './ipynb.js'
import { tagsOf, type Cell, type CodeCell, type Notebook } from './notebook.js'
import type { MimeData, Output } from './outputs.js'
import { aboutHead, findAbout, readFrontMatter, type About } from './page/about.js'
import { readOptions } from './page/captions.js'
import { PageTexts, type Heading } from './page/markdown.js'
import { latexToHtml, mathsStyle } from './page/maths.js'
import { fillTemplate } from './page/template.js'
import { renderSteered } from './steered.js'

const style = readFileSync(new URL('./assets/page.css', import.meta.url), 'utf8')

const policy =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; media-src data:; base-uri 'none'; form-action 'none'"

/** Bundled when gradbook is built, so they lie only there. */
const assets = join(packageFolder, 'dist', 'kernel', 'cli', 'notebook', 'assets')

/** A script that gradbook's build lays there: the page's policy lets it run, named by its hash. */
function readScript(name: 'page' | 'charts' | 'run'): { code: string; source: string } {
  const code = readFileSync(join(assets, `${name}.js`), 'utf8')
  return { code, source: `'sha256-${createHash('sha256').update(code).digest('base64')}'` }
}

interface Context {
  /** What stands in for a picture that cannot be seen. */
  text: string
  /** CSS pixels, where they are known. */
  width: number | undefined
  texts: PageTexts
}

const picture =
  (mime: string) =>
  (data: unknown, { text, width }: Context): string =>
    `<img src="data:${mime};base64,${escapeHtml(String(data).replace(/\s/g, ''))}" alt="${escapeHtml(text)}"${width ? ` width="${width}"` : ''}>`

/** The forms a page can show, richest first: a row each. */
const forms: [mime: string, show: (data: any, context: Context) => string][] = [
  ['image/png', picture('image/png')],
  ['image/jpeg', picture('image/jpeg')],
  ['image/gif', picture('image/gif')],
  ['image/webp', picture('image/webp')],
  // As a picture an SVG can neither run scripts nor load anything.
  [
    'image/svg+xml',
    (data, context) => picture('image/svg+xml')(Buffer.from(String(data)).toString('base64'), context),
  ],
  ['text/html', (data) => `<div class="html wide">${data}</div>`],
  ['text/markdown', (data, { texts }) => `<div class="markdown">${texts.render(String(data))}</div>`],
  ['text/latex', (data, { texts }) => `<div class="maths">${latexToHtml(String(data), texts.macros)}</div>`],
  ['text/plain', (data) => `<pre>${ansiToHtml(String(data))}</pre>`],
  ['application/json', (data) => `<pre>${escapeHtml(JSON.stringify(data, null, 2))}</pre>`],
]

/** A chart's picture is drawn with two pixels for each of the page's; other pictures say their width or have none. */
function findWidth(data: MimeData, metadata: Record<string, any>): number | undefined {
  const said = metadata['image/png']?.width ?? metadata['image/jpeg']?.width
  if (typeof said === 'number') return said
  const isChart = Object.keys(data).some((mime) => mime.startsWith('application/vnd.vegalite'))
  if (!isChart || typeof data['image/png'] !== 'string') return undefined
  // The header of a PNG has its width at byte 16.
  const header = Buffer.from(data['image/png'].slice(0, 64), 'base64')
  return header.length >= 20 ? Math.round(header.readUInt32BE(16) / 2) : undefined
}

function renderData(
  data: MimeData,
  metadata: Record<string, any>,
  alt: string | undefined,
  page: Page,
): string {
  const context: Context = {
    text: alt ?? String(data['text/plain'] ?? ''),
    width: findWidth(data, metadata),
    texts: page.texts,
  }
  const form = forms.find(([mime]) => data[mime] !== undefined)
  const still = form ? form[1](data[form[0]], context) : ''
  const run = data[runMime]
  if (isRun(run)) return renderDrawn('run', { run, mistakes: page.mistakes.get(run.name) ?? [] }, still)
  const chart = chartMimes.find((mime) => data[mime] !== undefined)
  return chart ? renderDrawn('chart', data[chart], still) : still
}

const chartMimes = ['application/vnd.vegalite.v5+json', 'application/vnd.vegalite.v6+json']

interface ShownRun {
  kind: 'run'
  name: string
  mistakes?: { iteration: number }
}

function isRun(value: unknown): value is ShownRun {
  const { kind, name, loss } = (value ?? {}) as { kind?: unknown; name?: unknown; loss?: unknown }
  return kind === 'run' && typeof name === 'string' && typeof loss === 'object'
}

/** Of each run, by name, the mistakes that the notebook's outputs show of its evaluations: what a slider goes through. */
function findMistakes({ cells }: Notebook): Map<string, unknown[]> {
  const found = new Map<string, Map<number, unknown>>()
  for (const cell of cells)
    for (const output of cell.cell_type === 'code' ? cell.outputs : []) {
      const run: unknown = 'data' in output ? output.data[runMime] : undefined
      if (!isRun(run) || !run.mistakes) continue
      const { name, mistakes } = run
      found.set(name, (found.get(name) ?? new Map()).set(mistakes.iteration, mistakes))
    }
  return new Map([...found].map(([name, mistakes]) => [name, [...mistakes.values()]]))
}

/** The picture, and beside it the data from which the page's script draws the chart anew. */
function renderDrawn(kind: 'chart' | 'run', data: unknown, still: string): string {
  // A tag in the data must not end the script element.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c')
  return `<figure class="${kind}">${still}<script type="application/json">${json}</script></figure>`
}

/** What the cells of one page share. */
interface Page {
  options: PageOptions
  texts: PageTexts
  opened: ReadonlySet<unknown>
  mistakes: ReadonlyMap<string, unknown[]>
}

export interface PageOptions {
  /** Code of every cell is closed at first; a reader opens it. */
  fold?: boolean
  /** Where pictures beside the notebook are looked for. */
  folder?: string
  /** Is told what is not on the page. */
  warn?: (text: string) => void
  /** The day of the page, YYYY-MM-DD, where its author says none. */
  today?: string
  /** Style of the author's own, after the page's. */
  css?: string
  /** A page of the author's own, with `{{head}}` and `{{body}}` where ours go. */
  template?: string
}

function renderOutput(output: Output, alt: string | undefined, page: Page): string {
  if (output.output_type === 'stream')
    return `<pre class="${output.name}">${ansiToHtml(overwriteLines(output.text))}</pre>`
  if (output.output_type === 'error')
    return `<pre class="error">${ansiToHtml(output.traceback.join('\n'))}</pre>`
  const run: unknown = output.data[runMime]
  return renderData(output.data, output.metadata, alt, page) + renderAdjustments(run, page.opened.has(run))
}

/** What is not to be seen at once, or at all: tags that Jupyter Book knows, and what JupyterLab keeps of its own folding. */
function findFolding(cell: CodeCell): { [part in 'source' | 'outputs']: 'open' | 'closed' | 'none' } {
  const tags = tagsOf(cell)
  const { source_hidden, outputs_hidden } = (cell.metadata.jupyter ?? {}) as { [name: string]: unknown }
  const folding = (name: string, closed: unknown) =>
    tags.includes(`remove-${name}`) ? 'none' : closed || tags.includes(`hide-${name}`) ? 'closed' : 'open'
  return {
    source: folding('input', source_hidden),
    outputs: folding('output', outputs_hidden ?? cell.metadata.collapsed),
  }
}

function renderCode(cell: CodeCell, page: Page): string {
  const folding = findFolding(cell)
  const { source: text, caption, alt, label } = readOptions(cell)
  const number = cell.execution_count === null ? 'code' : `[${cell.execution_count}]`
  const closed = page.options.fold || folding.source === 'closed'
  const source = `<details class="fold"${closed ? '' : ' open'}><summary title="show or hide this code">${number}</summary><pre class="source"><code>${highlight(text)}</code></pre></details>`
  const drawn = cell.outputs
    .map((output) => renderOutput(output, alt, page))
    .filter((html) => html !== '')
    .map((html) => `<div class="output">${html}</div>`)
    .join('\n')
  const outputs =
    drawn && caption
      ? `<figure class="captioned">${drawn}<figcaption>${escapeHtml(caption)}</figcaption></figure>`
      : drawn
  const shown =
    outputs && folding.outputs === 'closed'
      ? `<details class="fold"><summary>output</summary>${outputs}</details>`
      : outputs
  return `<section class="code"${label ? ` id="${escapeHtml(label)}"` : ''}>${folding.source === 'none' ? '' : source}\n${folding.outputs === 'none' ? '' : shown}</section>`
}

/** `source` without what the page says of itself above: the lines that head the first cell. */
function renderCell(cell: Cell, index: number, page: Page): string {
  if (tagsOf(cell).includes('remove-cell')) return ''
  if (cell.cell_type === 'code') return cell.source.trim() === '' ? '' : renderCode(cell, page)
  const source = index === 0 ? readFrontMatter(cell.source).rest : cell.source
  if (source.trim() === '') return ''
  if (cell.cell_type === 'markdown')
    return `<section class="markdown">${page.texts.render(source, cell.attachments)}</section>`
  return `<section><pre>${escapeHtml(source)}</pre></section>`
}

/** Headings fewer than these are seen at a glance. */
const fewestHeadings = 3

function renderContents(headings: readonly Heading[]): string {
  const shown = headings.filter(({ level, text }) => (level === 2 || level === 3) && text !== '')
  if (shown.length < fewestHeadings) return ''
  const items = shown.map(
    ({ level, id, text }) =>
      `<li class="level-${level}"><a href="#${escapeHtml(encodeURIComponent(id))}">${escapeHtml(text)}</a></li>`,
  )
  return `<nav class="contents" aria-label="Contents"><details><summary>Contents</summary><ol>${items.join('')}</ol></details></nav>\n`
}

/** Who wrote it and when, under the title. */
function renderByline({ authors, date }: About, said: boolean): string {
  const parts = [authors.join(', '), said ? (date ?? '') : ''].filter((part) => part !== '')
  return parts.length > 0 ? `<p class="byline">${escapeHtml(parts.join(' · '))}</p>\n` : ''
}

/** The notebook itself, without outputs: what it needs to be run anew. */
function renderDownload(notebook: Notebook, file: string): string {
  const cells = notebook.cells.map((cell) =>
    cell.cell_type === 'code' ? { ...cell, outputs: [], execution_count: null } : cell,
  )
  const bytes = Buffer.from(formatIpynb({ ...notebook, cells })).toString('base64')
  const name = `${basename(file, extname(file))}.ipynb`
  return `<a class="download" download="${escapeHtml(name)}" href="data:application/x-ipynb+json;base64,${bytes}">download the notebook</a>`
}

/** One control for all code, where there is some; it needs no script. */
const codeSwitch = `<label class="switch"><input type="checkbox" id="without-code"> hide all code</label>`

/** The title above the text, where the text does not begin with one. */
const renderTitle = ({ title }: About, file: string, headings: readonly Heading[]): string =>
  headings.some(({ level }) => level === 1) || title === basename(file, extname(file))
    ? ''
    : `<h1>${escapeHtml(title)}</h1>\n`

export function formatHtml(notebook: Notebook, file: string, options: PageOptions = {}): string {
  const texts = new PageTexts(options)
  const page: Page = {
    options,
    texts,
    opened: lastOfEachRun(notebook),
    mistakes: findMistakes(notebook),
  }
  const cells = notebook.cells.map((cell, index) => renderCell(cell, index, page))
  const about = findAbout(
    notebook,
    file,
    cells.filter((_, index) => notebook.cells[index]!.cell_type === 'markdown'),
    options.today,
  )
  const content = cells.filter((html) => html !== '').join('\n')
  const scripts = [
    readScript('page'),
    ...(content.includes('<figure class="chart">') ? [readScript('charts')] : []),
    ...(content.includes('<figure class="run">') ? [readScript('run')] : []),
  ]
  const styles = [
    style,
    ...(content.includes('<figure class="run">')
      ? [readFileSync(join(assets, 'run-style.css'), 'utf8')]
      : []),
    ...(content.includes('<math') ? [mathsStyle()] : []),
    ...(options.css === undefined ? [] : [options.css]),
  ]
  const head = `<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}; script-src ${scripts.map(({ source }) => source).join(' ')}">
<meta name="viewport" content="width=device-width, initial-scale=1">
${aboutHead(about)}
<style>
${styles.join('\n').replaceAll(/<\/style/gi, '<\\/style')}</style>`
  const body = `${renderContents(texts.headings)}<main>
<div class="tools">${renderDownload(notebook, file)}${content.includes('<pre class="source">') ? codeSwitch : ''}</div>
${renderTitle(about, file, texts.headings)}${renderByline(about, about.date !== options.today || about.authors.length > 0)}${renderSteered(notebook)}${content}
</main>
${scripts.map(({ code }) => `<script>${code}</script>\n`).join('')}`
  return options.template === undefined
    ? `<!doctype html>\n<html lang="en">\n<head>\n${head}\n</head>\n<body>\n${body}</body>\n</html>\n`
    : fillTemplate(options.template, { head, body, about })
}
