import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromArrays, loadRun, sgd, train, type Run } from '../../src/index.js'
import { toBundle } from '../../src/show/values/values.js'
import {
  asha,
  choice,
  grid,
  logUniform,
  median,
  sobol,
  sweep,
  uniform,
  type TrialContext,
} from '../../src/sweep/index.js'
import { temporaryFolder } from '../kit/files.js'
import { silence } from '../kit/training.js'

let shown: any[]
beforeEach(async () => {
  ;({ shown } = silence())
  await tf.setBackend('cpu')
  process.chdir(temporaryFolder())
  process.env.GRADBOOK_RUNS = ''
})
afterEach(() => void (process.env.GRADBOOK_RUNS = 'off'))

const x = Float32Array.from({ length: 40 }, (_, i) => i / 20 - 1)
const y = x.map((value) => 3 * value + 1)
const data = fromArrays({ x, y }, { shape: [1] })

/** A line through points of a line. */
const line = (learningRate: number, onEvaluation?: (row: { iteration: number }) => void) => {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] })
  return train(model, {
    data,
    evaluateOn: fromArrays({ x, y }, { shape: [1] }),
    evaluateEvery: 5,
    batchSize: 8,
    loss: 'meanSquaredError',
    optimizer: sgd({ learningRate }),
    ...(onEvaluation && { onEvaluation }),
  })
}
const weightsOf = (run: Run) =>
  (run.model as tf.Sequential).getWeights().flatMap((one) => [...one.dataSync()])

const rates = { learningRate: logUniform(1e-3, 0.5) }
const trained = async ({ learningRate }: { learningRate: number }) => {
  const run = line(learningRate)
  await run.iterate(20)
  await run.iterate(20)
  return run
}

describe('a study', () => {
  it('finds where a function of two parameters is lowest', async () => {
    const space = { x: uniform(-2, 2), y: uniform(-2, 2) }
    const study = sweep({ space, search: sobol(), trial: ({ x, y }) => (x - 1) ** 2 + (y + 0.5) ** 2 })
    const view = await study.run(64)
    expect(study.trials).toHaveLength(64)
    expect(study.best!.values.loss).toBe(Math.min(...study.trials.map(({ values }) => values.loss!)))
    expect(study.best!.values.loss).toBeLessThan(0.1)
    expect(study.best!.parameters.x).toBeCloseTo(1, 0)
    expect(view.trials.filter(({ best }) => best).map(({ number }) => number)).toEqual([study.best!.number])
    expect(study.folder).toBeUndefined()
    expect(existsSync('sweeps')).toBe(false)
  })

  it('counts the evaluations of the runs that a trial makes, without being told', async () => {
    const study = sweep({ name: 'rates', space: rates, search: grid({ points: 3 }), trial: trained })
    const before = tf.memory().numTensors
    await study.run(10)
    expect(study.trials.map(({ state }) => state)).toEqual(['complete', 'complete', 'complete'])
    const [worst, , best] = study.trials
    expect(best!.reports.map(({ iteration }) => iteration)).toEqual([5, 10, 15, 20, 25, 30, 35, 40])
    expect(best!.values.loss).toBe(best!.reports.at(-1)!.loss)
    expect(study.best!.number).toBe(2)
    expect(study.best!.values.loss).toBeLessThan(worst!.values.loss! / 100)
    // The runs are let go, with all but what each left of its own making.
    expect(tf.memory().numTensors - before).toBeLessThan(10)
    const made = await loadRun(`${study.best!.folder}/run`, {
      model: tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] }),
      data,
    })
    expect(made.iteration).toBe(40)
    expect(weightsOf(made as unknown as Run)[0]).toBeCloseTo(3, 1)
  })

  it('gives the run of a trial again, as it was, without training', async () => {
    const study = sweep({ name: 'rates', space: rates, search: grid({ points: 2 }), trial: trained })
    await study.run(2)
    const run = (await study.runOf(1)) as Run
    expect(run.iteration).toBe(40)
    expect(run.history.length).toBe(40)
    expect((await run.evaluate()).loss).toBe(study.trials[1]!.values.loss)
  })

  it('goes on where it was stopped in the middle of a trial, to the same bits', async () => {
    const stop = new AbortController()
    let weights: number[] = []
    const options = (onEvaluation?: (row: { iteration: number }) => void) => ({
      space: rates,
      search: grid({ points: 2 }),
      trial: async ({ learningRate }: { learningRate: number }) => {
        const run = line(learningRate, onEvaluation) as unknown as Run
        await run.iterate(20)
        await run.iterate(20)
        weights = weightsOf(run)
        return run
      },
    })
    const whole = sweep({ name: 'whole', ...options() })
    await whole.run(1)
    const expected = weights
    const study = sweep({
      name: 'stopped',
      ...options(({ iteration }) => void (iteration === 25 && stop.abort())),
    })
    await expect(study.run(1, { signal: stop.signal })).rejects.toThrow(/stopped/)
    expect(study.trials.map(({ state }) => state)).toEqual(['waiting'])
    await study.run(1)
    expect(study.trials.map(({ state }) => state)).toEqual(['complete'])
    expect(weights).toEqual(expected)
    expect(study.trials[0]!.values).toEqual(whole.trials[0]!.values)
  })

  it('is taken up by its name, with what was tried', async () => {
    const space = { x: uniform(0, 1) }
    const make = () => sweep({ name: 'taken', space, trial: ({ x }) => x })
    await make().run(3)
    const again = make()
    expect(again.trials).toHaveLength(3)
    await again.run(2)
    const whole = sweep({ space, trial: ({ x }) => x })
    await whole.run(5)
    expect(again.trials.map(({ parameters }) => parameters)).toEqual(
      whole.trials.map(({ parameters }) => parameters),
    )
    expect(() => sweep({ name: 'taken', space: { y: uniform(0, 1) }, trial: () => 0 })).toThrow(
      /space other than/,
    )
    expect(() => sweep({ name: 'taken', space, objective: { maximize: 'loss' }, trial: () => 0 })).toThrow(
      /objectives other/,
    )
    expect(() => sweep({ name: '../x', space, trial: () => 0 })).toThrow(/the name of a folder/)
  })

  it('takes the mean over seeds, and each has other weights', async () => {
    const seeds: number[] = []
    const study = sweep({
      name: 'seeds',
      space: rates,
      repeat: 3,
      trial: async ({ learningRate }, context: TrialContext) => {
        seeds.push(context.seed)
        const run = line(learningRate)
        await run.iterate(3)
        return run
      },
    })
    await study.run(1)
    expect(seeds).toEqual([1, 2, 3])
    const [trial] = study.trials
    const losses = trial!.seeds.map(({ values }) => values.loss!)
    expect(new Set(losses).size).toBe(3)
    expect(trial!.values.loss).toBeCloseTo((losses[0]! + losses[1]! + losses[2]!) / 3, 12)
    expect(readdirSync(trial!.folder!).toSorted()).toEqual(['seed-1', 'seed-2', 'seed-3', 'trial.json'])
    const { from, to } = study.view().trials[0]!.spread!.loss!
    expect(from).toBeLessThan(Math.min(...losses))
    expect(to).toBeGreaterThan(Math.max(...losses))
  })

  it('has a front where it has several objectives', async () => {
    const study = sweep({
      space: { x: choice([0, 1, 2, 3]) },
      search: grid(),
      objective: ['loss', { maximize: 'speed' }],
      trial: ({ x }) => ({ loss: Math.abs(x - 2), speed: x }),
    })
    await study.run(4)
    expect(study.front.map(({ number }) => number)).toEqual([2, 3])
    expect(() => study.best).toThrow(/front/)
  })

  it('is asked and told by a loop of one’s own', async () => {
    const study = sweep({ name: 'asked', space: { x: uniform(0, 1) }, trial: () => 0 })
    for (let i = 0; i < 3; i++) {
      const { number, parameters } = await study.ask()
      await study.tell(number, i === 1 ? undefined : parameters.x)
    }
    expect(study.trials.map(({ state }) => state)).toEqual(['complete', 'failed', 'complete'])
    await expect(study.tell(0, 1)).rejects.toThrow(/which is complete/)
    await expect(study.tell(9, 1)).rejects.toThrow(/0 to 2/)
    await study.ask()
    await expect(study.tell(3, NaN)).rejects.toThrow(/NaN.*finite number/s)
  })

  it('runs in the background, is stopped, and goes on', async () => {
    const study = sweep({
      name: 'behind',
      space: rates,
      trial: async ({ learningRate }) => {
        const run = line(learningRate)
        await run.iterate(400)
        return run
      },
    })
    study.start()
    expect(study.running).toBe(true)
    await expect(study.run(1)).rejects.toThrow(/at work/)
    while (study.trials.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    await study.stop()
    expect(study.running).toBe(false)
    const { length } = study.trials
    const waiting = study.trials.filter(({ state }) => state === 'waiting')
    expect(waiting.length).toBeLessThanOrEqual(1)
    await study.run(1)
    expect(study.trials.filter(({ state }) => state === 'complete').length).toBeGreaterThanOrEqual(length)
  })

  it('shows itself, in a chart and a table, whatever its names are', async () => {
    const study = sweep({
      space: { '<b>rate</b>': logUniform(1e-3, 1), kind: choice(['</script>', 'b']) },
      trial: (parameters) => parameters['<b>rate</b>'],
    })
    await study.run(12)
    const bundle = toBundle(study)!
    expect(Object.keys(bundle)).toEqual(['application/vnd.vegalite.v5+json', 'text/plain'])
    expect(bundle['text/plain']).toMatch(/12 complete.*best loss/)
    const spec = JSON.stringify(bundle['application/vnd.vegalite.v5+json'])
    expect(spec).not.toContain('null,null')
    expect(shown.at(-1).kind).toBe('study')
  })

  it('of a thousand trials is shown in less than a megabyte', async () => {
    const space = Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [name, uniform(0, 1)]))
    const study = sweep({ space, progress: false, trial: ({ a, b }) => a! + b! })
    for (let i = 0; i < 1000; i++) await study.tell((await study.ask()).number, i % 7)
    expect(JSON.stringify(toBundle(study)).length).toBeLessThan(1_000_000)
  })
})

describe('trials that go wrong', () => {
  const space = { x: uniform(0, 1) }
  const messages = async (trial: (parameters: { x: number }, context: TrialContext) => unknown) => {
    let calls = 0
    const study = sweep({
      space,
      trial: (parameters, context) => (calls++ === 0 ? 1 : (trial(parameters, context) as number)),
    })
    await study.run(2)
    expect(study.trials[1]!.state).toBe('failed')
    expect(study.best!.number).toBe(0)
    return study.trials[1]!.message
  }

  it('are failed, with what they said, and the others go on', async () => {
    expect(await messages(() => { throw new Error('no memory') })).toBe('no memory') // oxfmt-ignore
    expect(await messages(() => NaN)).toMatch(/objective 'loss'.*NaN/)
    expect(await messages(() => ({ accuracy: 1 }))).toMatch(
      /without it \(accuracy\).*Give the run the metric/,
    )
    expect(await messages(() => {})).toMatch(/says nothing/)
    expect(await messages(() => (globalThis as any).gone.model)).toMatch(/undefined/)
    expect(await messages((_, { report }) => report(-1, { loss: 1 }))).toMatch(
      /-1.*whole number of iterations/,
    )
  })

  it('end the study where none of the first comes to an end', async () => {
    const study = sweep({ space, trial: () => { throw new Error('typo') } }) // oxfmt-ignore
    await expect(study.run(10)).rejects.toThrow(/3 trials that failed.*typo/)
    expect(study.trials).toHaveLength(3)
    expect(study.running).toBe(false)
  })
})

describe('a pruner', () => {
  /** Curves whose order is seen from the beginning: value q + 1 / t. */
  const curve = ({ q }: { q: number }, { report }: TrialContext) => {
    for (let t = 1; t <= 81; t++) report(t, { loss: q + 1 / t })
  }
  const space = { q: uniform(0, 1) }
  const iterations = (study: { trials: { reports: readonly unknown[] }[] }) =>
    study.trials.reduce((sum, { reports }) => sum + reports.length, 0)

  it('halves: trials that are among the worse are ended early, the best is found all the same', async () => {
    const all = sweep({ space, trial: curve, progress: false })
    await all.run(40)
    const study = sweep({ space, trial: curve, pruner: asha({ from: 3 }), progress: false })
    await study.run(40)
    expect(study.best!.number).toBe(all.best!.number)
    expect(iterations(study)).toBeLessThan(0.4 * iterations(all))
    const pruned = study.trials.filter(({ state }) => state === 'pruned')
    expect(pruned.length).toBeGreaterThan(20)
    expect(pruned[0]!.message).toMatch(/at 3 iterations \d+ of \d+ were better/)
    // Reference by hand, in the order of the trials.
    const q = all.trials.map(({ parameters }) => parameters.q)
    const alive = new Set<number>()
    const rungs = [3, 9, 27, 81].map(() => [] as number[])
    q.forEach((value, number) => {
      for (const rung of rungs) {
        const better = rung.filter((other) => other < value).length
        rung.push(value)
        if (better >= Math.max(1, Math.floor(rung.length / 3))) return
      }
      alive.add(number)
    })
    expect(
      new Set(study.trials.filter(({ state }) => state === 'complete').map(({ number }) => number)),
    ).toEqual(alive)
  })

  it('of the median lets the better half go on', async () => {
    const study = sweep({ space, trial: curve, pruner: median({ after: 5 }), progress: false })
    await study.run(20)
    const done = study.trials.slice(0, 5)
    expect(done.every(({ state }) => state === 'complete')).toBe(true)
    const sorted = done.map(({ parameters }) => parameters.q).toSorted((a, b) => a - b)
    expect(study.trials[5]!.state).toBe(study.trials[5]!.parameters.q > sorted[2]! ? 'pruned' : 'complete')
    expect(() => sweep({ space, trial: curve, pruner: median(), objective: ['a', 'b'] })).toThrow(
      /one objective/,
    )
    expect(() => asha({ from: 0 })).toThrow(/at least 1/)
  })

  it('ends the training of a run between two evaluations', async () => {
    const study = sweep({
      name: 'pruned',
      space: { learningRate: choice([0.3, 1e-5]) },
      search: grid(),
      pruner: asha({ from: 10 }),
      trial: trained,
    })
    await study.run(2)
    expect(study.trials.map(({ state, reports }) => [state, reports.at(-1)!.iteration])).toEqual([
      ['complete', 40],
      ['pruned', 10],
    ])
    expect(study.trials[1]!.values.loss).toBeGreaterThan(study.trials[0]!.values.loss!)
  })
})

describe('a study on disk', () => {
  const script = fileURLToPath(new URL('fixtures/study.mjs', import.meta.url))

  /** A process that works on it; what it said. */
  function work(...given: string[]) {
    const child = spawn(process.execPath, [script, ...given], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', (piece) => (text += piece))
    const ended = new Promise<string>((resolve) => child.once('exit', () => resolve(text)))
    const until = async (pattern: RegExp) => {
      while (!pattern.test(text) && child.exitCode === null) await new Promise((done) => setTimeout(done, 5))
      expect(text).toMatch(pattern)
    }
    return { child, ended, until }
  }

  it('loses no trial and makes none twice where its process is killed', { timeout: 120_000 }, async () => {
    const whole = JSON.parse((await work('whole', '6').ended).split('\n').at(-2)!)
    for (const at of [/trial 1 is at 20/, /trial 4 is at 10/]) {
      const { child, ended, until } = work('killed', '6')
      await until(at)
      child.kill('SIGKILL')
      await ended
    }
    const trials = JSON.parse((await work('killed', '6').ended).split('\n').at(-2)!)
    expect(trials.slice(0, 6)).toEqual(whole)
  })

  it('belongs to one process at a time', { timeout: 120_000 }, async () => {
    const { child, ended, until } = work('shared', '6')
    await until(/trial 0/)
    const study = sweep({ name: 'shared', space: rates, search: grid({ points: 8 }), trial: trained })
    await expect(study.run(1)).rejects.toThrow(/on which another process works \(\d+ on .*\): sweeps.shared/)
    child.kill('SIGKILL')
    await ended
    await study.run(1)
  })

  it('that is damaged is refused by the name of the file', async () => {
    const make = () => sweep({ name: 'damaged', space: rates, trial: () => 1 })
    await make().run(1)
    writeFileSync('sweeps/damaged/00000/trial.json', '{"number":0}')
    expect(make).toThrow(/sweeps.damaged.00000.trial\.json/)
    mkdirSync('sweeps/other', { recursive: true })
    writeFileSync('sweeps/other/study.json', '[')
    expect(() => sweep({ name: 'other', space: rates, trial: () => 1 })).toThrow(/study\.json.*JSON/s)
  })
})
