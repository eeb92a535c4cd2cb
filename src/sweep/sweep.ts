import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import type { Engine } from './engine.js'
import { here } from './engines/here.js'
import type { Pruner } from './pruning/pruner.js'
import { random } from './search/random.js'
import type { Search } from './search/search.js'
import { entriesOf, type ParametersOf, type Space } from './space.js'
import { Study } from './study.js'
import { objectivesFrom, type ObjectiveOption, type Outcome } from './trial.js'
import type { TrialContext } from './work.js'

export interface SweepOptions<S extends Space> {
  /** What is tried: `{ learningRate: logUniform(1e-4, 1e-1), width: integer(8, 256, { log: true }) }`. */
  space: S
  /**
   * Makes a run with these parameters and trains it, as any cell does. Gives the run (its last evaluation counts), an evaluation or
   * numbers by name, or the number itself where there is one objective; without any the last evaluation of its runs counts.
   */
  trial: (parameters: ParametersOf<S>, context: TrialContext) => Outcome | object | Promise<Outcome | object>
  /** A number that evaluations have; whether larger is better is known of metrics, else smaller is. Several: an array. Default: 'loss'. */
  objective?: ObjectiveOption | readonly ObjectiveOption[]
  /** How parameters are chosen. Default: `random()`. */
  search?: Search
  /** What ends trials early. Default: nothing does. `asha({ from: 100 })` */
  pruner?: Pruner
  /** Passes through each trial, each with a seed of its own; what counts is their mean. Default: 1. A number, or the seeds. */
  repeat?: number | readonly number[]
  /** Who does the trials. Default: `here()`, this process. */
  engine?: Engine
  /** Of its folder, `sweeps/NAME`: the same call goes on where the study stands, also in a new process. Default: none, in memory alone. */
  name?: string
  /** Whether it is shown while it runs. Default: true. */
  progress?: boolean
}

const known = ['space', 'trial', 'objective', 'search', 'pruner', 'repeat', 'engine', 'name', 'progress']

function seedsFrom(repeat: unknown): readonly number[] {
  if (Number.isInteger(repeat) && (repeat as number) >= 1)
    return Array.from({ length: repeat as number }, (_, i) => i + 1)
  const seeds = repeat as readonly number[]
  if (
    Array.isArray(seeds) &&
    seeds.length > 0 &&
    seeds.every(Number.isFinite) &&
    new Set(seeds).size === seeds.length
  )
    return [...seeds]
  throw new InputError({
    where: 'sweep({ repeat })',
    received: describe(repeat),
    expected: 'how many seeds each trial is trained with, or the seeds: 5, [1, 2, 3]',
  })
}

/**
 * Makes a study: many trainings of one kind over a space of parameters. Nothing is trained yet.
 *
 * @throws InputError where the options do not fit, or a study of another kind has the name.
 * @example
 * const modelOf = (units: number) => tf.sequential({ layers: [tf.layers.dense({ units, inputShape: [784] })] })
 * const study = sweep({
 *   name: 'rates',
 *   space: { learningRate: logUniform(1e-3, 1), units: choice([8, 16]) },
 *   objective: 'loss',
 *   trial: async ({ learningRate, units }) => {
 *     const run = train(modelOf(units), { data: data.train, evaluateOn: data.validation, loss: 'meanSquaredError', optimizer: adam({ learningRate }) })
 *     await run.iterate(200)
 *     return run
 *   },
 * })
 * await study.run(20)
 * study.best?.parameters
 */
export function sweep<const S extends Space>(given: SweepOptions<S>): Study<S> {
  const options = named(given, known, 'sweep(options)')
  const {
    space,
    trial,
    objective = 'loss',
    search = random(),
    pruner,
    repeat = 1,
    engine = here(),
    name,
    progress = true,
  } = options
  const entries = entriesOf(space, 'sweep({ space })')
  const check = (option: string, value: unknown, ok: boolean, expected: string) => {
    if (!ok) throw new InputError({ where: `sweep({ ${option} })`, received: describe(value), expected })
  }
  check('trial', trial, typeof trial === 'function', '(parameters, context) => the run that it has trained')
  check('search', search, typeof search?.begin === 'function', 'random(), sobol(), grid() or optuna()')
  check(
    'pruner',
    pruner,
    pruner === undefined || typeof pruner?.verdict === 'function',
    'asha({ from: 100 }) or median()',
  )
  check('engine', engine, typeof engine?.open === 'function', 'here()')
  check('progress', progress, typeof progress === 'boolean', 'true or false')
  check(
    'name',
    name,
    name === undefined || (typeof name === 'string' && /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,99}$/u.test(name)),
    "the name of a folder: letters, digits, spaces, '.', '_', '-', beginning with a letter or digit",
  )
  const objectives = objectivesFrom(objective, 'sweep({ objective })')
  if (pruner && objectives.length > 1)
    throw new InputError({
      where: 'sweep({ pruner })',
      received: `${pruner.name} beside ${objectives.length} objectives`,
      expected: 'one objective, by which trials are compared before their end',
    })
  const seeds = seedsFrom(repeat)
  return new Study<S>({ name, entries, trial, objectives, search, pruner, seeds, engine, progress })
}
