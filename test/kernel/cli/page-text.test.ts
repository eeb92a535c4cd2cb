import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { formatHtml, type PageOptions } from '../../../kernel/cli/notebook/html.js'
import type { Cell, Notebook } from '../../../kernel/cli/notebook/notebook.js'
import { checkTemplate } from '../../../kernel/cli/notebook/page/template.js'
import { temporaryFolder } from '../../kit/files.js'

const text = (source: string, attachments?: Record<string, any>): Cell => ({
  cell_type: 'markdown',
  id: 'm',
  metadata: {},
  source,
  ...(attachments && { attachments }),
})
const pageOf = (cells: Cell[], options: PageOptions = {}, metadata: Notebook['metadata'] = {}): string =>
  formatHtml({ metadata, cells }, 'a.ipynb', options)
const page = (source: string, options: PageOptions = {}): string => pageOf([text(source)], options)
const mainOf = (html: string): string => /<main>([\s\S]*)<\/main>/.exec(html)![1]!
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const hostile = '<img src=x onerror=alert(1)></script>&"\''

it('draws formulas as MathML, in a line and on lines of their own, with their TeX inside', () => {
  const html = mainOf(
    page(
      'The loss $\\ell = -\\log p_y$ of\n\n$$\np_i = \\frac{e^{z_i}}{\\sum_j e^{z_j}}\n$$\n\n\\begin{align}a &= 1\\\\b &= 2\\end{align}',
    ),
  )
  expect(html.match(/<math/g)).toHaveLength(3)
  expect(html.match(/<div class="maths">/g)).toHaveLength(2)
  expect(html).toContain('<mfrac>')
  expect(html).toContain('<annotation encoding="application/x-tex">\\ell = -\\log p_y</annotation>')
})

it('takes neither prices nor code for formulas, and no emphasis within one', () => {
  expect(mainOf(page('from $5 to $10'))).not.toContain('<math')
  expect(mainOf(page('`$x$` and \\$y\\$'))).not.toContain('<math')
  expect(mainOf(page('```\n$$x$$\n```'))).not.toContain('<math')
  expect(mainOf(page('$a_1 * b_2 * c_3$'))).not.toContain('<em>')
})

it('shows what is no TeX as it was written, and lets no TeX make tags or links', () => {
  expect(mainOf(page('$\\frac{1}$'))).toContain('<code class="no-maths"')
  const html = mainOf(page('$\\href{javascript:alert(1)}{x} \\text{<img src=x>}$'))
  expect(html).not.toMatch(/href="javascript|<img/)
})

it('draws the output of latex()', () => {
  const output = (data: string): Cell => ({
    cell_type: 'code',
    id: 'c',
    metadata: {},
    source: 'latex()',
    execution_count: 1,
    outputs: [{ output_type: 'display_data', data: { 'text/latex': data }, metadata: {} }],
  })
  expect(pageOf([output('$$x^2$$')])).toContain('<msup>')
  expect(pageOf([output('x^2')])).toContain('<msup>')
  expect(mainOf(pageOf([output(`let $x^2$ be ${hostile}`)]))).not.toContain('<img src=x')
})

it('puts pictures beside the notebook into the page, from Markdown and from HTML, and says which are not there', () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'my pictures'))
  writeFileSync(join(folder, 'my pictures', 'a.png'), Buffer.from(pixel, 'base64'))
  const told: string[] = []
  const html = page(
    '![one](my%20pictures/a.png "Its title")\n\n<img alt="two" width="30" src="my pictures/a.png">\n\n![three](none.png) ![four](https://example.org/b.png)',
    { folder, warn: (line) => told.push(line) },
  )
  expect(
    html.match(new RegExp(`src="data:image/png;base64,${pixel.replaceAll('+', '\\+')}"`, 'g')),
  ).toHaveLength(2)
  expect(html).toContain('<figcaption>Its title</figcaption>')
  expect(html).toContain('width="30"')
  expect(told).toHaveLength(2)
  expect(told[0]).toContain('none.png')
  expect(mainOf(html)).toContain('three (none.png)')
  expect(html).toContain('href="https://example.org/b.png"')
})

it('shows attachments with titles, encoded names and as <img>', () => {
  const html = pageOf([
    text('a ![x](attachment:my%20picture.png "T") <img src="attachment:my picture.png">', {
      'my picture.png': { 'image/png': pixel },
    }),
  ])
  expect(
    html.match(new RegExp(`src="data:image/png;base64,${pixel.replaceAll('+', '\\+')}"`, 'g')),
  ).toHaveLength(2)
  expect(html).not.toContain('attachment:my')
})

it('gives headings the ids of JupyterLab and of GitHub, and lists them', () => {
  const html = page('# Title\n\n## Why it *moves*?\n\n## Why it moves?\n\n### <b>Last</b>')
  expect(html).toContain('<h2 id="Why-it-moves?"><span id="why-it-moves"></span>Why it <em>moves</em>?</h2>')
  expect(html).toContain('<h2 id="Why-it-moves?-1">')
  expect(html).toContain('<nav class="contents"')
  expect(html).toContain('<a href="#Why-it-moves%3F">Why it moves?</a>')
  expect(page('# Title\n\n## One')).not.toContain('<nav')
})

it('colours TypeScript in the text', () => {
  expect(mainOf(page('```ts\nconst a = 1\n```'))).toContain('<span class="k">const</span>')
  expect(mainOf(page('```python\nimport a\n```'))).not.toContain('<span class="k">')
})

it('says title, authors, date and description, from the lines at its head or the metadata', () => {
  const head = page(
    '---\ntitle: "A & B"\nauthor: [Ann, Bo]\ndate: 2026-01-02\n---\n\nText that *describes* it.',
  )
  expect(head).toContain('<title>A &amp; B</title>')
  expect(head).toContain('<meta name="author" content="Ann, Bo">')
  expect(head).toContain('<meta property="article:published_time" content="2026-01-02">')
  expect(head).toContain('<meta property="og:description" content="Text that describes it.">')
  expect(head).toContain('<h1>A &amp; B</h1>')
  expect(mainOf(head)).not.toContain('---')
  const metadata = pageOf([text('# Loss')], { today: '2026-03-04' }, { authors: [{ name: hostile }] })
  expect(metadata).toContain('<meta name="date" content="2026-03-04">')
  expect(metadata).not.toContain('<img src=x')
  expect(mainOf(page('---\n\nA rule above.'))).toContain('<hr>')
})

it('has captions where the author wrote some, and the code without those lines', () => {
  const html = pageOf([
    {
      cell_type: 'code',
      id: 'c',
      metadata: {},
      source: `#| label: fig-loss\n#| fig-cap: "The loss & ${hostile}"\n#| fig-alt: falls\nchart`,
      execution_count: 1,
      outputs: [{ output_type: 'display_data', data: { 'image/png': pixel }, metadata: {} }],
    },
  ])
  expect(html).toContain('<section class="code" id="fig-loss">')
  expect(html).toContain('<figcaption>The loss &amp; ')
  expect(html).toContain('alt="falls"')
  expect(html).not.toContain('<img src=x')
  expect(mainOf(html)).not.toContain('#|')
})

it('lets its notebook be taken along, without outputs', () => {
  const html = page('# A')
  const [, name, bytes] = /download="([^"]+)" href="data:application\/x-ipynb\+json;base64,([^"]+)"/.exec(
    html,
  )!
  expect(name).toBe('a.ipynb')
  expect(JSON.parse(Buffer.from(bytes!, 'base64').toString()).cells[0].source).toEqual(['# A'])
})

it("takes the author's style and template", () => {
  const styled = page('# A', { css: 'main { color: red }</style><script>alert(1)</script>' })
  expect(styled).toContain('main { color: red }')
  expect(styled.match(/<\/style>/g)).toHaveLength(1)
  const around =
    '<html><head>{{head}}</head><body><header>{{title}} {{date}} {{other}}</header>{{body}}</body></html>'
  const html = page('# A {{title}}', { template: around, today: '2026-03-04' })
  expect(html).toContain('<header>A {{title}} 2026-03-04 {{other}}</header>')
  expect(html).toContain('A {{title}}</h1>')
  expect(() => checkTemplate('<html>{{head}}</html>', 't.html')).toThrow('without {{body}}')
})

it('lets no link of the text run a script', () => {
  expect(mainOf(page('[a](javascript:alert(1)) [b](JaVaScript:alert(1))'))).not.toMatch(/href="javascript/i)
})
