import * as tf from '@tensorflow/tfjs'
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import type { Dataset } from '../../data/dataset.js'
import { withRandomness } from '../../backend/random/index.js'
import { randomAt } from '../../data/generate.js'
import type { Random } from '../../data/random.js'
import { describe, InputError, Interrupted } from '../../errors.js'
import { atomically, committing, during, whileWaiting } from '../../settle.js'
import { findChanged } from './finite.js'
import { bindOptimizers, type BoundOptimizer } from './bound-optimizers.js'
import type { Core } from '../state/core.js'
import type { Events } from '../state/events.js'
import { countIteration, type Outcome } from './outcome.js'
import { isFiniteUpdate } from './update.js'
import { saveAll, type Saved } from './saved.js'
import { makeBatch, takeHeld } from './made.js'
import { scoped, turn } from './scoped.js'
import { whileStill } from '../model/norms.js'
import { checkOptimizer } from '../rules/options.js'
import { namingExample } from './outside.js'
import {
  borrowingTrainee,
  flattenParameters,
  heldOf,
  ownPass,
  predicted,
  type OwnLoss,
  type OwnModel,
  type ParameterTree,
} from '../model/own.js'
import { tidily } from '../model/gradients.js'
import { averageOf } from '../state/slots.js'
import { movedAverage } from './step.js'
import type { Trainee } from '../model/trainee.js'
import type { Parted } from '../../data/dataset.js'
import { tensorsOf, type AnyBatch, type Batch } from '../model/batch.js'

/** What an own iteration gets besides its batch. */
export interface IterationTools<State extends object = object> {
  optimizers: { readonly [name: string]: BoundOptimizer }
  /** Counting from 1. */
  iteration: number
  /** Numbers of the run's seed and this iteration alone: the same after undo, in a branch, in another process. */
  random: Random
  /** The model's, of this run. */
  state: State
}

/** What is undefined is not there. */
type IterationValues = { loss: number | tf.Tensor; [more: string]: number | tf.Tensor | undefined }

/** A model whose iteration is the user's own: several losses and optimizers, as in a GAN or an actor-critic. */
export interface OwnIteration<B extends AnyBatch = Batch, State extends object = object> {
  parameters: ParameterTree
  /**
   * What goes on beside the parameters: a replay buffer, an environment, a count. Undo, branches and disk keep it, and an iteration
   * that fails takes it back: plain data, tensors, and objects with `copy`, `encode` and `decode`.
   */
  state?: State
  /** By name. Default: the optimizer that is passed to `train`, as `optimizer`. */
  optimizers?: { readonly [name: string]: Optimizer }
  /**
   * One iteration: updates by the optimizers it gets, and numbers (or scalars) for the history. Tensors made before the
   * first `await` end by themselves; after one, use tf.tidy. What it throws takes back all it has changed.
   */
  iteration(batch: B, tools: IterationTools<State>): IterationValues | Promise<IterationValues>
  /** For evaluations. */
  loss?(batch: B): OwnLoss
  predict?(x: B['x'], batch: B): Parted
  /** The same with parameters of its own, for a branch. Default: a branch lends its values to the original while its iteration runs. */
  copy?(): OwnIteration<B>
  /** Throws where examples of this kind do not fit; called by `train`. `where`: the option they were passed as. Default: nothing. */
  checkData?(data: Dataset, where: string): void
}

/**
 * A model with an own iteration, as something to train.
 *
 * @param optimizer of a model that brings none.
 */
export function iterationTrainee(model: OwnIteration, optimizer?: Optimizer): Trainee {
  const optimizers = model.optimizers ?? (optimizer && { optimizer })
  const names = Object.keys(optimizers ?? {})
  if (names.length === 0)
    throw new InputError({
      where: 'train({ optimizers })',
      received: describe(optimizers),
      expected:
        'at least one optimizer, e.g. { g: adam({ learningRate: 1e-4 }), d: adam({ learningRate: 1e-4 }) }',
    })
  for (const name of names) checkOptimizer(optimizers![name], `train({ optimizers: { ${name} } })`)
  const { still, ...flat } = flattenParameters(model.parameters)
  return {
    model,
    ...flat,
    lossName: 'own iteration',
    saysMore: true,
    ...heldOf(model),
    iteration: (batch, tools) => model.iteration(batch as Batch, tools as IterationTools),
    optimizers: optimizers!,
    ...(model.loss && {
      pass: (batch, options) =>
        whileStill(options.training ? still : [], () =>
          ownPass(model as OwnModel, batch, { ...options, parameters: flat.parameters }),
        ),
    }),
    ...(model.predict && { predict: (batch: AnyBatch) => predicted(model, batch) }),
    checkData: (data, where) => model.checkData?.(data, where),
    copy: () =>
      model.copy
        ? iterationTrainee(model.copy(), optimizer)
        : borrowingTrainee(model, (lent) => iterationTrainee(lent, optimizer)),
  }
}

/** One iteration of the user's own. It counts as a whole: an error, or a value that is not finite, takes all of it back. */
export async function iterateOwn(core: Core, journal: Events): Promise<Outcome> {
  const done = await turn()
  try {
    return await oneOwnIteration(core, journal, done)
  } finally {
    done()
  }
}

async function oneOwnIteration(core: Core, journal: Events, letNext: () => void): Promise<Outcome> {
  const started = performance.now()
  const cursor = core.state.order.state()
  const { held } = core.trainee
  const heldBefore = takeHeld(core)
  let saved: Saved | undefined
  let giveBack = () => {}
  const tensorsBefore = held?.tensors() ?? new Set()
  /** What ends with it, the latest first. */
  const ends = [letNext]
  const end = (isMade: boolean) => {
    if (!isMade) {
      giveBack()
      saved?.restore()
      if (heldBefore) held!.restore(heldBefore)
      core.state.order.restore(cursor)
    }
    for (const one of ends.toReversed()) one()
  }
  let isLeft = false
  const isWaiting = whileWaiting(() => {
    isLeft = true
    end(false)
  }, core)
  try {
    atomically(() => {
      saved = saveAll(core)
      ends.push(saved.release)
    })
    const positions = core.nextPositions()
    core.trainee.borrow?.begin({
      keepParameters: true,
      keepHeld: true,
      hold: (finish) => (giveBack = finish),
    })
    const batch = core.source ? await makeBatch(core) : tidily((keep) => keep(core.batchAt(positions)))
    const endBatch = () => tf.dispose(tensorsOf(batch))
    ends.push(endBatch)
    if (isLeft) {
      endBatch()
      throw new Interrupted(core.state.iteration, undefined)
    }
    const norms: number[] = []
    const given = await scoped(ends, () =>
      withRandomness(core.randomnessOf(batch.iteration), () =>
        namingExample(batch, () =>
          core.trainee.iteration!(batch, {
            optimizers: bindOptimizers(core, { norms, changing: saved!.changing }, batch),
            iteration: batch.iteration,
            random: randomAt(core.settings.seed, batch.iteration),
            state: (core.trainee.borrow?.held ?? held)?.root ?? {},
          }),
        ),
      ),
    )
    // Given up while it waited, it was taken back: what it goes on to do is no part of the run.
    if (!isWaiting()) throw new Interrupted(core.state.iteration, undefined)
    return committing((begins) => {
      let isMade = false
      return during(
        () => end(isMade),
        () => {
          const { loss, ...more } = numbersOf(given)
          giveBack()
          const learningRate = core.learningRate()
          const gradientNorm = Math.hypot(...norms)
          const rates = Object.values(core.state.peaks).map((peak) => core.learningRate(undefined, peak))
          const written = findChanged(core, saved!.isChanged)
          const finite =
            Number.isFinite(loss) &&
            written === undefined &&
            rates.every((rate) => isFiniteUpdate(gradientNorm, rate))
          const outcome = {
            finite,
            loss: loss!,
            gradientNorm,
            learningRate,
            positions,
            losses: undefined,
            ...(written !== undefined && { written }),
            more,
          }
          if (!finite) return outcome
          begins()
          moveAverages(core)
          for (const name of Object.keys(core.state.peaks).slice(1))
            more[`learningRate_${name}`] = core.learningRate(undefined, core.state.peaks[name])
          core.changed()
          countIteration(core, outcome, performance.now() - started, journal)
          isMade = true
          held?.endOthers(tensorsBefore)
          return outcome
        },
      )
    })
  } catch (error) {
    if (isWaiting()) end(false)
    throw error
  }
}

/** The averages that the run keeps of its parameters follow their new values. */
function moveAverages({ settings, trainee, slots }: Core): void {
  const { ema } = settings
  if (ema === undefined) return
  tf.tidy(() => {
    for (const { name, variable } of trainee.parameters) {
      const average = slots.get(averageOf(name))?.average
      average?.assign(movedAverage(average, variable, tf.scalar(ema)))
    }
  })
}

function numbersOf(given: IterationValues): { [name: string]: number } {
  const bad = (received: string) =>
    new InputError({
      where: 'train({ iteration })',
      received,
      expected: '{ loss, … }: numbers or scalar tensors',
    })
  if (typeof given !== 'object' || given === null || given instanceof tf.Tensor) throw bad(describe(given))
  if (given.loss === undefined) throw bad(`${describe(given)} without a loss`)
  const entries = Object.entries(given).flatMap(([name, value]): [string, number][] => {
    if (value === undefined) return []
    if (typeof value === 'number') return [[name, value]]
    if (!(value instanceof tf.Tensor) || value.size !== 1) throw bad(`${describe(value)} as ${name}`)
    return [[name, value.dataSync()[0]!]]
  })
  tf.dispose(Object.values(given).filter((value) => value instanceof tf.Tensor))
  return Object.fromEntries(entries)
}
