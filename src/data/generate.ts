import * as tf from '@tensorflow/tfjs'
import { withRandomness } from '../backend/random/index.js'
import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import type { Dataset, Parted } from './dataset.js'
import { checkField, fromArrays, type OtherFields, type PartsOf } from './from.js'
import { byPlace, fromPlaces, isPlain } from './table/parts.js'
import { checkSeed, createRandom, stateOf, type Random } from './random.js'
import { columnFrom } from './table/column.js'

/** What a function that makes batches is given. */
export interface MakeAt<Model = unknown> {
  /** The iteration that the batch is for, counting from 1. */
  iteration: number
  /** Numbers of this seed and iteration alone: the same after undo, in a branch, in another process. */
  random: Random
  /** The model as it is trained, with the values that it has now; in a branch the branch's. Missing in `fixed`. */
  model: Model
  /** What the model holds beside its parameters (`state: { buffer }`), which may be changed here; of a model without, empty. */
  state: StateOf<Model>
}

type StateOf<Model> = Model extends { state: infer State } ? State : object

/**
 * Tensors, typed arrays or nested arrays by name (x and y also several of them, by theirs), the first axis of each = the examples of the batch. Tensors that are given
 * belong to the run, which ends them.
 */
export interface MadeBatch {
  readonly [field: string]: unknown
}

/** Training data without a length: each batch is made for its iteration. Made by `generate`. */
export interface Generated<
  Field extends string = never,
  X extends Parted = tf.Tensor,
  Y extends Parted = tf.Tensor,
> {
  readonly name: string
  /**
   * Some batches as a dataset, to evaluate on: those of another seed than the run's, made now and then the same.
   *
   * @param options.batches how many; default 1. @param options.seed default 0.
   * @example train(model, { data: waves, evaluateOn: await waves.fixed({ batches: 4, seed: 7 }), … })
   */
  fixed(options?: { batches?: number; seed?: number }): Promise<Dataset<Field, X, Y>>
  /** Makes the tensors of one batch, by their place: `x`, or `x.image` where it has parts. For who trains on it. */
  make(at: MakeAt): Promise<{ [field: string]: tf.Tensor }>
}

class Source implements Generated {
  readonly name: string
  readonly #make: (at: MakeAt<never>) => unknown
  /** Of each field the dtype that it had first. */
  readonly #dtypes = new Map<string, string>()

  constructor(make: (at: MakeAt<never>) => unknown, name: string) {
    this.name = name
    this.#make = make
  }

  async make(at: MakeAt): Promise<{ [field: string]: tf.Tensor }> {
    const where = `${this.name}, iteration ${at.iteration}`
    const given: unknown = await this.#make(at as MakeAt<never>)
    if (typeof given !== 'object' || given === null || Array.isArray(given) || given instanceof tf.Tensor)
      throw new InputError({
        where,
        received: `${describe(given)} from generate's function`,
        expected:
          '{ x, y, … }: tensors or arrays by name, the first axis of each = the examples of the batch',
      })
    const batch: { [field: string]: tf.Tensor } = {}
    for (const [field, value] of Object.entries(given)) {
      if (value === undefined) continue
      const isSide = field === 'x' || field === 'y'
      if (!isSide) checkField(field, where)
      for (const [place, one] of isSide && isPlain(value)
        ? byPlace(field, value)
        : [[field, value] as const]) {
        batch[place] = tensorOf(one, `${place} of ${where}`)
        this.#checkType(place, batch[place], where)
      }
    }
    checkRows(batch, where)
    return batch
  }

  /** A field that is whole numbers now and others then would be rounded, or read as classes, by turns. */
  #checkType(field: string, { dtype }: tf.Tensor, where: string): void {
    const before = this.#dtypes.get(field)
    if (before === undefined) this.#dtypes.set(field, dtype)
    else if (before !== dtype)
      throw new InputError({
        where,
        received: `${field} as ${dtype}, which was ${before} before`,
        expected: 'the same kind of numbers in each batch',
        fix: `Say which: a Float32Array or an Int32Array, or tf.tensor(…, '${before}').`,
      })
  }

  async fixed(options: { batches?: number; seed?: number } = {}): Promise<Dataset> {
    const where = `${this.name}.fixed(options)`
    const { batches = 1, seed = 0 } = named(options, ['batches', 'seed'], where)
    checkSeed(seed, where)
    if (!Number.isInteger(batches) || batches < 1)
      throw new InputError({
        where,
        received: `${describe(batches)} batches`,
        expected: 'a whole number, at least 1',
      })
    const made: { [field: string]: tf.Tensor }[] = []
    for (let i = 1; i <= batches; i++) {
      const random = randomOf(seed, i, fixedKey)
      const at = { iteration: i, random, model: undefined, state: {} }
      made.push(await withRandomness({ seed, iteration: i }, () => this.make(at)))
    }
    const whole: { [field: string]: tf.Tensor } = {}
    for (const field in made[0]!) whole[field] = tf.concat(made.map((one) => one[field]!))
    const dataset = fromArrays(fromPlaces(whole) as { x: tf.Tensor }, {
      name: `${this.name}, fixed`,
      split: 'validation',
    })
    tf.dispose([made, whole])
    return dataset
  }
}

const fixedKey = 0x1b873593
const madeKey = 0x5bd1e995

/** Neighbours differ in a few bits only: some rounds spread them over the whole state, as for a seed. */
function randomOf(seed: number, iteration: number, key: number): Random {
  const random = createRandom(stateOf(seed, iteration, key, 1))
  for (let round = 0; round < 12; round++) random.next()
  return random
}

/** What is drawn in an iteration, by whoever makes its batch or writes the iteration. */
export const randomAt = (seed: number, iteration: number): Random => randomOf(seed, iteration, madeKey)

function tensorOf(value: unknown, where: string): tf.Tensor {
  if (!(value instanceof tf.Tensor)) {
    const column = columnFrom(value, { where })
    return column.gather(Array.from({ length: column.length }, (_, row) => row)) as tf.Tensor
  }
  if (!value.isDisposed) return value
  throw new InputError({
    where,
    received: 'a tensor that is disposed',
    expected: 'one that is still there',
    fix: 'What is given belongs to the run, which ends it after its iteration: give constant.clone().',
  })
}

function checkRows(batch: { [field: string]: tf.Tensor }, where: string): void {
  const [first, ...others] = Object.keys(batch)
  if (first === undefined) return
  const rows = batch[first]!.shape[0]
  const other = others.find((field) => batch[field]!.shape[0] !== rows)
  if (rows !== undefined && rows > 0 && other === undefined) return
  tf.dispose(batch)
  const text = (field: string) => `${batch[field]!.shape[0] ?? 'no'} examples in ${field}`
  throw new InputError({
    where,
    received: other === undefined ? text(first) : `${text(first)} and ${text(other)}`,
    expected: 'as many in each field, at least one',
    ...(rows === undefined && {
      fix: 'A number for the whole batch is repeated for its examples: tf.fill([rows], number).',
    }),
  })
}

/**
 * Training data that is made while training: simulation, self-play, sampling from the model. Each iteration has the batch that
 * `make` gives for it, of as many examples as that says, by names as it says; it may await. It is keyed by seed and iteration:
 * `random`, `Math.random` and tfjs's unseeded random ops draw the same after undo, in a branch, and in another process.
 *
 * @example
 * const waves = generate(({ random }) => {
 *   const x = Float32Array.from({ length: 32 }, () => random.next())
 *   return { x, y: x.map(Math.sin) }
 * })
 */
export function generate<Made extends MadeBatch, Model = unknown>(
  make: (at: MakeAt<Model>) => Made | Promise<Made>,
  options: { name?: string } = {},
): Generated<OtherFields<Made>, PartsOf<Made['x']>, PartsOf<Made['y']>> {
  const { name = 'generated data' } = named(options, ['name'], 'generate(make, options)')
  if (typeof make === 'function') return new Source(make, name) as Generated as never
  throw new InputError({
    where: 'generate(make)',
    received: describe(make),
    expected: '({ iteration, random, model }) => ({ x, y, … })',
  })
}

/**
 * Whether `data` was made by `generate`.
 *
 * @example isGenerated(generate(() => ({ x: [[1]], y: [1] })))
 */
export const isGenerated = (data: unknown): data is Generated => data instanceof Source

/** What an iteration of one's own is given where it is trained without data. */
export const noData = (): Generated => new Source(() => ({}), 'no data')

/** In place of a dataset where there are no examples that stay. */
export function withoutExamples({ name }: { name: string }): Dataset {
  const none = (): never => {
    throw new InputError({
      where: name,
      received: 'examples by position',
      expected: 'none: a batch is made for its iteration, and gone after it',
    })
  }
  const spec = { shape: [0], dtype: 'float32' as const }
  return {
    name,
    split: 'train',
    length: 0,
    x: spec,
    y: spec,
    ids: [],
    positionOf: () => undefined,
    splitOf: () => undefined,
    at: none,
    valuesAt: none,
    digest: () => 'generated',
  }
}
