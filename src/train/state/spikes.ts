import type { Core } from './core.js'

/** An iteration whose loss stands out from those before it. */
export interface Spike {
  iteration: number
  loss: number
  /** What the iterations before it led to expect. */
  expected: number
  /** Examples of its batch. */
  ids: number[]
}

/** Iterations that are looked back on. */
const window = 50
/** Standard deviations from their mean that make a spike. In Gaussian noise 6 come once in a billion. */
const far = 6

/** The spike that the last iteration is, if it is one. To be called when its row is written. */
export function maybeSpike(core: Core, positions: Int32Array): Spike | undefined {
  const { history } = core.state
  if (history.length <= window) return undefined
  const losses = history.column('loss')
  const last = losses[losses.length - 1]!
  let sum = 0
  let squares = 0
  for (let i = losses.length - 1 - window; i < losses.length - 1; i++) {
    sum += losses[i]!
    squares += losses[i]! ** 2
  }
  const mean = sum / window
  const deviation = Math.sqrt(Math.max(0, squares / window - mean * mean))
  // A loss that hardly moves is no yardstick: a tenth of the mean is the least that counts.
  if (last <= mean + far * Math.max(deviation, Math.abs(mean) / 60)) return undefined
  const ids = Array.from(positions, (position) => core.data.ids[position]!)
  return { iteration: core.state.iteration, loss: last, expected: mean, ids }
}
