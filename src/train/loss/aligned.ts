import * as tf from '@tensorflow/tfjs'
import { Untraceable } from '../../backend/compile/trace.js'
import { GradbookError, InputError } from '../../errors.js'
import { during } from '../../settle.js'
import { say } from '../../say.js'

/**
 * y as [32] and outputs as [32, 1]: their difference is [32, 32], every y with every output, and its mean has its least
 * value where the model gives the mean of y whatever it sees. Nothing fails, nothing is learned. So the first call of a
 * function of the user's own is watched for it.
 */

/** Kernels of two tensors that are spread over each other. */
const spreading = new Set(
  (
    'Add Sub Multiply RealDiv FloorDiv Mod Pow Maximum Minimum SquaredDifference Atan2 ' +
    'Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr'
  ).split(' '),
)

/** A y and a prediction that met as every one with every other; or class indices that met each output. */
interface Meeting {
  y: readonly number[]
  predicted: readonly number[]
  areClasses?: boolean
}

type RunKernel = (
  name: string,
  inputs: { [name: string]: tf.Tensor },
  attributes?: object,
) => tf.Tensor | tf.Tensor[]

/**
 * Runs `work` and looks at its kernels for one that spreads what comes of `y` alone over what comes of `model` alone, both
 * ways, though their ranks differ: where that is meant, both are given axes for it.
 */
export function watchMeeting<T>(
  y: tf.Tensor,
  model: readonly tf.Tensor[],
  work: () => T,
): { result: T; met: Meeting | undefined } {
  const engine = tf.engine() as unknown as { runKernel: RunKernel }
  const own = Object.getOwnPropertyDescriptor(engine, 'runKernel')
  const { runKernel } = engine
  const ofY = new Set([y.id])
  const ofModel = new Set(model.map(({ id }) => id))
  /** Of what was repeated to be larger (tf.where does that to its parts): what it was. */
  const spread = new Map<number, tf.Tensor>()
  let met: Meeting | undefined
  /** Not outputs alone: then whole numbers may mask or weigh what they meet. */
  const areManyThings = model.length > 1
  const isOfY = ({ id }: tf.Tensor) => ofY.has(id) && !ofModel.has(id)
  /** y itself, in whatever shape and type. */
  const isY = new Set([y.id])
  const isOfModel = ({ id }: tf.Tensor) => ofModel.has(id) && !ofY.has(id)

  function note(name: string, given: tf.Tensor[], made: tf.Tensor[]): void {
    for (const { id } of made) {
      if (given.some((tensor) => ofY.has(tensor.id))) ofY.add(id)
      if (given.some((tensor) => ofModel.has(tensor.id))) ofModel.add(id)
      if (name === 'Tile') spread.set(id, given[0]!)
      if (['Cast', 'Reshape', 'Identity'].includes(name) && isY.has(given[0]!.id)) isY.add(id)
    }
    if (met || (!spreading.has(name) && name !== 'Select')) return
    const parts = given.map((tensor) => spread.get(tensor.id) ?? tensor)
    const [expected, predicted] = [parts.find(isOfY), parts.find(isOfModel)]
    if (!expected || !predicted) return
    const width = predicted.shape.at(-1) ?? 1
    const isIndex = y.dtype === 'int32' && isY.has(expected.id) && !areManyThings
    if (isIndex && width > 1 && expected.size * width === predicted.size)
      met = { y: expected.shape, predicted: predicted.shape, areClasses: true }
    const implicit = name === 'Select' || expected.rank !== predicted.rank
    if (implicit && made[0]!.size > Math.max(expected.size, predicted.size))
      met = { y: expected.shape, predicted: predicted.shape }
  }

  const putBack = () => {
    if (own) Object.defineProperty(engine, 'runKernel', own)
    else delete (engine as Partial<typeof engine>).runKernel
  }
  return during(putBack, () => {
    engine.runKernel = function (name, inputs, attributes) {
      const made = runKernel.call(this, name, inputs, attributes)
      const given = Object.values(inputs).filter((input) => input instanceof tf.Tensor)
      note(name, given, Array.isArray(made) ? made : [made])
      return made
    }
    return { result: work(), met }
  })
}

const told = new WeakSet<object>()

/** Says, once for each function, that y and predictions do not meet as they are meant to. */
export function tellMeeting(of: object, { y, predicted, areClasses }: Meeting, where: string): void {
  if (told.has(of)) return
  told.add(of)
  if (areClasses)
    return say(
      `In ${where} class indices, y of shape ${text(y)}, meet each of the outputs of shape ${text(predicted)} as a number. ${oneHot(predicted)}`,
    )
  say(
    `In ${where} y of shape ${text(y)} meets predictions of shape ${text(predicted)} as every y with every prediction, so that nothing is learned of which belongs to which. Give them one shape first: y.reshape(predicted.shape), or y.reshape([-1, 1]).`,
  )
}

const text = (shape: readonly number[]) => `[${shape.join(', ')}]`
const oneHot = (predicted: readonly number[]) =>
  `Of the right class it is tf.oneHot(y.flatten(), ${predicted.at(-1)}), in the outputs' shape; or use loss: 'sparseCategoricalCrossentropy'.`

/**
 * y in the shape in which a function (y, predicted) of the user's own takes it: as it is; where it would meet predictions
 * as every one with every other, or is refused, in theirs. Told by the first batch, kept from then on.
 */
export class Aligned {
  readonly #of: object
  readonly #where: string
  #shape: ((y: tf.Tensor, predicted: tf.Tensor) => tf.Tensor) | undefined

  constructor(of: object, where: string) {
    this.#of = of
    this.#where = where
  }

  call<T>(y: tf.Tensor, predicted: tf.Tensor, work: (y: tf.Tensor) => T): T {
    if (this.#shape) return work(this.#shape(y, predicted))
    // Of one example all shapes are alike.
    if ((y.shape[0] ?? 1) < 2) return work(y)
    const first = attempt(() => watchMeeting(y, [predicted], () => work(y)))
    if ('done' in first && first.done.met?.areClasses) tellMeeting(this.#of, first.done.met, this.#where)
    if ('done' in first && (!first.done.met || first.done.met.areClasses)) {
      this.#shape = asGiven
      return first.done.result
    }
    if (y.size === predicted.size)
      for (const shape of [likePredictions, withoutLast, flat]) {
        const shaped = shape(y, predicted)
        if (shaped.shape.join() === y.shape.join()) continue
        const next = attempt(() => watchMeeting(shaped, [predicted], () => work(shaped)))
        if (!('done' in next) || next.done.met) continue
        this.#shape = shape
        changes++
        return next.done.result
      }
    if (!('done' in first)) throw withAdvice(first.error, y, predicted, this.#where)
    this.#shape = asGiven
    tellMeeting(this.#of, first.done.met!, this.#where)
    return first.done.result
  }
}

let changes = 0

/** How often a y was given another shape for good: what was recorded before is not what comes after. */
export const shapesChanged = (): number => changes

const asGiven = (y: tf.Tensor) => y
const likePredictions = (y: tf.Tensor, predicted: tf.Tensor) => y.reshape(predicted.shape)
const withoutLast = (y: tf.Tensor) => (y.shape.at(-1) === 1 ? y.reshape(y.shape.slice(0, -1)) : y)
const flat = (y: tf.Tensor) => (y.size === y.shape[0] ? y.flatten() : y)

/** What tfjs says of shapes that do not fit is true, and says nothing of what they are. */
function withAdvice(error: unknown, y: tf.Tensor, predicted: tf.Tensor, where: string): unknown {
  if (!(error instanceof Error) || error instanceof GradbookError || !/shape/i.test(error.message))
    return error
  const isIndex = y.dtype === 'int32' && y.size * predicted.shape.at(-1)! === predicted.size
  return new InputError(
    {
      where,
      received: `y of shape ${text(y.shape)} and predictions of shape ${text(predicted.shape)}: ${error.message}`,
      expected: 'shapes that go together',
      fix: isIndex ? oneHot(predicted.shape) : undefined,
    },
    { cause: error },
  )
}

function attempt<T>(work: () => T): { done: T } | { error: unknown } {
  try {
    return { done: work() }
  } catch (error) {
    if (error instanceof Untraceable) throw error
    return { error }
  }
}
