import { afterAll, beforeAll, expect, test } from 'vitest'
import { error, result, startKernel } from '../../kit/index.js'

let kernel: Awaited<ReturnType<typeof startKernel>>
beforeAll(async () => {
  kernel = await startKernel()
  const made = await kernel.run(`
    import * as tf from '@tensorflow/tfjs'
    import { adam, seed, train } from 'gradbook'
    await tf.setBackend('cpu')
    seed(1)
    let slow = false
    const build = () => tf.sequential({ layers: [tf.layers.dense({ units: 4, inputShape: [1], activation: 'tanh' }), tf.layers.dense({ units: 2, activation: 'softmax' })] })
    const x = tf.linspace(-1, 1, 40).reshape([40, 1])
    const y = Int32Array.from({ length: 40 }, (_, i) => (i > 20 ? 1 : 0))
    const model = build()
    const run = train(model, { data: { x, y }, batchSize: 8, seed: 1, loss: 'sparseCategoricalCrossentropy', optimizer: adam({ learningRate: 0.01 }), save: false })
    // A layer that takes five seconds when it is told to: longer than Stop waits.
    const layer = model.layers[0] as any
    const call = layer.call.bind(layer)
    layer.call = (...at: unknown[]) => {
      const until = Date.now() + (slow ? 5000 : 0)
      while (Date.now() < until);
      return call(...at)
    }
    await run.iterate(10)
  `)
  expect(error(made.outputs)).toBeUndefined()
}, 60_000)
afterAll(() => kernel?.close())

test('Stop between iterations ends the call at a whole one, and the next cell goes on', async () => {
  const cell = kernel.run('await run.iterate(1_000_000)')
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await kernel.interrupt()
  expect(error((await cell).outputs)!.ename).toBe('Interrupted')
  const { outputs } = await kernel.run(
    'const at = run.iteration; await run.iterate(5); [run.iteration - at, run.history.length - run.iteration]',
  )
  expect(result(outputs)).toBe('[ 5, 0 ]')
}, 60_000)

test('Stop in the middle of a long iteration drops it: the model, the order and the next call are as before', async () => {
  await kernel.run('const before = run.iteration; run.keep("before"); slow = true')
  const cell = kernel.run('await run.iterate(1000)')
  await new Promise((resolve) => setTimeout(resolve, 1000))
  await kernel.interrupt()
  expect(error((await cell).outputs)!.ename).toBe('Interrupted')
  const { outputs } = await kernel.run(`
    slow = false
    await run.iterate(3)
    const weights = run.model.getWeights().map((weight: tf.Tensor) => Array.from(weight.dataSync()))
    const after = run.iteration
    await run.goTo('before')
    await run.iterate(3)
    const straight = run.model.getWeights().map((weight: tf.Tensor) => Array.from(weight.dataSync()))
    const sums = (model.predict(x) as tf.Tensor).sum(1).dataSync()
    ;[after - before, JSON.stringify(weights) === JSON.stringify(straight), sums.every((sum) => Math.abs(sum - 1) < 1e-5)]
  `)
  expect(error(outputs)).toBeUndefined()
  expect(result(outputs)).toBe('[ 3, true, true ]')
}, 60_000)

/** Iterations that take five seconds from the tenth of a second on; Stop is pressed in one of them. */
async function stopInTheMiddle(code: string): Promise<void> {
  const cell = kernel.run(`setTimeout(() => (slow = true), 100)\n${code}`)
  await new Promise((resolve) => setTimeout(resolve, 1200))
  await kernel.interrupt()
  await cell
  await new Promise((resolve) => setTimeout(resolve, 1500))
}

test('Stop in the middle of a long iteration is told to whoever looks at the run, with no other cell run', async () => {
  await kernel.run(`
    slow = false
    const views: any[] = []
    const registry = (globalThis as any)[Symbol.for('gradbook.runs')]
    registry.listeners.add((_: unknown, view: unknown) => view && views.push(view))
  `)
  await stopInTheMiddle('await run.iterate(1000)')
  const { outputs } = await kernel.run(`
    slow = false
    const last = views.at(-1)
    ;[last.live, last.stopReason?.kind, last.iteration === last.history.loss.length, run.state]
  `)
  expect(error(outputs)).toBeUndefined()
  expect(result(outputs)).toBe("[ false, 'interrupted', true, 'idle' ]")
})

test('Stop in the middle of a long iteration in the background pauses it, and the run goes on as if it had not begun', async () => {
  await kernel.run('slow = false; await run.iterate(1); run.keep("began")')
  await stopInTheMiddle('run.start()')
  const stopped = await kernel.run(`
    slow = false
    const stood = [run.state, run.stopReason?.kind]
    run.resume()
    await new Promise((resolve) => setTimeout(resolve, 300))
    const went = run.state
    await run.stop()
    const made = run.iteration
    const losses = run.history.map(({ loss }) => loss)
    await run.goTo('began')
    await run.iterate(made - run.iteration)
    ;[...stood, went, run.state, JSON.stringify(run.history.map(({ loss }) => loss)) === JSON.stringify(losses)]
  `)
  expect(error(stopped.outputs)).toBeUndefined()
  expect(result(stopped.outputs)).toBe("[ 'paused', 'interrupted', 'training', 'idle', true ]")
})
