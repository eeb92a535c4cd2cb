import * as tf from '@tensorflow/tfjs'
import { during } from '../../settle.js'
import type { LiveNumber } from './trace.js'

/** What tfjs's optimizers keep outside of tensors. */
interface TfjsOptimizer {
  learningRate: number
  /** SGD and momentum: a tensor of -learningRate. */
  c?: tf.Scalar
  iterations_?: number
  applyGradients(gradients: unknown): void
  incrementIterations(): void
}

const classes = [
  tf.SGDOptimizer,
  tf.MomentumOptimizer,
  tf.RMSPropOptimizer,
  tf.AdagradOptimizer,
  tf.AdadeltaOptimizer,
  tf.AdamOptimizer,
  tf.AdamaxOptimizer,
] as unknown as { prototype: TfjsOptimizer }[]

/**
 * Watches tfjs's own optimizers while a function is recorded: they write their learning rate down as a number, and count
 * iterations in a property. Their rate is swapped for a number that no program uses, which the trace knows again wherever it is
 * written, and turns into an input. Returns who counted; what ends the watch is put into `undo`.
 */
export function watchOptimizers(live: LiveNumber[], undo: (() => void)[]): TfjsOptimizer[] {
  const counted: TfjsOptimizer[] = []
  const before = new Map<TfjsOptimizer, number | undefined>()
  for (const { prototype } of classes) {
    const apply = prototype.applyGradients
    undo.push(() => void (prototype.applyGradients = apply))
    prototype.applyGradients = function (gradients) {
      const { learningRate: rate, c } = this
      const sentinel = 1.2345678e-13 * (1 + live.length / 1024)
      live.push({ sentinel, read: () => this.learningRate })
      const restore = (): void => {
        this.learningRate = rate
        if (c) this.c = c
      }
      return during(restore, () => {
        this.learningRate = sentinel
        if (c) this.c = tf.scalar(-sentinel)
        return apply.call(this, gradients)
      })
    }
  }
  const { prototype } = tf.Optimizer as unknown as { prototype: TfjsOptimizer }
  const increment = prototype.incrementIterations
  undo.push(() => {
    prototype.incrementIterations = increment
    for (const [optimizer, iterations] of before) optimizer.iterations_ = iterations!
  })
  prototype.incrementIterations = function () {
    if (!before.has(this)) before.set(this, this.iterations_)
    counted.push(this)
    increment.call(this)
  }
  return counted
}

export type { TfjsOptimizer }
