import * as tf from '@tensorflow/tfjs'
import { markEngine } from '../../backend/tfjs/unwind.js'
import { describe, InputError } from '../../errors.js'
import { atomically, during, temporary } from '../../settle.js'
import { readScalars } from '../model/said.js'
import type { Core } from '../state/core.js'
import type { Events } from '../state/events.js'
import { reachOf } from '../step/finite.js'
import { countIteration } from '../step/outcome.js'
import { nextMade } from '../step/made.js'
import { commit, gradientsAt, isFiniteUpdate, updatesAt } from '../step/update.js'
import type { Taken } from '../held/held.js'
import type { Order } from '../order/order.js'
import { takeSnapshot, type Snapshot } from '../state/snapshots.js'
import { tidily } from '../model/gradients.js'
import { normOf } from '../step/step.js'
import { rowsIn } from '../../data/table/parts.js'
import { tensorsOf, type AnyBatch } from '../model/batch.js'

/** Loss and gradients of one batch, to look at and to apply. */
export interface BatchGradients<Parameters extends string = string> {
  loss: number
  /** Of each example of the batch. */
  losses: Float32Array
  /** By parameter. Whoever got them disposes them: `tf.dispose(gradients)`. */
  gradients: { [parameter in Parameters]: tf.Tensor }
}

/** What a forward pass came to. */
interface Found extends BatchGradients {
  /** What the loss says beside it. */
  more: { readonly [name: string]: number } | undefined
  positions: Int32Array
  /** What it gave to the model's own state; set when the update is. */
  state: tf.Tensor[]
}

/** Of an update that was made of other gradients. */
const unknownBatch: Omit<Found, 'gradients'> = {
  loss: NaN,
  losses: new Float32Array(),
  more: undefined,
  positions: new Int32Array(),
  state: [],
}

/**
 * `nextBatch`, `gradients`, `apply`: the three primitives that an iteration is made of, one at a time. What they share
 * until the update is made lies here.
 */
export class Primitives {
  readonly #core: Core
  readonly #journal: Events
  /** The order before the first batch that is being worked on was drawn: undo goes back to there. */
  #cursor: ReturnType<Order['state']> | undefined
  /** The state beside the parameters as it was then, where making the batch may have changed it. */
  #held: Taken | undefined
  #started = 0
  /** What was found of each batch whose gradients are still there, the newest last. */
  #found: Found[] = []
  readonly #applied = new WeakSet<object>()

  constructor(core: Core, journal: Events) {
    this.#core = core
    this.#journal = journal
  }

  async nextBatch(): Promise<AnyBatch> {
    const core = this.#core
    if (core.source) {
      const started = performance.now()
      const { batch, before } = await nextMade(core)
      this.#held ??= before
      this.#cursor ??= core.state.order.state()
      this.#started = started
      return batch
    }
    const before = core.state.order.state()
    let isMade = false
    // A batch that nobody was given is drawn again.
    const takeBack = () => {
      if (!isMade) core.state.order.restore(before)
    }
    return during(takeBack, () => {
      this.#started = performance.now()
      const batch = core.batchAt(core.nextPositions())
      this.#cursor ??= before
      isMade = true
      return batch
    })
  }

  /** The run as it stands, the batch not yet drawn. What was set or excluded in between is a step of its own. */
  #before(): Snapshot {
    const snapshot = takeSnapshot(this.#core)
    const { order } = this.#cursor ?? snapshot.order
    const held = this.#held ?? snapshot.held
    // A subset that was chosen in between has an order of its own, and the batch was not drawn from it.
    if (order.subsets !== snapshot.order.order.subsets || !order.subset !== !snapshot.order.order.subset)
      return snapshot
    return { ...snapshot, order: { ...snapshot.order, order }, held }
  }

  gradients(given: AnyBatch): BatchGradients {
    const core = this.#core
    if (core.trainee.iteration) throw isOwn('run.gradients(batch)')
    const batch = checkBatch(given, core.state.iteration + 1)
    const positions = Int32Array.from(batch.ids, (id) => core.data.positionOf(id) ?? -1)
    const known = positions.every((position) => position >= 0)
    core.trainee.checkBatch?.(batch, core.data.name, 'run.gradients(batch)')
    this.#forgetDisposed()
    const found = tidily((keep) =>
      keep(gradientsAt(core, batch, { weights: core.weightsOf(batch, known ? positions : undefined) })),
    )
    const loss = found.loss.dataSync()[0]!
    const losses = (found.losses?.dataSync().slice() ?? new Float32Array()) as Float32Array
    const more = readScalars(found.said)
    tf.dispose([found.loss, found.losses ?? [], found.said])
    const gradients: { [parameter: string]: tf.Tensor } = {}
    for (const [i, { name }] of core.parameters.entries())
      if (found.gradients[i]) gradients[name] = found.gradients[i]
    const { state } = found
    this.#found.push({
      gradients,
      loss,
      losses,
      more,
      positions: known ? positions : new Int32Array(),
      state,
    })
    return { loss, losses, gradients }
  }

  /** Of gradients whose tensors have ended no update can be made any more; the newest may have been made into others. */
  #forgetDisposed(): void {
    const over = this.#found.filter(({ gradients }) =>
      Object.values(gradients).some(({ isDisposed }) => isDisposed),
    )
    this.#found = this.#found.filter((one) => !over.includes(one))
    for (const { state } of over) tf.dispose(state)
  }

  /** Makes the update. `begin` keeps the point to go back to. */
  apply(
    gradients: { readonly [parameter: string]: tf.Tensor | undefined },
    begin: (before: () => Snapshot) => void,
  ): void {
    const core = this.#core
    const list = checkGradients(core, gradients)
    const found = this.#foundOf(gradients)
    const over = () => {
      this.#applied.add(gradients)
      this.#found = this.#found.filter((one) => one !== found)
      tf.dispose(found?.state ?? [])
      this.#cursor = undefined
      this.#held = undefined
      this.#started = 0
    }
    during(markEngine(), () => this.#update(list, found, begin, over))
  }

  /** Gradients that were made into others (scaled, added) are taken for those of the newest pass. */
  #foundOf(gradients: object): Found | undefined {
    if (this.#applied.has(gradients)) return undefined
    return this.#found.find((one) => one.gradients === gradients) ?? this.#found.at(-1)
  }

  #update(
    list: (tf.Tensor | null)[],
    { loss, losses, more, positions, state }: Omit<Found, 'gradients'> = unknownBatch,
    begin: (before: () => Snapshot) => void,
    over: () => void,
  ): void {
    const core = this.#core
    tf.tidy(() => {
      const norm = normOf(list)
      const learningRate = core.learningRate()
      const gradientNorm = norm.dataSync()[0]!
      if (!isFiniteUpdate(gradientNorm, learningRate))
        throw new InputError({
          where: 'run.apply(gradients)',
          received: `gradients whose norm is ${gradientNorm}, at the rate ${learningRate}`,
          expected: 'a finite update',
          fix: 'The update was not made. Lower the rate with run.set({ learningRate }), or look at the batch.',
        })
      const pace = core.paceOf(positions.length || losses.length || 1)
      const updates = updatesAt(core, list, norm, learningRate, pace)
      const written = reachOf(core).findPlanned({ gradientNorm, learningRate, pace }, updates, state)
      if (written)
        throw new InputError({
          where: 'run.apply(gradients)',
          received: `gradients (of norm ${gradientNorm}) of which the optimizer makes a value of ${written} that is not finite`,
          expected: 'a finite update',
          fix: 'The update was not made. Look at the settings of the optimizer: an epsilon of 0, a very large rate.',
        })
      const at = core.state.iteration
      const took = this.#started ? performance.now() - this.#started : 0
      const finish = () => {
        commit(core, updates, state)
        reachOf(core).made()
        const outcome = { finite: true, loss, gradientNorm, learningRate, positions, losses, more, pace }
        if (core.state.iteration === at) countIteration(core, outcome, took, this.#journal)
        over()
      }
      atomically(() => {
        begin(() => this.#before())
        temporary(finish)()
      })
    })
  }

  /** Ends what was begun by primitives: another call trains. */
  forget(): void {
    for (const { state } of this.#found) tf.dispose(state)
    this.#found = []
    this.#cursor = undefined
    this.#held = undefined
    this.#started = 0
  }
}

export function isOwn(where: string): InputError {
  return new InputError({
    where,
    received: 'a run whose iteration is your own',
    expected: 'one whose iteration is a loss and an optimizer',
    fix: 'Look inside your iteration function instead: it runs uncompiled, so console.log and breakpoints work there.',
  })
}

function checkBatch(batch: AnyBatch, iteration: number): AnyBatch {
  const isPart = (value: unknown) => value instanceof tf.Tensor
  const x: unknown = batch?.x
  if (!isPart(x) && !(typeof x === 'object' && x !== null && Object.values(x).every(isPart)))
    throw new InputError({
      where: 'run.gradients(batch)',
      received: describe(batch),
      expected: 'a batch { x, y } of tensors, as run.nextBatch() gives',
    })
  if (Object.values(tensorsOf(batch)).some(({ isDisposed }) => isDisposed))
    throw new InputError({
      where: 'run.gradients(batch)',
      received: 'a batch whose tensors are disposed',
      expected: 'one that is still there: tf.dispose(batch) comes after run.apply(gradients)',
    })
  const count = rowsIn(batch.x)
  const ids = batch.ids ?? Array.from({ length: count }, () => -1)
  return { ...batch, ids, iteration: batch.iteration ?? iteration }
}

function checkGradients(
  core: Core,
  gradients: { readonly [parameter: string]: tf.Tensor | undefined },
): (tf.Tensor | null)[] {
  const names = core.parameters.map(({ name }) => name)
  const bad = (received: string, expected: string) =>
    new InputError({ where: 'run.apply(gradients)', received, expected })
  if (typeof gradients !== 'object' || gradients === null)
    throw bad(describe(gradients), 'gradients by parameter, as run.gradients(batch) gives')
  for (const name of Object.keys(gradients))
    if (!names.includes(name))
      throw bad(`a gradient for '${name}'`, `names of parameters: ${names.join(', ')}`)
  const list = core.parameters.map(({ name, variable }) => {
    const gradient = gradients[name]
    if (!gradient) return null
    if (!(gradient instanceof tf.Tensor) || gradient.shape.join() !== variable.shape.join())
      throw bad(`${describe(gradient)} for ${name}`, `a tensor of shape [${variable.shape.join(', ')}]`)
    if (gradient.isDisposed) throw bad(`a gradient of ${name} that is disposed`, 'one that is still there')
    return gradient
  })
  if (list.every((gradient) => gradient === null)) throw bad('no gradients', `some of ${names.join(', ')}`)
  return list
}
