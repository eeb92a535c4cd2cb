/** What the checker knows of a run, from cell to cell: a slip in a later one is told before anything runs. */
import { expect, test } from 'vitest'
import { error, result, temporaryFolder, text, useKernel } from '../../kit/index.js'

const kernel = useKernel({ folder: temporaryFolder() })

test('metrics, model and parameters of a run keep their types in later cells', async () => {
  const ok = async (cell: string) => {
    const ran = await kernel.run(cell)
    expect(ran.status, text(ran.outputs)).toBe('ok')
    return result(ran.outputs)
  }
  const slip = async (cell: string) => {
    const { outputs, status } = await kernel.run(cell)
    expect(status).toBe('error')
    return error(outputs)!.evalue
  }
  await ok(`import * as tf from '@tensorflow/tfjs'
import { train, adam, fromArrays } from 'gradbook'
const data = fromArrays({ x: tf.randomNormal([8, 2]), y: Int32Array.from([0, 1, 0, 1, 0, 1, 0, 1]) })`)
  await ok(`const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [2] })] })`)
  await ok(`const options = { data, evaluateOn: data, optimizer: adam({ learningRate: 1e-2 }), progress: false, save: false }
const run = train(model, { ...options, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })`)
  await ok(`await run.iterate(2)`)
  expect(await slip(`(await run.evaluate()).acuracy`)).toMatch(
    /'acuracy' does not exist.*Did you mean 'accuracy'/,
  )
  expect(await slip(`run.model.predikt`)).toMatch(/'predikt' does not exist/)
  expect(await ok(`(await run.evaluate()).accuracy >= 0 && run.model === model`)).toBe('true')
  await ok(`const other = run.branch('other'); const w = tf.variable(tf.scalar(0))
const own = train({ parameters: { w }, loss: ({ x }) => x.mul(w).sub(1).square().mean() }, options)`)
  expect(await slip(`other.evaluations.at(-1)?.acuracy`)).toMatch(/'acuracy' does not exist/)
  expect(await slip(`(await own.gradients(await own.nextBatch())).gradients.v`)).toMatch(/'v' does not exist/)
  expect(await ok(`(await own.gradients(await own.nextBatch())).gradients.w.shape`)).toBe('[]')
})
