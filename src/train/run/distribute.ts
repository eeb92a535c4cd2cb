import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { again } from '../rules/registry.js'
import type { Core } from '../state/core.js'
import { disposeSlots, outerOf } from '../state/slots.js'
import type { Replicas } from '../state/together.js'

/** The options that a worker's own run has of the run that it trains along with. */
const sharedOptions = ['loss', 'lossWeights', 'sampleWeight', 'classWeight'] as const

/** What a worker makes its run of. */
export interface ReplicaOf {
  readonly model: unknown
  readonly options: { readonly [option: string]: unknown }
  /** Names of the classes of the data, where it has some. */
  readonly classes?: readonly string[]
}

/** What is sent of a run to those who train along. */
export function replicaOf({ given, data }: Core): ReplicaOf {
  const all = given!.options as { readonly [option: string]: unknown }
  return {
    model: given!.model,
    options: Object.fromEntries(
      sharedOptions.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])),
    ),
    ...(data.classes && { classes: data.classes }),
  }
}

/** Who may train a run along: an engine of `gradbook/sweep`. */
export interface ReplicaEngine {
  readonly name: string
  /** Starts so many workers with a run like this one. @throws InputError naming what cannot be sent. */
  replicas(of: ReplicaOf, workers: number, where: string): Promise<Replicas>
}

export interface DistributeOptions {
  /** How many train along. `workers: 4` */
  workers: number
  /**
   * Iterations between two averages. 1: of each batch every worker has a share, and the gradients are averaged. More: each worker
   * makes so many iterations by itself, on batches of its own, then the parameters are averaged. Default: 1. `every: 100`
   */
  every?: number
  /** Who does it. `engine: local()`, of gradbook/sweep */
  engine: ReplicaEngine
  /** Of the step that averaged parameters are moved by, where `every` is above 1. Default: 0.7. `outerLearningRate: 0.7` */
  outerLearningRate?: number
  /** Its Nesterov momentum. Default: 0.9. `outerMomentum: 0.9` */
  outerMomentum?: number
}

/** How a run is distributed, as data. */
export interface Distribution {
  readonly workers: number
  readonly every: number
  /** Averages so far. */
  readonly rounds: number
  /** Bytes of parameters and gradients, there and back, of all workers. */
  readonly bytes: number
}

const where = 'run.distribute(options)'
const known = ['workers', 'every', 'engine', 'outerLearningRate', 'outerMomentum']

/** Begins to train with several workers, or, with null, alone again. */
export async function distribute(core: Core, given: DistributeOptions | null): Promise<void> {
  if (given === null) return end(core)
  const {
    workers,
    every = 1,
    engine,
    outerLearningRate = 0.7,
    outerMomentum = 0.9,
  } = named(given, known, where)
  for (const [name, value] of Object.entries({ workers, every }))
    if (!Number.isInteger(value) || value < 1)
      throw new InputError({
        where: `run.distribute({ ${name} })`,
        received: describe(value),
        expected: 'a whole number, at least 1',
      })
  for (const [name, value, most] of [
    ['outerLearningRate', outerLearningRate, Infinity],
    ['outerMomentum', outerMomentum, 1],
  ] as const)
    if (typeof value !== 'number' || !(value >= 0 && value < most))
      throw new InputError({
        where: `run.distribute({ ${name} })`,
        received: describe(value),
        expected: `a number of at least 0${most === 1 ? ', below 1' : ''}`,
      })
  if (typeof engine?.replicas !== 'function')
    throw new InputError({
      where: 'run.distribute({ engine })',
      received: describe(engine),
      expected: 'an engine of gradbook/sweep',
      fix: "import { local } from 'gradbook/sweep'; run.distribute({ workers: 2, engine: local() }).",
    })
  checkCan(core, every)
  const replicas = await engine.replicas(replicaOf(core), workers, `run '${core.name}', ${where}`)
  end(core)
  core.together = {
    every,
    outer: { learningRate: outerLearningRate, momentum: outerMomentum },
    replicas,
    rounds: 0,
    bytes: 0,
  }
}

function checkCan({ trainee, source, settings, given }: Core, every: number): void {
  const { optimizer, accumulate, ema } = settings
  const problem = trainee.iteration
    ? ['an iteration of your own', 'a loss and an optimizer']
    : source
      ? ['batches that a function makes', 'examples that stay']
      : trainee.held
        ? ['a model with a state of its own beside its parameters', 'parameters alone']
        : !again('optimizer', { name: optimizer.name, settings: optimizer.settings })
          ? [`an optimizer of your own, ${optimizer.name}`, 'one of gradbook: adam, sgd, …']
          : every > 1 && (accumulate ?? 1) > 1
            ? ['accumulated gradients beside every above 1', 'every: 1, or no accumulate']
            : every > 1 && ema !== undefined
              ? ['averages of the parameters (ema) beside every above 1', 'every: 1, or no ema']
              : !given
                ? ['a run of a stage of its own', 'a run that train made']
                : undefined
  if (problem) throw new InputError({ where, received: problem[0]!, expected: problem[1]! })
}

function end(core: Core): void {
  core.together?.replicas.close()
  core.together = undefined
  // An outer step has a meaning for those who make it alone.
  const keys = new Set(core.trainee.parameters.map(({ name }) => outerOf(name)))
  disposeSlots(core.slots, (key) => keys.has(key))
}

export function distributionOf({ together }: Core): Distribution | undefined {
  if (!together) return undefined
  const { every, rounds, bytes, replicas } = together
  return { workers: replicas.size, every, rounds, bytes }
}
