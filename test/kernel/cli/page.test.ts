import { expect, it } from 'vitest'
import { formatHtml } from '../../../kernel/cli/notebook/html.js'
import type { Cell } from '../../../kernel/cli/notebook/notebook.js'
import type { Output } from '../../../kernel/cli/notebook/outputs.js'

const hostile = '<img src=x onerror=alert(1)></script>&"'
const code = (source: string, ...outputs: Output[]): Cell => ({
  cell_type: 'code',
  id: 'a',
  metadata: {},
  source,
  execution_count: 1,
  outputs,
})
const shown = (data: Record<string, unknown>): Output => ({ output_type: 'display_data', data, metadata: {} })
const page = (...cells: Cell[]): string => formatHtml({ metadata: {}, cells }, 'a.ipynb')

it('escapes code, streams, errors, text and titles', () => {
  const html = page(
    { cell_type: 'raw', id: 'r', metadata: {}, source: hostile },
    code(
      `const a = '${hostile}' // ${hostile}`,
      { output_type: 'stream', name: 'stdout', text: hostile },
      { output_type: 'error', ename: 'E', evalue: hostile, traceback: [hostile] },
      shown({ 'text/plain': hostile }),
      shown({ 'image/png': hostile, 'text/plain': hostile }),
      shown({ 'application/json': hostile }),
    ),
  )
  expect(html).not.toContain('<img src=x')
  // Of the page's own script only.
  expect(html.match(/<\/script>/g)).toHaveLength(1)
})

it('brings scripts where it has charts, allowed by their hashes, and data cannot end its element', () => {
  const spec = { mark: 'point', data: { values: [{ a: hostile }] } }
  const html = page(
    code('chart', shown({ 'application/vnd.vegalite.v5+json': spec, 'image/png': 'iVBORw0=' })),
  )
  expect(html).toMatch(/script-src 'sha256-[A-Za-z0-9+/=]+' 'sha256-[A-Za-z0-9+/=]+'">/)
  expect(html.match(/<\/script>/g)).toHaveLength(3)
  const json = /<script type="application\/json">(.*?)<\/script>/.exec(html)![1]!
  expect(JSON.parse(json)).toEqual(spec)
})

it('lets no script run and no request leave, whatever HTML an output brings', () => {
  const html = page(code('', shown({ 'text/html': '<script>alert(1)</script>' })))
  expect(html).toContain("default-src 'none'")
  expect(html).toMatch(/; script-src 'sha256-[A-Za-z0-9+/=]+'">/)
  expect(html).toContain("base-uri 'none'; form-action 'none'")
  expect(html.indexOf('Content-Security-Policy')).toBeLessThan(html.indexOf('<style>'))
})

it('shows a chart as its picture, once', () => {
  const html = page(
    code(
      'chart',
      shown({
        'application/vnd.vegalite.v5+json': { mark: 'x' },
        'image/png': 'iVBO\nRw0=',
        'text/plain': 'loss chart',
      }),
    ),
  )
  expect(html).toContain('<img src="data:image/png;base64,iVBORw0=" alt="loss chart">')
  expect(html).not.toContain('<pre>loss chart')
})

it('takes the first heading for the title and renders the text', () => {
  const html = page({
    cell_type: 'markdown',
    id: 'm',
    metadata: {},
    source: '# Loss & **more**\n\n| a |\n|---|\n| 1 |',
  })
  expect(html).toContain('<title>Loss &amp; more</title>')
  expect(html).toContain('<th>a</th>')
})

it('colours the words of the code and the colours of a terminal', () => {
  const html = page(
    code("const f = (x) => run(x, 'a', 1) // c", {
      output_type: 'stream',
      name: 'stdout',
      text: '\x1b[31mred\x1b[0m\x1b[2K plain',
    }),
  )
  expect(html).toContain('<span class="k">const</span>')
  expect(html).toContain('<span class="f">run</span>')
  expect(html).toContain('<span class="c">// c</span>')
  expect(html).toContain('<span class="ansi red">red</span> plain')
})

it('shows a line that wrote over itself in its last state', () => {
  const html = page(code('x', { output_type: 'stream', name: 'stdout', text: '10 %\r20 %\rdone\nnext' }))
  expect(html).toContain('>done\nnext</pre>')
})

it('shows code that a reader can close, and closed what the author closed', () => {
  const cell = (tags: string[], jupyter = {}): Cell =>
    ({ ...code('secret()', shown({ 'text/plain': 'seen' })), metadata: { tags, jupyter } }) as Cell
  expect(page(cell([]))).toMatch(
    /<details class="fold" open><summary[^>]*>\[1\]<\/summary><pre class="source">/,
  )
  for (const closed of [
    page(cell(['hide-input'])),
    page(cell([], { source_hidden: true })),
    formatHtml({ metadata: {}, cells: [cell([])] }, 'a.ipynb', { fold: true }),
  ]) {
    expect(closed).toMatch(/<details class="fold"><summary[^>]*>\[1\]<\/summary><pre class="source">/)
    expect(closed).toContain('<pre>seen</pre>')
  }
  expect(page(cell(['remove-input']))).not.toContain('secret')
  expect(page(cell(['remove-output']))).not.toContain('seen')
  expect(page(cell(['hide-output']))).toMatch(/<details class="fold"><summary>output<\/summary>.*seen/)
  expect(page(cell(['remove-cell']))).not.toMatch(/secret|seen/)
})

it('lists the adjustments of a run below its charts, open below the last', () => {
  const run = (adjustments: object[], name = 'first') =>
    shown({ 'application/vnd.gradbook.run+json': { name, adjustments }, 'text/plain': 'run' })
  const one = { at: 200, text: `learning rate ${hostile}`, why: hostile }
  const html = page(
    code('a', run([])),
    code('b', run([one])),
    code('c', run([one, { at: 300, text: 'exclude 2' }])),
  )
  expect(html.match(/<details class="adjustments"/g)).toHaveLength(2)
  expect(html).toContain('<details class="adjustments"><summary>1 adjustment</summary>')
  expect(html).toContain('<details class="adjustments" open><summary>2 adjustments</summary>')
  expect(html).toContain('<td>300</td><td>exclude 2</td><td></td>')
  expect(html).not.toContain('<img src=x')
})

it('says what was steered by hand and is in no cell', () => {
  const steered = [{ run: hostile, at: 300, code: `run.exclude([1], { why: '${hostile}' })` }]
  const html = formatHtml({ metadata: { gradbook: { steered } }, cells: [] }, 'a.ipynb')
  expect(html).toContain('One change made by hand in JupyterLab is in no cell of this notebook')
  expect(html).toContain('<td>300</td><td><code>run.exclude([1]')
  expect(html).not.toContain('<img src=x')
  expect(formatHtml({ metadata: { gradbook: { steered: 'x' } }, cells: [] }, 'a.ipynb')).not.toContain(
    'by hand',
  )
})
