import * as tf from '@tensorflow/tfjs'
import type { Step } from '../../backend/compile/replay/replay.js'
import type { Changing } from '../../backend/compile/program.js'
import { recordingNow } from '../../backend/random/context.js'
import { describe, InputError } from '../../errors.js'
import { tellMeeting, watchMeeting } from '../loss/aligned.js'
import type { Core } from '../state/core.js'
import { ensureSlots } from '../state/slots.js'
import { ownUpdates } from './own-updates.js'
import { clip, normOf } from './step.js'
import type { Parameter } from '../model/trainee.js'
import { rowsIn, tensorsIn } from '../../data/table/parts.js'
import type { AnyBatch } from '../model/batch.js'

/** Which parameters: variables, names of parameters or of groups of them (`'generator'`), or a pattern on their names. */
export type Chosen = readonly tf.Variable[] | readonly string[] | string | RegExp

/** An optimizer bound to the parameters of a run: its slots, counts and rate are the run's, so undo takes them back. */
export interface BoundOptimizer {
  /**
   * One update that lowers `loss`; gives its value before. `chosen`: the parameters it changes; by default those of the
   * group that is named as the optimizer is, else all. With `true` the loss comes as a scalar, as tfjs's optimizers have it.
   */
  minimize(loss: () => tf.Tensor, chosen?: Chosen | false): number
  minimize(loss: () => tf.Tensor, returnCost: true, chosen?: Chosen): tf.Scalar
  /** One update with these gradients, by parameter name. */
  applyGradients(gradients: { readonly [parameter: string]: tf.Tensor }): void
}

/** Iterations of the user's own whose first batch was watched. */
const watched = new WeakSet<object>()

/** What updates tell the iteration that they are part of. */
export interface Telling {
  /** Where the norm of each update's gradients is put. */
  norms: number[]
  /** Told before a recorded update changes variables. */
  changing?: Changing | undefined
}

/** The optimizers as an iteration of this batch gets them. */
export function bindOptimizers(
  core: Core,
  telling: Telling,
  { x, y }: Pick<AnyBatch, 'x' | 'y'>,
): { [name: string]: BoundOptimizer } {
  const { trainee } = core
  const through = trainee.borrow?.through ?? trainee.parameters.map(({ variable }) => variable)
  const targets = trainee.parameters.map((parameter, i): Parameter => ({
    ...parameter,
    variable: through[i]!,
  }))
  const bound: { [name: string]: BoundOptimizer } = {}
  const { iteration } = trainee.model as { iteration: object }
  const isFirst = !watched.has(iteration) && rowsIn(x) > 1
  if (isFirst) watched.add(iteration)
  const watch: Watch = (loss) => {
    if (!isFirst || !(y instanceof tf.Tensor)) return loss()
    const inputs = tensorsIn(x).map(([, tensor]) => tensor)
    const { result, met } = watchMeeting(y, [...inputs, ...through], loss)
    if (met) tellMeeting(iteration, met, 'the iteration')
    return result
  }
  for (const name of Object.keys(trainee.optimizers!)) bound[name] = bind(core, name, targets, watch, telling)
  return bound
}

type Watch = (loss: () => tf.Tensor) => tf.Tensor

function bind(
  core: Core,
  name: string,
  targets: readonly Parameter[],
  watch: Watch,
  { norms, changing }: Telling,
): BoundOptimizer {
  const updates = ownUpdates(core)
  const own = targets.filter((target) => target.name.startsWith(`${name}/`) || target.name === name)
  const names = Object.keys(core.trainee.optimizers!)
  const groups = [...new Set(targets.map((target) => target.name.split('/')[0]!))]
  // Of one optimizer, or one group, it is plain what it moves; of several each would move all.
  const usual = own.length > 0 ? own : names.length === 1 || groups.length === 1 ? targets : undefined
  const trained = new Set(core.parameters.map((parameter) => parameter.name))

  function minimize(loss: () => tf.Tensor, first?: Chosen | boolean, second?: Chosen): any {
    const chosen = typeof first === 'boolean' || first === undefined ? second : first
    const some = chosen === undefined ? usual : choose(targets, chosen, name)
    if (!some) throw ofNoGroup(name, names, groups)
    const parameters = some.filter((parameter) => trained.has(parameter.name))
    checkNotRecorded(name)
    const { cost, norm } = makeUpdate(core, name, parameters, (step) =>
      updates.run(`${name}\n${parameters.map((one) => one.name).join()}\n${loss}`, name, {
        ...step,
        changing,
        loss: () => watch(loss),
        variables: parameters.map(({ variable }) => variable),
        update: (value, gradients, numbers) => {
          checkConnected(gradients, parameters, name)
          return step.update(value, gradients, numbers)
        },
      }),
    )
    norms.push(norm)
    return first === true ? tf.scalar(cost) : cost
  }

  return {
    minimize,
    applyGradients(gradients) {
      const parameters = choose(targets, Object.keys(gradients), name).filter((one) => trained.has(one.name))
      const list = parameters.map((parameter) => gradients[parameter.name]!)
      checkNotRecorded(name)
      const { norm } = makeUpdate(core, name, parameters, ({ update, numbers }) =>
        tf.tidy(() =>
          update(
            tf.scalar(0),
            list,
            numbers.map((number) => tf.scalar(number)),
          ),
        ),
      )
      norms.push(norm)
    },
  }
}

function ofNoGroup(name: string, optimizers: readonly string[], groups: readonly string[]): InputError {
  return new InputError({
    where: `optimizers.${name}.minimize(loss)`,
    received: `the optimizers ${optimizers.join(', ')} and the groups of parameters ${groups.join(', ')}: none is called ${name}`,
    expected: 'an optimizer called as the group that it moves, or the group as second argument',
    fix: `optimizers.${name}.minimize(loss, '${groups[0]}'), or { optimizers: { ${groups.map((group) => `${group}: …`).join(', ')} } }.`,
  })
}

function checkConnected(
  gradients: readonly (tf.Tensor | null)[],
  parameters: readonly Parameter[],
  optimizer: string,
): void {
  if (gradients.some((gradient) => gradient)) return
  const names = parameters.slice(0, 4).map(({ name }) => name)
  throw new InputError({
    where: `optimizers.${optimizer}.minimize(loss)`,
    received: 'a loss that depends on none of its parameters',
    expected: `one computed from ${names.join(', ')}`,
  })
}

/** A recording of the user's own would keep rate, count and slots of the run as they are now. */
function checkNotRecorded(optimizer: string): void {
  if (!recordingNow.active) return
  throw new InputError({
    where: `optimizers.${optimizer} inside of compile(…)`,
    received: "an update of a run, whose rate, count and slots are the run's",
    expected: 'the iteration as it is: each update in it is compiled by itself',
    fix: `Call optimizers.${optimizer}.minimize(() => loss) without compile around it; what only computes (a target, a sample) can be compiled.`,
  })
}

/** Parameters by variable, by name or group, or by pattern. */
function choose(targets: readonly Parameter[], chosen: Chosen, optimizer: string): Parameter[] {
  const one = (wanted: string | RegExp | tf.Variable): Parameter[] => {
    const found = targets.filter(({ name, variable }) =>
      wanted instanceof RegExp
        ? name.search(wanted) !== -1
        : typeof wanted === 'string'
          ? name === wanted || name.startsWith(`${wanted}/`)
          : variable === wanted,
    )
    if (found.length > 0) return found
    throw new InputError({
      where: `optimizers.${optimizer}`,
      received:
        wanted instanceof tf.Variable ? 'a variable that is not among the parameters' : describe(wanted),
      expected: `some of the parameters: ${targets.map(({ name }) => name).join(', ')}`,
    })
  }
  return typeof chosen === 'string' || chosen instanceof RegExp
    ? one(chosen)
    : chosen.flatMap((wanted) => one(wanted))
}

type Update = Pick<Step, 'numbers' | 'parts' | 'update'>

/** The update of one optimizer. Gives the loss and the norm of the gradients. */
function makeUpdate(
  core: Core,
  name: string,
  parameters: readonly Parameter[],
  take: (update: Update) => tf.Tensor,
): { cost: number; norm: number } {
  const optimizer = core.trainee.optimizers![name]!
  const { settings } = core
  const key = (parameter: Parameter) => `${name}:${parameter.name}`
  ensureSlots(
    optimizer,
    parameters.map((parameter) => ({ ...parameter, name: key(parameter) })),
    core.slots,
  )
  const count = (core.state.counts[name] ?? 0) + 1
  const all = parameters.map((parameter) => core.slots.get(key(parameter))!)
  const report = take({
    numbers: [core.learningRate(undefined, core.state.peaks[name]), count],
    parts: [optimizer, settings.clipNorm, settings.clipValue, ...all],
    update(cost, gradients, [learningRate, iteration]) {
      const norm = normOf(gradients)
      const clipped = clip(gradients, norm, settings)
      for (const [i, parameter] of parameters.entries()) {
        const gradient = clipped[i]
        if (!gradient) continue
        const slots = all[i]!
        const update = optimizer.update({
          name: key(parameter),
          value: parameter.variable,
          gradient,
          slots,
          learningRate: learningRate!,
          iteration: iteration!,
        })
        parameter.variable.assign(parameter.constrain?.(update.value) ?? update.value)
        for (const slot in slots) slots[slot]!.assign(update.slots[slot]!)
      }
      return tf.concat([cost.reshape([1]), norm.reshape([1])])
    },
  })
  const [cost, norm] = report.dataSync() as Float32Array
  report.dispose()
  core.state.counts = { ...core.state.counts, [name]: count }
  return { cost: cost!, norm: norm! }
}
