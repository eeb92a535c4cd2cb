import * as tf from '@tensorflow/tfjs'
import { copyValues } from '../../backend/tfjs/copy.js'
import type { Dataset } from '../../data/dataset.js'
import { InputError } from '../../errors.js'
import { during } from '../../settle.js'
import { assignOnce } from './gradients.js'
import type { Parameter, Trainee } from './trainee.js'

/**
 * Recurrent layers that are stateful go on from the state in which the batch before left them. In a run that state is part of what
 * a forward pass moves, as the averages of a batch normalisation are: it goes from batch to batch, into snapshots, branches
 * and files, and back with `undo`. What only looks (an evaluation, a picture) starts from it, and leaves it as it was.
 */

/** Runs what only looks at a model: its states are put back. */
export function keepingStates<T>(states: readonly Parameter[], work: () => T): T {
  if (states.length === 0) return work()
  const before = states.map(({ variable }) => tf.keep(variable.clone()))
  return during(() => {
    for (const [at, { variable }] of states.entries())
      if (!before[at]!.isDisposed) assignOnce(variable, before[at]!)
    tf.dispose(before)
  }, work)
}

/** States that go from batch to batch of one look, which begins with the model's and ends with them. */
export class PassingStates {
  readonly #states: readonly Parameter[]
  #values: tf.TypedArray[] | undefined

  constructor({ states = [] }: Pick<Trainee, 'states'>) {
    this.#states = states
  }

  /** Looks at the next batch. */
  during<T>(work: () => T): T {
    if (this.#states.length === 0) return work()
    return keepingStates(this.#states, () => {
      tf.tidy(() => {
        for (const [at, values] of this.#values?.entries() ?? []) {
          const { variable } = this.#states[at]!
          variable.assign(tf.tensor(values, variable.shape))
        }
      })
      const result = work()
      this.#values = this.#states.map(({ variable }) => copyValues(variable))
      return result
    })
  }
}

/** Whether each batch goes on from the one before. */
export const isStateful = ({ states }: Pick<Trainee, 'states'>): boolean => (states?.length ?? 0) > 0

/** The number of examples that a stateful model takes at once; undefined of others. */
export function fixedBatch({ states, model }: Pick<Trainee, 'states' | 'model'>): number | undefined {
  if (!states?.length) return undefined
  return (model as Partial<tf.LayersModel>).inputs?.[0]?.shape[0] ?? states[0]!.variable.shape[0]
}

/** A state for each row of a batch has no place for batches of other sizes. */
export function checkSizes(
  trainee: Trainee,
  sizes: { batchSize?: number; batchSchedule?: object | undefined; evaluationBatchSize?: number },
  where: (option: string) => string,
): void {
  const fixed = fixedBatch(trainee)
  if (fixed === undefined) return
  for (const option of ['batchSize', 'evaluationBatchSize'] as const)
    if (sizes[option] !== undefined && sizes[option] !== fixed)
      throw new InputError({
        where: where(option),
        received: `batches of ${sizes[option]} for a model with stateful layers, which keep the states of ${fixed}`,
        expected: String(fixed),
        fix: `Leave ${option} out, or give the first layer batchInputShape: [${sizes[option]}, …].`,
      })
  if (sizes.batchSchedule)
    throw new InputError({
      where: where('batchSchedule'),
      received: `batches of changing sizes for a model with stateful layers, which keep the states of ${fixed}`,
      expected: 'no batchSchedule',
    })
}

/** The same for as many examples as there are. */
export function checkWholeBatches(trainee: Trainee, { length, name }: Dataset, where: string): void {
  const fixed = fixedBatch(trainee)
  if (fixed === undefined || length % fixed === 0) return
  throw new InputError({
    where,
    received: `${length} examples in ${name}, which are not whole batches of ${fixed}`,
    expected: `a multiple of ${fixed}, since a stateful layer keeps a state for each row of a batch`,
    fix: `Leave out ${length % fixed} examples.`,
  })
}

/** So many are left where most are excluded, or a subset is small. */
export function checkRows(trainee: Trainee, count: number): void {
  const fixed = fixedBatch(trainee)
  if (fixed === undefined || count === fixed) return
  throw new InputError({
    where: 'the training data',
    received: `${count} examples to draw from, for a model with stateful layers, which keep the states of ${fixed}`,
    expected: `at least ${fixed}`,
    fix: 'Take some back: run.include(ids), or run.undo().',
  })
}
