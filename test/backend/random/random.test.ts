import * as tf from '@tensorflow/tfjs'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { randomNormal, randomUniform, withRandomness } from '../../../src/backend/index.js'
import { keyOf, uniforms } from '../../../src/backend/random/bits.js'

beforeAll(() => tf.setBackend('cpu'))

const at = <T>(iteration: number, work: () => T, seed = 1): T => withRandomness({ seed, iteration }, work)
const read = (work: () => tf.Tensor): number[] => tf.tidy(() => [...work().dataSync()])
const apply = (layer: tf.layers.Layer, x: tf.Tensor) => layer.apply(x, { training: true }) as tf.Tensor

const layers: { [title: string]: () => [layer: tf.layers.Layer, shape: number[]] } = {
  'dropout without a seed': () => [tf.layers.dropout({ rate: 0.5 }), [64]],
  'dropout with a seed': () => [tf.layers.dropout({ rate: 0.5, seed: 7 }), [64]],
  'dropout with a noise shape': () => [tf.layers.dropout({ rate: 0.5, noiseShape: [64, 1] }), [4]],
  'spatial dropout': () => [tf.layers.spatialDropout1d({ rate: 0.5 }), [5, 8]],
  'gaussian noise': () => [tf.layers.gaussianNoise({ stddev: 0.3 }), [64]],
  'gaussian dropout': () => [tf.layers.gaussianDropout({ rate: 0.4 }), [64]],
  'alpha dropout': () => [tf.layers.alphaDropout({ rate: 0.4 }), [64]],
  'dropout of an LSTM': () => [tf.layers.lstm({ units: 6, dropout: 0.4, recurrentDropout: 0.4 }), [5, 8]],
  'dropout of a GRU': () => [tf.layers.gru({ units: 6, dropout: 0.4, recurrentDropout: 0.4 }), [5, 8]],
}

describe('numbers keyed by seed, iteration and place', () => {
  it('are those of an independent implementation', () => {
    const bits = (seed: number, iteration: number, place: number) =>
      Array.from(uniforms(keyOf(seed, iteration), place, 4), (value) => value * 2 ** 24)
    // Computed with Python's whole numbers from the definition in bits.ts.
    expect(bits(1, 0, 0)).toEqual([827246, 15635786, 4249887, 6986100])
    expect(bits(1, 1, 0)).toEqual([3391022, 5817365, 5220779, 12516293])
    expect(bits(-2.5, 1_000_000, 3)).toEqual([8044246, 8252656, 9826501, 10749492])
  })

  it('fill [0, 1) evenly, and neither neighbours nor iterations, places and seeds resemble each other', () => {
    const size = 1 << 16
    const draws = [keyOf(1, 0), keyOf(1, 1), keyOf(2, 0)].flatMap((key) =>
      [0, 1].map((place) => uniforms(key, place, size)),
    )
    // Correlation of independent draws has a standard deviation of 1 / sqrt(size); 5 of them are never seen.
    const correlation = (a: Float32Array, b: Float32Array, shift = 0) => {
      let sum = 0
      for (let i = 0; i < size; i++) sum += (a[i]! - 0.5) * (b[(i + shift) % size]! - 0.5)
      return Math.abs(sum / size) * 12
    }
    for (const [index, values] of draws.entries()) {
      const cells = new Int32Array(256)
      for (const value of values) cells[Math.floor(value * 256)]!++
      const chiSquare = cells.reduce((sum, count) => sum + (count - size / 256) ** 2 / (size / 256), 0)
      expect(chiSquare).toBeGreaterThan(255 - 5 * Math.sqrt(2 * 255))
      expect(chiSquare).toBeLessThan(255 + 5 * Math.sqrt(2 * 255))
      for (const shift of [1, 2, 256])
        expect(correlation(values, values, shift)).toBeLessThan(5 / Math.sqrt(size))
      for (const other of draws.slice(index + 1))
        expect(correlation(values, other)).toBeLessThan(5 / Math.sqrt(size))
    }
  })

  it('have the mean and the deviation that a normal draw asks for', () => {
    const values = read(() => at(3, () => randomNormal([20_000], 2, 0.5)))
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length
    expect(Math.abs(mean - 2)).toBeLessThan(0.02) // 5 standard errors
    expect(Math.abs(Math.sqrt(variance) - 0.5)).toBeLessThan(0.015)
  })

  it('stay within the limits of a uniform draw', () => {
    const values = read(() => at(3, () => randomUniform([1000], -2, 3)))
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-2)
    expect(Math.max(...values)).toBeLessThan(3)
  })
})

describe('the masks of', () => {
  for (const [title, make] of Object.entries(layers))
    it(`${title} depend on the iteration and the seed, and on nothing else`, () => {
      const [layer, shape] = make()
      const x = tf.randomNormal([64, ...shape], 0, 1, 'float32', 3)
      const one = (iteration: number, seed?: number) => read(() => at(iteration, () => apply(layer, x), seed))
      const first = one(1)
      expect(one(1)).toEqual(first)
      expect(one(2)).not.toEqual(first)
      expect(one(1, 2)).not.toEqual(first)
      x.dispose()
    })

  it('two layers in one iteration differ', () => {
    const x = tf.ones([64])
    const [first, second] = at(1, () => [tf.dropout(x, 0.5), tf.dropout(x, 0.5)])
    expect(first!.dataSync()).not.toEqual(second!.dataSync())
    tf.dispose([x, first!, second!])
  })

  it('dropout keep the share that they should, scaled so that the mean stays', () => {
    const kept = read(() => at(1, () => apply(tf.layers.dropout({ rate: 0.25 }), tf.ones([20_000]))))
    expect(new Set(kept)).toEqual(new Set([0, Math.fround(1 / 0.75)]))
    expect(Math.abs(kept.filter((x) => x > 0).length / 20_000 - 0.75)).toBeLessThan(0.0154) // 5 standard errors
  })

  it('noise layers are those of tfjs in distribution: mean and deviation of the output stay', () => {
    const moments = (layer: tf.layers.Layer) =>
      tf.tidy(() => {
        const x = tf.randomNormal([50_000], 0, 1, 'float32', 5)
        const { mean, variance } = tf.moments(at(1, () => apply(layer, x)))
        return [mean.arraySync() as number, variance.arraySync() as number]
      })
    const [noiseMean, noiseVariance] = moments(tf.layers.gaussianNoise({ stddev: 2 }))
    expect(noiseMean).toBeCloseTo(0, 1)
    expect(noiseVariance! / 5).toBeCloseTo(1, 1)
    const [, scaled] = moments(tf.layers.gaussianDropout({ rate: 0.5 })) // variance 1 * (1 + rate / (1 - rate))
    expect(scaled! / 2).toBeCloseTo(1, 1)
    const [alphaMean, alphaVariance] = moments(tf.layers.alphaDropout({ rate: 0.3 }))
    expect(alphaMean).toBeCloseTo(0, 1)
    expect(alphaVariance).toBeCloseTo(1, 1)
  })

  it('dropout inside a loss of the user’s own are keyed too', () => {
    const loss = () => {
      const w = tf.variable(tf.ones([32]))
      const { value, grads } = tf.variableGrads(
        () => tf.dropout(w, 0.5, undefined, 9).sum() as tf.Scalar,
        [w],
      )
      const result = [...value.dataSync(), ...Object.values(grads)[0]!.dataSync()]
      tf.dispose([w, value, grads as never])
      return result
    }
    expect(at(1, loss)).toEqual(at(1, loss))
    expect(at(1, loss)).not.toEqual(at(2, loss))
  })

  it('every other random op of tfjs repeat as well, and so does Math.random', () => {
    const draw = () => [
      ...read(() => tf.randomNormal([3])),
      ...read(() => tf.truncatedNormal([3])),
      ...read(() => tf.randomGamma([3], 2)),
      ...read(() => tf.multinomial(tf.tensor1d([0.1, 0.2, 0.7]).log() as tf.Tensor1D, 8)),
      Math.random(),
    ]
    expect(at(1, draw)).toEqual(at(1, draw))
    expect(at(1, draw)).not.toEqual(at(2, draw))
  })

  it('an inference are none: outside training nothing is drawn', () => {
    const x = tf.ones([8])
    expect(read(() => at(1, () => tf.layers.dropout({ rate: 0.5 }).apply(x) as tf.Tensor))).toEqual(
      Array(8).fill(1),
    )
    x.dispose()
  })
})

describe('withRandomness', () => {
  let before: unknown[]
  const doors = () => [Math.random, tf.engine().makeTensor, tf.layers.dropout({ rate: 0 }).call]
  beforeEach(() => void (before = doors()))

  it('leaves tfjs as it was, also after a throw', () => {
    expect(() =>
      at(1, () => {
        expect(doors()).not.toEqual(before)
        throw new Error('inside')
      }),
    ).toThrow('inside')
    expect(doors()).toEqual(before)
  })

  it('follows its own code through awaits, and no other', async () => {
    const draw = async (iteration: number) =>
      at(iteration, async () => {
        await new Promise((resolve) => setTimeout(resolve, 2))
        return read(() => tf.dropout(tf.ones([64]), 0.5))
      })
    const alone = await draw(1)
    const [together, other] = await Promise.all([draw(1), draw(2)])
    expect(together).toEqual(alone)
    expect(other).not.toEqual(alone)
    await expect(at(1, () => Promise.reject(new Error('later')))).rejects.toThrow('later')
    expect(doors()).toEqual(before)
  })

  it('nests: the inner key holds inside, the outer goes on after it', () => {
    const x = () => tf.dropout(tf.ones([64]), 0.5)
    const alone = at(1, () => [read(x), read(x)])
    const nested = at(1, () => [read(x), at(9, () => read(x)), read(x)])
    expect([nested[0], nested[2]]).toEqual(alone)
  })

  it('takes the iteration as a tensor', () => {
    const iteration = tf.scalar(5, 'int32')
    const x = () => randomUniform([8])
    expect(read(() => withRandomness({ seed: 1, iteration }, x))).toEqual(read(() => at(5, x)))
    iteration.dispose()
  })

  it('keeps no tensors', () => {
    const { numTensors } = tf.memory()
    tf.tidy(
      () =>
        void at(1, () => [
          apply(tf.layers.gaussianNoise({ stddev: 1 }), tf.ones([8])),
          tf.dropout(tf.ones([8]), 0.5),
        ]),
    )
    expect(tf.memory().numTensors).toBe(numTensors)
  })

  it('says what it was given when that is no number', () => {
    expect(() => withRandomness({ seed: 'a' as never, iteration: 1 }, () => 1)).toThrow(/'a'.*a number/)
    expect(() => withRandomness({ seed: 1, iteration: 0.5 }, () => 1)).toThrow(/0\.5.*whole number/)
  })
})
