import * as tf from '@tensorflow/tfjs'
import { InputError, Interrupted } from '../../errors.js'
import { maybeHost } from '../../host.js'
import { during } from '../../settle.js'
import { tidily } from '../model/gradients.js'
import { tensorsOf, type AnyBatch } from '../model/batch.js'
import type { Core } from '../state/core.js'
import type { Events } from '../state/events.js'
import { ensureOuter, outerOf } from '../state/slots.js'
import type { Numbers, Part, PartDone, SentBatch, Standing, Together } from '../state/together.js'
import { reachOf } from './finite.js'
import { countIteration, type Outcome } from './outcome.js'
import { normOf } from './step.js'
import { commit, isFiniteUpdate, updatesAt } from './update.js'

function read(tensor: tf.Tensor): Numbers {
  return { shape: tensor.shape, dtype: tensor.dtype, values: tensor.dataSync().slice() as Float32Array }
}

/** A batch of these examples, without what is left of its tensors. */
function sentOf(core: Core, batch: AnyBatch, positions: Int32Array): SentBatch {
  return tidily(() => {
    const weights = core.weightsOf(batch, positions)
    if (weights !== undefined && !(weights instanceof tf.Tensor))
      throw new InputError({
        where: 'run.distribute(options)',
        received: 'weights of several outputs',
        expected: 'weights of whole examples',
      })
    const tensors = Object.fromEntries(
      Object.entries(tensorsOf(batch)).map(([place, one]) => [place, read(one)]),
    )
    return {
      tensors,
      ids: batch.ids,
      ...(weights && { weights: weights.dataSync().slice() as Float32Array }),
    }
  })
}

/** Rows from..to of a batch. */
function rowsOf({ tensors, ids, weights }: SentBatch, from: number, to: number): SentBatch {
  const cut = ({ shape, dtype, values }: Numbers): Numbers => {
    const size = values.length / shape[0]!
    return { shape: [to - from, ...shape.slice(1)], dtype, values: values.slice(from * size, to * size) }
  }
  return {
    tensors: Object.fromEntries(Object.entries(tensors).map(([place, one]) => [place, cut(one)])),
    ids: ids.slice(from, to),
    ...(weights && { weights: weights.slice(from, to) }),
  }
}

function draw(core: Core): { sent: SentBatch; positions: Int32Array } {
  const positions = core.nextPositions()
  const batch = core.batchAt(positions)
  return during(
    () => tf.dispose(tensorsOf(batch)),
    () => ({ sent: sentOf(core, batch, positions), positions }),
  )
}

const standingOf = (core: Core, iteration: number): Omit<Standing, 'place'> => {
  const { clipNorm, clipValue, freeze, dropout, seed, optimizer } = core.settings
  return {
    values: core.trainee.parameters.map(({ variable }) => read(variable)),
    state: core.trainee.state.map(({ variable }) => read(variable)),
    iteration,
    settings: { clipNorm, clipValue, freeze, dropout, seed },
    optimizer: { name: optimizer.name, settings: optimizer.settings },
  }
}

const bytesOf = (arrays: readonly ({ byteLength: number } | null)[]): number =>
  arrays.reduce((sum, one) => sum + (one?.byteLength ?? 0), 0)

/** Asks all; where that is stopped or fails nothing of the run has changed, nor which examples come next. */
async function ask(
  core: Core,
  together: Together,
  parts: readonly Part[],
  given: AbortSignal | undefined,
): Promise<readonly PartDone[]> {
  const signals = [given, maybeHost()?.interrupt, core.supervisor?.signal].filter((one) => one !== undefined)
  const { owner } = core
  const at = core.state.iteration
  const signal = AbortSignal.any(signals)
  const done = await together.replicas.all(parts, signal).catch((error: unknown) => {
    if (signal.aborted) throw new Interrupted(at, undefined)
    throw error
  })
  // Given up while it waited, it is nobody's.
  if (signal.aborted || core.owner !== owner || core.state.iteration !== at)
    throw new Interrupted(at, undefined)
  for (const [i, { values, state }] of done.entries())
    together.bytes +=
      bytesOf(values) +
      bytesOf(state) +
      bytesOf([...parts[i]!.values, ...parts[i]!.state].map((one) => one.values))
  return done
}

/** The mean of arrays, each as often as its weight says. */
function meanOf(
  arrays: readonly (ArrayLike<number> | null)[],
  weights: readonly number[],
): Float32Array | null {
  const some = arrays.find((one) => one !== null)
  if (!some) return null
  const sums = new Float64Array(some.length)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  for (const [k, array] of arrays.entries()) {
    if (!array) continue
    const share = weights[k]! / total
    for (let i = 0; i < sums.length; i++) sums[i]! += array[i]! * share
  }
  return Float32Array.from(sums)
}

/** Draws without moving on: where the run stands does not change before the step is made. */
function drawn<T>(core: Core, work: () => T): { made: T; after: () => void } {
  const { order } = core.state
  const before = order.state()
  let after = before
  const made = during(
    () => order.restore(before),
    () => {
      const result = work()
      after = order.state()
      return result
    },
  )
  return { made, after: () => order.restore(after) }
}

/**
 * Trains with several workers: one iteration whose gradients they compute together, or, where averages are made only now and then,
 * as many as are left until the next one, `most` at most. The run changes at the end, all at once.
 */
export function iterateTogether(
  core: Core,
  journal: Events,
  most: number,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const together = core.together!
  return together.every === 1
    ? averageGradients(core, together, journal, signal)
    : averageParameters(core, together, journal, Math.min(together.every, most), signal)
}

async function averageGradients(
  core: Core,
  together: Together,
  journal: Events,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const started = performance.now()
  const { made, after } = drawn(core, () => draw(core))
  const { sent, positions } = made
  const count = positions.length
  const shares = Math.min(together.replicas.size, count)
  const edges = Array.from({ length: shares + 1 }, (_, k) => Math.round((k * count) / shares))
  const standing = standingOf(core, core.state.iteration + 1)
  const parts = edges.slice(0, -1).map((from, place): Part => ({
    kind: 'gradients',
    ...standing,
    place,
    batch: rowsOf(sent, from, edges[place + 1]!),
  }))
  const done = await ask(core, together, parts, signal)
  const weights = parts.map((_, k) => edges[k + 1]! - edges[k]!)
  return tidily(() => {
    const byParameter = new Map(
      core.trainee.parameters.map(({ name, variable }, i) => {
        const mean = meanOf(
          done.map(({ values }) => values[i]!),
          weights,
        )
        return [name, mean && tf.tensor(mean, variable.shape)] as const
      }),
    )
    const gradients = core.parameters.map(({ name }) => byParameter.get(name) ?? null)
    const state = statesOf(core, done, weights)
    const norm = normOf(gradients)
    const learningRate = core.learningRate()
    const pace = core.paceOf(count)
    const updates = updatesAt(core, gradients, norm, learningRate, pace)
    const gradientNorm = norm.dataSync()[0]!
    const loss = done.reduce((sum, { losses }, k) => sum + (losses[0]! * weights[k]!) / count, 0)
    const isFinite = Number.isFinite(loss) && isFiniteUpdate(gradientNorm, learningRate)
    const written = isFinite
      ? reachOf(core).findPlanned({ gradientNorm, learningRate, pace }, updates, state)
      : undefined
    const finite = isFinite && written === undefined
    const losses = joined(
      done.map(({ perExample }) => perExample[0]!),
      count,
    )
    const outcome: Outcome = {
      finite,
      loss,
      gradientNorm,
      learningRate,
      positions,
      losses,
      pace,
      ...(written && { written }),
    }
    if (!finite) return outcome
    after()
    commit(core, updates, state)
    reachOf(core).made()
    countIteration(core, outcome, performance.now() - started, journal)
    together.rounds++
    return outcome
  })
}

function statesOf(core: Core, done: readonly PartDone[], weights: readonly number[]): tf.Tensor[] {
  return core.trainee.state.map(({ variable }, i) =>
    tf.tensor(
      meanOf(
        done.map(({ state }) => state[i]!),
        weights,
      )!,
      variable.shape,
      variable.dtype as 'float32',
    ),
  )
}

function joined(parts: readonly Float32Array[], count: number): Float32Array | undefined {
  const all = new Float32Array(count)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return at === count ? all : undefined
}

/**
 * Local steps: each worker makes some iterations on batches of its own, from the same parameters and with an optimizer that begins
 * anew; what they moved by on average is the gradient of an outer step with Nesterov's momentum.
 * A. Douillard et al., DiLoCo: Distributed Low-Communication Training of Language Models, 2023.
 */
async function averageParameters(
  core: Core,
  together: Together,
  journal: Events,
  count: number,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const started = performance.now()
  const { size } = together.replicas
  const first = core.state.iteration + 1
  const { made: steps, after } = drawn(core, () =>
    Array.from({ length: count }, () => Array.from({ length: size }, () => draw(core))),
  )
  const rates = steps.map((_, step) => core.learningRate(first + step))
  const standing = standingOf(core, first)
  const parts = Array.from({ length: size }, (_, place): Part => ({
    kind: 'steps',
    ...standing,
    place,
    batches: steps.map((batches) => batches[place]!.sent),
    rates,
  }))
  const done = await ask(core, together, parts, signal)
  const even = done.map(() => 1)
  return tidily(() => {
    const { learningRate: outerRate, momentum } = together.outer
    ensureOuter(core.parameters, core.slots)
    const places = new Map(core.trainee.parameters.map(({ name }, i) => [name, i]))
    const changes = core.parameters.map(({ name, variable }) => {
      const mean = meanOf(
        done.map(({ values }) => values[places.get(name)!]!),
        even,
      )!
      const moved = variable.sub(tf.tensor(mean, variable.shape))
      const slot = core.slots.get(outerOf(name))!.momentum!
      const velocity = slot.mul(momentum).add(moved)
      const value = variable.sub(moved.add(velocity.mul(momentum)).mul(outerRate))
      return { variable, value, slot, velocity }
    })
    const finite = changes.every(({ value }) => value.isFinite().all().dataSync()[0] === 1)
    const outcomes = steps.map((batches, step): Outcome => {
      const perExample = done.map((one) => one.perExample[step]!)
      const positions = Int32Array.from(batches.flatMap((one) => [...one.positions]))
      return {
        finite,
        loss: done.reduce((sum, { losses }) => sum + losses[step]! / size, 0),
        gradientNorm: done.reduce((sum, { norms }) => sum + norms[step]! / size, 0),
        learningRate: rates[step]!,
        positions,
        losses: joined(perExample, positions.length),
      }
    })
    const broken =
      outcomes.find(({ loss }) => !Number.isFinite(loss)) ?? (finite ? undefined : outcomes.at(-1)!)
    if (broken) return { ...broken, finite: false }
    const state = statesOf(core, done, even)
    after()
    for (const { variable, value, slot, velocity } of changes) {
      variable.assign(value)
      slot.assign(velocity)
    }
    for (const [i, { variable }] of core.trainee.state.entries()) variable.assign(state[i]!)
    core.changed()
    const milliseconds = (performance.now() - started) / count
    for (const outcome of outcomes) countIteration(core, outcome, milliseconds, journal)
    together.rounds++
    return outcomes.at(-1)!
  })
}
