import type * as tf from '@tensorflow/tfjs'
import { compile, type Compiled, type CompileOptions } from './compile.js'

type TrainFunction = (data: tf.Tensor[]) => tf.Scalar[]

/** What `fit`, `fitDataset` and `trainOnBatch` ask a model for before they train. */
interface Trainer {
  makeTrainFunction(): TrainFunction
  optimizer_?: unknown
  lossFunctions?: unknown
  collectedTrainableWeights?: readonly { trainable: boolean }[]
  trainableWeights: readonly unknown[]
}

/**
 * Makes `model.fit`, `fitDataset` and `trainOnBatch` train through a compiled step: a graph for each batch size, recorded at
 * the first batch. The model is given back. It stays a model as before; `model.compile(…)` with another optimizer or loss leads to another
 * recording. Layers that draw random numbers need `withRandomness` around the call, or `{ otherwise: 'run' }`.
 *
 *     await compileTraining(model).fit(x, y, { epochs: 5 })
 */
export function compileTraining<M extends tf.LayersModel>(model: M, options: CompileOptions = {}): M {
  // A sequential model trains through the functional one inside of it.
  const trainer = ((model as unknown as { model?: Trainer }).model ?? model) as unknown as Trainer
  const original = trainer.makeTrainFunction
  let made: { step: Compiled<TrainFunction>; of: unknown[] } | undefined
  trainer.makeTrainFunction = function (this: Trainer) {
    const of = [this.optimizer_, this.lossFunctions, this.trainableWeights.length]
    if (!made || made.of.some((part, at) => part !== of[at])) {
      made?.step.dispose()
      made = { step: compile(original.call(this), options as CompileOptions<tf.Scalar[]>), of }
    }
    return made.step
  }
  return model
}
