import { byteTokenizer, tokenization } from '../../../src/text/index.js'
import { describe, expect, it } from 'vitest'
import { toBundle } from '../../../src/show/index.js'
import { kinds } from '../../../src/show/values/kinds.js'
import { runMime } from '../../../src/show/values/run-data.js'
import { dataOf } from '../inside-spec.js'
import {
  attentionView,
  confusionView,
  iterationView,
  lensView,
  mistake,
  mistakesView,
  runView,
  curvesView,
  answersComparisonView,
  answersView,
  judgementsView,
  samplesView,
  scalingView,
  studyView,
  tokenSlicesView,
  windowsView,
} from '../sample-views.js'

const mime = 'application/vnd.vegalite.v5+json'
const specOf = (value: unknown) => toBundle(value)![mime] as { [part: string]: never }
const textOf = (value: unknown) => String(toBundle(value)!['text/plain'])

describe('mistakes', () => {
  it('that are images show each image once, with expected, predicted, loss and id', () => {
    const rows = dataOf(specOf(mistakesView(12)))[0]!
    expect(rows).toHaveLength(12)
    expect(rows[1]).toMatchObject({ line0: '1 → 3', line1: '90 %, loss 7.75', line2: 'id 101', wrong: true })
    expect(rows[0]).toMatchObject({ line0: '0 → 0', wrong: false })
    expect(new Set(rows.map((row) => row.url)).size).toBe(12)
    expect(new Set(rows.map((row) => `${String(row.x)},${String(row.y)}`)).size).toBe(12)
  })

  it('that are no images are a table, with text and numbers readable', () => {
    const bundle = toBundle(mistakesView(3, { input: { text: 'a <b>bold</b> claim' } }))!
    expect(Object.keys(bundle)).toEqual(['text/html', 'text/plain'])
    expect(bundle['text/html']).toContain('a &lt;b&gt;bold&lt;/b&gt; claim')
    expect(textOf(mistakesView(3, { input: { values: [1, 2.5], shape: [2] } }))).toMatch(
      /101 +train +\[1, 2\.5\] +1 +3 +7\.75 +0\.9/,
    )
  })

  it('say how many were wrong of how many', () => {
    expect(textOf(mistakesView())).toContain('312 of 8,000 wrong')
  })
})

describe('a confusion matrix', () => {
  it('has each count once, the diagonal apart', () => {
    const cells = dataOf(specOf(confusionView))[0]!
    expect(cells.map((cell) => [cell.expectedName, cell.predictedName, cell.count, cell.right])).toEqual([
      ['cat', 'cat', 50, true],
      ['cat', 'dog', 3, false],
      ['dog', 'cat', 1, false],
      ['dog', 'dog', 40, true],
      ['dog', 'fox', 4, false],
      ['fox', 'dog', 2, false],
      ['fox', 'fox', 30, true],
    ])
    expect(textOf(confusionView)).toContain(
      '120 of 130 right (92.3 %) · most often mistaken: dog for fox (4)',
    )
  })

  it('of 200 classes stays below 5,000 cells and 1 MB', () => {
    const labels = Array.from({ length: 200 }, (_, i) => `class ${i}`)
    const counts = labels.map((_, i) => labels.map((__, j) => (i === j ? 50 : (i * j) % 3)))
    const spec = specOf({ ...confusionView, labels, counts })
    expect(dataOf(spec)[0]!.length).toBeLessThanOrEqual(5000)
    expect(JSON.stringify(spec).length).toBeLessThan(1_000_000)
  })
})

describe('an opened iteration', () => {
  it('shows the batch and, by parameter, gradient, update and update over weights', () => {
    const [batch, parameters] = dataOf(specOf(iterationView))
    expect(batch).toHaveLength(4)
    expect(parameters).toMatchObject([
      { name: 'dense/kernel', shape: '64 × 10', gradient: 0.8, update: 0.01, part: 0.00121951 },
      { name: 'dense/bias', gradient: 0.4, part: null },
    ])
    expect(textOf(iterationView)).toContain(
      'Iteration 1: loss 2.31 · learning rate 0.001 · gradient norm 1.9',
    )
  })

  it('whose inputs are no images shows the loss of each example', () => {
    const examples = [mistake(0, { input: { values: [1, 2] } }), mistake(1, { input: { values: [3, 4] } })]
    expect(dataOf(specOf({ ...iterationView, examples }))[0]).toMatchObject([
      { id: 100, loss: 8 },
      { id: 101, loss: 7.75 },
    ])
  })
})

describe('a run', () => {
  it('while it trains is a chart and a line: bar, iteration, loss, metric, time left, sparkline', () => {
    const view = runView(400, { live: true, to: 1200, milliseconds: 4000 })
    expect(textOf(view)).toMatch(
      /^first {2}██████▋░{13} 400\/1,200 {2}loss 0\.\d+ {2}accuracy 0\.\d+ {2}8\.0 s left {2}[▁-█]{16}$/,
    )
    expect(JSON.stringify(specOf(view)).length).toBeLessThan(50_000)
  })

  it('at its end is a chart and a summary', () => {
    const view = runView(400, {
      milliseconds: 2000,
      stopReason: { kind: 'target', iteration: 400, message: 'accuracy reached 0.97' },
    })
    expect(textOf(view)).toContain('first: iteration 400 · loss 0.')
    expect(textOf(view)).toContain('400 iterations in 2.0 s · accuracy reached 0.97')
  })
})

describe('tables of results', () => {
  it('rounds have a row each: subset, iterations, evaluation before and after, adjustments', () => {
    const text = textOf({
      kind: 'rounds',
      run: 'first',
      stopReason: null,
      rows: [
        {
          round: 1,
          subset: 'hardest 50 %',
          from: 0,
          to: 100,
          before: { iteration: 0, loss: 2.3, accuracy: 0.1 },
          after: { iteration: 100, loss: 0.5, accuracy: 0.87 },
          adjustments: [{ at: 100, what: 'learningRate', from: 1e-3, to: 5e-4 }],
        },
      ],
    })
    expect(text).toMatch(
      /1 {2}hardest 50 % {2}0 – 100 +2\.3 → 0\.5 +0\.1 → 0\.87 +learning rate 0\.001 → 0\.0005/,
    )
  })

  it('a comparison is a table, and a chart with the table below it where it has histories', () => {
    const view = {
      kind: 'comparison',
      runs: ['a', 'b'],
      rows: [{ what: 'learning rate', values: [0.1, null] }],
    }
    expect(Object.keys(toBundle(view)!)).toEqual(['text/html', 'text/plain'])
    expect(textOf(view)).toMatch(/learning rate +0\.1 +–/)
    const charts = [runView(100), { ...runView(50), name: 'b' }]
    const drawn = toBundle({ ...view, charts })!
    expect(Object.keys(drawn)).toEqual([mime, 'text/plain'])
    expect(JSON.stringify(drawn[mime])).toContain('"learning rate"')
  })

  it('a stretch is one line', () => {
    expect(
      textOf({
        kind: 'stretch',
        run: 'first',
        from: 200,
        to: 400,
        loss: 0.21,
        milliseconds: 1200,
        stopReason: null,
      }),
    ).toBe('first: iterations 201 to 400 · loss 0.21 · 1.2 s (6 ms an iteration)')
  })
})

describe('every kind', () => {
  it('never sends HTML beside a chart, and always text', () => {
    const views: { [kind: string]: unknown } = {
      run: runView(50),
      mistakes: mistakesView(),
      confusion: confusionView,
      iteration: iterationView,
      windows: windowsView(),
      tokenSlices: tokenSlicesView(),
      attention: attentionView(),
      lens: lensView(),
      scaling: scalingView(),
      study: studyView(),
      curves: curvesView(),
      tokens: Object.assign([{ token: ' cat', loss: 4.8 }], { kind: 'tokens' }),
      tokenization: tokenization(byteTokenizer(), 'a cat'),
    }
    for (const view of Object.values(views))
      expect(Object.keys(toBundle(view)!).filter((type) => type !== runMime)).toEqual([mime, 'text/plain'])
    expect(Object.keys(kinds)).toHaveLength(22)
    // Text is read as text.
    for (const view of [samplesView(), answersView(), answersComparisonView(), judgementsView()])
      expect(Object.keys(toBundle(view)!)).toEqual(['text/html', 'text/plain'])
  })

  it('is found by its name alone: another object with a kind is none of ours', () => {
    expect(toBundle({ kind: 'toString' })).toBeUndefined()
    expect(toBundle({ kind: 'car' })).toBeUndefined()
    expect(toBundle({ kind: 'run', miles: 3 })).toBeUndefined()
    expect(toBundle({ kind: 'examples' })).toBeUndefined()
  })
})
