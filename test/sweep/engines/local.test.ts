import * as tf from '@tensorflow/tfjs'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fromArrays } from '../../../src/data/index.js'
import { sgd } from '../../../src/backend/index.js'
import { train } from '../../../src/train/index.js'
import { choice, grid, local, random, sweep, uniform } from '../../../src/sweep/index.js'

const home = process.cwd()
const folder = mkdtempSync(join(tmpdir(), 'gradbook-local-'))
beforeAll(() => process.chdir(folder))
afterAll(() => {
  process.chdir(home)
  rmSync(folder, { recursive: true, force: true })
})

const n = 64
const x = Float32Array.from({ length: n }, (_, i) => i / n)
const data = fromArrays({ x, y: x.map((value) => 2 * value + 1) }, { name: 'line' })
const steps = 40

/** A line through points: small enough that a trial takes no time. */
const fit = async ({ learningRate }: { learningRate: number }) => {
  const w = tf.variable(tf.scalar(0))
  const b = tf.variable(tf.scalar(0))
  const run = train(
    {
      parameters: { w, b },
      loss: ({ x: given, y }: { x: tf.Tensor; y: tf.Tensor }) =>
        given.mul(w).add(b).sub(y).square().mean() as tf.Scalar,
    },
    { data, evaluateOn: data, batchSize: 16, optimizer: sgd({ learningRate }), evaluateEvery: 20 },
  )
  await run.iterate(steps)
  return run
}

const small = { space: { learningRate: uniform(0.05, 0.5) }, search: random({ seed: 3 }), progress: false }

it('trials in worker processes come to what they come to in this one', { timeout: 120_000 }, async () => {
  const study = sweep({ ...small, name: 'there', trial: fit, engine: local({ workers: 2, threads: 1 }) })
  await study.run(6)
  await study.close()
  const same = sweep({ ...small, name: 'here', trial: fit })
  await same.run(6)
  expect(study.trials.map(({ state, message }) => message ?? state)).toEqual(
    Array.from({ length: 6 }, () => 'complete'),
  )
  expect(study.trials.map(({ parameters, values, reports }) => ({ parameters, values, reports }))).toEqual(
    same.trials.map(({ parameters, values, reports }) => ({ parameters, values, reports })),
  )
})

/** The processes that did the passes of a study, as its trials reported them. */
const pidOf = (study: { trials: readonly { reports: readonly { [name: string]: number }[] }[] }) =>
  study.trials.flatMap(({ reports }) => reports.flatMap(({ pid }) => pid ?? []))

/** Waits until something is so. */
async function until(so: () => boolean): Promise<void> {
  for (let left = 3000; !so(); left--) {
    if (left === 0) throw new Error('it never came to it')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Calls one after the other, with a little time between them. */
const slow = async (
  { learningRate }: { learningRate: number },
  { report }: { report(at: number, values: { pid: number }): void },
) => {
  const w = tf.variable(tf.scalar(0))
  const run = train(
    {
      parameters: { w },
      loss: ({ x: given, y }: { x: tf.Tensor; y: tf.Tensor }) =>
        given.mul(w).sub(y).square().mean() as tf.Scalar,
    },
    { data, evaluateOn: data, batchSize: 16, optimizer: sgd({ learningRate }), evaluateEvery: 10 },
  )
  report(0, { pid: process.pid })
  for (let call = 0; call < 12; call++) {
    await run.iterate(10)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return run
}

it(
  'a worker that is killed is replaced, and its trial goes on from its last snapshot',
  { timeout: 120_000 },
  async () => {
    const study = sweep({ ...small, name: 'killed', trial: slow, engine: local({ workers: 1 }) })
    const done = study.run(2)
    await until(() => study.trials[0]?.reports.some(({ iteration }) => iteration >= 70) === true)
    const [first] = pidOf(study)
    process.kill(first!, 'SIGKILL')
    await done
    await study.close()
    const whole = sweep({ ...small, name: 'whole', trial: slow })
    await whole.run(2)
    const { trials } = study
    expect(trials.map(({ state }) => state)).toEqual(['complete', 'complete'])
    expect(trials.map(({ values }) => values)).toEqual(whole.trials.map(({ values }) => values))
    // None twice, none lost, in whichever process.
    const iterations = (of: (typeof trials)[number]) => of.reports.map(({ iteration }) => iteration)
    expect(iterations(trials[0]!).toSorted((p, q) => p - q)).toEqual(iterations(whole.trials[0]!))
    expect(new Set(pidOf(study))).not.toContain(process.pid)
    expect(pidOf(study).at(-1)).not.toBe(first)
  },
)

it(
  'stop ends all within a second, and what was under way goes on where it stands',
  { timeout: 120_000 },
  async () => {
    const study = sweep({ ...small, name: 'stopped', trial: slow, engine: local({ workers: 2 }) })
    study.start(2)
    await until(() => study.trials.length === 2 && study.trials.every(({ reports }) => reports.length > 4))
    const before = performance.now()
    await study.stop()
    expect(performance.now() - before).toBeLessThan(1000)
    expect(study.trials.map(({ state }) => state)).toEqual(['waiting', 'waiting'])
    const reached = study.trials.map(({ reports }) => reports.at(-1)!.iteration)
    expect(Math.min(...reached)).toBeGreaterThan(0)
    const pids = pidOf(study)
    await study.run(2)
    await study.close()
    const whole = sweep({ ...small, name: 'whole-again', trial: slow })
    await whole.run(2)
    expect(study.trials.map(({ values }) => values)).toEqual(whole.trials.map(({ values }) => values))
    expect(pids).toHaveLength(2)
  },
)

it(
  'a trial in a loop that hears nothing is ended too, and its worker replaced',
  { timeout: 60_000 },
  async () => {
    const forever = (
      _: object,
      { report }: { report(at: number, values: { pid: number }): void },
    ): number => {
      report(0, { pid: process.pid })
      for (;;);
    }
    const study = sweep({ ...small, trial: forever, engine: local({ workers: 1 }) })
    study.start(1)
    await until(() => pidOf(study).length > 0)
    const before = performance.now()
    await study.stop()
    expect(performance.now() - before).toBeLessThan(1000)
    expect(study.trials.map(({ state }) => state)).toEqual(['waiting'])
    await study.close()
  },
)

it(
  'a trial that takes more memory than its worker may have fails, and the study goes on',
  { timeout: 60_000 },
  async () => {
    const greedy = async ({ megabytes }: { megabytes: number }): Promise<number> => {
      const kept: Uint8Array[] = []
      for (let i = 0; i < megabytes / 10; i++) {
        kept.push(new Uint8Array(10e6).fill(1))
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return kept.length
    }
    const study = sweep({
      space: { megabytes: choice(0, 4000, 10) },
      search: grid(),
      progress: false,
      trial: greedy,
      engine: local({ workers: 1, memory: 900 }),
    })
    await study.run(3)
    await study.close()
    expect(study.trials.map(({ values, message }) => message ?? values.loss)).toEqual([
      0,
      'it took more memory than the 900 MB that a worker may have',
      1,
    ])
  },
)

it('what cannot be sent is refused by name before anything starts', { timeout: 60_000 }, async () => {
  const study = (trial: () => unknown) =>
    sweep({ ...small, trial: trial as () => number, engine: local({ workers: 1 }) }).run(1)
  const later = new Promise<number>(() => {})
  const inner = () => later
  await expect(study(() => inner())).rejects.toThrow(/later \(a Promise\).*Make later within the function/s)
  const whole = sweep({ ...small, trial: () => 1 })
  await expect(study(() => whole.best?.number)).rejects.toThrow(/whole \(a Study/)
})

it('functions, classes, datasets and tensors go along with the trial', { timeout: 60_000 }, async () => {
  class Scale {
    factor = 3
    of(value: number): number {
      return value * this.factor
    }
  }
  class Twice extends Scale {
    override of(value: number): number {
      return 2 * super.of(value)
    }
  }
  const isEven = (value: number): boolean => value === 0 || isOdd(value - 1)
  const isOdd = (value: number): boolean => value !== 0 && isEven(value - 1)
  const settings = {
    scale: new Twice(),
    table: new Map([['a', new Float32Array([1, 2])]]),
    tensor: tf.tensor1d([4, 5]),
    again: {},
  }
  settings.again = settings
  const trial = () => {
    const { values, length } = { values: data.valuesAt(5), length: data.length }
    return {
      loss: 1,
      scaled: settings.scale.of(1),
      isScale: Number(settings.scale instanceof Scale),
      even: Number(isEven(10)),
      table: settings.table.get('a')![1]!,
      tensor: settings.tensor.dataSync()[1]!,
      again: Number(settings.again === settings),
      y: (values.y as Float32Array)[0]!,
      length,
      digest: Number.parseInt(data.digest().slice(0, 8), 16),
    }
  }
  const objective = Object.keys(trial()) as string[]
  const study = sweep({ ...small, objective, trial, engine: local({ workers: 1 }) })
  await study.run(1)
  await study.close()
  expect(study.trials[0]!.values).toEqual(trial())
})
