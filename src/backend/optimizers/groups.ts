import type * as tf from '@tensorflow/tfjs'

/** Settings of their own for some of the parameters. The first group that matches a parameter counts. */
export interface ParameterGroup {
  /**
   * Which parameters: a pattern on their names, their kind ('vectors': biases, gains and other parameters of rank 0 or
   * 1; 'matrices': all of higher rank), or a function of name and shape.
   */
  parameters: RegExp | 'vectors' | 'matrices' | ((name: string, shape: readonly number[]) => boolean)
  /** The group's peak rate, scaled by the schedule in the same way as the optimizer's own. */
  learningRate?: number
  weightDecay?: number
}

/** What every optimizer with groups takes. */
export interface GroupedSettings {
  /** Step size; the peak, where a schedule changes it. */
  learningRate: number
  /** How strongly parameters are drawn to 0. Default: the optimizer's. */
  weightDecay?: number
  /** Parameters with a rate or a weight decay of their own; a parameter is in the first group that it fits. */
  groups?: readonly ParameterGroup[]
}

function matches({ parameters }: ParameterGroup, name: string, shape: readonly number[]): boolean {
  if (parameters === 'vectors') return shape.length < 2
  if (parameters === 'matrices') return shape.length >= 2
  return typeof parameters === 'function' ? parameters(name, shape) : isMatch(parameters, name)
}

/** Whether a pattern is found in a name. (`test` goes on from where it last was where the pattern has the flag g.) */
export const isMatch = (pattern: RegExp, name: string): boolean => name.search(pattern) !== -1

/** The decay and the rate (scheduled, scaled by the group's share) that hold for one parameter. */
export function settingsOf(
  { learningRate, weightDecay = 0, groups = [] }: GroupedSettings,
  at: { name: string; value: tf.Tensor; learningRate: tf.Scalar },
): { rate: tf.Scalar; weightDecay: number } {
  const group = groups.find((one) => matches(one, at.name, at.value.shape))
  const own = group?.learningRate
  return {
    rate:
      own === undefined || own === learningRate ? at.learningRate : at.learningRate.mul(own / learningRate),
    weightDecay: group?.weightDecay ?? weightDecay,
  }
}

/** The largest share of the rate that a group has, and the largest decay: for how far an update can reach. */
export function largestOf({ learningRate, weightDecay = 0, groups = [] }: GroupedSettings): {
  share: number
  decay: number
} {
  return {
    share: Math.max(1, ...groups.map((group) => (group.learningRate ?? learningRate) / learningRate)),
    decay: Math.max(weightDecay, ...groups.map((group) => group.weightDecay ?? 0)),
  }
}

/** An epsilon of less is 0 beside what it is added to, and what is divided by may be. */
export const leastEpsilon = 1e-30

/** Settings as plain data: what was left out is left out, a pattern or a function becomes its text. */
export function plainSettings(settings: object): { [name: string]: unknown } {
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plain)
    if (value instanceof RegExp || typeof value === 'function') return String(value)
    return value !== null && typeof value === 'object' ? plainSettings(value) : value
  }
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [[name, plain(value)]])),
  )
}
