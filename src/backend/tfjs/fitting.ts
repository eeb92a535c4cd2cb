import * as tf from '@tensorflow/tfjs'
import { whileWaiting } from '../../settle.js'

/** What `fit` changes in the model that it trains, until its end. */
interface Fitting {
  isTraining: boolean
  stopTraining_: boolean
}

type Fit = (this: Fitting, ...given: unknown[]) => Promise<unknown>

/**
 * A model says that it trains while `fit` does, and refuses another `fit` meanwhile. One whose cell was stopped in the middle
 * would refuse for ever.
 */
export function watchFits(): void {
  const prototype = tf.LayersModel.prototype as unknown as { fit: Fit; fitDataset: Fit }
  for (const name of ['fit', 'fitDataset'] as const) {
    const original = prototype[name]
    prototype[name] = async function (...given) {
      const before = this.isTraining
      const isOver = whileWaiting(() => {
        this.isTraining = before
        // Should it go on all the same, it ends with its batch.
        this.stopTraining_ = true
      })
      try {
        return await original.apply(this, given)
      } finally {
        isOver()
      }
    }
  }
}
