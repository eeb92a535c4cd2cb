import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../../errors.js'
import type { EvaluationDetail } from '../../mistakes/detail.js'
import { committing, during } from '../../settle.js'
import { mistakeAt } from '../../mistakes/rows.js'
import type { IterationView, ParameterRow } from '../../views.js'
import { readActivations } from '../model/activations.js'
import { openCompiled } from '../step/compiled.js'
import { readScalars } from '../model/said.js'
import type { Core } from '../state/core.js'
import type { Events } from '../state/events.js'
import { reachOf } from '../step/finite.js'
import { takenFor, type Taken } from '../step/evaluate.js'
import type { NamedTensors, Parted } from '../../data/dataset.js'
import { tensorsIn } from '../../data/table/parts.js'
import { isOwn } from './primitives.js'
import { nextMade } from '../step/made.js'
import { Making } from '../step/making.js'
import { countIteration } from '../step/outcome.js'
import { commit, isFiniteUpdate } from '../step/update.js'
import type { Course } from './course.js'
import { makePlanned, stretch } from './loop.js'
import { tidily } from '../model/gradients.js'
import { openIteration } from '../step/open-iteration.js'
import { tensorsOf, type AnyBatch, type Batch } from '../model/batch.js'

/** What is predicted of such a y. */
export type PredictionsOf<Y> = Y extends tf.Tensor ? tf.Tensor : NamedTensors

/** One iteration, opened up. Its tensors stay until `dispose()` is called. */
export interface InspectedIteration<
  Parameters extends string = string,
  B extends AnyBatch = Batch,
> extends IterationView {
  ids: number[]
  batch: B
  /** By the names of the outputs where there are several. Probabilities where the loss is a cross-entropy, else the model's outputs; made before the update. */
  predictions: PredictionsOf<B['y']> | undefined
  /** Loss of each example of the batch. */
  losses: Float32Array
  /** As they come from the loss, before clipping. */
  gradients: { [parameter in Parameters]: tf.Tensor }
  /** What was added to each parameter. */
  updates: { [parameter in Parameters]: tf.Tensor }
  dispose(): void
}

type Opened = Omit<InspectedIteration<string, AnyBatch>, 'predictions'> & { predictions: Parted | undefined }

/** Whether `run.iterate(n, { inspect })` opens an iteration up; refuses what cannot be. */
export function isInspected(core: Core, n: number, inspect: unknown): boolean {
  if (inspect === false) return false
  if (inspect !== true && inspect !== 'compiled')
    throw new InputError({
      where: 'run.iterate(1, { inspect })',
      received: describe(inspect),
      expected: "true, false or 'compiled'",
    })
  if (n !== 1)
    throw new InputError({
      where: 'run.iterate(n, { inspect: true })',
      received: `n = ${n}`,
      expected: '1: one iteration is opened up at a time',
    })
  if (core.trainee.iteration) throw isOwn('run.iterate(1, { inspect: true })')
  return true
}

/** Makes the next iteration of the run, opened up. */
export async function inspectNext<B extends AnyBatch>(
  course: Course,
  { compiled }: { compiled: boolean },
): Promise<InspectedIteration<string, B>> {
  const { core, journal } = course
  await makePlanned(course)
  const made = core.source && (await nextMade(core))
  const { iteration } = core.state
  const end = () => {
    if (!made || core.state.iteration > iteration) return
    tf.dispose(tensorsOf(made.batch))
    if (made.before) core.trainee.held!.restore(made.before)
  }
  const inspected = during(end, () => inspectOnce(core, journal, compiled, made?.batch))
  if (inspected) return inspected as unknown as InspectedIteration<string, B>
  // The same iteration on the usual path says what is wrong.
  await stretch(course, { iterations: 1, spent: 'done' })
  throw new InputError({
    where: 'run.iterate(1, { inspect: true })',
    received: core.state.stopReason?.message ?? 'an update that is not finite',
    expected: 'a finite one',
  })
}

/**
 * One iteration with everything it is made of. The same functions as in `iterateOnce`, run op by op, so breakpoints and
 * console.log in the model fire and the numbers are those of any other iteration. `compiled`: as a graph of its own over the
 * same state, recorded once, for those who open up many; it throws an InputError where the loss cannot be recorded.
 *
 * @returns undefined where the update was not finite, and so not made.
 */
function inspectOnce(
  core: Core,
  journal: Events,
  compiled: boolean,
  made: AnyBatch | undefined,
): Opened | undefined {
  return committing((begins) => openUp(core, journal, compiled, made, begins))
}

function openUp(
  core: Core,
  journal: Events,
  compiled: boolean,
  made: AnyBatch | undefined,
  begins: () => void,
): Opened | undefined {
  const started = performance.now()
  const making = new Making(core)
  return making.during(() => {
    const inspected = tidily((keep) => {
      const positions = core.nextPositions()
      const batch = made ?? core.batchAt(positions)
      const learningRate = core.learningRate()
      const pace = core.paceOf(batch.ids.length)
      const given = [core, batch, core.weightsOf(batch, positions), learningRate, pace] as const
      const opened = compiled ? openCompiled(...given) : openIteration(...given)
      const { found, norm, updates } = opened
      const activations = readActivations(opened.activations)
      const [loss, gradientNorm] = [found.loss.dataSync()[0]!, norm.dataSync()[0]!]
      if (!Number.isFinite(loss) || !isFiniteUpdate(gradientNorm, learningRate)) return undefined
      if (reachOf(core).findPlanned({ gradientNorm, learningRate, pace }, updates, found.state))
        return undefined
      const losses = (found.losses?.dataSync().slice() ?? new Float32Array()) as Float32Array
      const changes = updates.map(
        ({ parameter: { variable }, value }) => value?.sub(variable) ?? tf.zerosLike(variable),
      )
      const rows = core.parameters.map(({ name, variable }, i): ParameterRow => ({
        name,
        shape: variable.shape,
        norm: lengthOf(variable),
        gradientNorm: found.gradients[i] ? lengthOf(found.gradients[i]) : 0,
        updateNorm: lengthOf(changes[updates.findIndex(({ parameter }) => parameter.name === name)]),
      }))
      const examples = examplesOf(core, batch, positions, losses, found.predictions)
      const more = readScalars(found.said)
      const outcome = { finite: true, loss, gradientNorm, learningRate, positions, losses, more, pace }
      begins()
      making.finish(() => {
        commit(core, updates, found.state)
        reachOf(core).made()
        countIteration(core, outcome, performance.now() - started, journal)
      })
      const byName = (tensors: readonly (tf.Tensor | null)[], names: readonly string[]) =>
        Object.fromEntries(tensors.flatMap((tensor, i) => (tensor ? [[names[i]!, tensor]] : [])))
      return {
        kind: 'iteration' as const,
        iteration: core.state.iteration,
        loss,
        learningRate,
        gradientNorm,
        examples,
        parameters: rows,
        ...(activations.length > 0 && { activations }),
        ids: batch.ids,
        batch: keep(batch),
        predictions: keep(found.predictions),
        losses,
        gradients: keep(
          byName(
            found.gradients,
            core.parameters.map(({ name }) => name),
          ),
        ),
        updates: keep(
          byName(
            changes,
            updates.map(({ parameter }) => parameter.name),
          ),
        ),
      }
    })
    if (!inspected) return undefined
    const { batch, predictions, gradients, updates } = inspected
    const dispose = () => {
      tf.dispose([...Object.values(tensorsOf(batch)), ...Object.values(gradients), ...Object.values(updates)])
      if (predictions) tf.dispose(tensorsIn(predictions).map(([, tensor]) => tensor))
    }
    return { ...inspected, dispose }
  })
}

function lengthOf(tensor: tf.Tensor | undefined): number {
  return tensor ? tf.tidy(() => tensor.square().sum().sqrt().dataSync()[0]!) : 0
}

function examplesOf(
  core: Core,
  batch: AnyBatch,
  positions: Int32Array,
  losses: Float32Array,
  predictions: Parted | undefined,
) {
  const seen = predictions ? takenFor(core, batch, predictions) : {}
  return Array.from(positions, (position, i) => {
    const single: EvaluationDetail = {
      iteration: batch.iteration,
      dataset: core.data,
      losses: spread(position, losses[i] ?? NaN),
      ...takenAt(seen, position, i),
      ...(seen.outputs && {
        outputs: Object.fromEntries(
          Object.entries(seen.outputs).map(([name, { part, ...taken }]) => [
            name,
            { part, ...takenAt(taken, position, i) },
          ]),
        ),
      }),
    }
    return mistakeAt(single, position, core.state.labels.get(position))
  })
}

function takenAt(
  { predicted, probability, right }: Taken,
  position: number,
  i: number,
): Pick<EvaluationDetail, 'predicted' | 'probability' | 'right'> {
  return {
    ...(predicted && { predicted: spread(position, predicted[i]!) }),
    ...(probability && { probability: spread(position, probability[i]!) }),
    ...(right && { right: spread(position, right[i]!) as unknown as Uint8Array }),
  }
}

/** A value that can be read at one position. */
function spread(position: number, value: number): Float32Array {
  return { [position]: value } as unknown as Float32Array
}
