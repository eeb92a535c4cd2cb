// `npm run bench sweep [-- --works chart,search,asha,overhead --seeds 10 --trials 60 --python python3]`
//
// Studies: what the chart and the table of a thousand trials cost; the best that TPE finds when a study asks for it, beside Optuna used
// directly; how many iterations halving spends to the same best; and the time of trials of a second on two workers above the ideal, beside
// Optuna with n_jobs=2. `--python` (or GRADBOOK_PYTHON) has optuna. What cannot be had is left out, and named.
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import * as tf from '@tensorflow/tfjs'
import { adam, digits, seed as setSeed, train } from '../../dist/src/index.js'
import { toBundle } from '../../dist/src/show/values/values.js'
import * as sweeps from '../../dist/src/sweep/index.js'
import { median, summary, table } from '../statistics.mjs'

const { asha, integer, logUniform, random, sweep, tpe, uniform } = sweeps
const folder = dirname(fileURLToPath(import.meta.url))
const python = (values, file, ...args) =>
  execFileSync(values.python, [join(folder, file), ...args.map(String)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim()
const quiet = { progress: false }

async function chart() {
  const study = sweep({
    ...quiet,
    space: { rate: logUniform(1e-4, 1e-1), units: integer(8, 256), dropout: uniform(0, 0.5) },
    trial: ({ rate, units }, context) => {
      for (let i = 1; i <= 20; i++)
        context.report(10 * i, { loss: Math.log10(rate) ** 2 + units / 256 + 1 / i })
    },
  })
  await study.run(1000)
  const times = []
  let size = 0
  for (let round = 0; round < 7; round++) {
    const before = performance.now()
    const bundle = toBundle(study)
    const rows = toBundle(study.table())
    times.push(performance.now() - before)
    size = JSON.stringify(bundle).length + JSON.stringify(rows).length
  }
  return [
    [
      '1,000 finished trials: chart and table',
      `${summary(times)} ms, ${(size / 1e6).toFixed(2)} MB`,
      '<= 200 ms, <= 1 MB',
      median(times) <= 200 && size <= 1e6,
    ],
  ]
}

const functions = {
  branin: [
    { x: uniform(-5, 10), y: uniform(0, 15) },
    ({ x, y }) =>
      (y - (5.1 / (4 * Math.PI ** 2)) * x ** 2 + (5 / Math.PI) * x - 6) ** 2 +
      10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) +
      10,
  ],
  rosenbrock: [
    { x: uniform(-2, 2), y: uniform(-1, 3) },
    ({ x, y }) => (1 - x) ** 2 + 100 * (y - x ** 2) ** 2,
  ],
  ackley: [
    { x: uniform(-5, 5), y: uniform(-5, 5), z: uniform(-5, 5) },
    (at) => {
      const all = Object.values(at)
      const root = Math.sqrt(all.reduce((sum, one) => sum + one * one, 0) / 3)
      const waves = all.reduce((sum, one) => sum + Math.cos(2 * Math.PI * one), 0) / 3
      return -20 * Math.exp(-0.2 * root) - Math.exp(waves) + 20 + Math.E
    },
  ],
}

async function search(values) {
  const theirs = python(values, 'functions.py', values.trials, values.seeds)
    .split('\n')
    .map((line) => JSON.parse(line))
  const rows = []
  for (const [name, [space, trial]] of Object.entries(functions)) {
    const best = []
    for (let seed = 0; seed < values.seeds; seed++) {
      const study = sweep({ ...quiet, space, trial, search: tpe({ seed, python: values.python }) })
      await study.run(values.trials)
      best.push(study.best.values.loss)
    }
    const direct = theirs.map((one) => one[name])
    const same = best.filter(
      (value, i) => Math.abs(value - direct[i]) <= 1e-9 * Math.max(1, Math.abs(value)),
    ).length
    rows.push([
      `${name}: best of ${values.trials} trials, ${values.seeds} seeds`,
      `${summary(best)}, Optuna directly ${summary(direct)}; the same in ${same}`,
      'the same within noise',
      same === values.seeds || Math.abs(Math.log(median(best) / median(direct))) < 0.5,
    ])
  }
  return rows
}

async function halving(values) {
  await tf.ready()
  const data = await digits({ seed: 1, flat: true })
  const shares = []
  const gains = []
  for (let seed = 0; seed < Math.min(3, values.seeds); seed++) {
    const make = (pruner) =>
      sweep({
        ...quiet,
        space: { learningRate: logUniform(1e-5, 1), units: integer(8, 128, { log: true }) },
        search: random({ seed }),
        ...(pruner && { pruner }),
        trial: async ({ learningRate, units }) => {
          setSeed(1)
          const model = tf.sequential({
            layers: [
              tf.layers.dense({ units, activation: 'relu', inputShape: [784] }),
              tf.layers.dense({ units: 10, activation: 'softmax' }),
            ],
          })
          const run = train(model, {
            data: data.train,
            evaluateOn: data.validation,
            evaluateEvery: 10,
            batchSize: 64,
            seed: 1,
            save: false,
            loss: 'sparseCategoricalCrossentropy',
            optimizer: adam({ learningRate }),
          })
          await run.iterate(270)
          return run
        },
      })
    const [whole, early] = [make(), make(asha({ from: 10, factor: 3 }))]
    await whole.run(27)
    await early.run(27)
    const spent = (study) =>
      study.trials.reduce((sum, { reports }) => sum + (reports.at(-1)?.iteration ?? 0), 0)
    shares.push(spent(early) / spent(whole))
    gains.push(early.best.values.loss / whole.best.values.loss)
  }
  return [
    [
      'ASHA on the digits: iterations of those without pruning',
      `${summary(shares)}; best loss ${summary(gains)} of theirs`,
      '<= 0.4, to the same best',
      median(shares) <= 0.4 && median(gains) <= 1.02,
    ],
  ]
}

async function overhead(values) {
  const { local } = { ...sweeps }
  if (!local) throw new Error('this build has no engine `local`')
  process.chdir(mkdtempSync(join(tmpdir(), 'sweep-')))
  const study = sweep({
    ...quiet,
    name: 'seconds',
    space: { rate: logUniform(1e-4, 1e-1) },
    engine: local({ workers: 2 }),
    trial: ({ rate }) => {
      const end = performance.now() + 1000
      let sum = 0
      while (performance.now() < end) sum += Math.sqrt(rate + sum)
      return rate
    },
  })
  await study.run(2)
  const before = performance.now()
  await study.run(values.trials)
  const ours = (performance.now() - before) / 1000
  await study.close()
  const ideal = values.trials / 2
  const theirs = Number(python(values, 'overhead.py', values.trials))
  const above = (seconds) => `${((seconds / ideal - 1) * 100).toFixed(2)} %`
  return [
    [
      `${values.trials} trials of a second on two workers, above the ideal`,
      `${above(ours)}; Optuna n_jobs=2 ${above(theirs)}`,
      '<= 5 %, and less',
      ours / ideal <= 1.05 && ours < theirs,
    ],
  ]
}

const works = { chart, search, asha: halving, overhead }

export async function bench(args) {
  const { values: given } = parseArgs({
    args,
    options: {
      works: { type: 'string', default: Object.keys(works).join(',') },
      seeds: { type: 'string', default: '10' },
      trials: { type: 'string', default: '60' },
      python: { type: 'string', default: process.env.GRADBOOK_PYTHON ?? 'python3' },
    },
  })
  const values = { ...given, seeds: Number(given.seeds), trials: Number(given.trials) }
  const rows = []
  for (const name of values.works.split(',')) {
    const work = works[name]
    if (!work) throw new Error(`there is no work '${name}': ${Object.keys(works).join(', ')}`)
    try {
      rows.push(...(await work(values)))
    } catch (error) {
      console.error(`${name} is left out: ${error.message.split('\n')[0]}`)
    }
  }
  console.log(
    table(
      ['work', 'here', 'goal', 'met'],
      rows.map((row) => [...row.slice(0, 3), row[3] ? 'yes' : 'NO']),
    ),
  )
  return rows.every((row) => row[3]) ? 0 : 1
}
