/** What examples count in the loss: by what is known of each, and by their class. */
import * as tf from '@tensorflow/tfjs'
import type { Dataset, Parted } from '../../data/dataset.js'
import { rowsIn } from '../../data/table/parts.js'
import { ofTarget } from '../../data/table/target-part.js'
import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import type { AnyBatch, Batch } from './batch.js'
import type { Output, Trainee, Weights } from './trainee.js'

/** A field of the data beside x and y, [batch]; or a function that gives the weights of a batch. */
export type SampleWeight<B extends AnyBatch = Batch<string>> =
  | string
  | ((batch: B) => tf.Tensor | ArrayLike<number>)

/** Weights by class, its index or its name; of several outputs by theirs. */
export type ClassWeight =
  | { readonly [label: string]: number }
  | { readonly [output: string]: { readonly [label: string]: number } }

/** Where weights are asked for. */
interface Weighed {
  trainee: Pick<Trainee, 'several' | 'classes' | 'binary' | 'kindOf' | 'iteration'>
  settings: { sampleWeight?: SampleWeight | undefined; classWeight?: ClassWeight | undefined }
  data: Dataset
}

/** Refuses weights that this model and data have no use for. */
export function checkExampleWeights(weighed: Weighed, where: (option: string) => string): void {
  const { settings, trainee, data } = weighed
  for (const option of ['sampleWeight', 'classWeight'] as const)
    if (settings[option] !== undefined && trainee.iteration)
      throw new InputError({
        where: where(option),
        received: 'an own iteration, whose losses are its own',
        expected: `a loss; or weights in the iteration itself`,
      })
  const { sampleWeight, classWeight } = settings
  if (sampleWeight !== undefined) checkSampleWeight(sampleWeight, data, where('sampleWeight'))
  if (classWeight !== undefined) classWeights(weighed, classWeight, where('classWeight'))
}

function checkSampleWeight(given: unknown, data: Dataset, where: string): void {
  if (typeof given === 'function') return
  const fields = data.fields as
    | { readonly [field: string]: { shape: readonly number[]; dtype: string } }
    | undefined
  if (typeof given !== 'string')
    throw new InputError({
      where,
      received: describe(given),
      expected: "the name of a field beside x and y, e.g. 'weight'; or a function of the batch",
    })
  const spec = fields?.[given]
  // What a dataset of the user's own adds is known when it is drawn.
  if (!spec && fields === undefined && !('table' in data)) return
  if (spec && spec.dtype !== 'string' && spec.shape.every((size) => size === 1)) return
  throw new InputError({
    where,
    received: spec
      ? `${given}, ${spec.dtype} of shape [${spec.shape.join(', ')}]`
      : `'${given}', which ${data.name} has not`,
    expected: 'a field with one number an example',
    fix: spec ? undefined : `Give it beside x and y: { x, y, ${given} }.`,
  })
}

/** The weights that the batch has of each example; undefined where it has none. */
function sampleWeights({ settings }: Weighed, batch: AnyBatch): Float32Array | undefined {
  const { sampleWeight } = settings
  if (sampleWeight === undefined) return undefined
  const where = 'train(model, { sampleWeight })'
  const count = rowsIn(batch.x)
  const given: unknown =
    typeof sampleWeight === 'string'
      ? (batch as unknown as { [field: string]: unknown })[sampleWeight]
      : tf.tidy(() => {
          const made = sampleWeight(batch as Batch<string>)
          return made instanceof tf.Tensor ? tf.tensor1d(Float32Array.from(made.dataSync())) : (made as never)
        })
  const values = given instanceof tf.Tensor ? given.dataSync() : (given as ArrayLike<number> | undefined)
  if (typeof sampleWeight !== 'string' && given instanceof tf.Tensor) given.dispose()
  if (values?.length !== count)
    throw new InputError({
      where,
      received: `${describe(values)} for ${count} examples`,
      expected: 'a weight for each example of the batch, [batch]',
    })
  const weights = Float32Array.from(values)
  const wrong = weights.findIndex((weight) => !(weight >= 0 && weight < Infinity))
  if (wrong >= 0)
    throw new InputError({
      where,
      received: `the weight ${weights[wrong]} (example ${batch.ids[wrong]})`,
      expected: 'finite weights, 0 or more',
    })
  return weights
}

/** The weights by class of one target. */
interface OfClasses {
  output: string | undefined
  weight(label: number): number
  labels(y: Parted): ArrayLike<number>
}

function classWeights({ trainee, data }: Weighed, given: ClassWeight, where: string): OfClasses[] {
  const { several } = trainee
  if (typeof given !== 'object' || given === null)
    throw new InputError({ where, received: describe(given), expected: 'weights by class, { 0: 1, 1: 5 }' })
  if (!several) return [ofClasses(undefined, trainee, data, given as { [label: string]: number }, where)]
  const names = several.map(({ name }) => name)
  const byOutput = named(given as { readonly [output: string]: { [label: string]: number } }, names, where)
  return Object.entries(byOutput).map(([name, weights]) => {
    const output = several.find((one) => one.name === name)!
    const part = output.partIn(Object.keys(data.y.parts ?? {}))
    return ofClasses({ ...output, part }, output, ofTarget(data, part), weights, `${where}.${name}`)
  })
}

function ofClasses(
  output: (Pick<Output, 'name'> & { part: string }) | undefined,
  { classes, binary }: Pick<Trainee, 'classes' | 'binary'>,
  data: Dataset,
  given: { readonly [label: string]: number },
  where: string,
): OfClasses {
  const size = data.y.shape.reduce((product, axis) => product * axis, 1)
  const count = binary ? 2 : (classes ?? data.classes?.length)
  const isHot = !binary && size > 1 && size === count
  if (count === undefined || (size !== 1 && !isHot))
    throw new InputError({
      where,
      received: `weights by class for y of shape [${data.y.shape.join(', ')}]${count === undefined ? ', of a model that says no classes' : ''}`,
      expected: 'one class an example',
      fix: 'A weight for each example is sampleWeight, a field of the data or a function of the batch.',
    })
  const weights = new Float64Array(count).fill(1)
  for (const [label, weight] of Object.entries(given)) {
    const index = data.classes?.includes(label) ? data.classes.indexOf(label) : Number(label)
    if (!Number.isInteger(index) || index < 0 || index >= count)
      throw new InputError({
        where,
        received: `a weight for ${describe(label)}`,
        expected: `a class: ${data.classes ? data.classes.slice(0, 20).join(', ') : `0 to ${count - 1}`}`,
      })
    if (typeof weight !== 'number' || !(weight >= 0 && weight < Infinity))
      throw new InputError({
        where,
        received: `${describe(weight)} for ${label}`,
        expected: 'a weight, 0 or more',
      })
    weights[index] = weight
  }
  return {
    output: output?.name,
    weight: (label) => weights[label]!,
    labels(y) {
      const own = y instanceof tf.Tensor ? y : y[output!.part]!
      if (isHot) return tf.tidy(() => own.reshape([-1, size]).argMax(-1).dataSync())
      const values = own.dataSync()
      return binary ? Array.from(values, (value) => (value > 0.5 ? 1 : 0)) : values
    },
  }
}

/**
 * What the examples of a batch count, as a tensor; undefined where all count 1. As in Keras the loss is the mean over the batch
 * of each example's loss times its weight.
 *
 * @param own what each counts besides.
 */
export function trainingWeights(
  weighed: Weighed,
  batch: AnyBatch,
  own: readonly number[] | undefined,
): Weights | undefined {
  const { classWeight } = weighed.settings
  const sample = sampleWeights(weighed, batch)
  const ofEach = own && sample ? own.map((weight, i) => weight * sample[i]!) : (own ?? sample)
  if (classWeight === undefined) return ofEach && tf.tensor1d(Float32Array.from(ofEach))
  const count = rowsIn(batch.x)
  const ones = () => Float32Array.from({ length: count }, (_, i) => ofEach?.[i] ?? 1)
  const sides = classWeights(weighed, classWeight, 'train(model, { classWeight })').map(
    ({ output, weight, labels }) => {
      const found = labels(batch.y)
      return [output, tf.tensor1d(ones().map((one, i) => one * weight(found[i]!)))] as const
    },
  )
  const { several } = weighed.trainee
  if (!several) return sides[0]![1]
  const byOutput = new Map(sides)
  return Object.fromEntries(several.map(({ name }) => [name, byOutput.get(name) ?? tf.tensor1d(ones())]))
}

/** What the examples of an evaluation count: their own weights, where the data has some. Classes count alike. */
export function evaluationWeights(weighed: Weighed, batch: AnyBatch): Float32Array | undefined {
  const { sampleWeight } = weighed.settings
  return typeof sampleWeight === 'string' && !(sampleWeight in batch)
    ? undefined
    : sampleWeights(weighed, batch)
}
