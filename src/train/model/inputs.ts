/** What a tf.LayersModel gets, from an x that is one tensor or several by name. */
import * as tf from '@tensorflow/tfjs'
import type { Dataset, FieldSpec, Parted } from '../../data/dataset.js'
import { InputError } from '../../errors.js'
import { fits } from '../loss/targets.js'
import { namesOfOutputs } from './place.js'

type Model = Pick<tf.LayersModel, 'layers' | 'inputs' | 'outputs'>

/** How the inputs, or the outputs, of a model are called: by tfjs, and by their place, in its order. */
interface Places {
  readonly what: 'input' | 'output'
  readonly names: readonly string[]
  readonly others: readonly string[]
}

/** A tf.sequential has no list of names. */
const namesOf = (tensors: Model['inputs']): string[] => tensors.map(({ sourceLayer }) => sourceLayer.name)

export const inputsOf = ({ inputs }: Model): Places => {
  const names = namesOf(inputs)
  return { what: 'input', names, others: names }
}

/** The outputs of a model by their place, which is the same in each process; tfjs's own names are known too. */
export const outputsOf = (model: Model): Places => ({
  what: 'output',
  names: namesOfOutputs(model),
  others: namesOf(model.outputs),
})

const list = (names: readonly string[]) => names.join(', ')

/** Of each place the key under which it is given: by its name, or where the keys are 0, 1, … by its order. Throws where they do not fit. */
export function keysOf(
  { what, names, others }: Places,
  keys: readonly string[],
  where: string,
  received: string,
): string[] {
  const isOrdered = keys.every((key, i) => key === String(i))
  const found = names.map((name, i) => {
    if (keys.includes(name)) return name
    if (keys.includes(others[i]!)) return others[i]!
    return isOrdered && i < keys.length ? String(i) : undefined
  })
  const missing = names.filter((_, i) => found[i] === undefined)
  const unused = keys.filter((key) => !found.includes(key))
  if (missing.length === 0 && unused.length === 0) return found as string[]
  const problems = [
    missing.length > 0 ? `no ${list(missing)}` : '',
    unused.length > 0 ? `${list(unused)}, which the model has no ${what} for` : '',
  ].filter(Boolean)
  const isMadeUp = names.some((name) => /^(input|dense_Dense)\d+$/.test(name))
  throw new InputError({
    where,
    received: `${received}: ${problems.join('; ')}`,
    expected: `the ${what}s of the model: ${list(names)}`,
    fix: isMadeUp
      ? `Name them, ${what === 'input' ? "tf.input({ name: 'image', … })" : "tf.layers.dense({ name: 'price', … })"}, or give tensors in their order, ${what === 'input' ? 'x' : 'y'}: [first, second].`
      : undefined,
  })
}

/** The tensors that a model takes for this x: in the order of its inputs. */
export function inputsFor(model: Model, x: Parted, where = 'x'): tf.Tensor | tf.Tensor[] {
  const { length } = model.inputs
  if (x instanceof tf.Tensor) {
    if (length === 1) return x
    throw new InputError({
      where,
      received: 'x as one tensor',
      expected: `the inputs of the model by name: ${list(inputsOf(model).names)}`,
      fix: `x: { ${list(inputsOf(model).names)} }, or an array of tensors in this order.`,
    })
  }
  const keys = keysOf(inputsOf(model), Object.keys(x), where, `x of { ${list(Object.keys(x))} }`)
  const tensors = keys.map((key) => x[key]!)
  return length === 1 ? tensors[0]! : tensors
}

const text = (shape: readonly (number | null)[]) => `[${shape.map((size) => size ?? '?').join(', ')}]`

/** Refuses an x that does not fit what the model takes. */
export function checkInputs(model: Model, data: Pick<Dataset, 'name' | 'x'>, where: string): void {
  const { parts } = data.x
  if (!parts) {
    if (model.inputs.length > 1)
      throw new InputError({
        where,
        received: `x as one tensor of shape ${text(data.x.shape)} in ${data.name}`,
        expected: `the ${model.inputs.length} inputs of the model by name: ${list(inputsOf(model).names)}`,
        fix: `Give data: { x: { ${list(inputsOf(model).names)} }, y }, or x as an array of tensors in this order.`,
      })
    return checkInput(data.x, model.inputs[0]!.shape.slice(1), data.name, 'x', where)
  }
  const names = Object.keys(parts)
  const keys = keysOf(inputsOf(model), names, where, `x of { ${list(names)} } in ${data.name}`)
  for (const [i, key] of keys.entries())
    checkInput(parts[key]!, model.inputs[i]!.shape.slice(1), data.name, `x.${key}`, where)
}

function checkInput(
  spec: FieldSpec,
  input: readonly (number | null)[],
  name: string,
  side: string,
  where: string,
): void {
  if (spec.ragged && input.length > 0 && input[0] !== null)
    throw new InputError({
      where,
      received: `${side} of sequences of different lengths in ${name}, for an input of ${input[0]} places`,
      expected: 'an input of any length, or sequences of one length',
      fix: `Give the input shape: [${['null', ...input.slice(1)].join(', ')}], or fill all up to one length: { pad: { ${side}: { length: ${input[0]} } } }.`,
    })
  if (fits(spec.shape, input)) return
  const sizes = input.filter((size) => size !== null)
  const flat = input.length === 1 && spec.shape.reduce((a, b) => a * b, 1) === input[0]
  throw new InputError({
    where,
    received: `${side} of shape ${text(spec.shape)} in ${name}`,
    expected: `${text(input)}, the model's inputShape`,
    fix: flat
      ? `Put tf.layers.flatten({ inputShape: [${spec.shape.join(', ')}] }) first, or load the data flat.`
      : `Give the first layer inputShape: [${spec.shape.join(', ')}], or reshape ${side} to [${sizes.join(', ')}].`,
  })
}
