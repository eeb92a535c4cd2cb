// `npm run bench pictures [-- --rounds 10 --only png|long|live]`
//
// What pictures cost: the PNG of a chart, warm and as it is called from a notebook; the display of a run of a million
// iterations; and training that is watched, against the same training that is not (live.mjs).
import { parseArgs } from 'node:util'
import { toBundle } from '../../dist/src/show/values/values.js'
import { confusionChart, examplesChart, lossChart, toPng } from '../../dist/src/show/index.js'
import { summary, table } from '../statistics.mjs'
import { benchLive } from './live.mjs'

const goals = { png: 40, long: 100 }

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
