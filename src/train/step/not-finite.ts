import * as tf from '@tensorflow/tfjs'
import type { Parted } from '../../data/dataset.js'
import type { StopReason } from '../../views.js'
import type { Core } from '../state/core.js'
import type { Outcome } from './outcome.js'
import { gradientsAt } from './update.js'
import { layersInGraph, outputsOf } from '../model/layer-outputs.js'
import { tidily } from '../model/gradients.js'
import { tensorsOf, type AnyBatch } from '../model/batch.js'

/** Where a value that is not finite came from. */
export interface NotFinite {
  /** Of the iteration whose update was not made. */
  iteration: number
  loss: number
  gradientNorm: number
  learningRate: number
  /** Of the batch. */
  ids: number[]
  /** Examples of the batch whose input or loss is not finite. */
  examples: number[]
  /** The first layer, in the order of the model, whose output is not finite. */
  layer?: string
  /** The first parameter whose value, or whose gradient, is not finite. */
  parameter?: string
  gradient?: string
  /** Where loss and gradients are finite: the first value that the update would have made one that is not. */
  written?: string
  /** The last five. */
  adjustments: readonly object[]
}

/** Looks at the batch again, part by part. Called where an update was not finite; nothing is changed. */
export function findNotFinite(core: Core, outcome: Outcome): NotFinite {
  const { positions, loss, gradientNorm, learningRate, losses, written } = outcome
  const ids = outcome.batch?.ids ?? Array.from(positions, (position) => core.data.ids[position]!)
  const bad = new Set<number>()
  for (let i = 0; i < (losses?.length ?? 0); i++) if (!Number.isFinite(losses![i])) bad.add(ids[i]!)
  const found = tidily(() => {
    // One that was made for an iteration of one's own has ended with it.
    const batch = outcome.batch ?? (core.source ? undefined : core.batchAt(positions))
    for (const one of batch ? Object.values(tensorsOf(batch)) : [])
      for (const i of rowsNotFinite(one)) bad.add(ids[i]!)
    const parameter = core.trainee.parameters.find(({ variable }) => !isFinite(variable))?.name
    return {
      parameter,
      layer: batch && firstLayer(core.trainee.model, batch.x),
      gradient: parameter || core.trainee.iteration || !batch ? undefined : firstGradient(core, batch),
    }
  })
  return {
    iteration: core.state.iteration + 1,
    loss,
    gradientNorm,
    learningRate,
    ids,
    examples: [...bad],
    ...(found.layer !== undefined && { layer: found.layer }),
    ...(found.parameter !== undefined && { parameter: found.parameter }),
    ...(found.gradient !== undefined && { gradient: found.gradient }),
    ...(written !== undefined && { written }),
    adjustments: core.state.adjustments.slice(-5),
  }
}

function isFinite(tensor: tf.Tensor): boolean {
  return tf.tidy(() => tf.isFinite(tensor.toFloat()).all().dataSync()[0] !== 0)
}

function rowsNotFinite(x: tf.Tensor): number[] {
  if (x.dtype !== 'float32' || x.size === 0) return []
  const count = x.shape[0]!
  const flags = tf
    .isFinite(x.reshape([count, -1]))
    .all(1)
    .dataSync()
  return Array.from({ length: count }, (_, i) => i).filter((i) => !flags[i])
}

function firstLayer(model: object, x: Parted): string | undefined {
  const layers = layersInGraph(model)
  if (layers.length === 0) return undefined
  const outputs = outputsOf(model, layers, x)
  return layers.find((_, i) => !isFinite(outputs[i]!))?.name
}

function firstGradient(core: Core, batch: AnyBatch): string | undefined {
  const { gradients } = gradientsAt(core, batch)
  const at = gradients.findIndex((gradient) => gradient && !isFinite(gradient))
  return core.parameters[at]?.name
}

/** A tenth of the rate, as `run.set` takes it: of the schedule's peak, and by name where there are several optimizers. */
function lowerRate({ state: { peak, peaks } }: Core): string {
  const tenth = (rate: number) => Number((rate / 10).toPrecision(3))
  const names = Object.keys(peaks)
  return names.length > 1
    ? `{ ${names.map((name) => `${name}: ${tenth(peaks[name]!)}`).join(', ')} }`
    : `${tenth(peak)}`
}

/** The reason as it is shown: what happened, where, and the two lines to go back and go on. */
export function notFiniteReason(core: Core, found: NotFinite): StopReason & { notFinite: NotFinite } {
  const {
    loss,
    gradientNorm,
    learningRate,
    ids,
    examples,
    layer,
    parameter,
    gradient,
    written,
    adjustments,
  } = found
  const some = (list: readonly number[]) => `${list.slice(0, 8).join(', ')}${list.length > 8 ? ', …' : ''}`
  const few = examples.length > 0 && examples.length < ids.length
  const what = !Number.isFinite(loss)
    ? `the loss ${loss} (gradient norm ${gradientNorm})`
    : Number.isFinite(gradientNorm)
      ? `an update that is not finite (gradient norm ${gradientNorm})`
      : `the gradient norm ${gradientNorm}`
  const place = parameter
    ? `; the parameter ${parameter} is not finite itself`
    : layer
      ? `; the first layer that is not finite is ${layer}`
      : gradient
        ? `; the first gradient that is not finite is that of ${gradient}`
        : written
          ? `; ${written} would not be finite`
          : ''
  const changes = adjustments.length
    ? ` Last changed: ${(adjustments as { what: string; at: number }[]).map(({ what: name, at }) => `${name} after ${at}`).join(', ')}.`
    : ''
  // To be pasted as they are: every id, since a list that is cut short is no JavaScript.
  const goOn =
    few && core.trainee.pass && !core.source
      ? `run.exclude([${examples.join(', ')}]); await run.iterate(100)`
      : `await run.undo(); run.set({ learningRate: ${lowerRate(core)} })`
  return {
    kind: 'notFinite',
    iteration: core.state.iteration,
    message:
      `iteration ${found.iteration} has ${what} at learning rate ${Number(learningRate.toPrecision(4))} ` +
      `(examples ${some(few ? examples : ids)})${place}. Its update was not made.${changes} To go on: ${goOn}`,
    notFinite: found,
  }
}
