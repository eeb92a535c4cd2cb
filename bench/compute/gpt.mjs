// A GPT in plain tfjs (pre-norm, no biases, tied embeddings), its AdamW with clipping, and one training step of it.
import * as tf from '@tensorflow/tfjs'
import { adamw } from 'gradbook/backend'

export const sizes = {
  small: { vocabulary: 65, context: 64, layers: 4, heads: 4, width: 128, batch: 12 },
  large: { vocabulary: 65, context: 256, layers: 6, heads: 6, width: 384, batch: 4 },
}

/** Token ids that any language can make again. */
export function tokens({ vocabulary, context, batch }, factor) {
  return Int32Array.from({ length: batch * context }, (_, at) => (at * factor) % vocabulary)
}

/** `oneHot`: the tokens are looked up by a product, for backends that have no gradient of `gather` (tfjs's wasm). */
export function createGpt({ vocabulary, context, layers, heads, width, batch }, { oneHot = false } = {}) {
  const parameters = {}
  const normal = (name, shape) => (parameters[name] = tf.variable(tf.randomNormal(shape, 0, 0.02)))
  const ones = (name) => (parameters[name] = tf.variable(tf.ones([width])))
  normal('tokens', [vocabulary, width])
  normal('positions', [context, width])
  for (let layer = 0; layer < layers; layer++) {
    ones(`${layer}/norm1`)
    normal(`${layer}/attention`, [width, 3 * width])
    normal(`${layer}/projection`, [width, width])
    ones(`${layer}/norm2`)
    normal(`${layer}/up`, [width, 4 * width])
    normal(`${layer}/down`, [4 * width, width])
  }
  ones('norm')
  const size = width / heads
  const mask = tf.keep(
    tf.tidy(() =>
      tf.linalg
        .bandPart(tf.ones([context, context]), -1, 0)
        .sub(1)
        .mul(1e9)
        .reshape([1, 1, context, context]),
    ),
  )
  const norm = (x, gain) => {
    const centred = x.sub(x.mean(-1, true))
    return centred.mul(centred.square().mean(-1, true).add(1e-5).rsqrt()).mul(gain)
  }
  const gelu = (x) => {
    const inner = x.add(x.mul(x).mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI))
    return x.mul(0.5).mul(inner.tanh().add(1))
  }
  function loss(x, y) {
    const rows = batch * context
    const ids = x.flatten()
    const embedded = oneHot
      ? tf.matMul(tf.oneHot(ids, vocabulary).toFloat(), parameters.tokens)
      : tf.gather(parameters.tokens, ids)
    let stream = embedded.reshape([batch, context, width]).add(parameters.positions)
    stream = stream.reshape([rows, width])
    for (let layer = 0; layer < layers; layer++) {
      const of = (name) => parameters[`${layer}/${name}`]
      const projected = tf.matMul(norm(stream, of('norm1')), of('attention'))
      const [q, k, v] = tf
        .split(projected, 3, -1)
        .map((part) => part.reshape([batch, context, heads, size]).transpose([0, 2, 1, 3]))
      const scores = tf.softmax(
        tf
          .matMul(q, k, false, true)
          .mul(1 / Math.sqrt(size))
          .add(mask),
      )
      const mixed = tf.matMul(scores, v).transpose([0, 2, 1, 3]).reshape([rows, width])
      stream = stream.add(tf.matMul(mixed, of('projection')))
      stream = stream.add(tf.matMul(gelu(tf.matMul(norm(stream, of('norm2')), of('up'))), of('down')))
    }
    const logits = tf.matMul(norm(stream, parameters.norm), parameters.tokens, false, true)
    const shifted = logits.sub(logits.max(-1, true))
    const logProbability = shifted.sub(shifted.exp().sum(-1, true).log())
    return logProbability.mul(tf.oneHot(y.flatten(), vocabulary)).sum(-1).mean().neg()
  }
  return { parameters, loss }
}

/** Forward, backward, clipping to norm 1 and AdamW; a pure function of its arguments and the variables. */
export function createStep({ parameters, loss }) {
  const names = Object.keys(parameters)
  const optimizer = adamw({
    learningRate: 1e-3,
    beta2: 0.99,
    weightDecay: 0.1,
    groups: [{ parameters: 'vectors', weightDecay: 0 }],
  })
  const slots = Object.fromEntries(
    names.map((name) => [
      name,
      Object.fromEntries(
        Object.entries(optimizer.init(parameters[name], name)).map(([slot, value]) => [
          slot,
          tf.variable(value, false),
        ]),
      ),
    ]),
  )
  const scalar = (value) => (typeof value === 'number' ? tf.scalar(value) : value)
  return (x, y, rate, count) =>
    tf.tidy(() => {
      const learningRate = scalar(rate)
      const iteration = scalar(count)
      const { value, grads } = tf.variableGrads(() => loss(x, y), Object.values(parameters))
      const gradients = names.map((name) => grads[parameters[name].name])
      const norm = tf.addN(gradients.map((gradient) => gradient.square().sum())).sqrt()
      const scale = tf.minimum(1, tf.div(1, norm.add(1e-6)))
      for (const [at, name] of names.entries()) {
        const next = optimizer.update({
          name,
          value: parameters[name],
          gradient: gradients[at].mul(scale),
          slots: slots[name],
          learningRate,
          iteration,
        })
        parameters[name].assign(next.value)
        for (const slot in next.slots) slots[name][slot].assign(next.slots[slot])
      }
      return value
    })
}
