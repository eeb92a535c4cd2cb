import { describe, expect, it } from 'vitest'
import { lossChart } from '../../../src/show/index.js'
import { downsample } from '../../../src/show/charts/downsample.js'
import { smooth } from '../../../src/show/charts/run/smooth.js'
import { dataOf, partsOf, rowsOfMark } from '../inside-spec.js'
import { mistakesView, runView } from '../sample-views.js'

const pointsIn = (view: Parameters<typeof lossChart>[0]) =>
  dataOf(lossChart(view)).reduce((sum, rows) => sum + rows.length, 0)

describe('the loss chart', () => {
  it('says which version of Vega-Lite it is, and carries its own look', () => {
    const spec = lossChart(runView())
    expect(spec.$schema).toBe('https://vega.github.io/schema/vega-lite/v5.json')
    expect(spec.config).toMatchObject({ background: '#ffffff' })
  })

  it('holds every spike of 100,000 iterations', () => {
    const view = runView(100_000)
    const spikes = [17, 5_000, 5_003, 77_777, 99_998]
    for (const [n, at] of spikes.entries()) (view.history.loss as Float32Array)[at] = 10 + n
    const drawn = new Set(
      rowsOfMark(lossChart(view), 'line').map((row) => `${String(row.x)}:${String(row.y)}`),
    )
    // 5,000 and 5,003 lie in one column of pixels: its highest is drawn.
    expect(spikes.map((at, n) => drawn.has(`${at + 1}:${10 + n}`))).toEqual([true, false, true, true, true])
  })

  it('has at most 5,000 points, with branches and a million iterations too', () => {
    const beside = Array.from({ length: 4 }, (_, i) => ({ ...runView(30_000), name: `branch ${i}` }))
    expect(pointsIn(runView(1_000_000))).toBeLessThanOrEqual(5000)
    expect(pointsIn(runView(50_000, { beside }))).toBeLessThanOrEqual(5000)
    expect(pointsIn(runView(50_000))).toBeGreaterThan(2000)
  })

  it('marks each adjustment at its iteration in every panel, with what changed', () => {
    const adjustments = [
      { at: 400, what: 'batchSize', from: 32, to: 64 },
      { at: 800, what: 'learningRate', from: 1e-3, to: 3e-4, why: 'flat' },
    ]
    const spec = lossChart(runView(1200, { adjustments }))
    const panels = spec.vconcat as { layer?: object[] }[]
    expect(panels).toHaveLength(5)
    for (const panel of panels.slice(1))
      expect(rowsOfMark(panel as never, 'rule').map((row) => row.x)).toEqual([400, 800])
    const labels = dataOf(panels[0] as never)[0]!
    expect(labels.map((row) => [row.x, row.text]).toSorted()).toEqual([
      [400, 'batch size 32 → 64'],
      [800, 'learning rate 0.001 → 0.0003'],
    ])
  })

  it('marks each spike at its iteration and loss, with the examples of its batch', () => {
    const view = runView(200, {
      spikes: [{ iteration: 121, loss: 9, expected: 0.4, ids: Array.from({ length: 32 }, (_, i) => i) }],
    })
    ;(view.history.loss as Float32Array)[120] = 9
    const [row, ...more] = rowsOfMark(lossChart(view), 'point').filter((one) => 'spike' in one)
    expect(more).toEqual([])
    // At the edge of an axis that follows the rest.
    expect(row).toMatchObject({ x: 121, spike: 'loss 9 where 0.4 was expected' })
    expect(row!.y).toBeLessThan(3)
    expect(row!.batch).toBe('0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … (32)')
    // One that was taken back lies beyond the history.
    const before = lossChart(runView(100, { spikes: view.spikes! }))
    expect(rowsOfMark(before, 'point').some((one) => 'spike' in one)).toBe(false)
  })

  it('shows the worst examples of the newest evaluation below, as pictures or as a table', () => {
    const pictures = lossChart(runView(200, { mistakes: mistakesView(12) }))
    const urls = rowsOfMark((pictures.vconcat as object[]).at(-1) as never, 'text').length
    expect(urls).toBe(0)
    expect(
      dataOf(pictures)
        .at(-1)!
        .map(({ line0, line1 }) => [line0, line1]),
    ).toHaveLength(8)
    expect(dataOf(pictures).at(-1)![0]).toMatchObject({ line0: '0 → 0', line1: 'id 100' })
    const texts = lossChart(runView(200, { mistakes: mistakesView(12, { input: { text: 'a word' } }) }))
    const cells = dataOf(texts)
      .at(-1)!
      .map(({ text }) => text)
    expect(cells.slice(0, 10)).toEqual([
      'id',
      'input',
      'expected',
      'predicted',
      'loss',
      '100',
      'a word',
      '0',
      '0',
      '8',
    ])
  })

  it('says while it trains how far it is and how long it will take', () => {
    const live = { live: true, iteration: 50, from: 0, to: 200, milliseconds: 10_000 }
    expect((lossChart(runView(50, live)).title as { subtitle: string }).subtitle).toMatch(
      /^iteration 50 of 200 \(25 %\) · 30 s left · /,
    )
    expect((lossChart(runView(50)).title as { subtitle: string }).subtitle).toMatch(/^50 iterations · /)
  })

  it('draws the gradient norms of runs beside each other, each in the colour of its run', () => {
    const other = { ...runView(100), name: 'other' }
    const panels = lossChart(runView(100, { beside: [other] })).vconcat as object[]
    const marks = [...partsOf(panels.at(-1) as never)].filter((part) => part.type === 'line')
    expect(marks.map(({ color }) => color)).toEqual(['#D55E00', '#0072B2'])
    expect(dataOf(panels.at(-1) as never).filter((rows) => rows.length > 1)).toHaveLength(2)
  })

  it('draws the rates of runs beside each other', () => {
    const other = { ...runView(100), name: 'other' }
    const panels = lossChart(runView(100, { beside: [other] })).vconcat as { height: number }[]
    const rates = panels.at(-2)!
    expect(dataOf(rates as never).filter((rows) => rows.length > 1)).toHaveLength(2)
  })

  it('keeps the texts of adjustments apart, and drops texts rather than lines in a crowd', () => {
    const adjustments = Array.from({ length: 40 }, (_, i) => ({
      at: 500 + i,
      what: 'learningRate',
      from: i,
      to: i + 1,
    }))
    const spec = lossChart(runView(1200, { adjustments }))
    const panels = spec.vconcat as object[]
    const labels = dataOf(panels[0] as never)[0]!
    expect(labels.length).toBeLessThan(10)
    expect(new Set(labels.map((row) => row.top)).size).toBe(labels.length)
    expect(rowsOfMark(panels[1] as never, 'rule')).toHaveLength(40)
  })

  it('draws evaluations and each metric as points at their iterations', () => {
    const view = runView(500)
    const panels = lossChart(view).vconcat as object[]
    expect(rowsOfMark(panels[0] as never, 'point').map((row) => row.x)).toEqual([125, 250, 375, 500])
    expect(rowsOfMark(panels[1] as never, 'point').map((row) => row.y)).toEqual(
      view.evaluations.map((row) => Number(row.accuracy!.toPrecision(6))),
    )
  })

  it('draws branches in colours of their own, named in the legend', () => {
    const spec = lossChart(runView(300, { beside: [{ ...runView(200), name: 'hotter' }] }))
    const scales = [...partsOf(spec)].flatMap((part) => (part.domain && part.range ? [part] : []))
    expect(scales[0]).toMatchObject({ domain: ['first', 'hotter'] })
    expect(new Set(scales[0]!.range as string[]).size).toBe(2)
  })

  it('draws a run that has not begun, and one whose loss is not finite', () => {
    expect(pointsIn(runView(0, { evaluations: [] }))).toBe(0)
    const view = runView(20)
    ;(view.history.loss as Float32Array).fill(Number.NaN, 10)
    expect(rowsOfMark(lossChart(view), 'line').every((row) => Number.isFinite(row.y))).toBe(true)
  })

  it('draws a loss over several decades on a logarithmic scale, and no other', () => {
    const view = runView(200)
    const scales = (spec: Parameters<typeof partsOf>[0]) =>
      [...partsOf(spec)].filter((part) => part.type === 'log').length
    expect(scales(lossChart(view))).toBe(0)
    // Some first batches alone lie beyond the axis.
    ;(view.history.loss as Float32Array).set([9000, 4000, 800, 100])
    expect(scales(lossChart(view))).toBe(0)
    expect(JSON.stringify(lossChart(view))).toContain('↑ up to 9,000')
    expect(JSON.stringify(lossChart(view, { range: 'all' }))).not.toContain('up to')
    ;(view.history.loss as Float32Array).forEach((_, i, all) => (all[i] = 9000 * 10 ** (-i / 40)))
    const spec = lossChart(view)
    expect(scales(spec)).toBeGreaterThan(2)
    expect(JSON.stringify(spec)).toContain('loss (log scale)')
    expect(rowsOfMark((spec.vconcat as object[])[0] as never, 'line').every((row) => Number(row.y) > 0)).toBe(
      true,
    )
  })

  it('says a constant learning rate with two points', () => {
    const view = runView(1000)
    ;(view.history.learningRate as Float32Array).fill(0.01)
    const panels = lossChart(view).vconcat as object[]
    expect(rowsOfMark(panels[2] as never, 'line')).toEqual([
      { x: 1, y: 0.01 },
      { x: 1000, y: 0.01 },
    ])
  })
})

describe('downsampling', () => {
  it('keeps the lowest and the highest of every column, in their order', () => {
    const x = Float64Array.from({ length: 10_000 }, (_, i) => i)
    const y = Float64Array.from({ length: 10_000 }, (_, i) => Math.sin(i * 1.7) * ((i * 31) % 17))
    const points = downsample(x, y, 200)
    expect(points.length).toBeLessThanOrEqual(200)
    expect(points.at(-1)!.x).toBe(9999)
    for (let column = 0; column < 98; column++) {
      const [from, to] = [column, column + 1].map((edge) => Math.floor((edge * 10_000) / 99))
      const own = points.filter((point) => point.x >= from! && point.x < to!)
      const values = y.subarray(from, to)
      expect(own.map((point) => point.y).toSorted((a, b) => a - b)).toEqual(
        [Math.min(...values), Math.max(...values)].map((value) => Number(value.toPrecision(6))),
      )
      expect(own[0]!.x).toBeLessThan(own[1]!.x)
    }
  })

  it('leaves a short line as it is', () => {
    expect(downsample([1, 2, 3], [5, Number.NaN, 7], 100)).toEqual([
      { x: 1, y: 5 },
      { x: 3, y: 7 },
    ])
  })
})

describe('smoothing', () => {
  it('follows a straight line exactly, to its ends', () => {
    const line = Float64Array.from({ length: 300 }, (_, i) => 3 - i * 0.01)
    // Sums of 1e4-sized moments in doubles, the result in float32: seven digits are left.
    for (const [i, value] of smooth(line, 40).entries()) expect(value).toBeCloseTo(line[i]!, 5)
  })

  it('takes the noise out: a fifth of the spread is left with a window of 60', () => {
    const noise = Float64Array.from({ length: 5000 }, (_, i) => (((i * 7919) % 1013) / 1013 - 0.5) * 2)
    const spread = (values: ArrayLike<number>) =>
      Math.sqrt(Array.from(values).reduce((sum, v) => sum + v * v, 0) / values.length)
    expect(spread(smooth(noise, 60))).toBeLessThan(spread(noise) / 5)
  })

  it('passes over values that are not finite', () => {
    const values = [1, 1, Number.NaN, 1, Infinity, 1]
    expect([...smooth(values, 4)].every((value) => Math.abs(value - 1) < 1e-6)).toBe(true)
  })
})
