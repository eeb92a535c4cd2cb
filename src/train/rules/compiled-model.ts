/** What `model.compile({ optimizer, loss, metrics })` said, as a run takes it. */
import * as tf from '@tensorflow/tfjs'
import { adam } from '../../backend/optimizers/adam.js'
import { sgd } from '../../backend/optimizers/sgd.js'
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import { describe, InputError } from '../../errors.js'
import { say } from '../../say.js'
import { losses } from '../loss/losses.js'
import { metrics as knownMetrics } from '../loss/metrics.js'

/** The parts of a compiled model that are read here; tfjs keeps some of it out of its types. */
interface Compiled {
  optimizer?: object
  loss?: unknown
  metrics?: unknown
}

const where = 'train(model): what model.compile says'

/** Names of tfjs that are others here. */
const lossNames: { readonly [name: string]: string } = { logcosh: 'logCosh' }
const metricNames: { readonly [name: string]: string } = {
  acc: 'accuracy',
  binaryAccuracy: 'accuracy',
  categoricalAccuracy: 'accuracy',
  sparseCategoricalAccuracy: 'accuracy',
  mse: 'meanSquaredError',
  MSE: 'meanSquaredError',
  mae: 'meanAbsoluteError',
  MAE: 'meanAbsoluteError',
}

const refused = (received: string, expected: string, fix: string) =>
  new InputError({ where, received, expected, fix })

/** Applies `one` to what is given once, in order, or by output. */
function forEach(given: unknown, one: (value: unknown) => unknown): unknown {
  if (Array.isArray(given)) return given.map((value) => forEach(value, one))
  if (typeof given === 'object' && given !== null)
    return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, forEach(value, one)]))
  return one(given)
}

function lossOf(given: unknown): unknown {
  if (typeof given === 'function') return given
  const name = lossNames[given as string] ?? given
  if (losses.has(name as string)) return name
  throw refused(
    `the loss ${describe(given)}`,
    'a loss that train has too',
    'Give train(model, { loss: (expected, predicted) => … }), which goes before it.',
  )
}

function metricOf(given: unknown): unknown {
  if (typeof given === 'function') return given
  const name = metricNames[given as string] ?? given
  if (knownMetrics.has(name as string)) return name
  throw refused(
    `the metric ${describe(given)}`,
    `a metric that train has too: ${[...knownMetrics.keys()].join(', ')}`,
    'Give train(model, { metrics: [(expected, predicted) => …] }), which goes before it.',
  )
}

/** tfjs's optimizers whose updates ours make too, to the rounding. */
const optimizers: { readonly [className: string]: (of: any) => Optimizer } = {
  SGD: ({ learningRate }) => sgd({ learningRate }),
  Momentum: ({ learningRate, momentum, useNesterov }) =>
    sgd({ learningRate, momentum, ...(useNesterov && { nesterov: true }) }),
  Adam: ({ learningRate, beta1, beta2, epsilon }) => adam({ learningRate, beta1, beta2, epsilon }),
}

/** Why those that have a namesake here are refused. */
const others: { readonly [className: string]: string } = {
  RMSProp:
    'tfjs adds epsilon within the root, rmsprop({ learningRate, decay: 0.9 }) behind it, as PyTorch does',
  Adagrad:
    'tfjs adds epsilon within the root, adagrad({ learningRate, initial: 0.1 }) behind it, as PyTorch does',
}

function optimizerOf(given: object): Optimizer {
  const { className } = given.constructor as unknown as { className?: string }
  const make = className === undefined ? undefined : optimizers[className]
  if (make) return make(given)
  throw refused(
    `tfjs's optimizer ${className ?? describe(given)}${others[className ?? ''] ? `: ${others[className ?? '']}` : ''}`,
    `one that train has too: ${Object.keys(optimizers).join(', ')}`,
    'Give train(model, { optimizer: adam({ learningRate: 1e-3 }) }), which goes before it.',
  )
}

/** Options with what the model was compiled with, where they do not say it; says what was taken. */
export function withCompiled<Options extends { loss?: unknown; optimizer?: unknown; metrics?: unknown }>(
  model: unknown,
  options: Options,
): Options {
  const compiled = model as Compiled
  if (!(model instanceof tf.LayersModel) || !compiled.optimizer) return options
  const taken: { loss?: unknown; optimizer?: Optimizer; metrics?: unknown } = {}
  if (options.loss === undefined) taken.loss = forEach(compiled.loss, lossOf)
  if (options.optimizer === undefined) taken.optimizer = optimizerOf(compiled.optimizer)
  const given = typeof compiled.metrics === 'string' ? [compiled.metrics] : compiled.metrics
  const isEmpty = given === undefined || given === null || Object.keys(given).length === 0
  if (options.metrics === undefined && !isEmpty && options.loss === undefined)
    taken.metrics = forEach(given, metricOf)
  const { optimizer } = taken
  const parts = [
    taken.loss !== undefined ? `the loss ${readable(taken.loss)}` : '',
    optimizer ? `the optimizer ${optimizer.name}(${readable(optimizer.settings)})` : '',
    taken.metrics !== undefined ? `the metrics ${readable(taken.metrics)}` : '',
  ].filter(Boolean)
  if (parts.length > 0) say(`Of model.compile: ${parts.join(', ')}. What train is given goes before it.`)
  return { ...options, ...taken }
}

function readable(value: unknown): string {
  if (typeof value === 'function') return value.name || 'a function'
  if (Array.isArray(value)) return `[${value.map(readable).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .map(([name, one]) => `${name}: ${readable(one)}`)
      .join(', ')} }`
  return String(value)
}
