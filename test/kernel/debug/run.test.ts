import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { error, result, useKernel } from '../../kit/index.js'
import { DebugSession } from './session.js'

const kernel = useKernel()
let session: DebugSession
beforeEach(async () => {
  session = await DebugSession.start(kernel)
})
afterEach(({ task }) => session.endAfter(task))

describe('a run', () => {
  const setUp = `import * as tf from '@tensorflow/tfjs'
import { train, adam } from 'gradbook'
const w = tf.variable(tf.tensor1d([0.5, -0.5]))
const data = { x: tf.tensor2d([[1, 2], [3, 4], [5, 6], [7, 8]]), y: tf.tensor1d([1, 2, 3, 4]) }
const run = train({
  parameters: { w },
  loss: ({ x, y }) => {
    const prediction = tf.dot(x, w)
    const error = tf.sub(prediction, y)
    return tf.mean(tf.square(error))
  },
}, { data, batchSize: 2, optimizer: adam({ learningRate: 1e-2 }), seed: 1 })
await run.iterate(3)`

  test('opened up for one iteration stops in its loss, with the batch and the tensors to look at', async () => {
    expect((await kernel.run(setUp)).status).toBe('ok')
    expect(await session.breakAt(setUp, 10)).toEqual([10])
    const { ran, frames } = await session.runToStop(
      'const one = await run.iterate(1, { inspect: true })\none.iteration',
    )
    expect(frames[0]).toMatchObject({ name: 'loss', line: 10 })
    const { x, prediction, error: difference } = await session.scope(frames[0]!.id, 'Locals')
    expect(x!.value).toMatch(/^Tensor float32 \[2, 2\]: \d, \d, \d, \d$/)
    expect(prediction!.value).toMatch(/^Tensor float32 \[2\]: -?0\.\d+, -?0\.\d+$/)
    const sum = await session.body('evaluate', {
      expression: 'tf.sum(tf.abs(error)).dataSync()[0]! >= 0',
      frameId: frames[0]!.id,
    })
    expect(sum.result).toBe('true')
    expect(difference!.value).toMatch(/^Tensor float32 \[2\]/)
    await session.breakAt(setUp)
    await session.body('continue')
    expect(result((await ran).outputs)).toBe('4')
  })

  test("of a model stops in the call of a layer of one's own; in the compiled step tensors have no values yet", async () => {
    const model = `class Twice extends tf.layers.Layer {
  static className = 'Twice'
  override call(inputs: tf.Tensor | tf.Tensor[]) {
    const [x] = Array.isArray(inputs) ? inputs : [inputs]
    return tf.mul(x!, 2)
  }
}
const layered = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] }), new Twice({})] })
const layeredRun = train(layered, {
  data: { x: tf.ones([4, 2]), y: tf.ones([4, 1]) }, batchSize: 2, loss: 'meanSquaredError', optimizer: adam({ learningRate: 0.01 }), seed: 1,
})`
    expect(error((await kernel.run(model)).outputs)).toBeUndefined()
    expect(await session.breakAt(model, 5)).toEqual([5])
    const opened = await session.runToStop('await layeredRun.iterate(1, { inspect: true })')
    expect(opened.frames[0]).toMatchObject({ name: 'call', line: 5 })
    const { x } = await session.scope(opened.frames[0]!.id, 'Locals')
    expect(x!.value).toMatch(/^Tensor float32 \[2, 1\]: -?\d/)
    await session.breakAt(model)
    await session.body('continue')
    expect((await opened.ran).status).toBe('ok')

    await session.breakAt(model, 5)
    const compiled = await session.runToStop('await layeredRun.iterate(3)\nlayeredRun.iteration')
    const recorded = await session.scope(compiled.frames[0]!.id, 'Locals')
    expect(recorded.x!.value).toBe('Tensor float32 [2, 1] (no values here)')
    await session.breakAt(model)
    await session.body('continue')
    expect(result((await compiled.ran).outputs)).toBe('4')
  })

  test('stopped there by Stop stands where it stood and goes on', async () => {
    await session.breakAt(setUp, 9)
    const { ran } = await session.runToStop('await run.iterate(1, { inspect: true })')
    await kernel.interrupt()
    expect(error((await ran).outputs)!.ename).toBe('Interrupted')
    await session.breakAt(setUp)
    const { outputs } = await kernel.run('await run.iterate(2)\nrun.iteration')
    expect(result(outputs)).toBe('6')
  })
})
