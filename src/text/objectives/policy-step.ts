import * as tf from '@tensorflow/tfjs'
import { compile } from '../../backend/compile/compile.js'
import { adopt } from '../../train/model/gradients.js'
import { flattenParameters } from '../../train/model/own.js'
import type { LanguageModel } from './language-model.js'
import { logLikelihoods } from './likelihood.js'

/** Rows of tokens [rows, T], row after row, with what each token of an answer is worth. */
export interface PolicyRows {
  x: Int32Array
  /** The token behind each x; -1 where it is none of the answer's. */
  y: Int32Array
  /** The logarithms of the probabilities with which they were drawn, and that the reference gives them. */
  drawn: Float32Array
  reference: Float32Array
  advantages: Float32Array
  /** How much each token counts in the loss; 0 where it is none of the answer's. */
  weights: Float32Array
  length: number
}

export interface PolicySettings {
  beta: number
  /** By how much the ratio may be below and above 1. */
  clip: readonly [below: number, above: number]
  temperature: number
}

/** What one pass over the rows gives. */
export interface PolicyPass {
  loss: number
  /** Mean over tokens of the distance from the reference, in nats (Schulman's k3). */
  kl: number
  /** The share of tokens whose gradient was clipped away. */
  clipped: number
  /** By the names of the parameters; they belong to the caller. */
  gradients: { [parameter: string]: tf.Tensor }
}

/** Logits of one pass at most: 128 MB. */
const mostLogits = 2 ** 25

/**
 * Loss and gradients of a policy on answers that were drawn before: the clipped surrogate of PPO (Schulman et al. 2017, arXiv
 * 1707.06347) and beta times the distance from the reference, token by token.
 */
export class PolicyStep {
  readonly #model: LanguageModel
  readonly #names: string[]
  readonly #pass: (...parts: tf.Tensor[]) => { sums: tf.Tensor; gradients: tf.Tensor[] }

  constructor(model: LanguageModel, { beta, clip, temperature }: PolicySettings) {
    this.#model = model
    const { parameters } = flattenParameters(model.parameters)
    this.#names = parameters.map(({ name }) => name)
    this.#pass = compile(
      (...parts: tf.Tensor[]) => {
        const [x, y, drawn, reference, advantages, weights] = parts as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
        ]
        let sums!: tf.Tensor
        const { grads } = tf.engine().gradients(
          () => {
            const logs = logLikelihoods(model, x, y, temperature)
            const isToken = y.greaterEqual(0).cast('float32')
            const ratio = logs.sub(drawn).mul(isToken).exp()
            const within = ratio.clipByValue(1 - clip[0], 1 + clip[1])
            const gained = tf.minimum(ratio.mul(advantages), within.mul(advantages))
            const away = reference.sub(logs).mul(isToken)
            const kl = away.exp().sub(away).sub(1)
            const clipped = within.sub(ratio).mul(advantages).less(0).cast('float32').mul(isToken)
            const loss = kl.mul(beta).sub(gained).mul(weights).sum()
            sums = tf.keep(tf.stack([loss, kl.sum(), clipped.sum()]))
            return loss.asScalar()
          },
          parameters.map(({ variable }) => variable),
          undefined,
          true,
        )
        return {
          // The scope of a gradient disposes all but the loss.
          sums: adopt(sums),
          gradients: grads.map((gradient, i) => gradient ?? tf.zerosLike(parameters[i]!.variable)),
        }
      },
      { otherwise: 'run', signatures: 16 },
    )
  }

  run(rows: PolicyRows): PolicyPass {
    const { length } = rows
    const count = rows.x.length / length
    const most = Math.max(1, Math.floor(mostLogits / this.#model.config.vocabulary / length))
    const parts = Math.ceil(count / most)
    const size = Math.ceil(count / parts)
    const totals = [0, 0, 0]
    let gradients: tf.Tensor[] | undefined
    for (let from = 0; from < count; from += size) {
      const some = (of: Int32Array | Float32Array, fill = 0) => {
        const kind = of instanceof Int32Array ? Int32Array : Float32Array
        // Of one size, so that one graph does.
        const part = new kind(size * length).fill(fill)
        part.set(of.subarray(from * length, Math.min((from + size) * length, of.length)))
        return tf.tensor(part, [size, length], of instanceof Int32Array ? 'int32' : 'float32')
      }
      const before = gradients
      gradients = tf.tidy(() => {
        const found = this.#pass(
          some(rows.x),
          some(rows.y, -1),
          some(rows.drawn),
          some(rows.reference),
          some(rows.advantages),
          some(rows.weights),
        )
        for (const [i, value] of (found.sums.dataSync() as Float32Array).entries()) totals[i]! += value
        found.sums.dispose()
        return before ? found.gradients.map((gradient, i) => gradient.add(before[i]!)) : found.gradients
      })
      tf.dispose(before ?? [])
    }
    let tokens = 0
    for (const id of rows.y) if (id >= 0) tokens++
    return {
      loss: totals[0]!,
      kl: totals[1]! / tokens,
      clipped: totals[2]! / tokens,
      gradients: Object.fromEntries(this.#names.map((name, i) => [name, gradients![i]!])),
    }
  }
}
