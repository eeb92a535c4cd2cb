/**
 * A notebook as one page that asks nothing of any server.
 *
 * Outputs may carry HTML of their own (tables) and whatever was in the data; the page's content security policy is what
 * keeps it harmless: no script runs but ours, and nothing but inline styles and embedded pictures is loaded.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { marked } from 'marked'
import { escapeHtml } from '../../../src/show/clean.js'
import { runMime } from '../../../src/show/values/run-data.js'
import { packageFolder } from '../own-files.js'
import { ansiToHtml, overwriteLines } from './ansi.js'
import { highlight } from './highlight.js'
import { lastOfEachRun, renderAdjustments } from './adjustments.js'
import { tagsOf, type Cell, type CodeCell, type Notebook } from './notebook.js'
import type { MimeData, Output } from './outputs.js'

const style = readFileSync(new URL('./assets/page.css', import.meta.url), 'utf8')

const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; media-src data:"

/** Made when gradbook is built, so it lies only there. */
const bundle = join(packageFolder, 'dist', 'kernel', 'cli', 'notebook', 'assets', 'charts.js')

/** What makes the charts interactive: the one script that the page's policy lets run, named by its hash. */
function findScript(): { code: string; source: string } {
  const code = readFileSync(bundle, 'utf8')
  return { code, source: `'sha256-${createHash('sha256').update(code).digest('base64')}'` }
}

interface Context {
  /** What stands in for a picture that cannot be seen. */
  text: string
  /** CSS pixels, where they are known. */
  width: number | undefined
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
  ['text/html', (data) => `<div class="html">${data}</div>`],
  ['text/markdown', (data) => `<div class="markdown">${renderMarkdown(String(data))}</div>`],
  ['text/latex', (data) => `<pre>${escapeHtml(String(data))}</pre>`],
  ['text/plain', (data) => `<pre>${ansiToHtml(String(data))}</pre>`],
  ['application/json', (data) => `<pre>${escapeHtml(JSON.stringify(data, null, 2))}</pre>`],
]

function renderMarkdown(text: string): string {
  return marked.parse(text, { async: false, gfm: true })
}

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

function renderData(data: MimeData, metadata: Record<string, any>): string {
  const context: Context = { text: String(data['text/plain'] ?? ''), width: findWidth(data, metadata) }
  const form = forms.find(([mime]) => data[mime] !== undefined)
  const still = form ? form[1](data[form[0]], context) : ''
  const chart = chartMimes.find((mime) => data[mime] !== undefined)
  return chart ? renderChart(data[chart], still) : still
}

const chartMimes = ['application/vnd.vegalite.v5+json', 'application/vnd.vegalite.v6+json']

/** The picture, and beside it the specification from which the page's script draws the chart anew. */
function renderChart(spec: unknown, still: string): string {
  // A tag in the data must not end the script element.
  const json = JSON.stringify(spec).replaceAll('<', '\\u003c')
  return `<figure class="chart">${still}<script type="application/json">${json}</script></figure>`
}

export interface PageOptions {
  /** Code of every cell is closed at first; a reader opens it. */
  fold?: boolean
}

function renderOutput(output: Output, opened: ReadonlySet<unknown>): string {
  if (output.output_type === 'stream')
    return `<pre class="${output.name}">${ansiToHtml(overwriteLines(output.text))}</pre>`
  if (output.output_type === 'error')
    return `<pre class="error">${ansiToHtml(output.traceback.join('\n'))}</pre>`
  const run: unknown = output.data[runMime]
  return renderData(output.data, output.metadata) + renderAdjustments(run, opened.has(run))
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

function renderCode(cell: CodeCell, { fold }: PageOptions, opened: ReadonlySet<unknown>): string {
  const folding = findFolding(cell)
  const number = cell.execution_count === null ? 'code' : `[${cell.execution_count}]`
  const source = `<details class="fold"${fold || folding.source === 'closed' ? '' : ' open'}><summary title="show or hide this code">${number}</summary><pre class="source"><code>${highlight(cell.source)}</code></pre></details>`
  const outputs = cell.outputs
    .map((output) => renderOutput(output, opened))
    .filter((html) => html !== '')
    .map((html) => `<div class="output">${html}</div>`)
    .join('\n')
  const shown =
    outputs && folding.outputs === 'closed'
      ? `<details class="fold"><summary>output</summary>${outputs}</details>`
      : outputs
  return `<section class="code">${folding.source === 'none' ? '' : source}\n${folding.outputs === 'none' ? '' : shown}</section>`
}

/** Pictures attached to a cell stand in it as `![…](attachment:name)`. */
function withAttachments(cell: Cell): string {
  if (cell.cell_type === 'code' || !cell.attachments) return cell.source
  return cell.source.replace(/\(attachment:([^)\s]+)\)/g, (whole, name: string) => {
    const [mime, data] = Object.entries(cell.attachments?.[name] ?? {})[0] ?? []
    return mime ? `(data:${mime};base64,${String(data).replace(/\s/g, '')})` : whole
  })
}

function renderCell(cell: Cell, options: PageOptions, opened: ReadonlySet<unknown>): string {
  if (tagsOf(cell).includes('remove-cell')) return ''
  if (cell.cell_type === 'code') return cell.source.trim() === '' ? '' : renderCode(cell, options, opened)
  if (cell.cell_type === 'markdown')
    return `<section class="markdown">${renderMarkdown(withAttachments(cell))}</section>`
  return `<section><pre>${escapeHtml(cell.source)}</pre></section>`
}

/** The title: the first heading, else the name of the file. */
function findTitle(notebook: Notebook, file: string): string {
  for (const cell of notebook.cells)
    if (cell.cell_type === 'markdown') {
      const heading = /^#\s+(.+)$/m.exec(cell.source)
      if (heading) return heading[1]!.trim()
    }
  return basename(file)
}

/** One control for all code, where there is some; it needs no script. */
const codeSwitch = `<label class="switch"><input type="checkbox" id="without-code"> hide all code</label>\n`

export function formatHtml(notebook: Notebook, file: string, options: PageOptions = {}): string {
  const opened = lastOfEachRun(notebook)
  const body = notebook.cells
    .map((cell) => renderCell(cell, options, opened))
    .filter((html) => html !== '')
    .join('\n')
  const script = body.includes('<figure class="chart">') ? findScript() : undefined
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}${script ? `; script-src ${script.source}` : ''}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(findTitle(notebook, file))}</title>
<style>
${style}</style>
</head>
<body>
<main>
${body.includes('<pre class="source">') ? codeSwitch : ''}${body}
</main>
${script ? `<script>${script.code}</script>\n` : ''}</body>
</html>
`
}
