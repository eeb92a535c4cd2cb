import * as tf from '@tensorflow/tfjs'
import { InputError } from '../../errors.js'

/**
 * The states of recurrent layers that are `stateful`, as variables. tfjs keeps a copy of the tensors that a layer ended with, which in a
 * recording are symbols without values: the states were lost there, and the layer could not be used again. A variable is what
 * compiled functions, gradients and runs know how to change and to put back. Nothing else is different: states go from batch to
 * batch, in training and in prediction, until `resetStates()`.
 */

/** A recurrent layer, with what tfjs keeps out of its types. */
interface Recurrent {
  name: string
  stateful: boolean
  states_: tf.Tensor[] | null
  cell: { stateSize: number | number[] }
  inputSpec: { shape?: (number | null)[] }[]
  computeSingleOutputShape?(shape: (number | null)[]): number[]
  resetStates(states?: tf.Tensor | tf.Tensor[] | null, training?: boolean): void
}

const kept = new WeakMap<object, tf.Variable[]>()

/** The variables that hold a layer's states; none before it is built, or where it is not stateful. */
export function statesOf(layer: object): readonly tf.Variable[] {
  const { stateful, states_ } = layer as Partial<Recurrent>
  return stateful && Array.isArray(states_) ? (states_ as tf.Variable[]) : []
}

/** The shapes of a layer's states; undefined where the size of a batch is not known. */
function shapesOf(layer: Recurrent): number[][] | undefined {
  const input = layer.inputSpec[0]?.shape
  const batch = input?.[0]
  if (!input || batch === null || batch === undefined) return undefined
  const sizes = [layer.cell.stateSize].flat()
  if (!layer.computeSingleOutputShape) return sizes.map((size) => [batch, size])
  const [, , ...rest] = layer.computeSingleOutputShape(input)
  return sizes.map(() => [batch, ...rest])
}

const same = (states: readonly tf.Tensor[], shapes: readonly number[][]) =>
  states.length === shapes.length && states.every(({ shape }, at) => tf.util.arraysEqual(shape, shapes[at]!))

const text = (shapes: readonly number[][]) => shapes.map((shape) => `[${shape.join(', ')}]`).join(' and ')

function write(layer: Recurrent, own: readonly tf.Variable[], states: readonly tf.Tensor[]): void {
  const shapes = own.map(({ shape }) => shape)
  if (!same(states, shapes))
    throw new InputError({
      where: `the states of the layer ${layer.name}`,
      received: states.length === 0 ? 'none' : text(states.map(({ shape }) => shape)),
      expected: text(shapes),
      fix: `A stateful layer takes batches of ${shapes[0]![0]} examples, no more and no fewer.`,
    })
  for (const [at, variable] of own.entries())
    if (states[at]!.dataId !== variable.dataId) variable.assign(states[at]!)
}

function zeros(shapes: readonly number[][]): tf.Variable[] {
  return tf.tidy(() => shapes.map((shape) => tf.variable(tf.zeros(shape), false)))
}

/** What a layer calls with the states that it came to, and a user to forget them. */
function resetStates(
  this: Recurrent,
  original: Recurrent['resetStates'],
  given?: tf.Tensor | tf.Tensor[] | null,
): void {
  const shapes = this.stateful ? shapesOf(this) : undefined
  // What tfjs refuses, it says.
  if (!shapes) return original.call(this, given)
  let own = kept.get(this)
  if (!own || !same(own, shapes)) {
    if (own) tf.dispose(own)
    kept.set(this, (own = zeros(shapes)))
  } else if (!given)
    tf.tidy(() => {
      for (const variable of own!) variable.assign(tf.zerosLike(variable))
    })
  if (given) write(this, own, [given].flat())
}

/** `RNN`, and the convolutional one, which has a `resetStates` of its own. */
function findClasses(): { prototype: Recurrent }[] {
  const { classNameMap } = tf.serialization.SerializationMap.getMap()
  const convolutional = classNameMap.ConvLSTM2D?.[0] as unknown as object | undefined
  return [tf.RNN, ...(convolutional ? [Object.getPrototypeOf(convolutional)] : [])] as never
}

/** Makes the states of all stateful recurrent layers variables, whatever backend is used. */
export function keepStatesInVariables(): void {
  const classes = findClasses()
  const { prototype: base } = classes[0]!
  // Another copy of this package in the process has done so.
  if (Object.hasOwn(base, 'states_')) return
  Object.defineProperty(base, 'states_', {
    configurable: true,
    get(this: Recurrent) {
      return kept.get(this) ?? null
    },
    // By `layer.states = [...]` and `setStates`; the constructor's null is what it is anyhow.
    set(this: Recurrent, states: tf.Tensor[] | null) {
      if (states) this.resetStates(states)
    },
  })
  for (const { prototype } of classes) {
    const original = prototype.resetStates
    prototype.resetStates = function (this: Recurrent, given) {
      resetStates.call(this, original, given)
    }
  }
}
