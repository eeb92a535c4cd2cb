import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../../errors.js'

/**
 * What a loss of one's own says beside the loss, by name: scalars (the parts it is made of), or [batch] (a value of each
 * example). None of it is trained on.
 */
export type Said = { readonly [name: string]: tf.Tensor }

/** What a loss gives that has a meaning of its own. */
const known = new Set(['loss', 'perExample', 'predictions'])
/** What rows of the history, of evaluations and of mistakes say of themselves. */
const taken = new Set(
  'iteration learningRate gradientNorm milliseconds id split input expected predicted probability tokens'.split(
    ' ',
  ),
)

/** What is said in what a loss of one's own gave, for a batch of `count`. */
export function saidIn(given: { readonly [name: string]: unknown }, count: number): Said | undefined {
  const names = Object.keys(given).filter((name) => !known.has(name) && given[name] !== undefined)
  if (names.length === 0) return undefined
  return Object.fromEntries(names.map((name) => [name, checked(name, given[name], count)]))
}

function checked(name: string, value: unknown, count: number): tf.Tensor {
  const wrong = (received: string, fix?: string) =>
    new InputError({
      where: 'train({ loss })',
      received,
      expected: 'scalars, or a value for each example, [batch], beside loss, perExample and predictions',
      ...(fix && { fix }),
    })
  if (taken.has(name))
    throw wrong(
      `a value called ${name}, as a row of the history or of mistakes calls another`,
      'Call it otherwise.',
    )
  if (!(value instanceof tf.Tensor)) throw wrong(`${describe(value)} as ${name}`)
  const float = value.toFloat()
  if (value.rank > 0 && value.shape[0] === count && (count > 1 || value.size === 1))
    return value.size === count ? float.reshape([count]) : float.reshape([count, -1]).mean(1)
  if (value.size === 1) return float.asScalar()
  throw wrong(`${name} of shape [${value.shape.join(', ')}] for ${count} examples`)
}

/** The scalars among what is said: columns of the history. */
export function scalarsOf(said: Said | undefined): { [name: string]: tf.Scalar } {
  const scalars = Object.entries(said ?? {}).filter(([, value]) => value.rank === 0)
  return Object.fromEntries(scalars) as { [name: string]: tf.Scalar }
}

/** Their values; undefined where there are none. */
export function readScalars(scalars: {
  readonly [name: string]: tf.Tensor
}): { [name: string]: number } | undefined {
  const entries = Object.entries(scalars)
  if (entries.length === 0) return undefined
  return Object.fromEntries(entries.map(([name, value]) => [name, value.dataSync()[0]!]))
}
