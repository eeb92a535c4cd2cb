import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/data/index.js'
import {
  attentionChart,
  calibration,
  calibrationChart,
  decisionChart,
  embeddingChart,
  histogramChart,
  iterationChart,
  modelChart,
  pca,
  percentileChart,
  percentiles,
  scatterChart,
  scheduleChart,
  statisticsChart,
  toBundle,
  tokenStrip,
  umap,
} from '../../../src/show/index.js'
import { dataOf, rowsOfMark } from '../inside-spec.js'
import { iterationView } from '../sample-views.js'

const random = createRandom(1)
const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
const pointsIn = (spec: Parameters<typeof dataOf>[0]) =>
  dataOf(spec).reduce((sum, rows) => sum + rows.length, 0)

it('tells of each layer what its activation can mean: one share, never a sum of two', () => {
  const spec = iterationChart({
    ...iterationView,
    activations: [
      { layer: 'a', activation: 'relu', dead: 0.1, saturated: 0.6 },
      { layer: 'b', activation: 'tanh', dead: 0, saturated: 0.2 },
    ],
  })
  const panel = (spec.vconcat as object[]).at(-1) as never
  expect(dataOf(panel)[0]).toMatchObject([
    { place: 0, share: 0.1, state: 'units that gave 0 for every example of this batch' },
    { place: 1, share: 0.2, state: expect.stringContaining('flat part of the curve') },
  ])
})

it('a probability that is not a number is in no bin', () => {
  const rows = [
    { probability: Number.NaN, right: true },
    { probability: 0.75, right: true },
  ]
  expect(dataOf(calibrationChart(rows)).at(-1)).toEqual([
    expect.objectContaining({ confidence: 0.75, accuracy: 1, count: 1 }),
  ])
})

describe('percentiles', () => {
  it('are those of numpy: linear between neighbours', () => {
    // numpy.percentile([7, 1, 3, 10], [0, 25, 50, 90, 100])
    expect(percentiles([7, 1, 3, 10], [0, 0.25, 0.5, 0.9, 1])).toEqual([
      1,
      2.5,
      5,
      expect.closeTo(9.1, 12),
      10,
    ])
    expect(percentiles([Number.NaN, 2, Infinity], [0.5])).toEqual([2])
    expect(percentiles([], [0.5])).toEqual([Number.NaN])
  })

  it('over iterations are bands around a median, the ends included', () => {
    const rows = Array.from({ length: 3 }, (_, i) => ({ iteration: i * 10, values: [0, 1, 2, 3, 100 + i] }))
    expect(dataOf(percentileChart(rows))[0]![1]).toMatchObject({
      x: 10,
      min: 0,
      p25: 1,
      median: 2,
      p75: 3,
      max: 101,
    })
  })

  it('as a heat map count every value once, with at most 5,000 cells', () => {
    const rows = Array.from({ length: 300 }, (_, i) => ({
      iteration: i,
      values: Float32Array.from({ length: 200 }, normal),
    }))
    const cells = dataOf(histogramChart(rows))[0]!
    expect(cells.length).toBeLessThanOrEqual(5000)
    const column = cells.filter((cell) => cell.x === 0)
    expect(column.reduce((sum, cell) => sum + Number(cell.share), 0)).toBeCloseTo(1, 4)
  })
})

describe('calibration', () => {
  it('has the error by its definition', () => {
    const rows = [
      { probability: 0.95, right: true },
      { probability: 0.95, right: false },
      { probability: 0.55, right: true },
    ]
    // two of three at confidence 0.95, right half the time; one at 0.55, right always
    expect(calibration(rows).error).toBeCloseTo((2 / 3) * 0.45 + (1 / 3) * 0.45, 12)
    expect(rowsOfMark(calibrationChart(rows), 'rule')[0]).toEqual({ a: 0, b: 1 })
    expect(JSON.stringify(calibrationChart(rows).title)).toContain('error 45 %')
  })

  it('of a model that knows how sure it is is small', () => {
    const rows = Array.from({ length: 20_000 }, () => {
      const probability = random.next()
      return { probability, right: random.next() < probability }
    })
    expect(calibration(rows).error).toBeLessThan(0.02) // about 0.01 by chance with ten bins of 2,000
    expect(
      calibration([
        { probability: 1, right: true },
        { probability: 0, right: false },
      ]).error,
    ).toBe(0)
  })
})

describe('a token strip', () => {
  it('puts tokens one after the other, on new lines where the text has them', () => {
    const tokens = ['a', ' b', '\n', 'c', ''].map((token, i) => ({ token, loss: i }))
    const cells = dataOf(tokenStrip(tokens))[0]!
    expect(
      cells.map((cell) => [cell.token, Math.round(Number(cell.y) / 22), Math.round(Number(cell.x) / 7.3)]),
    ).toEqual([
      ['a', 0, 0],
      ['·b', 0, 1],
      ['⏎', 0, 3],
      ['c', 1, 0],
      ['∅', 1, 1],
    ])
    expect(JSON.stringify(tokenStrip(tokens).title)).toContain('5 tokens, mean 2 nats')
  })
})

describe('projections', () => {
  it('to principal components find the plane that the data lies in', () => {
    const plane = Array.from({ length: 200 }, () => [normal() * 5, normal() * 2])
    const rows = plane.map(([a, b]) => [a! + b!, a! - b!, 3, a! * 0.5])
    const { points, explained } = pca(rows)
    expect(explained[0] + explained[1]).toBeCloseTo(1, 6)
    const distance = (rows: readonly (readonly number[])[], i: number, j: number) =>
      Math.hypot(...rows[i]!.map((v, k) => v - rows[j]![k]!))
    for (const [i, j] of [
      [0, 1],
      [5, 99],
      [17, 180],
    ] as const)
      expect(distance(points, i, j)).toBeCloseTo(distance(rows, i, j), 3)
  })

  it('survive data without spread', () => {
    expect(
      pca([
        [1, 2],
        [1, 2],
      ]).points,
    ).toEqual([
      [0, 0],
      [0, 0],
    ])
  })

  it('with UMAP keep two far groups apart, the same with the same seed', async () => {
    const rows = Array.from({ length: 60 }, (_, i) =>
      Array.from({ length: 5 }, () => normal() + (i < 30 ? 0 : 20)),
    )
    const [a, b] = [await umap(rows, { seed: 3 }), await umap(rows, { seed: 3 })]
    expect(a).toEqual(b)
    const middle = (from: number) =>
      [0, 1].map((axis) => a.slice(from, from + 30).reduce((sum, point) => sum + point[axis]!, 0) / 30)
    const [p, q] = [middle(0), middle(30)]
    const own = (i: number) => Math.hypot(a[i]![0] - (i < 30 ? p : q)[0]!, a[i]![1] - (i < 30 ? p : q)[1]!)
    const other = (i: number) => Math.hypot(a[i]![0] - (i < 30 ? q : p)[0]!, a[i]![1] - (i < 30 ? q : p)[1]!)
    expect(rows.every((_, i) => own(i) < other(i))).toBe(true)
  })

  it('of 20,000 rows draw 5,000, with every class', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => [i % 7, i % 11, i])
    const spec = await embeddingChart(rows, {
      labels: rows.map((_, i) => (i < 19_990 ? 'common' : 'rare')),
      ids: rows.map((_, i) => i),
    })
    expect(pointsIn(spec)).toBe(5000)
    expect(new Set(dataOf(spec)[0]!.map((row) => row.label))).toEqual(new Set(['common', 'rare']))
  })
})

describe('other pictures', () => {
  it('a scatter plot of 20,000 points sorted by class draws 5,000, with every class', () => {
    const points = Array.from({ length: 20_000 }, (_, i) => ({ x: i, y: 0, label: Math.floor(i / 2_000) }))
    const spec = scatterChart(points, { title: 'many' })
    expect(pointsIn(spec)).toBe(5_000)
    expect(new Set(dataOf(spec)[0]!.map(({ label }) => label)).size).toBe(10)
  })

  it('a decision boundary has each cell in the colour of its class, the data on top, in 5,000 marks', () => {
    const xs = Array.from({ length: 200 }, (_, i) => i / 10)
    const spec = decisionChart(
      { xs, ys: xs, classes: xs.map((y) => xs.map((x) => (x > y ? 1 : 0))) },
      { labels: ['below', 'above'], points: Array.from({ length: 3000 }, () => ({ x: 1, y: 2, class: 0 })) },
    )
    expect(pointsIn(spec)).toBeLessThanOrEqual(5000)
    const cell = rowsOfMark(spec, 'rect').find((row) => Number(row.x) > 10 && Number(row.y) < 5)
    expect(cell!.class).toBe('above')
  })

  it('an attention map has the weights by row and column, one map a head', () => {
    const head = [
      [1, 0],
      [0.25, 0.75],
    ]
    const spec = attentionChart([head, head], ['a', 'b'])
    expect(dataOf(spec)).toHaveLength(2)
    expect(dataOf(spec)[0]).toEqual([
      { from: 0, to: 0, weight: 1 },
      { from: 1, to: 0, weight: 0.25 },
      { from: 1, to: 1, weight: 0.75 },
    ])
    const long = Array.from({ length: 300 }, () => new Float32Array(300).fill(1 / 300))
    expect(
      pointsIn(
        attentionChart(
          [long, long],
          Array.from({ length: 300 }, () => 't'),
        ),
      ),
    ).toBeLessThanOrEqual(5000)
  })

  it('data statistics count every value, and texts by how often they come', () => {
    const spec = statisticsChart([
      { name: 'length', values: [1, 2, 2, Number.NaN] },
      { name: 'kind', values: ['b', 'a', 'b', 'b'] },
    ])
    const [histogram, counts] = dataOf(spec)
    expect(histogram!.reduce((sum, bar) => sum + Number(bar.count), 0)).toBe(3)
    expect(counts).toEqual([
      { place: 0, name: 'b', count: 3 },
      { place: 1, name: 'a', count: 1 },
    ])
    expect(JSON.stringify(spec)).toContain('1 missing')
  })

  it('a schedule is drawn from the first iteration to the last', () => {
    const values = dataOf(scheduleChart((i) => i * 2, { over: 10_000 }))[0]!
    expect([values[0], values.at(-1), values.length]).toEqual([{ x: 0, y: 0 }, { x: 10_000, y: 20_000 }, 401])
  })

  it('a model of tfjs is a diagram with shapes and parameter counts', async () => {
    const tf = await import('@tensorflow/tfjs')
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [8, 8, 1], filters: 4, kernelSize: 3 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 10, trainable: false }),
      ],
    })
    const bundle = toBundle(model)!
    // 3 x 3 x 1 x 4 + 4, nothing, 144 x 10 + 10
    expect(String(bundle['text/plain'])).toMatch(/3 layers, 1,490 parameters, 1,450 of them frozen/)
    const rows = dataOf(bundle['application/vnd.vegalite.v5+json'] as never)
    expect(rows[1]!.map((row) => [row.type, row.shape, row.parameters])).toEqual([
      ['Conv2D', '6 × 6 × 4', '40'],
      ['Flatten', '144', ''],
      ['Dense', '10', '1,450 (frozen)'],
    ])
    expect(pointsIn(modelChart([]))).toBe(0)
  })

  it('a model with a path around a layer says what is joined', async () => {
    const tf = await import('@tensorflow/tfjs')
    const input = tf.input({ shape: [4], name: 'in' })
    const a = tf.layers.dense({ units: 4, name: 'a' }).apply(input) as never
    const b = tf.layers.dense({ units: 4, name: 'b' }).apply(a) as never
    const sum = tf.layers.add({ name: 'sum' }).apply([a, b]) as never
    const side = tf.layers.dense({ units: 2, name: 'side' }).apply(a) as never
    const model = tf.model({ inputs: input, outputs: [sum, side] })
    const [arrows, boxes] = dataOf(toBundle(model)!['application/vnd.vegalite.v5+json'] as never)
    const order = boxes!.map((box) => box.name)
    const before = (name: string) => arrows![order.indexOf(name) - 1]!
    expect(before('b')).toMatchObject({ on: true, others: '' })
    expect(before('sum').others).toMatch(/^(with a|from a, b|with a, b|from b, a)$/)
    expect(before('side').others === 'from a' || before('side').on).toBe(true)
  })
})
