import type * as tf from '@tensorflow/tfjs'
import { InputError, describe } from '../../errors.js'
import { compile, type Compiled, type CompileOptions } from './compile.js'
import { maybeRandomness } from '../random/context.js'
import { withRandomness } from '../random/index.js'

type TrainFunction = (data: tf.Tensor[]) => tf.Scalar[]

/** What `fit`, `fitDataset` and `trainOnBatch` ask a model for before they train. */
interface Trainer {
  makeTrainFunction(): TrainFunction
  optimizer_?: unknown
  lossFunctions?: unknown
  collectedTrainableWeights?: readonly { trainable: boolean }[]
  trainableWeights: readonly unknown[]
}

export interface TrainingOptions extends CompileOptions {
  /** What dropout and noise are drawn from, with the number of the batch; another one each time unless set. */
  seed?: number
}

/**
 * Makes `model.fit`, `fitDataset` and `trainOnBatch` train through a compiled step: a graph for each batch size, recorded at
 * the first batch. The model is given back. It stays a model as before; `model.compile(…)` with another optimizer or loss leads to another
 * recording. Layers that drop or add noise do so by (seed, number of the batch), other masks in each; under `withRandomness` by
 * what that says.
 *
 *     await compileTraining(model, { seed: 1 }).fit(x, y, { epochs: 5 })
 */
export function compileTraining<M extends tf.LayersModel>(
  model: M,
  { seed = Math.floor(Math.random() * 2 ** 32), ...options }: TrainingOptions = {},
): M {
  // A sequential model trains through the functional one inside of it.
  const trainer = ((model as unknown as { model?: Trainer } | undefined)?.model ??
    model) as unknown as Trainer
  if (typeof trainer?.makeTrainFunction !== 'function')
    throw new InputError({
      where: 'compileTraining(model)',
      received: describe(model),
      expected: 'a tf.LayersModel that is built',
      fix: 'compileTraining(model) after model.compile({ loss, optimizer }); for a step of your own there is compile(step).',
    })
  const original = trainer.makeTrainFunction
  let made: { step: Compiled<TrainFunction>; run: TrainFunction; of: unknown[] } | undefined
  let batches = 0
  trainer.makeTrainFunction = function (this: Trainer) {
    const of = [this.optimizer_, this.lossFunctions, this.trainableWeights.length]
    if (!made || made.of.some((part, at) => part !== of[at])) {
      made?.step.dispose()
      const step = compile(original.call(this), options as CompileOptions<tf.Scalar[]>)
      const run: TrainFunction = (data) => {
        const iteration = ++batches
        return maybeRandomness() ? step(data) : withRandomness({ seed, iteration }, () => step(data))
      }
      made = { step, run, of }
    }
    return made.run
  }
  return model
}
