import { describe, expect, it } from 'vitest'
import {
  choice,
  grid,
  integer,
  logUniform,
  random,
  sobol,
  sweep,
  uniform,
  when,
} from '../../src/sweep/index.js'
import { sobolDirections, sobolPoint } from '../../src/sweep/search/sobol.js'
import { entriesOf } from '../../src/sweep/space.js'

const trial = () => 0

/** The parameters of the first trials. */
async function drawn(
  search: ReturnType<typeof random>,
  space: Parameters<typeof entriesOf>[0],
  count: number,
) {
  const entries = entriesOf(space, 'test')
  const searcher = search.begin({
    name: 'test',
    entries,
    objectives: [],
    folder: undefined,
    branches: new Map(),
    trials: [],
  })
  return Promise.all(Array.from({ length: count }, (_, number) => searcher.ask(number)))
}

describe('a space', () => {
  it('gives numbers of its range, each as likely as it says', async () => {
    const space = {
      even: uniform(2, 6),
      rate: logUniform(1e-4, 1),
      width: integer(1, 4),
      size: integer(1, 1000, { log: true }),
      step: integer(0, 10, { step: 5 }),
      kind: choice(['a', 'b']),
    }
    const rows = (await drawn(random({ seed: 3 }), space, 20_000)) as { [name: string]: number }[]
    const mean = (value: (row: { [name: string]: number }) => number) =>
      rows.reduce((sum, row) => sum + value(row), 0) / rows.length
    // Standard errors are below 0.012; four of them.
    expect(mean((row) => row.even!)).toBeCloseTo(4, 1)
    expect(mean((row) => Math.log10(row.rate!))).toBeCloseTo(-2, 1)
    for (const value of [1, 2, 3, 4]) expect(mean((row) => Number(row.width === value))).toBeCloseTo(0.25, 1)
    // Of the integers on a log scale: the share of those up to 31 is log(31.5 / 0.5) / log(1000.5 / 0.5) = 0.545.
    expect(mean((row) => Number(row.size! <= 31))).toBeCloseTo(0.545, 1)
    expect([...new Set(rows.map((row) => row.step))].toSorted((a, b) => a! - b!)).toEqual([0, 5, 10])
    expect(mean((row) => Number((row.kind as unknown) === 'a'))).toBeCloseTo(0.5, 1)
    expect(Math.min(...rows.map((row) => row.rate!))).toBeGreaterThanOrEqual(1e-4)
    expect(Math.max(...rows.map((row) => row.rate!))).toBeLessThanOrEqual(1)
  })

  it('has a parameter only where the one that it depends on says so, in whichever order they are written', async () => {
    const space = {
      momentum: when('optimizer', ['sgd'], uniform(0, 1)),
      optimizer: choice(['adam', 'sgd']),
    }
    for (const row of await drawn(random(), space, 50))
      expect('momentum' in row!).toBe(row!.optimizer === 'sgd')
  })

  it('is refused with what is wrong in it', () => {
    const refused = (space: never, message: RegExp) => expect(() => sweep({ space, trial })).toThrow(message)
    refused({} as never, /a space with nothing in it/)
    refused({ rate: 0.1 } as never, /rate.*0\.1.*stands in the trial itself/s)
    refused({ a: when('b', 1, uniform(0, 1)) } as never, /the parameter 'b', which is not there/)
    refused({ a: when('b', 1, uniform(0, 1)), b: when('a', 1, choice([1])) } as never, /depend on each other/)
    refused({ a: choice(['x']), b: when('a', 'y', uniform(0, 1)) } as never, /'y'.*'x'/s)
    expect(() => uniform(1, 1)).toThrow(/1, 1/)
    expect(() => logUniform(0, 1)).toThrow(/above 0/)
    expect(() => integer(0, 9, { log: true })).toThrow(/from 1 or more/)
    expect(() => choice([])).toThrow(/at least one/)
    expect(() => choice([1, 1])).toThrow(/once/)
    expect(() => choice([{}] as never)).toThrow(/by its name/)
  })
})

describe('a search', () => {
  it('goes through every combination of a grid, and then has no more', async () => {
    const space = {
      kind: choice(['a', 'b']),
      rate: logUniform(0.01, 1),
      more: when('kind', 'b', choice([1, 2])),
    }
    const rows = await drawn(grid({ points: 3 }), space, 10)
    const round = (value: unknown) => (typeof value === 'number' ? Number(value.toFixed(6)) : value)
    expect(rows.map((row) => row && Object.values(row).map(round).join(' '))).toEqual([
      'a 0.01',
      'a 0.1',
      'a 1',
      'b 0.01 1',
      'b 0.01 2',
      'b 0.1 1',
      'b 0.1 2',
      'b 1 1',
      'b 1 2',
      undefined,
    ])
    expect(() => sweep({ space, trial, search: grid({ points: 0 }) })).toThrow(/at least 1/)
  })

  it('has the quasi-random numbers of Sobol that SciPy has', () => {
    // scipy.stats.qmc.Sobol(d=21, scramble=False, bits=32): points 37 and 63, in 64ths.
    const expected: { [number: number]: string } = {
      37: '59 41 37 59 49 19 11 51 39 11 1 5 37 55 7 31 51 27 3 9 61',
      63: '1 51 23 29 55 9 37 9 53 37 27 43 35 49 21 49 5 25 61 15 15',
    }
    const axes = sobolDirections(21)
    for (const [number, row] of Object.entries(expected))
      expect(axes.map((axis) => (sobolPoint(Number(number), axis) / 2 ** 32) * 64).join(' ')).toBe(row)
  })

  it('is spread more evenly with Sobol: each part of the unit square has its share', async () => {
    const rows = await drawn(sobol({ seed: 5 }), { x: uniform(0, 8), y: uniform(0, 8) }, 64)
    const cells = rows.map((row) => 8 * Math.floor(row!.x as number) + Math.floor(row!.y as number))
    expect(new Set(cells).size).toBe(64)
    const others = await drawn(sobol({ seed: 6 }), { x: uniform(0, 8), y: uniform(0, 8) }, 1)
    expect(others[0]).not.toEqual(rows[0])
  })
})

it('gives a trial its parameters by their types, those of a choice as its values', async () => {
  const seen: (number | undefined)[] = []
  const study = sweep({
    space: { a: choice('tanh', 'relu'), n: choice([1, 2]), m: when('a', 'relu', uniform(0, 1)) },
    search: grid({ points: 1 }),
    progress: false,
    trial: ({ a, n, m }) => {
      const one: 'tanh' | 'relu' = a
      const two: 1 | 2 = n
      const three: number | undefined = m
      seen.push(three)
      return one.length + two
    },
  })
  await study.run(10)
  expect(study.trials.map(({ parameters: { a, n } }) => [a, n])).toEqual([
    ['tanh', 1],
    ['tanh', 2],
    ['relu', 1],
    ['relu', 2],
  ])
  expect(seen).toEqual([undefined, undefined, 0.5, 0.5])
})
