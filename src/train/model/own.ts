import * as tf from '@tensorflow/tfjs'
import type { Dataset } from '../../data/dataset.js'
import { describe, InputError } from '../../errors.js'
import { atomically, during, temporary } from '../../settle.js'
import { tellMeeting, watchMeeting } from '../loss/aligned.js'
import { Held, type Taken } from '../held/held.js'
import { dropoutsOf } from './dropout.js'
import { copyModel, isLayersModel } from './layers.js'
import { frozenNorms, whileStill, type NormLayer } from './norms.js'
import { checkBuilt, copyLayer, isLayer, layerWeights } from './parts.js'
import { placeWeights } from './place.js'
import { assignOnce } from './gradients.js'
import type { EvaluationRow, Note } from '../../views.js'
import type { Lending, Noted, OutputKind, Parameter, Pass, PlaceSeen, Trainee, Weights } from './trainee.js'
import type { AnyBatch, Batch } from './batch.js'
import type { Parted } from '../../data/dataset.js'
import { rowsIn, tensorsIn } from '../../data/table/parts.js'
import { saidIn } from './said.js'
import { weighted } from './weighted.js'

/** Variables by name, in any nesting; a layer or a model of tfjs stands for all its weights. */
export type ParameterTree =
  | tf.Variable
  | tf.layers.Layer
  | readonly ParameterTree[]
  | { readonly [name: string]: ParameterTree }

/** What a loss of one's own gives. */
export type OwnLoss =
  | tf.Tensor
  | {
      loss: tf.Tensor
      perExample?: tf.Tensor
      /** One tensor, or where y has parts several, by their names. */
      predictions?: Parted
      /** Parts of the loss as scalars: columns of the history; values of the examples, [batch]: columns of mistakes. */
      [more: string]: Parted | undefined
    }

/** Anything with parameters and a loss. `B`: its batches, `Batch<'mask'>` where the data has a field `mask` beside x and y. */
export interface OwnModel<B extends AnyBatch = Batch> {
  /**
   * Variables by name, in any nesting; a tf.LayersModel or a layer stands for all its weights (`{ encoder }`:
   * `encoder/dense_1/kernel`, of a layer `encoder/kernel`). Those that are not trainable are not
   * trained; what the loss assigns to them is taken back and saved with the rest. Required. `parameters: { w, b }`
   */
  parameters: ParameterTree
  /**
   * The mean loss of a batch; `{ loss, perExample }` with [batch] losses makes mistakes and weights possible: `loss` is their
   * mean, and what else it has (a penalty) no weight changes. What else it gives is kept by its name: scalars (`{ loss, kl }`) in
   * the history and in evaluations, values of the examples in mistakes. Required. `loss: ({ x, y }) => x.mul(w).sub(y).square().mean()`
   */
  loss(batch: B): OwnLoss
  /**
   * Predictions, for metrics and mistakes, of x and what else the batch has. Default: none, so there are no metrics.
   * Where y has parts it gives some by their names. `predict: (x) => x.mul(w)`
   */
  predict?(x: B['x'], batch: B): Parted
  /**
   * How many classes predictions are over, where they are; of several predictions by their names, `{ animal: 3 }`.
   * Default: predictions are numbers. `classes: 10`
   */
  classes?: number | { readonly [part: string]: number }
  /**
   * The same with parameters of its own, for a branch. Default: a branch lends its values to the original while its loss runs.
   * `copy: () => makeModel()`
   */
  copy?(): OwnModel<B>
  /**
   * What goes on beside the parameters: a replay buffer, an environment, a count. Undo, branches and disk keep it: plain data,
   * tensors, and objects with `copy`, `encode` and `decode`. Default: nothing. `state: { buffer: replayBuffer({ capacity: 10_000 }) }`
   */
  state?: object
  /**
   * Called after each evaluation on `evaluateOn`: to write samples, to look at a parameter. It must not change any.
   * A branch calls that of its `copy`. What it returns, data that JSON can hold, is kept with the run and comes back with it
   * (`run.notes`); `notes` is what was kept so far. Numbers in `columns`, by name, stand in the evaluation itself: they are charted, and
   * rules may wait for them. Default: nothing.
   * `evaluated: async ({ iteration, loss }) => void seen.push({ iteration, loss })`
   */
  evaluated?(row: EvaluationRow, pause: () => Promise<void>, notes: readonly Note[]): Promise<Noted>
  /**
   * How each place of an example did, where an example has many, as a text has tokens: [batch][places], for the examples
   * that mistakes show. Default: none. `places: (batch) => [[{ expected: 3, loss: 0.1, best: [{ value: 3, probability: 0.9 }] }]]`
   */
  places?(batch: B): PlaceSeen[][]
  /**
   * What `run.json` says of it, as `model`: data that JSON can hold, from which a reader could make it again. Default: nothing.
   * `described: () => ({ kind: 'mlp', width: 32 })`
   */
  described?(): object | undefined
  /** Throws where examples of this kind do not fit; called by `train`. `where`: the option they were passed as. Default: nothing. `checkData: (data, where) => check(data.x.shape, where)` */
  checkData?(data: Dataset, where: string): void
}

/** Parameters as a list, named by their place in the tree. `still`: normalisations that are frozen in their models. */
export function flattenParameters(tree: ParameterTree): Pick<
  Trainee,
  'parameters' | 'state' | 'states' | 'dropouts'
> & {
  still: NormLayer[]
} {
  const parameters: Parameter[] = []
  const state: Parameter[] = []
  const states: Parameter[] = []
  const dropouts = new Map<object, string>()
  const still: NormLayer[] = []
  function visit(node: unknown, path: string): void {
    if (node instanceof tf.Variable) parameters.push({ name: path || 'parameter', variable: node })
    else if (isLayer(node)) {
      checkBuilt(node, path)
      const isModel = isLayersModel(node)
      const inside = isModel ? placeWeights(node) : layerWeights(node)
      const placed = (parameter: Parameter) => ({
        ...parameter,
        name: path ? `${path}/${parameter.name}` : parameter.name,
      })
      const model = isModel ? node : { layers: [node] }
      for (const [layer, name] of dropoutsOf(model))
        dropouts.set(layer, [path, ...(isModel ? [name] : [])].filter(Boolean).join('/') || name)
      still.push(...frozenNorms(model, inside.parameters))
      parameters.push(...inside.parameters.map(placed))
      const within = new Map(inside.state.map((one) => [one, placed(one)]))
      state.push(...within.values())
      states.push(...inside.states.map((one) => within.get(one)!))
    } else if (node instanceof tf.Tensor || typeof node !== 'object' || node === null)
      throw new InputError({
        where: `train({ parameters${path ? `: ${path}` : ''} })`,
        received: describe(node),
        expected: 'a tf.Variable, a layer or a tf.LayersModel',
        fix: node instanceof tf.Tensor ? `Make it one: tf.variable(${path.split('/').at(-1)}).` : undefined,
      })
    else for (const [name, child] of Object.entries(node)) visit(child, path ? `${path}/${name}` : name)
  }
  visit(tree, '')
  const trained = parameters.filter(({ variable }) => variable.trainable)
  // What the loss assigns to (a moving average, a count) goes back with the rest, and is saved.
  state.push(...parameters.filter(({ variable }) => !variable.trainable))
  if (trained.length > 0) return { parameters: trained, state, states, dropouts, still }
  throw new InputError({
    where: 'train({ parameters })',
    received: describe(tree),
    expected: 'at least one trainable tf.Variable',
    fix: 'E.g. { w: tf.variable(tf.zeros([2])) }.',
  })
}

/** A model of one's own, as something to train. */
export function ownTrainee(model: OwnModel): Trainee {
  const { still, ...flat } = flattenParameters(model.parameters)
  return {
    model,
    ...flat,
    lossName: 'own function',
    saysMore: true,
    ...heldOf(model),
    ...kindsOf(model.classes),
    pass: (batch, options) =>
      whileStill(options.training ? still : [], () =>
        ownPass(model, batch, { ...options, parameters: flat.parameters }),
      ),
    ...(model.predict && { predict: (batch: AnyBatch) => predicted(model, batch) }),
    ...(model.evaluated && { evaluated: (row, pause, notes) => model.evaluated!(row, pause, notes) }),
    ...(model.places && { places: (batch) => model.places!(batch as Batch) }),
    checkData: (data, where) => model.checkData?.(data, where),
    copy: () => (model.copy ? ownTrainee(model.copy()) : borrowingTrainee(model, ownTrainee)),
  }
}

/** Predictions of a model of one's own. */
export function predicted(model: Pick<OwnModel, 'predict'>, batch: AnyBatch): Parted {
  return model.predict!(batch.x as tf.Tensor, batch as Batch)
}

function kindsOf(classes: OwnModel['classes']): Pick<Trainee, 'classes' | 'kindOf'> {
  if (classes === undefined) return {}
  if (typeof classes === 'number') return { classes }
  return {
    kindOf: (part): OutputKind => (classes[part] === undefined ? {} : { classes: classes[part] }),
  }
}

/** What a model of one's own holds beside its parameters. */
export function heldOf({ state }: { state?: object }): Pick<Trainee, 'held'> {
  return state === undefined ? {} : { held: new Held(state) }
}

/** Losses whose first batch was watched. */
const watched = new WeakSet<object>()

export function ownPass(
  model: Pick<OwnModel, 'loss' | 'predict'>,
  batch: AnyBatch,
  {
    training,
    weights: own,
    parameters,
  }: { training: boolean; weights?: Weights; parameters: readonly Parameter[] },
): Pass {
  const count = rowsIn(batch.x)
  const weights = own && wholeWeights(own)
  // Not a spread: while an iteration is recorded, ids and iteration are getters that say they have no value.
  const seen: Batch = Object.defineProperties({ training } as Batch, Object.getOwnPropertyDescriptors(batch))
  let given: OwnLoss
  // Of several targets none is the one that meets the predictions.
  if (watched.has(model.loss) || count < 2 || !(batch.y instanceof tf.Tensor)) given = model.loss(seen)
  else {
    const from = [
      ...tensorsIn(batch.x).map(([, tensor]) => tensor),
      ...parameters.map(({ variable }) => variable),
    ]
    const { result, met } = watchMeeting(batch.y, from, () => model.loss(seen))
    watched.add(model.loss)
    if (met) tellMeeting(model.loss, met, 'the loss')
    given = result
  }
  const whole: Exclude<OwnLoss, tf.Tensor> = given instanceof tf.Tensor ? { loss: given } : given
  if (!(whole?.loss instanceof tf.Tensor) || whole.loss.size !== 1)
    throw new InputError({
      where: 'train({ loss })',
      received: describe(whole?.loss ?? given),
      expected: 'a scalar tensor, or { loss, perExample }',
      fix: 'Take the mean over the batch: losses.mean().',
    })
  const { loss, losses } = weighted(whole, count, weights)
  const said = saidIn(whole, count)
  const predictions = whole.predictions ?? undefined
  return {
    loss,
    ...(losses && { losses }),
    ...(said && { said }),
    ...((predictions || model.predict) && {
      predictions: () => predictions ?? predicted(model, batch),
    }),
  }
}

function wholeWeights(weights: Weights): tf.Tensor1D {
  if (weights instanceof tf.Tensor) return weights
  throw new InputError({
    where: 'weights of examples',
    received: `weights of ${Object.keys(weights).join(', ')} for a loss of your own`,
    expected: 'one weight an example: the parts of your loss are weighed in it',
  })
}

/**
 * A copy of a model whose loss is a closure over the original's variables. It has variables of its own; while its loss
 * runs, the original's variables hold its values (a change of references, no copying) and then theirs again.
 */
export function borrowingTrainee<Model extends { parameters: ParameterTree; state?: object }>(
  model: Model,
  asTrainee: (model: Model) => Trainee,
): Trainee {
  const original = asTrainee(model)
  // What it does after an evaluation would look at the original.
  const { evaluated: _, ...twin } = asTrainee({
    ...model,
    parameters: copyTree(model.parameters),
    ...(original.held && { state: original.held.copy().root }),
  })
  const own = [...twin.parameters, ...twin.state]
  const lent = [...original.parameters, ...original.state].map(({ variable }) => variable)
  for (const [i, { variable }] of own.entries()) variable.assign(lent[i]!)
  function begin({ keepParameters = false, keepHeld = false, hold = temporary }: Lending = {}): () => void {
    const before: tf.Tensor[] = []
    let lends = false
    let heldBefore: Taken | undefined
    const finish = hold(() => {
      if (lends && keepParameters)
        for (const [i, { variable }] of twin.parameters.entries()) assignOnce(variable, lent[i]!)
      // What the pass itself changed (moving averages) is the copy's.
      if (lends)
        for (const [i, { variable }] of twin.state.entries())
          assignOnce(variable, lent[original.parameters.length + i]!)
      if (heldBefore) {
        if (lends && keepHeld) twin.held!.restore(original.held!.take())
        original.held!.restore(heldBefore)
        heldBefore = undefined
      }
      lends = false
      for (const [i, value] of before.entries()) if (!value.isDisposed) assignOnce(lent[i]!, value)
      tf.dispose(before)
    })
    atomically(() => {
      for (const variable of lent) before.push(tf.keep(variable.clone()))
      for (const [i, variable] of lent.entries()) variable.assign(own[i]!.variable)
      if (original.held) {
        heldBefore = original.held.take()
        original.held.restore(twin.held!.take())
      }
      lends = true
    })
    return finish
  }
  const lending = <T>(work: () => T): T =>
    during(
      () => {},
      () => {
        const finish = begin()
        const result = work()
        finish()
        return result
      },
    )
  return {
    ...twin,
    // The layers whose code runs.
    dropouts: original.dropouts,
    ...(original.pass && { pass: original.pass }),
    borrow: {
      through: lent.slice(0, original.parameters.length),
      begin,
      model: original.model,
      ...(original.held && { held: original.held }),
    },
    ...(twin.predict && { predict: (batch: AnyBatch) => lending(() => original.predict!(batch)) }),
    ...(twin.places && { places: (batch: AnyBatch) => lending(() => original.places!(batch)) }),
    copy() {
      const next = borrowingTrainee(model, asTrainee)
      for (const [i, { variable }] of [...next.parameters, ...next.state].entries())
        variable.assign(own[i]!.variable)
      if (twin.held) next.held!.restore(twin.held.take())
      return next
    },
  }
}

function copyTree(tree: ParameterTree): ParameterTree {
  if (tree instanceof tf.Variable) return tf.variable(tree, tree.trainable)
  if (isLayersModel(tree)) return copyModel(tree)
  if (isLayer(tree)) return copyLayer(tree)
  if (Array.isArray(tree)) return tree.map(copyTree)
  return Object.fromEntries(
    Object.entries(tree as { [name: string]: ParameterTree }).map(([name, child]) => [name, copyTree(child)]),
  )
}
