import { beforeAll, expect, test } from 'vitest'
import { error, patience, result, useKernel } from '../../kit/index.js'

/** Stop between and within iterations that run kernel by kernel, on the backend that notebooks have; stopped.test.ts has compiled ones. */

const kernel = useKernel()
beforeAll(async () => {
  const made = await kernel.run(`
    import * as tf from '@tensorflow/tfjs'
    import { adam, seed, train } from 'gradbook'
    await tf.setBackend('onnxruntime')
    seed(1)
    let hangs = false
    const build = () => tf.sequential({ layers: [tf.layers.dense({ units: 4, inputShape: [1], activation: 'tanh' }), tf.layers.dense({ units: 2, activation: 'softmax' })] })
    const x = tf.linspace(-1, 1, 40).reshape([40, 1])
    const y = Int32Array.from({ length: 40 }, (_, i) => (i > 20 ? 1 : 0))
    const start = (model = build()) => train(model, { data: { x, y }, batchSize: 8, seed: 1, loss: 'sparseCategoricalCrossentropy', optimizer: adam({ learningRate: 0.01 }), save: false })
    const compiled = start()
    const model = build()
    const run = start(model)
    // A layer that never comes back when it is told to, and reads what it gives, which is not compiled.
    const layer = model.layers[0] as any
    const call = layer.call.bind(layer)
    layer.call = (...at: unknown[]) => {
      if (hangs) for (console.log('it hangs'); ; );
      const given = call(...at)
      given.dataSync()
      return given
    }
    await compiled.iterate(10)
    await run.iterate(10)
  `)
  expect(error(made.outputs)).toBeUndefined()
})

test.each(['compiled', 'run'])(
  'Stop between iterations of the run %s ends the call at a whole one, and the next cell goes on',
  async (run) => {
    const { outputs: stopped } = await kernel.stop(`await ${run}.iterate(1_000_000)`, { after: 300 })
    expect(error(stopped)!.ename).toBe('Interrupted')
    const { outputs } = await kernel.run(
      `const at = ${run}.iteration; await ${run}.iterate(5); [${run}.iteration - at, ${run}.history.length - ${run}.iteration]`,
    )
    expect(result(outputs)).toBe('[ 5, 0 ]')
  },
)

/** Presses Stop in an iteration that never ends, some iterations after the call. */
async function stopInTheMiddle(code: string): Promise<void> {
  const hangs = kernel.wait(({ content }) => content.text === 'it hangs\n', { timeout: patience })
  const cell = kernel.run(`setTimeout(() => (hangs = true), 100)\n${code}`)
  await hangs
  await kernel.interrupt()
  await cell
}

test('Stop in the middle of an iteration drops it: the model, the order and the next call are as before', async () => {
  await kernel.run('const before = run.iteration; run.keep("before"); hangs = true')
  const { outputs: stopped } = await kernel.stop('await run.iterate(1000)', { after: 100 })
  expect(error(stopped)!.ename).toBe('Interrupted')
  const { outputs } = await kernel.run(`
    hangs = false
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
})

test('Stop in the middle of an iteration is told to whoever looks at the run, with no other cell run', async () => {
  await kernel.run(`
    hangs = false
    const views: any[] = []
    const registry = (globalThis as any)[Symbol.for('gradbook.runs')]
    registry.listeners.add((_: unknown, view: any) => {
      if (!view) return
      views.push(view)
      if (!view.live) console.log('told')
    })
  `)
  const told = kernel.wait(({ content }) => content.text === 'told\n', { timeout: patience })
  await stopInTheMiddle('await run.iterate(1000)')
  await told
  const { outputs } = await kernel.run(`
    hangs = false
    const last = views.at(-1)
    ;[last.live, last.stopReason?.kind, last.iteration === last.history.loss.length, run.state]
  `)
  expect(error(outputs)).toBeUndefined()
  expect(result(outputs)).toBe("[ false, 'interrupted', true, 'idle' ]")
})

test('Stop in the middle of an iteration in the background pauses it, and the run goes on as if it had not begun', async () => {
  await kernel.run('hangs = false; await run.iterate(1); run.keep("began")')
  await stopInTheMiddle('run.start()')
  await expect.poll(async () => result((await kernel.run('run.state')).outputs)).toBe("'paused'")
  const stopped = await kernel.run(`
    hangs = false
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
