import * as tf from '@tensorflow/tfjs'
import * as aq from 'arquero'
import { describe, expect, it } from 'vitest'
import { calibrationChart, show, toBundle } from '../../../src/show/index.js'
import { tensorLine } from '../../../src/show/values/tensor.js'
import { runView } from '../sample-views.js'

const textOf = (value: unknown) => String(toBundle(value)?.['text/plain'])

describe('a value', () => {
  it('of no known shape is left to its text', () => {
    for (const value of [
      1,
      'text',
      null,
      undefined,
      {},
      [],
      [1, 2],
      { a: 1 },
      () => 1,
      new Map(),
      new Date(),
      new Error('x'),
    ])
      expect(toBundle(value)).toBeUndefined()
  })

  it('that brings its own bundle is shown by it', () => {
    expect(toBundle({ [Symbol.for('Jupyter.display')]: () => ({ 'text/markdown': '**a**' }) })).toEqual({
      'text/markdown': '**a**',
    })
  })

  it('that throws while it is drawn says so', () => {
    const angry = {
      [Symbol.for('Jupyter.display')]() {
        throw new Error('no ink')
      },
    }
    expect(textOf(angry)).toBe('(could not be shown: no ink)')
  })

  it('that is a Vega-Lite spec is a chart', () => {
    const spec = {
      $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
      title: 'Mine',
      mark: 'bar',
      data: { values: [] },
    }
    expect(toBundle(spec)).toEqual({
      'application/vnd.vegalite.v5+json': spec,
      'text/plain': '[chart: Mine]',
    })
  })

  it('that is a Vega-Lite spec is one without `$schema` too: by its marks, or those of its parts', () => {
    const data = { values: [{ a: 1 }] }
    const unit = { mark: { type: 'bar' }, encoding: { x: { field: 'a' } } }
    for (const spec of [
      { data, mark: 'point' },
      { data, layer: [unit, { mark: 'rule' }] },
      { hconcat: [unit, { vconcat: [{ data, ...unit }] }] },
      { data, facet: { field: 'a' }, spec: unit },
      { data, repeat: ['a'], spec: unit },
    ])
      expect(toBundle(spec)).toEqual({
        'application/vnd.vegalite.v5+json': {
          $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
          ...spec,
        },
        'text/plain': '[chart]',
      })
    for (const other of [
      { mark: 'bar' },
      unit,
      { mark: 'B+', data },
      { layer: [] },
      { layer: [{ units: 3 }] },
      { repeat: 2 },
    ])
      expect(toBundle(other), JSON.stringify(other)).toBeUndefined()
  })

  it('that is a spec may hold rows as they come: dates, typed arrays, tensors, tables', () => {
    const rowsOf = (values: unknown) =>
      (toBundle({ data: { values }, mark: 'bar' })!['application/vnd.vegalite.v5+json'] as any).data.values
    expect(rowsOf([{ t: new Date(0), n: 2n, odd: Number.NaN, gone: undefined }])).toEqual([
      { t: '1970-01-01T00:00:00.000Z', n: 2, odd: null },
    ])
    expect(rowsOf(Float32Array.of(1, 0.5))).toEqual([1, 0.5])
    expect(rowsOf(tf.tensor2d([[1, 2]]))).toEqual([[1, 2]])
    expect(rowsOf([{ y: tf.scalar(3) }])).toEqual([{ y: 3 }])
    expect(rowsOf(aq.table({ a: [1, 2] }))).toEqual([{ a: 1 }, { a: 2 }])
  })

  it('that is a spec with a function or itself in it says where', () => {
    const field = { data: {}, mark: 'bar', encoding: { x: { field: () => 'a' } } }
    expect(textOf(field)).toMatch(/could not be shown: a function at encoding\.x\.field: .*plain data/)
    const own: any = { mark: 'bar', data: {} }
    own.data.self = own
    expect(textOf(own)).toMatch(/what stands at data\.self.* contains itself/)
  })

  it('that is a complex or boolean tensor shows pairs and words', () => {
    expect(textOf(tf.complex([1, -2], [3, -4.5]))).toBe('Tensor complex64 [2]\n[   1+3i  −2−4.5i]')
    expect(textOf(tf.tensor([true, false, true], [3], 'bool'))).toBe(
      'Tensor bool [3]  2 of 3 true\n[ true  false   true]',
    )
  })

  it('that is a tensor is a line inside of others', () => {
    expect(tensorLine(tf.range(0, 9))).toBe('Tensor float32 [9]: 0, 1, 2, 3, 4, 5, …')
    expect(tensorLine(tf.tensor(['a', 'b']))).toBe("Tensor string [2]: 'a', 'b'")
    expect(tensorLine(tf.variable(tf.scalar(12345.678)))).toBe('Variable float32 scalar: 12350')
    expect(tensorLine(tf.zeros([0, 2]))).toBe('Tensor float32 [0, 2] (empty)')
    const gone = tf.scalar(1)
    gone.dispose()
    expect(tensorLine(gone)).toBe('Tensor float32 scalar (disposed)')
  })

  it('that is a Vega spec is one too', () => {
    const spec = { $schema: 'https://vega.github.io/schema/vega/v6.json', marks: [] }
    expect(toBundle(spec)).toEqual({ 'application/vnd.vega.v5+json': spec, 'text/plain': '[chart]' })
  })

  it('says in text the title of a chart and the lines below it, where the figures are', () => {
    const text = toBundle(calibrationChart([{ probability: 0.9, right: true }]))!['text/plain']
    expect(text).toMatch(/^\[chart: Calibration · expected calibration error .* over 1 prediction/)
    const long = {
      $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
      title: Array(9999).fill('x'.repeat(999)),
    }
    expect(String(toBundle(long)!['text/plain']).length).toBeLessThan(500)
  })

  it('that is a run is its chart as it stands', () => {
    const run = { view: () => runView(30), history: [], adjustments: [] }
    expect(toBundle(run)).toEqual(toBundle(runView(30)))
    expect(toBundle({ view: () => 3, history: [], adjustments: [] })).toBeUndefined()
  })

  it('that is a picture in bytes is a picture', () => {
    const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0)
    expect(toBundle(png)!['image/png']).toBe(png)
    expect(toBundle(Uint8Array.of(1, 2, 3))).toBeUndefined()
  })

  it('that is an element of a document is its HTML, an svg its SVG', () => {
    expect(toBundle({ nodeType: 1, tagName: 'FIGURE', outerHTML: '<figure>x</figure>' })).toMatchObject({
      'text/html': '<figure>x</figure>',
    })
    expect(toBundle({ nodeType: 1, tagName: 'svg', outerHTML: '<svg></svg>' })!['image/svg+xml']).toBe(
      '<svg style="background:white" xmlns="http://www.w3.org/2000/svg"></svg>',
    )
  })
})

describe('a figure', () => {
  const svgOf = (outerHTML: string) =>
    String(toBundle({ nodeType: 1, tagName: 'svg', outerHTML })!['image/svg+xml'])

  it('is a file that is read without its page: namespaces, and no names of characters', () => {
    expect(
      svgOf('<svg aria-label="a > b"><g><a xlink:href="#x">1&nbsp;2</a><p xmlns="x"></p></g></svg>'),
    ).toBe(
      '<svg style="background:white" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns="http://www.w3.org/2000/svg" aria-label="a > b"><g><a xlink:href="#x">1&#160;2</a><p xmlns="x"></p></g></svg>',
    )
  })

  it('is on white, unless it says its own ground or colour', () => {
    expect(svgOf('<svg style="max-width: 3px"></svg>')).toContain('style="background:white;max-width: 3px"')
    for (const style of ['background: #222', 'font: x; color: white'])
      expect(svgOf(`<svg style="${style}"></svg>`)).toContain(`style="${style}"`)
  })

  it('says its title in text', () => {
    const figure = {
      nodeType: 1,
      tagName: 'FIGURE',
      outerHTML: '<figure></figure>',
      querySelector: () => ({ textContent: 'Penguins' }),
    }
    expect(textOf(figure)).toBe('[figure: Penguins]')
  })
})

describe('values side by side', () => {
  const chartOf = (...values: unknown[]) =>
    toBundle(show(...values))!['application/vnd.vegalite.v5+json'] as {
      hconcat: { width?: number; vconcat?: { width: number }[]; title?: any; mark?: any }[]
    }

  it('are runs of half the width each, with the texts of their adjustments in rows of that width', () => {
    const adjustments = [{ at: 100, what: 'learningRate', from: 1e-3, to: 3e-4 }]
    const { hconcat } = chartOf(runView(300, { adjustments }), runView(200))
    expect(hconcat.map(({ vconcat }) => [...new Set(vconcat!.map(({ width }) => width))])).toEqual([
      [310],
      [310],
    ])
    expect(hconcat[0]!.title.subtitle.length).toBeGreaterThan(1)
  })

  it('are a picture as a picture beside a chart, and what has no picture as its text', () => {
    const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0)
    const svg = { nodeType: 1, tagName: 'svg', outerHTML: '<svg></svg>' }
    const { hconcat } = chartOf(runView(20), png, svg, { a: 1 })
    expect(hconcat.map(({ mark, vconcat }) => (vconcat ? 'run' : mark.type))).toEqual([
      'run',
      'image',
      'image',
      'text',
    ])
    expect(JSON.stringify(hconcat[3])).toContain('{ a: 1 }')
    expect(toBundle(show(png, svg))!['text/html']).toMatch(/src="data:image\/png.*src="data:image\/svg\+xml/s)
  })
})

describe('a tensor', () => {
  it('shows its dtype, shape, mean, spread, range and first values', () => {
    expect(textOf(tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]))).toBe(
      'Tensor float32 [2, 3]  mean 3.5, sd 1.708, min 1, max 6\n[1  2  3]\n[4  5  6]',
    )
    expect(textOf(tf.scalar(0.5))).toBe('Tensor float32 scalar  0.5')
    expect(textOf(tf.variable(tf.ones([2], 'int32')))).toMatch(/^Variable int32 \[2\]/)
  })

  it('of many values shows its corners', () => {
    const text = textOf(tf.range(0, 10_000).reshape([10, 10, 100]))
    expect(text.split('\n')).toHaveLength(1 + 9 + 1)
    expect(text).toContain('[  0    1    2    3  …   96   97   98   99]')
    expect(text).toContain('(the first of 10)')
  })

  it('that is disposed, empty, of text or not finite says so', () => {
    const gone = tf.ones([3])
    gone.dispose()
    expect(textOf(gone)).toBe('Tensor float32 [3]  (disposed)')
    expect(textOf(tf.zeros([2, 0]))).toBe('Tensor float32 [2, 0]  (empty)')
    expect(textOf(tf.tensor(['a', 'b']))).toBe("Tensor string [2]\n'a', 'b'")
    expect(textOf(tf.tensor1d([1, Number.NaN, Infinity]))).toContain('2 not finite')
  })
})

describe('a table', () => {
  const rows = Array.from({ length: 100 }, (_, i) => ({ name: `row ${i}`, value: i / 3, when: new Date(0) }))

  it('is an array of records with the same fields', () => {
    const bundle = toBundle(rows)!
    expect(Object.keys(bundle)).toEqual(['text/html', 'text/plain'])
    expect(String(bundle['text/html']).match(/<tr>/g)).toHaveLength(21)
    expect(textOf(rows)).toContain('row 1   0.3333  1970-01-01')
    expect(textOf(rows)).toContain('first 20 of 100 rows × 3 columns')
  })

  it('is an arquero table', () => {
    expect(textOf(aq.from(rows.slice(0, 3)))).toMatch(/name +value +when\n.*\nrow 0 +0 +1970-01-01/)
    expect(textOf(aq.from(rows))).toContain('first 20 of 100 rows × 3 columns')
  })

  it('may be empty, and hold anything', () => {
    expect(textOf(aq.table({ a: [], b: [] }))).toBe('a  b\n─  ─\n0 rows × 2 columns')
    expect(textOf(aq.table({}))).toBe('0 rows × 0 columns')
    const own: any = {}
    own.self = own
    const text = textOf(aq.table({ v: [{ n: 1n }, own, new Map([[1, 2]]), [1, [2, 3]], null] }))
    expect(text.split('\n').slice(2, 7)).toEqual(['{"n":"1"}', 'object', '1 values', '1, 2, 3', '–'])
  })

  it('is not a list of different or nested things', () => {
    expect(toBundle([{ a: 1 }, { b: 2 }, { c: 3 }])).toBeUndefined()
    expect(toBundle([{ a: { b: 1 } }, { a: { b: 2 } }])).toBeUndefined()
    expect(toBundle([{ a: 1 }])).toBeUndefined()
  })
})
