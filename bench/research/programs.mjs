// Six programs of researchers, each as a run and as a loop that is written out, over the same models and data.
import * as tf from '@tensorflow/tfjs'
import { adam, fromArrays, train } from '../../dist/src/index.js'
import { randomNormal, randomUniform } from '../../dist/src/backend/index.js'

const rows = 2048
const rate = 1e-3
const { dense } = tf.layers

const mlp = (input, widths, activation = 'relu') =>
  tf.sequential({
    layers: widths.map((units, at) =>
      dense({
        units,
        ...(at === 0 && { inputShape: [input] }),
        ...(at < widths.length - 1 && { activation }),
      }),
    ),
  })

const weightsOf = (...models) => models.flatMap((model) => model.trainableWeights.map((weight) => weight.val))

/** A loop over batches in their order: `step` gives the loss. */
function loopOf(fields, batch, step) {
  let at = 0
  return async (iterations) => {
    for (let i = 0; i < iterations; i++) {
      const from = (at++ * batch) % (rows - batch)
      const loss = tf.tidy(() =>
        step(
          Object.fromEntries(
            Object.entries(fields).map(([name, field]) => [name, tf.slice(field, from, batch)]),
          ),
        ),
      )
      loss.dataSync()
      loss.dispose()
    }
  }
}

const quiet = { save: false, progress: false, seed: 1 }

/** One loss: the run compiles it. `make` gives parameters and a loss of named fields, and how noise is drawn. */
function withLoss(fields, batch, make) {
  const ours = make(randomNormal, randomUniform)
  const run = train(
    { parameters: ours.parameters, loss: ours.loss },
    { ...quiet, data: fromArrays(fields), batchSize: batch, optimizer: adam({ learningRate: rate }) },
  )
  const plain = make(
    (shape) => tf.randomNormal(shape),
    (shape) => tf.randomUniform(shape),
  )
  const optimizer = tf.train.adam(rate)
  const variables = weightsOf(...Object.values(plain.parameters))
  return {
    run: (iterations) => run.iterate(iterations),
    plain: loopOf(fields, batch, (given) => optimizer.minimize(() => plain.loss(given), true, variables)),
  }
}

const normal = (shape, seed) => tf.randomNormal(shape, 0, 1, 'float32', seed)
const none = () => tf.zeros([rows, 1])

function vae() {
  const fields = { x: tf.randomUniform([rows, 784], 0, 1, 'float32', 1), y: none() }
  return withLoss(fields, 128, (noise) => {
    const parameters = { encoder: mlp(784, [128, 4]), decoder: mlp(2, [128, 784]) }
    const loss = ({ x }) => {
      const [mean, logVariance] = tf.split(parameters.encoder.apply(x), 2, 1)
      const logits = parameters.decoder.apply(mean.add(logVariance.div(2).exp().mul(noise(mean.shape))))
      const reconstruction = tf.softplus(logits).sub(x.mul(logits)).sum(1)
      const kl = mean.square().add(logVariance.exp()).sub(logVariance).sub(1).sum(1).div(2)
      return reconstruction.add(kl).mean()
    }
    return { parameters, loss }
  })
}

function diffusion() {
  const fields = { x: normal([rows, 2], 1), y: none() }
  return withLoss(fields, 256, (noise, uniform) => {
    const net = mlp(3, [128, 128, 2])
    const loss = ({ x }) => {
      const t = uniform([x.shape[0], 1])
      const drawn = noise(x.shape)
      const kept = t.mul(Math.PI / 2).cos()
      const noisy = x.mul(kept).add(drawn.mul(t.mul(Math.PI / 2).sin()))
      return net
        .apply(tf.concat([noisy, t], 1))
        .sub(drawn)
        .square()
        .mean()
    }
    return { parameters: { net }, loss }
  })
}

function functional() {
  const fields = { x: normal([rows, 16], 1), other: normal([rows, 8], 2), y: normal([rows, 1], 3) }
  return withLoss(fields, 64, () => {
    const [a, b] = [tf.input({ shape: [16] }), tf.input({ shape: [8] })]
    const left = dense({ units: 32, activation: 'relu' }).apply(a)
    const right = dense({ units: 32, activation: 'relu' }).apply(b)
    const both = tf.layers.concatenate().apply([left, right])
    const output = dense({ units: 1 }).apply(dense({ units: 32, activation: 'relu' }).apply(both))
    const model = tf.model({ inputs: [a, b], outputs: output })
    return {
      parameters: { model },
      loss: ({ x, other, y }) => model.apply([x, other]).sub(y).square().mean(),
    }
  })
}

function attention() {
  const fields = {
    x: normal([rows, 12, 8], 1),
    y: tf.randomUniform([rows], 0, 10, 'int32', 2),
  }
  return withLoss(fields, 32, () => {
    const recurrent = tf.sequential({
      layers: [tf.layers.gru({ inputShape: [12, 8], units: 32, returnSequences: true })],
    })
    const [score, head] = [mlp(32, [1]), mlp(32, [10])]
    const loss = ({ x, y }) => {
      const states = recurrent.apply(x)
      const flat = states.reshape([-1, 32])
      const shares = score.apply(flat).reshape([-1, 12]).softmax().expandDims(2)
      const logits = head.apply(states.mul(shares).sum(1))
      return tf.losses.softmaxCrossEntropy(tf.oneHot(y, 10), logits)
    }
    return { parameters: { recurrent, score, head }, loss }
  })
}

function gan() {
  const fields = { x: normal([rows, 2], 1), y: none() }
  const batch = 128
  const make = (noise) => {
    const [generator, critic] = [mlp(2, [64, 64, 2]), mlp(2, [64, 64, 1])]
    const made = () => generator.apply(noise([batch, 2]))
    return {
      generator,
      critic,
      ofCritic: (x) => critic.apply(x).neg().softplus().mean().add(critic.apply(made()).softplus().mean()),
      ofGenerator: () => critic.apply(made()).neg().softplus().mean(),
    }
  }
  const ours = make(randomNormal)
  const run = train(
    {
      parameters: { generator: ours.generator, critic: ours.critic },
      optimizers: { generator: adam({ learningRate: rate }), critic: adam({ learningRate: rate }) },
      iteration: ({ x }, { optimizers }) => ({
        critic: optimizers.critic.minimize(() => ours.ofCritic(x)),
        loss: optimizers.generator.minimize(ours.ofGenerator),
      }),
    },
    { ...quiet, data: fromArrays(fields), batchSize: batch },
  )
  const plain = make((shape) => tf.randomNormal(shape))
  const [g, c] = [tf.train.adam(rate), tf.train.adam(rate)]
  return {
    run: (iterations) => run.iterate(iterations),
    plain: loopOf(fields, batch, ({ x }) => {
      c.minimize(() => plain.ofCritic(x), true, weightsOf(plain.critic)).dataSync()
      return g.minimize(plain.ofGenerator, true, weightsOf(plain.generator))
    }),
  }
}

function dqn() {
  const fields = {
    x: normal([rows, 4], 1),
    y: tf.randomUniform([rows], 0, 2, 'int32', 2),
    next: normal([rows, 4], 3),
    reward: normal([rows], 4),
  }
  const batch = 64
  const make = () => {
    const [online, target] = [mlp(4, [64, 64, 2]), mlp(4, [64, 64, 2])]
    const loss = ({ x, y, next, reward }) => {
      const wanted = reward.add(target.apply(next).max(1).mul(0.99))
      const taken = online.apply(x).mul(tf.oneHot(y, 2)).sum(1)
      return tf.losses.huberLoss(wanted, taken)
    }
    const follow = () => {
      const to = weightsOf(target)
      for (const [at, from] of weightsOf(online).entries()) to[at].assign(from)
    }
    return { online, target, loss, follow }
  }
  const ours = make()
  const run = train(
    {
      parameters: { online: ours.online },
      optimizers: { online: adam({ learningRate: rate }) },
      iteration(given, { optimizers, iteration }) {
        if (iteration % 100 === 0) ours.follow()
        return { loss: optimizers.online.minimize(() => ours.loss(given)) }
      },
    },
    { ...quiet, data: fromArrays(fields), batchSize: batch },
  )
  const plain = make()
  const optimizer = tf.train.adam(rate)
  let count = 0
  return {
    run: (iterations) => run.iterate(iterations),
    plain: loopOf(fields, batch, (given) => {
      if (++count % 100 === 0) plain.follow()
      return optimizer.minimize(() => plain.loss(given), true, weightsOf(plain.online))
    }),
  }
}

/** Iterations a round, and what is accepted: x the plain loop, x PyTorch. */
export const programs = {
  vae: { make: vae, iterations: 100, most: 1.0 },
  gan: { make: gan, iterations: 200, most: 1.3 },
  diffusion: { make: diffusion, iterations: 200, most: 1.0 },
  dqn: { make: dqn, iterations: 300, most: 1.3 },
  functional: { make: functional, iterations: 300, most: 1.0 },
  attention: { make: attention, iterations: 50, most: 1.0 },
}
