import * as tf from '@tensorflow/tfjs'
import { fromArrays } from '../../data/from.js'
import type { Dataset } from '../../data/dataset.js'
import { InputError } from '../../errors.js'
import { batchFrom, type AnyBatch } from '../model/batch.js'
import { tidily } from '../model/gradients.js'
import { keyOf } from '../order/key.js'
import { again } from '../rules/registry.js'
import type { Core } from '../state/core.js'
import { unwritten } from '../state/events.js'
import type { Numbers, Part, PartDone, SentBatch } from '../state/together.js'
import { iterateOnce } from '../step/iteration.js'
import { fieldsOf } from '../step/made.js'
import { gradientsAt } from '../step/update.js'
import type { Given } from '../adjust/parts.js'
import type { ReplicaOf } from './distribute.js'
import { createCore } from './train.js'

/** In a worker: a run like another one, which takes its values anew with each part that it is given. */
export class Replica {
  readonly #of: ReplicaOf
  #core: { readonly core: Core; readonly key: string } | undefined

  constructor(of: ReplicaOf) {
    this.#of = of
  }

  /** Does a part of a step. */
  do(part: Part): PartDone {
    const started = performance.now()
    const core = this.#coreFor(part)
    core.trainee.parameters.forEach(({ variable }, i) => set(variable, part.values[i]!))
    core.trainee.state.forEach(({ variable }, i) => set(variable, part.state[i]!))
    core.changed()
    const done = part.kind === 'gradients' ? this.#gradients(core, part) : this.#steps(core, part)
    const state = core.trainee.state.map(({ variable }) => variable.dataSync().slice() as Float32Array)
    return { ...done, state, milliseconds: performance.now() - started }
  }

  /** A run for these settings; another one where they have changed. */
  #coreFor(part: Part): Core {
    const { settings, optimizer, place } = part
    const key = JSON.stringify([settings, String(settings.freeze), optimizer, place])
    if (this.#core?.key === key) return this.#core.core
    const { seed, ...others } = settings as { seed: number }
    const made = again('optimizer', optimizer)
    if (!made)
      throw new InputError({
        where: 'run.distribute(options)',
        received: `an optimizer of your own, ${optimizer.name}`,
        expected: 'one of gradbook: adam, sgd, …',
      })
    const batch = batchOf(part.kind === 'gradients' ? part.batch : part.batches[0]!, part.iteration)
    const data = fromArrays(fieldsOf(batch), {
      name: 'batch',
      ...(this.#of.classes && { classes: this.#of.classes }),
    })
    tf.dispose(Object.values(batch) as tf.Tensor[])
    const core = createCore(this.#of.model, {
      ...this.#of.options,
      ...others,
      data: data as unknown as Dataset,
      optimizer: made,
      save: false,
      progress: false,
      // Workers drop other entries.
      seed: place === 0 ? seed : keyOf(seed, 'worker', place) % 2 ** 31,
      batchSize: data.length,
    } as unknown as Given)
    this.#core = { core, key }
    return core
  }

  #gradients(
    core: Core,
    { batch, iteration }: Extract<Part, { kind: 'gradients' }>,
  ): Omit<PartDone, 'state' | 'milliseconds'> {
    return tidily(() => {
      const found = gradientsAt(core, batchOf(batch, iteration), {
        ...(batch.weights && { weights: tf.tensor1d(batch.weights) }),
      })
      const byName = new Map(core.parameters.map(({ name }, i) => [name, found.gradients[i]]))
      for (const [i, { variable }] of core.trainee.state.entries()) variable.assign(found.state[i]!)
      return {
        values: core.trainee.parameters.map(
          ({ name }) => (byName.get(name)?.dataSync().slice() as Float32Array | undefined) ?? null,
        ),
        losses: [found.loss.dataSync()[0]!],
        norms: [],
        perExample: [(found.losses?.dataSync().slice() ?? new Float32Array()) as Float32Array],
      }
    })
  }

  #steps(
    core: Core,
    { batches, rates, iteration }: Extract<Part, { kind: 'steps' }>,
  ): Omit<PartDone, 'state' | 'milliseconds'> {
    // The optimizer begins anew, so that a worker that takes another's place does what it would have done.
    core.remakeSlots(() => true)
    core.state.updates = 0
    core.state.iteration = iteration - 1
    const losses: number[] = []
    const norms: number[] = []
    const perExample: Float32Array[] = []
    for (const [step, sent] of batches.entries()) {
      core.learningRate = () => rates[step]!
      core.nextPositions = () => new Int32Array()
      core.weightsOf = () => (sent.weights ? tf.tensor1d(sent.weights) : undefined)
      const outcome = iterateOnce(core, unwritten, {
        batch: batchOf(sent, iteration + step),
        started: performance.now(),
      })
      losses.push(outcome.loss)
      norms.push(outcome.gradientNorm)
      perExample.push(Float32Array.from(outcome.losses ?? []))
      if (outcome.finite) continue
      losses[step] = NaN
      break
    }
    for (let step = losses.length; step < batches.length; step++) {
      losses.push(NaN)
      norms.push(NaN)
      perExample.push(new Float32Array())
    }
    return {
      values: core.trainee.parameters.map(({ variable }) => variable.dataSync().slice() as Float32Array),
      losses,
      norms,
      perExample,
    }
  }
}

function set(variable: tf.Variable, { values, shape, dtype }: Numbers): void {
  tf.tidy(() => variable.assign(tf.tensor(values, [...shape], dtype as 'float32')))
}

function batchOf({ tensors, ids }: SentBatch, iteration: number): AnyBatch {
  const made = Object.fromEntries(
    Object.entries(tensors).map(([place, { values, shape, dtype }]) => [
      place,
      tf.tensor(values, [...shape], dtype as 'float32'),
    ]),
  )
  return { ...batchFrom(made), ids: [...ids], iteration }
}
