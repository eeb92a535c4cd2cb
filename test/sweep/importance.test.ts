import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { importanceOf, type Judged } from '../../src/sweep/importance.js'
import { choice, integer, logUniform, sweep, uniform, when } from '../../src/sweep/index.js'
import { entriesOf } from '../../src/sweep/space.js'
import { silence } from '../kit/training.js'

const space = {
  rate: logUniform(1e-4, 1e-1),
  dropout: uniform(0, 0.5),
  width: integer(8, 512, { log: true }),
  layers: integer(1, 4),
  batch: integer(16, 128, { step: 16 }),
  optimizer: choice('adam', 'sgd', 'lion'),
  momentum: when('optimizer', 'sgd', uniform(0, 0.99)),
}

describe('the importance of parameters', () => {
  it('is that of Optuna, of ranges of every kind (test/sweep/fixtures/importance.py)', () => {
    const file = new URL('fixtures/importance.json', import.meta.url)
    const { importance, trials } = JSON.parse(readFileSync(file, 'utf8')) as {
      importance: { [name: string]: number }
      trials: Judged[]
    }
    const rows = importanceOf(entriesOf(space, 'space'), trials, 'test')
    expect(rows.map(({ parameter }) => parameter)).toEqual(Object.keys(importance))
    for (const row of rows) expect(row.importance).toBeCloseTo(importance[row.parameter]!, 9)
  })

  it('finds the one that decides, and says how many trials it takes', async () => {
    silence()
    const study = sweep({
      space: { a: uniform(0, 1), b: uniform(0, 1) },
      objective: { maximize: 'score' },
      trial: ({ a, b }) => -((a - 0.3) ** 2) + b / 1000,
    })
    expect(() => study.importance()).toThrow(/0 complete trials.*at least 2/)
    await study.run(60)
    const rows = study.importance()
    expect(rows[0]!.parameter).toBe('a')
    expect(rows[0]!.importance).toBeGreaterThan(0.8)
    expect(rows.reduce((sum, row) => sum + row.importance, 0)).toBeCloseTo(1, 12)
    expect(() => study.importance({ of: 'loss' })).toThrow(/'score'/)
  })
})
