import * as tf from '@tensorflow/tfjs'
import { InputError, describe } from '../../errors.js'
import type { Optimizer } from './optimizer.js'
import { adamw, type AdamwSettings } from './adam.js'
import { checkSettings } from './settings.js'
import { isMatch, largestOf, plainSettings, settingsOf, type ParameterGroup } from './groups.js'

export interface MuonSettings {
  /** Of the matrices. */
  learningRate: number
  /** Share of the last update that is kept, 0.95. */
  momentum?: number
  /** Decoupled, 0.1. */
  weightDecay?: number
  /** Steps of the Newton-Schulz iteration, 5. */
  steps?: number
  groups?: readonly ParameterGroup[]
  /**
   * Parameters that are no hidden matrices (vectors, always, and what this matches: embeddings, the last layer) are trained by AdamW
   * with these settings; its rate is scaled by the schedule as Muon's is.
   */
  adamw?: AdamwSettings & { parameters?: RegExp }
}

/** Coefficients with which five steps bring singular values near 1 (Jordan et al. 2024). */
const [a, b, c] = [3.4445, -4.775, 2.0315]

/** The nearest matrix with orthonormal rows or columns, roughly: singular values between 0.7 and 1.2. */
function orthogonalize(matrix: tf.Tensor2D, steps: number): tf.Tensor2D {
  const tall = matrix.shape[0] > matrix.shape[1]
  let x = (tall ? matrix.transpose() : matrix) as tf.Tensor2D
  x = x.div(x.square().sum().sqrt().maximum(1e-7))
  for (let step = 0; step < steps; step++) {
    const gram = tf.matMul(x, x, false, true)
    const mixed = gram.mul(b).add(tf.matMul(gram, gram).mul(c)) as tf.Tensor2D
    x = x.mul(a).add(tf.matMul(mixed, x))
  }
  return (tall ? x.transpose() : x) as tf.Tensor2D
}

/**
 * Muon (Jordan et al. 2024) as `torch.optim.Muon` computes it: the Nesterov momentum of each matrix, made orthogonal,
 * with the rate scaled by sqrt(max(1, outputs / inputs)). tfjs keeps outputs on the last axis: a parameter of higher rank is taken as the
 * matrix [all other axes, last axis].
 *
 *     muon({ learningRate: 0.02, adamw: { learningRate: 3e-4, parameters: /embedding|head/ } })
 */
export function muon(settings: MuonSettings): Optimizer {
  checkSettings('muon', settings, {
    learningRate: 'positive',
    momentum: 'share',
    weightDecay: 'notNegative',
    steps: 'whole',
    groups: 'any',
    adamw: 'any',
  })
  const { learningRate, momentum = 0.95, weightDecay: decay = 0.1, steps = 5 } = settings
  const { parameters, ...rest } = settings.adamw ?? { learningRate: 3e-4 }
  if (parameters !== undefined && !(parameters instanceof RegExp))
    throw new InputError({
      where: 'muon({ adamw: { parameters } })',
      received: describe(parameters),
      expected: 'a pattern on the names of matrices that AdamW trains',
      fix: 'Write muon({ learningRate: 0.02, adamw: { learningRate: 3e-4, parameters: /embedding|head/ } }).',
    })
  const other = adamw(rest)
  const isMatrix = (tensor: tf.Tensor, name: string) =>
    tensor.rank >= 2 && !(parameters && isMatch(parameters, name))
  return {
    name: 'muon',
    learningRate,
    settings: plainSettings(settings),
    reach({ gradient, largest, learningRate: rate }) {
      const { share, decay: weightDecay } = largestOf({ ...settings, weightDecay: decay })
      // Singular values are brought to about 1; the scale is a root of at most a billion columns.
      const step = share * rate * (1e5 + weightDecay * largest)
      const byOther = other.reach!({
        gradient,
        largest,
        learningRate: (rate * other.learningRate) / learningRate,
      })
      return Math.max(gradient, largest + step, byOther)
    },
    init: (parameter, name) =>
      isMatrix(parameter, name) ? { velocity: tf.zerosLike(parameter) } : other.init(parameter, name),
    update(at) {
      if (!isMatrix(at.value, at.name))
        return other.update({ ...at, learningRate: at.learningRate.mul(other.learningRate / learningRate) })
      const { rate, weightDecay } = settingsOf({ ...settings, weightDecay: decay }, at)
      const velocity = at.slots.velocity!.mul(momentum).add(at.gradient.mul(1 - momentum))
      const ahead = at.gradient.mul(1 - momentum).add(velocity.mul(momentum))
      const columns = at.value.shape.at(-1)!
      const rows = at.value.size / columns
      const direction = orthogonalize(ahead.reshape([rows, columns]), steps).reshape(at.value.shape)
      // PyTorch's matrices are [outputs, inputs], tfjs's [inputs, outputs].
      const scale = Math.sqrt(Math.max(1, columns / rows))
      const kept = weightDecay ? at.value.mul(tf.sub(1, rate.mul(weightDecay))) : at.value
      return { value: kept.sub(direction.mul(rate.mul(scale))), slots: { velocity } }
    },
  }
}
