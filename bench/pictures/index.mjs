// `npm run bench pictures [-- --rounds 10 --only png|long|live]`
//
// What pictures cost: the PNG of a chart, warm and as it is called from a notebook; the display of a run of a million iterations;
// and training that is watched, against the
// same training with `progress: false`, in the real kernel with a front end that listens, as the cell sees it. Both trainings take turns.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startKernel } from '../../dist/kernel/cli/client/index.js'
import { toBundle } from '../../dist/src/show/values.js'
import { confusionChart, examplesChart, lossChart, toPng } from '../../dist/src/show/index.js'
import { median, quantile, summary, table } from '../statistics.mjs'

const goals = { png: 40, long: 100, live: 1.02 }

function runView(length) {
  const of = (value) => Float32Array.from({ length }, (_, i) => value(i))
  const noise = (i) => ((i * 7919) % 101) / 101
  return {
    kind: 'run',
    name: 'bench',
    live: false,
    iteration: length,
    from: 0,
    to: length,
    history: {
      length,
      iteration: Float64Array.from({ length }, (_, i) => i + 1),
      loss: of((i) => 2.3 * Math.exp(-i / 300) + 0.2 * noise(i)),
      learningRate: of(() => 1e-3),
      gradientNorm: of((i) => 1 + noise(i * 3)),
      milliseconds: of(() => 4),
    },
    evaluations: Array.from({ length: 10 }, (_, i) => ({
      iteration: ((i + 1) * length) / 10,
      loss: 2 / (i + 1),
      accuracy: 1 - 0.5 / (i + 1),
    })),
    adjustments: [{ at: length / 2, what: 'learningRate', from: 1e-3, to: 5e-4 }],
    metrics: ['accuracy'],
    stopReason: null,
    milliseconds: 1,
  }
}

const example = (id, round) => ({
  id,
  split: 'train',
  expected: String(id % 10),
  input: {
    values: Float32Array.from({ length: 784 }, (_, p) => ((p * (id + 3) + round) % 17) / 16),
    shape: [28, 28, 1],
    picture: [28, 28, 1],
  },
})

/** Each round has other data, as in a notebook. */
const charts = {
  'loss chart, four panels': (round) => lossChart(runView(2000 + 10 * round)),
  'confusion matrix, ten classes': (round) =>
    confusionChart({
      kind: 'confusion',
      iteration: round,
      split: 'validation',
      labels: Array.from({ length: 10 }, (_, i) => String(i)),
      counts: Array.from({ length: 10 }, (_, i) =>
        Array.from({ length: 10 }, (_, k) => (i === k ? 90 : (i * k + round) % 5)),
      ),
    }),
  'grid of 16 examples': (round) =>
    examplesChart({ kind: 'examples', rows: Array.from({ length: 16 }, (_, i) => example(i, round)) }),
}

async function benchPng(rounds) {
  const rows = []
  for (const [name, make] of Object.entries(charts)) {
    const times = []
    let bytes = 0
    for (let round = 0; round < rounds + 4; round++) {
      const spec = make(round)
      const started = performance.now()
      bytes = (await toPng(spec)).length
      // The first ones compile JavaScript.
      if (round >= 4) times.push(performance.now() - started)
    }
    rows.push([name, Math.min(...times).toFixed(1), summary(times), `${(bytes / 1000).toFixed(0)} kB`])
  }
  console.log(table(['PNG, warm, ms', 'best', 'median (middle half)', 'size'], rows))
  console.log(`goal: ${goals.png} ms\n`)
}

/** Of a run of a million iterations: its chart, and all that a notebook gets, once it is over and while it trains. */
function benchLong(rounds) {
  const view = runView(1_000_000)
  const shown = {
    'loss chart': () => lossChart(view),
    'whole display, as JSON': () => JSON.stringify(toBundle(view)),
    'live view, as JSON': () => JSON.stringify(toBundle({ ...view, live: true })),
  }
  const rows = Object.entries(shown).map(([name, make]) => {
    const times = []
    let result
    for (let round = 0; round < rounds + 4; round++) {
      const started = performance.now()
      result = make()
      if (round >= 4) times.push(performance.now() - started)
    }
    const bytes = typeof result === 'string' ? `${(result.length / 1000).toFixed(0)} kB` : ''
    return [name, Math.min(...times).toFixed(1), summary(times), bytes]
  })
  console.log(table(['a million iterations, ms', 'best', 'median (middle half)', 'size'], rows))
  console.log(`goal: ${goals.long} ms, 1,000 kB\n`)
}

/** The model of the first notebook, and one whose iterations take a fifth of a millisecond's work: the most rows a second. */
const models = {
  'convolutional, 28 x 28': {
    iterations: 1500,
    flat: false,
    layers: `tf.layers.conv2d({ inputShape: [28, 28, 1], filters: 8, kernelSize: 5, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),`,
  },
  'dense, 784-256-256': {
    iterations: 3000,
    flat: true,
    layers: `tf.layers.dense({ inputShape: [784], units: 256, activation: 'relu' }),
      tf.layers.dense({ units: 256, activation: 'relu' }),`,
  },
}

const setUp = ({ flat, layers }) => `
import * as tf from '@tensorflow/tfjs'
import { adam, digits, train } from 'gradbook'
const data = await digits({ seed: 1, flat: ${flat} })
const make = (progress: boolean) =>
  train(
    tf.sequential({ layers: [ ${layers} tf.layers.dense({ units: 10, activation: 'softmax' }) ] }),
    { data: data.train, evaluateOn: data.validation, evaluateEvery: 250, loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'], optimizer: adam({ learningRate: 1e-3 }), batchSize: 64, seed: 1, progress },
  )
const runs = { watched: make(true), silent: make(false) }
await runs.watched.iterate(200)
await runs.silent.iterate(200)`

/** Of the whole process, its protocol thread and the threads of ONNX Runtime included. */
const turn = (which, iterations) => `{
  const before = process.cpuUsage()
  const started = performance.now()
  await runs.${which}.iterate(${iterations})
  const wall = performance.now() - started
  // What is still to be said: the last view, its picture.
  await new Promise((resolve) => setTimeout(resolve, 400))
  const { user, system } = process.cpuUsage(before)
  console.log(JSON.stringify({ wall, cpu: (user + system) / 1000 }))
}`

async function benchLive(rounds) {
  const rows = []
  for (const [name, model] of Object.entries(models)) {
    const folder = mkdtempSync(join(tmpdir(), 'gradbook-bench-'))
    const kernel = await startKernel({ folder })
    try {
      let updates = 0
      const run = async (code) => {
        const { reply, messages } = await kernel.execute(code)
        if (reply.content.status !== 'ok') throw new Error(reply.content.evalue)
        updates += messages.filter(({ header }) => header.msg_type === 'update_display_data').length
        return messages.find(({ header }) => header.msg_type === 'stream')?.content.text
      }
      await run(setUp(model))
      updates = 0
      const times = { watched: [], silent: [] }
      for (let round = 0; round < rounds; round++)
        for (const which of round % 2 ? ['silent', 'watched'] : ['watched', 'silent'])
          times[which].push(JSON.parse(await run(turn(which, model.iterations))))
      const of = (which, what) => times[which].map((time) => time[what])
      const ratio = (what) => {
        const ratios = of('watched', what).map((value, round) => value / times.silent[round][what])
        return `${median(ratios).toFixed(3)} (${quantile(ratios, 0.25).toFixed(3)}-${quantile(ratios, 0.75).toFixed(3)})`
      }
      const seconds = of('watched', 'wall').reduce((sum, time) => sum + time, 0) / 1000
      rows.push([
        `${name}, ${model.iterations} iterations`,
        summary(of('watched', 'cpu')),
        summary(of('silent', 'cpu')),
        ratio('cpu'),
        ratio('wall'),
        (updates / seconds).toFixed(1),
      ])
    } finally {
      await kernel.shutdown()
      rmSync(folder, { recursive: true, force: true })
    }
  }
  console.log(
    table(
      ['trained', 'processor ms, watched', 'silent', 'watched / silent', 'of wall time', 'updates a second'],
      rows,
    ),
  )
  console.log(`goal: <= ${goals.live} of training time; the last picture is in it`)
}

export async function bench(args) {
  const { values } = parseArgs({
    args,
    options: { rounds: { type: 'string', default: '10' }, only: { type: 'string' } },
  })
  const parts = { png: benchPng, long: benchLong, live: benchLive }
  if (values.only && !Object.hasOwn(parts, values.only)) {
    console.error(`--only: received ${values.only}. Expected one of ${Object.keys(parts).join(', ')}.`)
    return 1
  }
  for (const [name, bench] of Object.entries(parts))
    if (!values.only || values.only === name) await bench(Number(values.rounds))
  return 0
}
