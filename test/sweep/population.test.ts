import { appendFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromArrays, sgd, train, type Run } from '../../src/index.js'
import { choice, population, sweep, uniform } from '../../src/sweep/index.js'
import { temporaryFolder } from '../kit/files.js'
import { silence } from '../kit/training.js'

beforeEach(async () => {
  silence()
  await tf.setBackend('cpu')
  process.chdir(temporaryFolder())
  process.env.GRADBOOK_RUNS = ''
})
afterEach(() => void (process.env.GRADBOOK_RUNS = 'off'))

const x = Float32Array.from({ length: 40 }, (_, i) => i / 20 - 1)
const y = x.map((value) => 3 * value + 1)
const data = fromArrays({ x, y }, { shape: [1] })

const seen: { number: number; began: number; rate: number }[] = []
const trial = async ({ learningRate }: { learningRate: number }, { number }: { number: number }) => {
  const run = train(tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] }), {
    data,
    evaluateOn: fromArrays({ x, y }, { shape: [1] }),
    batchSize: 8,
    loss: 'meanSquaredError',
    optimizer: sgd({ learningRate }),
  })
  seen.push({ number, began: run.iteration, rate: run.learningRate })
  await run.iterate(15)
  await run.iterate(1000)
  return run
}
const make = (options = {}) =>
  sweep({
    name: 'herd',
    space: { learningRate: uniform(0.001, 0.5) },
    search: population({ size: 4, every: 10, seed: 2 }),
    trial,
    ...options,
  })

describe('a population', () => {
  it('lets the worst become branches of the best, with changed settings, where these stood to the bit', async () => {
    seen.length = 0
    const study = make()
    await study.run(10)
    await study.close()
    const again = make()
    await again.run(6)
    const { trials } = again
    expect(trials.map(({ state }) => state)).toEqual(Array.from({ length: 16 }, () => 'complete'))
    expect(trials.slice(0, 4).map(({ branch }) => branch)).toEqual(
      [0, 1, 2, 3].map((member) => ({ member, until: 10 })),
    )
    for (const { number, branch, reports, parameters } of trials.slice(4)) {
      const from = trials[branch!.from!]!
      expect(branch!.until).toBe(from.branch!.until + 10)
      expect(reports.map(({ iteration }) => iteration).at(-1)).toBe(branch!.until)
      const { began, rate } = seen.find((one) => one.number === number)!
      expect(began).toBe(from.branch!.until)
      expect(rate).toBe(parameters.learningRate)
      if (from.branch!.member === branch!.member) expect(parameters).toEqual(from.parameters)
      else expect(parameters).not.toEqual(from.parameters)
    }
    const moved = trials.filter(
      ({ branch }) => branch!.from !== undefined && trials[branch!.from]!.branch!.member !== branch!.member,
    )
    expect(moved.length).toBeGreaterThan(1)
    const [one] = moved
    const line = again.lineage(one!.number)
    expect(line.at(-1)!.number).toBe(one!.number)
    expect(line[0]!.branch!.from).toBeUndefined()
    const child = (await again.runOf(one!.number).catch((error: unknown) => error)) as Run
    expect(String(child)).not.toContain('Error: sweep')
  }, 60_000)

  it('is refused where branches cannot be made', async () => {
    await expect(make({ name: undefined }).run(1)).rejects.toThrow(/without a name/)
    await expect(make({ name: 'seeds', repeat: 2 }).run(1)).rejects.toThrow(/2 seeds beside population/)
    await expect(make({ name: 'two', objective: ['loss', 'iteration'] }).run(1)).rejects.toThrow(
      /2 objectives/,
    )
    expect(() => population({ every: 0 })).toThrow(/whole number of iterations/)
    expect(() => population({ every: 5, size: 1 })).toThrow(/at least 2/)
  })

  it('says which setting is none that a run can be changed to', async () => {
    let units = 0
    const study = sweep({
      name: 'shapes',
      space: { units: choice(1, 2, 3, 4) },
      search: population({ size: 2, every: 2, share: 0.5, resample: 1 }),
      trial: async (parameters, { number }) => {
        units = parameters.units
        appendFileSync('asked.txt', `${number} ${units}\n`)
        const model = tf.sequential({
          layers: [tf.layers.dense({ units, inputShape: [1] }), tf.layers.dense({ units: 1 })],
        })
        const run = train(model, {
          data,
          evaluateOn: fromArrays({ x, y }, { shape: [1] }),
          loss: 'meanSquaredError',
          optimizer: sgd({ learningRate: 0.1 }),
        })
        await run.iterate(100)
      },
    })
    await study.run(8)
    const failed = study.trials.find(({ state }) => state === 'failed')
    expect(failed?.message).toMatch(/shape|parameter/)
  }, 60_000)
})
