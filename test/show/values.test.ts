import * as tf from '@tensorflow/tfjs'
import * as aq from 'arquero'
import { describe, expect, it } from 'vitest'
import { calibrationChart, toBundle } from '../../src/show/index.js'
import { tensorLine } from '../../src/show/tensor.js'
import { runView } from './sample-views.js'

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
      '<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    )
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

  it('is not a list of different or nested things', () => {
    expect(toBundle([{ a: 1 }, { b: 2 }, { c: 3 }])).toBeUndefined()
    expect(toBundle([{ a: { b: 1 } }, { a: { b: 2 } }])).toBeUndefined()
    expect(toBundle([{ a: 1 }])).toBeUndefined()
  })
})
