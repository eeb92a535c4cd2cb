/**
 * Stop, by the real kernel and on the backend that compiles, in the middle of what a run does: in the code of the user's that
 * it calls, at a call that is drawn. The run is then compared with a twin that was never stopped, to the bit.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Run } from '../../../src/train/run/run.js'
import { fastest, error, long, result, useKernel } from '../../kit/index.js'
import { createRandom } from '../../../src/data/random.js'
import { wholeCalls } from './whole-calls.js'

const kernel = useKernel()

/** Three kinds of runs, each with its twin; everything of the user's that they call may loop: `at(name)`. */
const setUp = `
import * as tf from '@tensorflow/tfjs'
import { adam, hardest, seed, train } from 'gradbook'
import { nextSeed } from 'gradbook/host'
import { fromFunction } from 'gradbook/data'
import { compile, dropout } from 'gradbook/backend'
await tf.setBackend('onnxruntime')
const mathRandom = Math.random

/** Where the next loop is, and after how many calls of it. */
let fuse: { name: string; calls: number } | undefined
function at(name: string): undefined {
  if (fuse?.name !== name || --fuse.calls > 0) return
  fuse = undefined
  console.log('begun')
  for (;;) {}
}
const xs = Array.from({ length: 40 }, (_, i) => [Math.cos(i * 1.7) + (i % 2 ? 2 : -2), Math.sin(i * 2.3) + (i % 2 ? 1 : -1)])
/** Data that calls the user's code for each batch. */
const dataOf = () => fromFunction(40, (i: number) => { at('data'); return { x: xs[i]!, y: i % 2 } })
const settings = (name: string) => ({
  data: dataOf(), evaluateOn: { x: tf.tensor2d(xs), y: Int32Array.from(xs, (_, i) => i % 2) }, batchSize: 7, seed: 3, ema: 0.9, evaluateEvery: 4,
  optimizer: adam({ learningRate: 0.02 }), save: false, name, progress: false,
  schedule: (iteration: number) => { at('schedule'); return 1 / (1 + iteration / 50) },
})
function layers(name: string) {
  const model = tf.sequential({ layers: [
    tf.layers.dense({ units: 6, inputShape: [2], activation: 'relu' }), tf.layers.batchNormalization(), tf.layers.dropout({ rate: 0.3 }),
    tf.layers.dense({ units: 2, activation: 'softmax' }) ] })
  const layer = model.layers[1] as any
  const call = layer.call
  layer.call = function (...given: unknown[]) { at('loss'); return call.apply(this, given) }
  return train(model, { ...settings(name), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
}
function own(name: string) {
  const w = tf.variable(tf.randomNormal([2, 2], 0, 0.1, 'float32', nextSeed()))
  const b = tf.variable(tf.zeros([2]))
  const seen = tf.variable(tf.zeros([2]), false)
  const predict = (x: tf.Tensor) => tf.softmax(x.matMul(w).add(b) as tf.Tensor2D)
  return train({ parameters: { w, b, seen }, classes: 2, predict,
    loss: ({ x, y }: any) => {
      const hidden = dropout(x, 0.2, 'inputs')
      at('loss')
      seen.assign(seen.mul(0.9).add(x.mean(0).mul(0.1)) as tf.Tensor1D)
      const perExample = tf.oneHot(y.toInt().flatten(), 2).toFloat().mul(tf.logSoftmax(hidden.matMul(w).add(b))).sum(-1).neg()
      return { loss: perExample.mean(), perExample }
    } }, { ...settings(name), metrics: ['accuracy'] })
}
function iteration(name: string) {
  const w = tf.variable(tf.randomNormal([2, 1], 0, 0.1, 'float32', nextSeed()))
  const { schedule: _, optimizer: __, ...rest } = settings(name)
  const lossOf = ({ x, y }: any) => at('loss') ?? x.matMul(w).sub(y.toFloat().reshape([-1, 1])).square().mean()
  return train({ parameters: { w }, optimizers: { w: adam({ learningRate: 0.01 }) }, loss: lossOf,
    async iteration(batch: any, { optimizers }: any) {
      const loss = optimizers.w.minimize(() => lossOf(batch))
      await null
      at('later')
      return { loss }
    } }, { ...rest, data: { x: tf.tensor2d(xs), y: Int32Array.from(xs, (_, i) => i % 2) } })
}
const kinds = { layers, own, iteration }
const runs: any = {}
for (const [kind, make] of Object.entries(kinds)) {
  runs[kind] = [kind, 'twin of ' + kind].map((name) => { seed(1); return make(name) })
  for (const run of runs[kind]) { await run.iterate(9); run.keep('nine'); await run.iterate(3) }
}
const valuesOf = (run: any) => {
  const { parameters } = run.model
  const variables = parameters ? Object.values(parameters) : run.model.weights.map((weight: any) => weight.val)
  return variables.map((variable: any) => Array.from(variable.dataSync()))
}
/** All that must be alike. Which examples come next, and what dropout leaves of them, shows in the losses of what follows. */
const stateOf = (run: any) => JSON.stringify({
  values: valuesOf(run), iteration: run.iteration, losses: run.history.map(({ loss }: any) => loss), rate: run.learningRate, state: run.state,
  adjustments: run.adjustments.map(({ what }: any) => what),
  points: run.points.filter(({ name }: any) => name),
})
/** An evaluation that was stopped is not made; those that were are those of the twin. */
const isAlike = ([run, twin]: any[]) => {
  const evaluated = new Map(twin.evaluations.map(({ iteration, loss }: any) => [iteration, loss]))
  return stateOf(run) === stateOf(twin) && run.evaluations.every(({ iteration, loss }: any) => evaluated.get(iteration) === loss)
}
const engineState = () => {
  const { scopeStack, activeScope, activeTape, gradientDepth, kernelDepth } = (tf.engine() as any).state
  return [scopeStack.length, activeScope, activeTape, gradientDepth, kernelDepth].join()
}
`

interface Case {
  kind: 'layers' | 'own' | 'iteration'
  /** What is stopped. It calls what loops. */
  code: string
  /** Where it is stopped: in which of the user's functions, and in one of so many calls of it. */
  at: readonly [name: string, calls: number]
  /** What brings the twin to where the run is to stand, where that is more than to iterate; `k` is the run's iteration. */
  twin?: string
  /** Whether it leaves tensors behind: a copy of the run, or a batch that was given away. */
  keeps?: boolean
}

const roundsOf = (more: string) => `rounds(9, { iterations: 3, subset: hardest(0.4), ${more} })`
const untilK = 'until: ({ iteration }) => iteration >= k'

/** By method. Those that call nothing of the user's are stopped in whole-calls.test.ts. */
const cases: { readonly [method: string]: readonly Case[] } = {
  iterate: [
    { kind: 'layers', code: 'run.iterate(1000)', at: ['data', 60] },
    { kind: 'layers', code: 'run.iterate(1000)', at: ['schedule', 9] },
    { kind: 'own', code: 'run.iterate(1000)', at: ['loss', 2] },
    { kind: 'own', code: 'run.iterate(1, { inspect: true })', at: ['loss', 1] },
    { kind: 'iteration', code: 'run.iterate(1000)', at: ['loss', 5] },
    { kind: 'iteration', code: 'run.iterate(1000)', at: ['later', 5] },
  ],
  epochs: [{ kind: 'layers', code: 'run.epochs(100)', at: ['data', 60] }],
  until: [{ kind: 'own', code: `run.until(() => { at('rule') })`, at: ['rule', 6] }],
  rounds: [
    {
      kind: 'layers',
      code: `run.${roundsOf('')}`,
      at: ['data', 150],
      twin: `if (k > twin.iteration) await twin.${roundsOf(untilK)}`,
    },
    {
      kind: 'own',
      code: `run.${roundsOf(`adjust: () => at('adjust')`)}`,
      at: ['adjust', 2],
      twin: `await twin.${roundsOf(untilK)}`,
    },
  ],
  evaluate: [
    { kind: 'layers', code: 'run.evaluate({ ema: true })', at: ['loss', 1] },
    { kind: 'own', code: 'run.evaluate({ ema: true })', at: ['loss', 1] },
    { kind: 'own', code: 'run.evaluate()', at: ['loss', 1] },
    { kind: 'iteration', code: 'run.evaluate()', at: ['loss', 1] },
  ],
  mistakes: [{ kind: 'layers', code: `run.mistakes({ of: 'train' })`, at: ['data', 40] }],
  confusion: [{ kind: 'own', code: `run.confusion({ of: 'train' })`, at: ['data', 40] }],
  slices: [{ kind: 'own', code: `run.slices({ by: () => { at('by'); return 1 } })`, at: ['by', 9] }],
  calibration: [{ kind: 'layers', code: `run.calibration({ of: 'train' })`, at: ['data', 40] }],
  doubtfulLabels: [{ kind: 'own', code: 'run.doubtfulLabels()', at: ['data', 40] }],
  check: [
    { kind: 'own', code: 'run.check()', at: ['loss', 3] },
    { kind: 'layers', code: 'run.check()', at: ['loss', 2] },
    { kind: 'own', code: 'run.check()', at: ['data', 100] },
  ],
  findLearningRate: [
    { kind: 'own', code: 'run.findLearningRate()', at: ['loss', 2] },
    { kind: 'layers', code: 'run.findLearningRate()', at: ['data', 60] },
  ],
  nextBatch: [{ kind: 'layers', code: 'run.nextBatch()', at: ['data', 7] }],
  gradients: [
    {
      kind: 'own',
      code: 'run.gradients(await run.nextBatch())',
      at: ['loss', 1],
      twin: 'tf.dispose(await twin.nextBatch())',
      keeps: true,
    },
  ],
  focus: [
    { kind: 'layers', code: 'run.focus(hardest(0.5))', at: ['data', 40] },
    { kind: 'own', code: `run.focus({ name: 'own', choose: () => { at('choose') } })`, at: ['choose', 1] },
  ],
  start: [{ kind: 'layers', code: 'run.start(); await run.finished()', at: ['data', 60] }],
  branch: [{ kind: 'layers', code: `run.branch('other').iterate(20)`, at: ['data', 60], keeps: true }],
  goTo: [
    {
      kind: 'own',
      code: `run.goTo('nine'); await run.iterate(1000)`,
      at: ['data', 60],
      twin: `await twin.goTo('nine'); await twin.iterate(k - 9)`,
    },
  ],
}

const seed = Number(process.env.GRADBOOK_SEED ?? 18)
const random = createRandom(seed)
const drawn = (most: number): number => 1 + Math.floor(random.next() * most)

async function run(code: string): Promise<string> {
  const { outputs } = await kernel.run(code)
  const failed = error(outputs)
  if (failed) throw new Error(`${failed.text}\n${code}`)
  return result(outputs) ?? ''
}

/** Runs a cell and presses Stop once it loops. */
async function stop(code: string): Promise<void> {
  const begun = kernel.wait(
    ({ header, content }) => header.msg_type === 'stream' && content.text === 'begun\n',
  )
  const cell = kernel.run(code)
  await Promise.race([begun, cell])
  await sleep(drawn(50))
  await kernel.interrupt()
  expect(error((await cell).outputs)?.ename).toBe('Interrupted')
}

test('the runs and their twins', async () => {
  await run(setUp)
  expect(await run('Object.values<any>(runs).map(isAlike)')).toBe('[ true, true, true ]')
})

const rows = Object.entries(cases).flatMap(([method, some]) => some.map((one) => ({ method, ...one })))
/** The short run has another quarter of them for another seed. */
const first = Math.floor(random.next() * 4)

test.each(rows.filter((_, at) => long || at % 4 === first))(
  `stopped in the middle of $method of the run $kind ($code, in $at; seed ${seed}), it goes on as its twin does`,
  async ({ kind, code, at: [name, calls], twin, keeps }) => {
    await run(`
      var [run, twin] = runs.${kind}
      var tensors = tf.memory().numTensors
      var engineBefore = engineState()
      fuse = { name: '${name}', calls: ${drawn(calls)} }`)
    await stop(`await ${code}`)
    expect(
      await run(
        `String([Math.random === mathRandom, Math.random() < 1, engineState() === engineBefore, tf.memory().numTensors - tensors])`,
      ),
    ).toMatch(keeps ? /^'true,true,true,/ : "'true,true,true,0'")
    await run(`
      fuse = undefined
      if (run.state !== 'idle') await run.stop()
      var k = run.iteration
      ${twin ?? 'if (k > twin.iteration) await twin.iterate(k - twin.iteration)'}`)
    expect(await run('[run.state, isAlike([run, twin])]')).toBe("[ 'idle', true ]")
    await run('await run.iterate(6); await twin.iterate(6)')
    expect(await run('isAlike([run, twin])')).toBe('true')
  },
)

/** What only tells something, steers the background (stopped by `start`), does the work of others (`residuals` that of `mistakes`), or says who works (`distribute`: test/sweep/engines). */
const others = (
  'model name iteration learningRate learningRates batchSize dropout parent points parameters adjustments stopReason history spikes stages notes ' +
  'looks evaluations view state folder pause resume stop finished residuals distribute distribution'
).split(' ')

test('every method of a run is in this table, in that of whole calls, or only tells something', () => {
  const methods = Object.getOwnPropertyNames(Run.prototype).filter((name) => name !== 'constructor')
  const tried = new Set([...Object.keys(cases), ...Object.keys(wholeCalls)])
  expect([...tried, ...others].toSorted()).toEqual(methods.toSorted())
})

test('Stop while a function is recorded leaves nothing of the recording', async () => {
  await run(`
    var w = tf.variable(tf.tensor1d([1, 2])), rate = tf.train.adam(0.05) as any, lazy: any
    var step = compile((x: tf.Tensor) => rate.minimize(() => { at('step'); return x.mul(w).square().mean() as tf.Scalar }, true, [w]))
    var making = compile((x: tf.Tensor) => { lazy ??= tf.variable(tf.scalar(3), false); at('making'); return x.mul(lazy) })
    var nested = compile((x: tf.Tensor) => step(x).add(1))
    var x = tf.tensor1d([3, 4])
    var eager = x.square()
    var tensors = tf.memory().numTensors, engineBefore = engineState()
    0`)
  const cells: [code: string, where: string][] = [
    ["compile((x: tf.Tensor) => { console.log('begun'); for (;;) {}; return x })(tf.scalar(1))", ''],
    ['step(x)', 'step'],
    ['nested(x)', 'step'],
    ["tf.tidy(() => tf.grad((x: tf.Tensor) => { x.square(); at('gradient'); return x })(x))", 'gradient'],
    ['making(x)', 'making'],
  ]
  for (const [code, where] of cells) {
    await run(`fuse = { name: '${where}', calls: 1 }; tensors = tf.memory().numTensors; 0`)
    await stop(code)
    expect(
      await run(
        `String([Math.random === mathRandom, Math.random() < 1, engineState() === engineBefore, tf.memory().numTensors - tensors, rate.learningRate])`,
      ),
      code,
      // A variable that the function made, and the scalar that no cell holds.
    ).toMatch(/^'true,true,true,[01],0\.05'$/)
  }
  // Adam's first step is its rate, whatever the gradient; 3 * 3 + 4 * 2 squared, and a mean of two.
  expect(
    await run(`
      var loss = step(x)
      String([...w.dataSync(), loss.dataSync()[0], nested.reason, ...making(x).dataSync(), ...eager.dataSync()].map((one) => typeof one === 'number' ? one.toFixed(4) : one))`),
  ).toBe("'0.9500,1.9500,36.5000,,9.0000,12.0000,9.0000,16.0000'")
})

test('a model whose fit was stopped can be fitted again', async () => {
  await run(`
    var fitted = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] })
    fitted.compile({ loss: 'meanSquaredError', optimizer: tf.train.sgd(0.01) })
    var fit = (epochs: number, looped = false) => fitted.fit(tf.ones([8, 1]), tf.zeros([8, 1]), { epochs, verbose: 0,
      callbacks: { onEpochEnd: (epoch) => { if (epoch === 1) { console.log('begun'); while (looped); } } } })
    0`)
  await stop('await fit(1_000_000)')
  await stop('await fit(1_000_000, true)')
  expect(await run('(await fit(3)).epoch.length')).toBe('3')
})

test('Stop finds its moment between steps that are not to be ended', async () => {
  await run(`
    var big = tf.variable(tf.randomNormal([600, 600]))
    var long = compile((x: tf.Tensor) => { let y: tf.Tensor = x; for (let i = 0; i < 20; i++) y = y.matMul(big).tanh(); return y.mean() })
    long(tf.ones([600, 600])).dataSync()
    0`)
  // After ten seconds it would be ended wherever it is.
  const least = await fastest(3, 9_000, () =>
    stop(`console.log('begun'); for (;;) { tf.tidy(() => long(tf.ones([600, 600])).dataSync()) }`),
  )
  expect(least).toBeLessThan(9_000)
  expect(await run('(long(tf.ones([600, 600])).dataSync() as any).length')).toBe('1')
})
