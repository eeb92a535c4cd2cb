/**
 * What it costs to watch: one run in the real kernel, with a front end that listens, trains in short stretches, by turns
 * with its live view and without. Neighbours are compared, so that what else the machine does meets both alike.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startKernel } from '../../dist/kernel/cli/client/index.js'
import { median, quantile, summary, table } from '../statistics.mjs'

const goal = 1.02
/** Updates in a stretch: some 1.6 s. */
const updatesEach = 4

/** The model of the first notebook, and one whose iterations are the least work: the most rows a second. */
const models = {
  'convolutional, 28 x 28': {
    flat: false,
    layers: `tf.layers.conv2d({ inputShape: [28, 28, 1], filters: 8, kernelSize: 5, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),`,
  },
  'dense, 784-256-256': {
    flat: true,
    layers: `tf.layers.dense({ inputShape: [784], units: 256, activation: 'relu' }),
      tf.layers.dense({ units: 256, activation: 'relu' }),`,
  },
}

/**
 * A stop rule is asked after every iteration: it ends a stretch midway between two updates, so that all that an update
 * leads to is in the stretch that it came in. In a silent stretch the display's updates go nowhere.
 */
const cell = ({ flat, layers }, stretches) => `
import { readFileSync, readdirSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs'
import { adam, digits, train } from 'gradbook'

const registry = globalThis as any
const key = Symbol.for('gradbook.host')
const host = registry[key]
/** Milliseconds of processor time of a thread of this process. */
const timeOf = (id: number | string): number => {
  try {
    return Number(readFileSync(\`/proc/self/task/\${id}/schedstat\`, 'utf8').split(' ')[0]) / 1e6
  } catch {
    return 0
  }
}
const threads = () => Object.fromEntries(readdirSync('/proc/self/task').map((id) => [id, timeOf(id)]))
let watched = true
let updates = 0
let latest = 0
let making = 0
const display = (view: unknown) => {
  const shown = host.display(view)
  return { id: shown.id, update(next: { live: boolean }) {
    latest = performance.now()
    updates++
    if (!watched && next.live) return
    const before = timeOf(process.pid)
    shown.update(next)
    making += timeOf(process.pid) - before
  } }
}
registry[key] = new Proxy(host, { get: (_, name) => name === 'display' ? display : Reflect.get(host, name, host) })

const stretches: object[] = []
let from: any
function turn(iteration: number) {
  const now = performance.now()
  if (from && (updates - from.updates < ${updatesEach} || now - latest < 200)) return
  const { user, system } = process.cpuUsage()
  const at = { now, iteration, updates, making, processor: (user + system) / 1000, threads: threads() }
  if (from) stretches.push({ watched, from, to: at })
  // By turns: with, without, without, with, …
  watched = stretches.length % 4 === 0 || stretches.length % 4 === 3
  from = at
}
const stop = new AbortController()
const rule = { name: 'bench', settings: {}, metrics: [], met: ({ iteration }: { iteration: number }) => {
  if (iteration > 300) turn(iteration)
  if (stretches.length === ${stretches}) stop.abort()
} } as any
const data = await digits({ seed: 1, flat: ${flat} })
const run = train(
  tf.sequential({ layers: [ ${layers} tf.layers.dense({ units: 10, activation: 'softmax' }) ] }),
  { data: data.train, evaluateOn: data.validation, evaluateEvery: 250, loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'], optimizer: adam({ learningRate: 1e-3 }), batchSize: 64, seed: 1, stop: rule },
)
await run.iterate(100_000_000, { signal: stop.signal }).catch(() => {})
registry[key] = host
console.log(JSON.stringify(stretches))`

/** The stretches of one training, each with what it took. */
async function trained(model, pairs) {
  const folder = mkdtempSync(join(tmpdir(), 'gradbook-bench-'))
  const kernel = await startKernel({ folder })
  try {
    const { reply, messages } = await kernel.execute(cell(model, 2 * pairs))
    if (reply.content.status !== 'ok') throw new Error(reply.content.evalue)
    const text = messages
      .filter(({ header }) => header.msg_type === 'stream')
      .map(({ content }) => content.text)
      .join('')
    return JSON.parse(text).map(({ watched, from, to }) => {
      const difference = (what) => to[what] - from[what]
      return {
        watched,
        iterations: difference('iteration'),
        updates: difference('updates'),
        wall: difference('now'),
        processor: difference('processor'),
        making: difference('making'),
        threads: new Map(
          Object.entries(to.threads).map(([id, time]) => [Number(id), time - (from.threads[id] ?? 0)]),
        ),
      }
    })
  } finally {
    await kernel.shutdown()
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Processor milliseconds an update of the threads that have twice as much to do where something is shown: the protocol
 * thread and that of its sockets. What the others do beside training differs more from stretch to stretch than an update
 * takes.
 */
function besideOf(pairs) {
  const total = (which, id) => pairs.reduce((sum, pair) => sum + (pair[which].threads.get(id) ?? 0), 0)
  const updates = pairs.reduce((sum, { watched }) => sum + watched.updates, 0)
  const ids = new Set(pairs.flatMap(({ watched }) => [...watched.threads.keys()]))
  return [...ids]
    .filter((id) => 2 * total('silent', id) < total('watched', id))
    .map((id) => (total('watched', id) - total('silent', id)) / updates)
    .reduce((sum, time) => sum + time, 0)
}

/** The median, and between brackets the middle half and how sure the median is. */
function sure(values) {
  const [low, high] = [quantile(values, 0.25), quantile(values, 0.75)]
  // Of a normal distribution with this middle half.
  const error = (1.25 * (high - low)) / 1.35 / Math.sqrt(values.length)
  return `${median(values).toFixed(3)} ± ${error.toFixed(3)} (${low.toFixed(3)}-${high.toFixed(3)})`
}

export async function benchLive(rounds) {
  const rows = []
  for (const [name, model] of Object.entries(models)) {
    const stretches = await trained(model, 3 * rounds)
    const pairs = []
    for (let i = 0; i < stretches.length; i += 2) {
      const [a, b] = stretches.slice(i, i + 2)
      pairs.push(a.watched ? { watched: a, silent: b } : { watched: b, silent: a })
    }
    const ratio = (what) =>
      sure(
        pairs.map(
          ({ watched, silent }) => watched[what] / watched.iterations / (silent[what] / silent.iterations),
        ),
      )
    const making = pairs.map(({ watched }) => watched.making / watched.updates)
    const beside = besideOf(pairs)
    const training = median(pairs.map(({ silent: { processor, updates } }) => processor / updates))
    rows.push([
      name,
      String(pairs.length),
      median(pairs.map(({ watched: { updates, wall } }) => (1000 * updates) / wall)).toFixed(1),
      ratio('processor'),
      ratio('wall'),
      summary(making),
      beside.toFixed(2),
      ((100 * (median(making) + beside)) / training).toFixed(2),
    ])
  }
  console.log(
    table(
      [
        'trained',
        'pairs',
        'updates a second',
        'watched / silent, processor time an iteration',
        'wall time an iteration',
        'processor ms an update: training thread',
        'protocol thread',
        'both, % of that of training',
      ],
      rows,
    ),
  )
  console.log(`goal: <= ${goal}`)
}
