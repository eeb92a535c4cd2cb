import { spawnSync } from 'node:child_process'
import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { nextSeed, seed } from '../../../src/seed.js'
import { weightsOf } from '../../kit/training.js'

const build = () =>
  tf.sequential({
    layers: [
      tf.layers.dense({ units: 3, inputShape: [2] }),
      tf.layers.dense({ units: 2, kernelInitializer: 'heUniform', biasInitializer: 'randomNormal' }),
      tf.layers.dense({ units: 2, kernelInitializer: 'orthogonal' }),
    ],
  })

describe('seed', () => {
  test('two processes with the same seed build the same weights, to the bit', () => {
    const program = `
      import * as tf from '@tensorflow/tfjs'
      import { seed } from './dist/src/index.js'
      await tf.setBackend('cpu')
      seed(7)
      const model = (${build.toString().replaceAll(/__vite_ssr_import_\d+__/g, 'tf')})()
      console.log(JSON.stringify(model.getWeights().map((weight) => Array.from(weight.dataSync()))))`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    })
    expect(stderr).not.toContain('Error')
    seed(7)
    expect(JSON.parse(stdout)).toEqual(weightsOf(build()))
  })

  test('another seed, and the next model after the same seed, are others', () => {
    seed(1)
    const [first, second] = [weightsOf(build()), weightsOf(build())]
    expect(second).not.toEqual(first)
    seed(2)
    expect(weightsOf(build())).not.toEqual(first)
    seed(1)
    expect(weightsOf(build())).toEqual(first)
  })

  test('an initialiser with a seed of its own keeps it, and draws nothing', () => {
    const own = () =>
      tf.layers.dense({
        units: 3,
        inputShape: [2],
        kernelInitializer: tf.initializers.glorotUniform({ seed: 5 }),
      })
    seed(1)
    const alone = weightsOf(tf.sequential({ layers: [own()] }))
    const next = nextSeed()
    seed(2)
    expect(weightsOf(tf.sequential({ layers: [own()] }))).toEqual(alone)
    seed(1)
    expect(nextSeed()).toBe(next)
  })

  test('refuses what is not a number', () => {
    expect(() => seed(Number.NaN)).toThrow('NaN')
  })
})
