/**
 * Stop, by the real kernel, wherever it falls while a run's methods are called in a loop that call nothing of the user's: each
 * call has happened or has not. A twin makes the calls that were counted, or one more, and is then in the same state, to the bit.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createRandom } from '../../../src/data/random.js'
import { error, long, result, temporaryFolder, useKernel } from '../../kit/index.js'
import { wholeCalls } from './whole-calls.js'

const kernel = useKernel()
const folder = temporaryFolder()

const setUp = `
import * as tf from '@tensorflow/tfjs'
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { adam, fromArrays, loadRun, seed, train } from 'gradbook'
await tf.setBackend('onnxruntime')
process.chdir(${JSON.stringify(folder)})
const place = ${JSON.stringify(join(folder, 'copy'))}
const xs = Array.from({ length: 40 }, (_, i) => [Math.cos(i * 1.7) + (i % 2 ? 2 : -2), Math.sin(i * 2.3) + (i % 2 ? 1 : -1)])
const held = { x: tf.tensor2d(xs), y: Int32Array.from(xs, (_, i) => i % 2) }
/** Points that can be told better: an answer of so many letters is a class. */
const data: any = Object.assign(fromArrays({ x: xs, y: held.y }, { name: 'points' }), {
  corrected: (given: any[]) => {
    const { id, answer } = given.at(-1)!
    return { id, values: { x: xs[id]!, y: [answer.length % 2] }, before: 'class ' + (id % 2) }
  } })
const settings = (name: string) => ({ data, evaluateOn: held, batchSize: 7, seed: 3, ema: 0.9, evaluateEvery: 4,
  optimizer: adam({ learningRate: 0.02 }), name, progress: false })
const makeLayers = () => tf.sequential({ layers: [
  tf.layers.dense({ units: 6, inputShape: [2], activation: 'relu' }), tf.layers.batchNormalization(), tf.layers.dropout({ rate: 0.3 }),
  tf.layers.dense({ units: 2, activation: 'softmax' }) ] })
const makeOwn = () => {
  const w = tf.variable(tf.tensor2d([0.1, -0.1, 0.2, 0.05], [2, 2]))
  const seen = tf.variable(tf.zeros([2]), false)
  return { parameters: { w, seen }, classes: 2, predict: (x: tf.Tensor) => tf.softmax(x.matMul(w) as tf.Tensor2D),
    loss: ({ x, y }: any) => {
      seen.assign(seen.mul(0.9).add(x.mean(0).mul(0.1)) as tf.Tensor1D)
      const perExample = tf.oneHot(y.toInt().flatten(), 2).toFloat().mul(tf.logSoftmax(x.matMul(w))).sum(-1).neg()
      return { loss: perExample.mean(), perExample }
    } }
}
const makers: any = { layers: makeLayers, own: makeOwn }
/** On disk: the run of layers. */
const make: any = {
  layers: (name: string) => train(makeLayers(), { ...settings(name), loss: 'sparseCategoricalCrossentropy', save: !name.startsWith('twin') }),
  own: (name: string) => train(makeOwn(), { ...settings(name), save: false }),
}
const valuesOf = (run: any) => {
  const { parameters } = run.model
  const variables = parameters ? Object.values(parameters) : run.model.weights.map((weight: any) => weight.val)
  return variables.map((variable: any) => Array.from(variable.dataSync()))
}
const stateOf = (run: any) => JSON.stringify([valuesOf(run), run.iteration, run.history.map(({ loss }: any) => loss), run.learningRate,
  run.batchSize, run.state, run.points, run.adjustments, run.evaluations.map(({ iteration, loss }: any) => [iteration, loss])])
const engineState = () => {
  const { scopeStack, activeScope, activeTape, gradientDepth, kernelDepth } = (tf.engine() as any).state
  return [scopeStack.length, activeScope, activeTape, gradientDepth, kernelDepth].join()
}
/** Where two texts part. */
function firstDifference(a: string, b: string): string[] {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return [a, b].map((text) => text.slice(Math.max(0, at - 100), at + 60))
}
let round = 0, copy = ''
/** Whether the run in this folder, by default a copy made now, is this one; \`exactly\`: else as it stood earlier. */
async function isLoadable(run: any, folder?: string, exactly = true): Promise<boolean> {
  if (folder && !existsSync(folder)) return calls === 0
  const kind = run.model.parameters ? 'own' : 'layers'
  const loaded = await loadRun(folder ?? (await run.save(copy + ' now', { overwrite: true })), { model: makers[kind](), data, evaluateOn: held, save: false, ...(kind === 'layers' && { loss: 'sparseCategoricalCrossentropy' }) } as any)
  const told = ({ iteration, adjustments, points }: any) => [iteration, adjustments, points.flatMap(({ name }: any) => name ?? []).toSorted()]
  return !exactly || JSON.stringify([valuesOf(loaded), told(loaded)]) === JSON.stringify([valuesOf(run), told(run)])
}
/** The same of its own folder, as another process would find it. */
async function isOwnLoadable(run: any, exactly: boolean): Promise<boolean> {
  cpSync(run.folder, copy + ' own', { recursive: true, filter: (name) => !/lock/.test(name) })
  return isLoadable(run, copy + ' own', exactly)
}
async function isExported(run: any, method: string, file: string): Promise<boolean> {
  if (!existsSync(file)) return calls === 0
  const before = readFileSync(file)
  await run[method](file)
  return before.equals(readFileSync(file))
}
var run: any, twin: any, late: any, gradients: any[] = [], calls = 0, models: any[] = [], branches: any[] = [], tensors = 0, engineBefore = ''
`

const seed = Number(process.env.GRADBOOK_SEED ?? 18)
const random = createRandom(seed)

async function run(code: string): Promise<string> {
  const { outputs } = await kernel.run(code)
  const failed = error(outputs)
  if (failed) throw new Error(`${failed.text}\n${code}`)
  return result(outputs) ?? ''
}

/** Runs a cell and presses Stop at a moment once it has begun. */
async function stop(code: string): Promise<void> {
  const begun = kernel.wait(
    ({ header, content }) => header.msg_type === 'stream' && content.text === 'begun\n',
  )
  const cell = kernel.run(code)
  await Promise.race([begun, cell])
  await sleep(random.next() * 40)
  await kernel.interrupt()
  expect(error((await cell).outputs)?.ename).toBe('Interrupted')
}

test('the runs can be made', async () => {
  await run(setUp)
})

const rows = Object.entries(wholeCalls).flatMap(([method, some]) =>
  some.flatMap((one) =>
    (one.kind ? [one.kind] : (['layers', 'own'] as const)).map((kind) => ({ method, ...one, kind })),
  ),
)
/** The short run has another quarter of them for another seed. */
const first = Math.floor(random.next() * 4)

test.each(rows.filter((_, at) => long || at % 4 === first))(
  `$method of the run $kind, stopped anywhere, has happened or has not ($code; seed ${seed})`,
  async ({ kind, code, waits = false, also = 'true', keeps, shows }) => {
    await run(`
      round++; copy = place + round
      ;[run, twin, late] = ['run', 'twin', 'twin that is late'].map((name) => { seed(1); return make.${kind}(name + ' ${kind} ' + round) })
      for (const one of [run, twin${shows ? ', late' : ''}]) { await one.iterate(4); one.keep('four'); await one.iterate(5); one.keep('nine'); await one.iterate(1) }`)
    await run(`
      for (const one of [run, twin${shows ? ', late' : ''}]) one.set({ learningRate: 0.03 })
      var batches = [await run.nextBatch(), await twin.nextBatch()]${shows ? '\n      await late.nextBatch()' : ''}
      gradients = [(await run.gradients(batches[0])).gradients, (await twin.gradients(batches[1])).gradients]
      for (const one of [run, twin]) one.emaModel()
      calls = 0; models = []; branches = []; tensors = tf.memory().numTensors; engineBefore = engineState()`)
    await stop(`
      console.log('begun')
      const step = ${waits ? 'async ' : ''}(i: number) => { ${code} }
      for (;; calls++) ${waits ? 'await ' : ''}step(calls)`)
    await run(
      'var more = tf.memory().numTensors - tensors, isEngine = engineState() === engineBefore, stopped = stateOf(run)',
    )
    expect(
      await run(
        `String([isEngine, ${kind === 'layers' ? 'await isOwnLoadable(run, false)' : true}, ${also}])`,
      ),
    ).toBe("'true,true,true'")
    await run(`
      tensors = tf.memory().numTensors
      var step = async (i: number, run: any) => { ${code} }
      for (let i = 0; i < calls; i++) await step(i, twin)
      if (stateOf(twin) !== stopped) await step(calls, twin)
      ${shows ? 'for (let i = 0; i <= calls; i++) await step(i, late)' : ''}
      var same = tf.memory().numTensors - tensors
      ${keeps ? 'await step(calls + 1, twin); var each = tf.memory().numTensors - tensors - same' : 'var each = 0'}`)
    expect(
      await run('stateOf(twin) === stopped || [calls, ...firstDifference(stopped, stateOf(twin))]'),
    ).toBe('true')
    expect(await run('[0, each].includes(more - same) || [calls, more, same, each]')).toBe('true')
    // What lies behind and what comes next are those of the twin too.
    for (const next of ['iterate(3)', 'undo()', 'undo()', 'iterate(2)']) {
      await run(`
        for (const one of [run, twin${shows && next === 'iterate(3)' ? ', late' : ''}]) await one.${next}
        ${shows && next === 'iterate(3)' ? 'if (stateOf(run) !== stateOf(twin)) twin = late' : ''}`)
      expect(
        await run(
          'stateOf(run) === stateOf(twin) || [calls, ...firstDifference(stateOf(run), stateOf(twin))]',
        ),
        next,
      ).toBe('true')
    }
  },
)
