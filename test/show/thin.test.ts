import { describe, expect, it } from 'vitest'
import { thin } from '../../src/show/thin.js'
import type { Spec } from '../../src/show/spec.js'

const schema = 'https://vega.github.io/schema/vega-lite/v5.json'
const quantitative = (field: string) => ({ field, type: 'quantitative' })

/** The same numbers every time: a linear congruential generator. */
function numbers(count: number): number[] {
  let state = 1
  return Array.from({ length: count }, () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647)
}
const random = numbers(200_000)
const rows = Array.from({ length: 100_000 }, (_, i) => ({
  x: random[2 * i]! * 40 - 20,
  y: random[2 * i + 1]! ** 3,
  kind: 'abc'[i % 3]!,
  rare: i === 77 ? 'once' : 'often',
}))

const dots = (encoding: object, rest: object = {}): Spec => ({
  $schema: schema,
  data: { values: rows },
  mark: 'point',
  encoding: { x: quantitative('x'), y: quantitative('y'), ...encoding },
  ...rest,
})
const valuesOf = (spec: Spec) => (spec.data as { values: typeof rows }).values

describe('a chart of more dots than can be told apart', () => {
  const thinned = thin(dots({ color: { field: 'kind', type: 'nominal' } }))!
  const kept = valuesOf(thinned.spec)

  it('has a fraction of them for its picture, in their order', () => {
    expect(thinned).toMatchObject({ of: 100_000, kept: kept.length })
    expect(kept.length).toBeGreaterThan(5_000)
    expect(kept.length).toBeLessThan(40_000)
    const places = new Map(rows.map((row, index) => [row, index]))
    const indices = kept.map((row) => places.get(row)!)
    expect(indices).toEqual(indices.toSorted((a, b) => a - b))
  })
  it('has the same scales', () => {
    for (const name of ['x', 'y'] as const) {
      const all = rows.map((row) => row[name])
      const some = kept.map((row) => row[name])
      expect(Math.min(...some)).toBe(all.reduce((a, b) => Math.min(a, b)))
      expect(Math.max(...some)).toBe(all.reduce((a, b) => Math.max(a, b)))
    }
  })
  it('has one of its colour within three pixels of every dot that is left out', () => {
    // 300 x 300 pixels over 40 by 1.
    const cells = new Set(
      kept.map(({ x, y, kind }) => `${Math.floor((x + 20) * 2.5)} ${Math.floor(y * 100)} ${kind}`),
    )
    const lost = rows.filter(({ x, y, kind }) => {
      const [column, level] = [Math.floor((x + 20) * 2.5), Math.floor(y * 100)]
      return ![-1, 0, 1].some((a) => [-1, 0, 1].some((b) => cells.has(`${column + a} ${level + b} ${kind}`)))
    })
    expect(lost).toEqual([])
  })
  it('has every name, and the least and the most of what colours and sizes show', () => {
    const named = valuesOf(thin(dots({ shape: { field: 'rare', type: 'nominal' } }))!.spec)
    expect(named.some(({ rare }) => rare === 'once')).toBe(true)
    const sized = valuesOf(thin(dots({ x: quantitative('x'), y: undefined, size: quantitative('y') }))!.spec)
    expect(Math.max(...sized.map(({ y }) => y))).toBe(rows.reduce((most, { y }) => Math.max(most, y), 0))
  })
})

it('a line keeps its ends and its spikes, in each of its colours', () => {
  const values = Array.from({ length: 60_000 }, (_, i) => ({
    x: i >> 1,
    y: i === 40_001 ? 99 : Math.sin(i),
    run: i % 2,
  }))
  const line = {
    $schema: schema,
    data: { values },
    mark: { type: 'line' },
    encoding: { x: quantitative('x'), y: quantitative('y'), color: { field: 'run', type: 'nominal' } },
  }
  const kept = (thin(line)!.spec.data as { values: typeof values }).values
  expect(kept.length).toBeLessThan(15_000)
  for (const run of [0, 1]) {
    const own = kept.filter((row) => row.run === run)
    expect([own[0]!.x, own.at(-1)!.x]).toEqual([0, 29_999])
  }
  expect(kept.filter(({ y }) => y === 99)).toHaveLength(1)
})

describe('a chart stays whole', () => {
  it.each<[string, Spec]>([
    ['of few rows', { ...dots({}), data: { values: rows.slice(0, 1_000) } }],
    ['that counts its rows', dots({ x: { ...quantitative('x'), bin: true }, y: { aggregate: 'count' } })],
    ['of means', dots({ y: { ...quantitative('y'), aggregate: 'mean' } })],
    ['of bars', dots({}, { mark: 'bar' })],
    ['whose rows are filtered', dots({}, { transform: [{ filter: 'datum.x > 0' }] })],
    ['by names', dots({ x: { field: 'kind', type: 'nominal' } })],
    ['in panels', dots({ row: { field: 'kind', type: 'nominal' } })],
    ['of areas on each other', dots({ color: { field: 'kind', type: 'nominal' } }, { mark: 'area' })],
    ['with layers of their own data', { $schema: schema, data: { values: rows }, layer: [dots({})] }],
  ])('%s', (_, spec) => expect(thin(spec)).toBeUndefined())
})
