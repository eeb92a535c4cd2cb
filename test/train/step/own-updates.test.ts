import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, it } from 'vitest'
import { adam, fromArrays, train, type Run } from '../../../src/index.js'
import { compile, dropout, randomNormal } from '../../../src/backend/index.js'
import { coreOf } from '../../../src/train/run/run.js'
import { ownUpdates } from '../../../src/train/step/own-updates.js'

beforeAll(() => tf.setBackend('onnxruntime'))

const seeded = (seed: number) => tf.initializers.glorotUniform({ seed })

function makeModels() {
  const { dense, batchNormalization } = tf.layers
  const G = tf.sequential({
    layers: [
      dense({ inputShape: [2], units: 8, activation: 'relu', kernelInitializer: seeded(1) }),
      batchNormalization(),
      dense({ units: 2, kernelInitializer: seeded(2) }),
    ],
  })
  const D = tf.sequential({
    layers: [
      dense({ inputShape: [2], units: 8, activation: 'tanh', kernelInitializer: seeded(3) }),
      dense({ units: 1, kernelInitializer: seeded(4) }),
    ],
  })
  const generate = (z: tf.Tensor) => G.apply(z, { training: true }) as tf.Tensor
  const judge = (x: tf.Tensor) => D.apply(x) as tf.Tensor
  return { G, D, generate, judge }
}

type Models = ReturnType<typeof makeModels>
interface Losses {
  critic(x: tf.Tensor, z: tf.Tensor): tf.Tensor
  /** A number for the history, after the critic's update. */
  after?(): number
}

const examples = 70

/** 18 iterations of a small GAN with these losses: 12 of the last batch's size among others. */
async function makeRun(losses: (models: Models) => Losses, options: { reads?: boolean } = {}) {
  const models = makeModels()
  const { critic, after } = losses(models)
  const reading = (loss: () => tf.Tensor) => () => {
    const value = loss()
    if (options.reads) value.dataSync() // which keeps it from being recorded
    return value
  }
  const x = tf.randomNormal([examples, 2], 0, 1, 'float32', 1)
  const run = train(
    {
      parameters: { g: models.G, d: models.D },
      optimizers: { g: adam({ learningRate: 1e-2 }), d: adam({ learningRate: 1e-2 }) },
      iteration: (batch, { optimizers }) => {
        const z = randomNormal(batch.x.shape)
        const d = optimizers.d!.minimize(reading(() => critic(batch.x, z)))
        const more = after?.() ?? 0
        const g = optimizers.g!.minimize(reading(() => models.judge(models.generate(z)).square().mean()))
        return { loss: d, g, more }
      },
    },
    {
      data: fromArrays({ x, y: tf.zeros([examples, 1]) }),
      batchSize: 32,
      save: false,
      progress: false,
      seed: 1,
    },
  )
  x.dispose()
  return run
}

const numbersOf = (run: Run) =>
  run.history.map((row) => [row.loss, row.g as number, row.more as number]).flat()

const reasonsOf = (run: Run) => ownUpdates(coreOf(run)!).reasons

/** Recorded and kernel by kernel, beside each other. */
async function both(losses: (models: Models) => Losses) {
  const runs = [await makeRun(losses), await makeRun(losses, { reads: true })] as const
  for (const run of runs) await run.iterate(18)
  const [replayed, plain] = runs.map(numbersOf) as [number[], number[]]
  // Sums in another order: float32 of 18 updates that follow from each other.
  for (const [at, value] of replayed.entries()) expect(value).toBeCloseTo(plain[at]!, 4)
  return { replayed: runs[0], numbers: replayed }
}

describe('an update in an own iteration is recorded and replayed by itself', () => {
  it('with the numbers that it has kernel by kernel', async () => {
    const { replayed } = await both(({ generate, judge }) => ({
      critic: (x, z) =>
        judge(x)
          .softplus()
          .mean()
          .add(judge(generate(z)).softplus().mean()),
    }))
    expect(reasonsOf(replayed)).toEqual({})
  })

  it('and goes back with undo, to the bit', async () => {
    const run = await makeRun(({ generate, judge }) => ({
      critic: (x, z) =>
        dropout(judge(x), 0.3)
          .square()
          .mean()
          .sub(judge(generate(z)).mean()),
    }))
    await run.iterate(12)
    const before = numbersOf(run)
    await run.undo()
    // The first was not made kernel by kernel, or it would be rounded elsewhere now.
    await run.iterate(12)
    expect(numbersOf(run)).toEqual(before)
    expect(reasonsOf(run)).toEqual({})
  })

  it('leaves no tensors behind', async () => {
    const run = await makeRun(({ judge }) => ({ critic: (x) => judge(x).square().mean() }))
    await run.iterate(6)
    const before = tf.memory().numTensors
    await run.iterate(12)
    expect(tf.memory().numTensors).toBe(before)
  })

  it('also where its loss takes a gradient itself: a penalty on the critic', async () => {
    const { replayed } = await both(({ judge }) => ({
      critic(x, z) {
        const slopes = tf.grad((at: tf.Tensor) => judge(at).sum())(x.add(z))
        return slopes.square().sum(1).sqrt().sub(1).square().mean().add(judge(x).mean())
      },
    }))
    expect(reasonsOf(replayed)).toEqual({})
  })

  it('also where tfjs gives an operation a gradient of its own', async () => {
    const { replayed } = await both(({ generate, judge }) => ({
      critic: (x) =>
        tf
          .logSigmoid(judge(x))
          .neg()
          .mean()
          .add(tf.losses.softmaxCrossEntropy(tf.softmax(x), generate(x))),
    }))
    expect(reasonsOf(replayed)).toEqual({})
  })

  it('once for each shape of the batch', async () => {
    const calls: number[] = []
    const run = await makeRun(({ judge }) => ({
      critic(x) {
        calls.push(x.shape[0]!)
        return judge(x).square().mean()
      },
    }))
    await run.iterate(18)
    expect(new Set(calls)).toEqual(new Set([32, 6]))
    // The function is called once an iteration, recorded or not.
    expect(calls).toHaveLength(18)
  })
})

describe('what a loss uses from around it is never replayed wrongly', () => {
  it('a number that is another each time', async () => {
    await both(({ judge }) => {
      let calls = 0
      return {
        critic: (x) =>
          judge(x)
            .square()
            .mean()
            .mul(1 + 0.1 * calls++),
      }
    })
  })

  it('a branch', async () => {
    await both(({ judge }) => {
      let calls = 0
      return {
        critic: (x, z) => (calls++ % 3 ? judge(x).square().mean() : judge(z).abs().add(1).log().mean()),
      }
    })
  })

  it('a tensor', async () => {
    const { numbers } = await both(({ judge }) => {
      const scales = [tf.scalar(0.5), tf.scalar(2)]
      let calls = 0
      return {
        critic: (x) =>
          judge(x)
            .square()
            .mean()
            .mul(scales[calls++ % 2]!),
      }
    })
    expect(numbers[0]! / numbers[3]!).toBeLessThan(0.5)
  })

  it('an array that is written anew', async () => {
    await both(({ judge }) => {
      let calls = 0
      return {
        critic(x) {
          const rows = x.shape[0]!
          const weights = tf.tensor2d(
            Array.from({ length: rows }, (_, row) => row + calls),
            [rows, 1],
          )
          calls++
          return judge(x).square().mul(weights).mean().mul(0.01)
        },
      }
    })
  })

  it('random numbers of tfjs and of the run', async () => {
    await both(({ judge }) => ({
      critic: (x) =>
        judge(x.add(tf.randomNormal(x.shape)).add(randomNormal(x.shape)))
          .square()
          .mean(),
    }))
  })

  it('a gradient of its own, which runs kernel by kernel and says so', async () => {
    const { replayed } = await both(({ judge }) => {
      let factor = 1
      return {
        critic: (x) =>
          tf
            .customGrad((at, save) => {
              ;(save as (tensors: tf.Tensor[]) => void)([at as tf.Tensor])
              return {
                value: (at as tf.Tensor).square(),
                gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => dy.mul(saved[0]!).mul((factor += 0.1)),
              }
            })(judge(x))
            .mean(),
      }
    })
    expect(reasonsOf(replayed)).toEqual({ d: expect.stringContaining('customGrad') })
  })

  it('a variable of another network', async () => {
    await both(({ judge }) => {
      const targets = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(3))]
      let calls = 0
      return {
        critic: (x) =>
          judge(x)
            .sub(targets[calls++ % 2]!)
            .square()
            .mean(),
      }
    })
  })
})

it('a tensor that the loss keeps has its values after the update', async () => {
  const { numbers } = await both(({ judge }) => {
    let kept: tf.Tensor
    return {
      critic: (x) => {
        kept = tf.keep(judge(x))
        return kept.square().mean()
      },
      after() {
        const value = kept.dataSync()[0]!
        kept.dispose()
        return value
      },
    }
  })
  expect(numbers[2]).not.toBe(0)
})

it('a value that is read within the loss keeps its update from being recorded, and the run says so', async () => {
  const run = await makeRun(({ judge }) => ({
    critic: (x) => {
      const value = judge(x).square().mean()
      return value.dataSync()[0]! > 1e9 ? value.mul(0) : value
    },
  }))
  await run.iterate(3)
  expect(reasonsOf(run)).toEqual({ d: expect.stringContaining('reads the value') })
})

it('a value that is read now and then is no reason to leave the other iterations', async () => {
  let calls = 0
  const seen: number[] = []
  const run = await makeRun(({ judge }) => ({
    critic: (x) => {
      const value = judge(x).square().mean()
      if (++calls % 5 === 0) seen.push(value.dataSync()[0]!)
      return value
    },
  }))
  await run.iterate(12)
  expect(reasonsOf(run)).toEqual({})
  expect(seen).toEqual([4, 9].map((at) => expect.closeTo(run.history.at(at)!.loss, 5)))
})

it('run.check() tries it on a copy: what moves, and whether each update is compiled', async () => {
  const run = await makeRun(({ judge }) => ({
    critic: (x) => {
      const value = judge(x).square().mean()
      return value.dataSync()[0]! > 1e9 ? value.mul(0) : value
    },
  }))
  const rows = Object.fromEntries((await run.check()).map(({ check, value, ok }) => [check, { value, ok }]))
  expect(rows['loss of 3 iterations']!.ok).toBe(true)
  // What the normalisation of a batch takes out again, the bias before it, gets no more than rounding.
  expect(rows['parameters that move']!.value).toMatch(/^1\d of 10|^\d of 10/)
  expect(rows['updates of g compiled']).toEqual({ value: 'yes', ok: true })
  expect(rows['updates of d compiled']).toMatchObject({
    value: expect.stringMatching(/^no: .*reads/),
    ok: false,
  })
  expect(run.iteration).toBe(0)
  expect(run.history).toHaveLength(0)
})

it('compile around an update says that it is compiled by itself', async () => {
  const x = tf.ones([8, 2])
  const w = tf.variable(tf.ones([2, 1]))
  const run = train(
    {
      parameters: { w },
      optimizers: { w: adam({ learningRate: 1e-2 }) },
      iteration: (batch, { optimizers }) => ({
        loss: compile(() => optimizers.w!.minimize(() => batch.x.matMul(w).mean(), true))(),
      }),
    },
    { data: fromArrays({ x, y: tf.zeros([8, 1]) }), batchSize: 8, save: false, progress: false },
  )
  await expect(run.iterate(1)).rejects.toThrow(/compiled by itself/)
})

it('the second derivative of tanh, which tfjs takes for 0', () => {
  const slope = (x: tf.Tensor) => tf.grad((at: tf.Tensor) => at.tanh().sum())(x)
  const [second] = tf
    .grad((x: tf.Tensor) => slope(x).sum())(tf.tensor1d([0.5]))
    .dataSync()
  const t = Math.tanh(0.5)
  expect(second).toBeCloseTo(-2 * t * (1 - t * t), 5)
})
