import * as tf from '@tensorflow/tfjs'
import { withRandomness } from '../../backend/random/index.js'
import { fromArrays } from '../../data/from.js'
import type { Dataset, Parted } from '../../data/dataset.js'
import { fromPlaces, tensorsIn } from '../../data/table/parts.js'
import { randomAt } from '../../data/generate.js'
import { InputError, Interrupted } from '../../errors.js'
import { say } from '../../say.js'
import { during, whileWaiting } from '../../settle.js'
import { assignOnce } from '../model/gradients.js'
import { tensorsOf, type AnyBatch } from '../model/batch.js'
import type { Taken } from '../held/held.js'
import { keyOf } from '../order/key.js'
import type { Core } from '../state/core.js'
import type { Events } from '../state/events.js'
import { iterateOnce } from './iteration.js'
import type { Outcome } from './outcome.js'
import { scoped, turn } from './scoped.js'

/** What the model holds beside its parameters, as it stands. */
export function takeHeld({ name, trainee: { held } }: Core): Taken | undefined {
  if (!held) return undefined
  const started = performance.now()
  const taken = held.take()
  const took = performance.now() - started
  // One may have waited for other work on the machine.
  const inRow = took > slow ? (slowInRow.get(held) ?? 0) + 1 : 0
  slowInRow.set(held, inRow)
  if (inRow === 5 && !told.has(held)) {
    told.add(held)
    say(
      `The state of the run '${name}' takes ${Math.round(took)} ms to be copied, before each iteration: what has to go back where it fails. A replayBuffer, or an object with snapshot() and restore(), shares what was not changed.`,
    )
  }
  return taken
}

/** Milliseconds of a copy that are worth a word. */
const slow = 20
const told = new WeakSet<object>()
const slowInRow = new WeakMap<object, number>()

/** Runs of which one batch was looked at as data is. */
const checked = new WeakSet<Core>()

/** The batch of the next iteration, made by the user's function, which sees the run's values in its model and leaves them as they are. */
export async function makeBatch(core: Core): Promise<AnyBatch> {
  const source = core.source!
  const iteration = core.state.iteration + 1
  const { seed } = core.settings
  // In a branch those that its functions see, which have its values.
  const { model, held } = core.trainee.borrow ?? core.trainee
  const ends: (() => void)[] = []
  const variables = variablesOf(core)
  const before = variables.map(({ variable }) => tf.keep(variable.clone()))
  ends.push(() => tf.dispose(before))
  try {
    const tensors = await scoped(ends, () =>
      withRandomness({ seed: keyOf(seed, 'generate'), iteration }, () =>
        source.make({ iteration, random: randomAt(seed, iteration), model, state: held?.root ?? {} }),
      ),
    )
    held?.keep()
    const rows = Object.values(tensors)[0]?.shape[0] ?? 0
    const empty = () => tf.keep(tf.zeros([rows, 0]))
    const fields = fromPlaces(tensors)
    const batch: AnyBatch = {
      x: fields.x ?? empty(),
      y: fields.y ?? empty(),
      ...fields,
      ids: Array.from({ length: rows }, (_, row) => row),
      iteration,
    }
    try {
      checkUnchanged(core, variables, before)
      checkMade(core, batch)
    } catch (error) {
      tf.dispose(tensorsOf(batch))
      throw error
    }
    core.made = rows
    return batch
  } finally {
    for (const end of ends.toReversed()) end()
  }
}

/** The variables that hold the run's values while its model is called: in a branch those that are lent to. */
function variablesOf({ trainee }: Core): { name: string; variable: tf.Variable }[] {
  const { borrow, parameters, state } = trainee
  if (!borrow) return [...parameters, ...state]
  return parameters.map(({ name }, i) => ({ name, variable: borrow.through[i]! }))
}

/** An iteration that fails is taken back: what its batch changed would stay. */
function checkUnchanged(
  { trainee, source }: Core,
  variables: readonly { name: string; variable: tf.Variable }[],
  before: readonly tf.Tensor[],
): void {
  const passed = new Set(trainee.states?.map(({ name }) => name))
  const changed = variables.filter(({ variable }, i) => variable.dataId !== before[i]!.dataId)
  for (const [i, { variable }] of variables.entries()) assignOnce(variable, before[i]!)
  // The state of recurrent layers goes on with each prediction, as in any look.
  if (changed.every(({ name }) => passed.has(name))) return
  throw new InputError({
    where: source!.name,
    received: `a function that changes ${changed
      .map((one) => one.name)
      .slice(0, 3)
      .join(', ')}`,
    expected: 'one that makes a batch and leaves the parameters as they are',
    fix: 'An iteration of your own may change them: train({ parameters, optimizers, iteration: (batch, { optimizers }) => … }).',
  })
}

function checkMade(core: Core, batch: AnyBatch): void {
  const { trainee, source } = core
  const where = `run '${core.name}', iteration ${batch.iteration}`
  if (!checked.has(core) && batch.ids.length > 0) {
    const data = fromArrays(fieldsOf(batch), { name: source!.name }) as unknown as Dataset
    trainee.checkData(data, where)
    checked.add(core)
  }
  trainee.checkBatch?.(batch, source!.name, where)
}

/** The fields of a batch as `fromArrays` takes them: a y without numbers is none. */
export function fieldsOf(batch: AnyBatch): { x: Parted; y?: Parted } {
  const { y, ...fields } = fromPlaces(tensorsOf(batch))
  const isThere = tensorsIn(y!).some(([, { size }]) => size > 0)
  return { ...(fields as { x: Parted }), ...(isThere && { y: y! }) }
}

/** A batch, and the state beside the parameters as it was before it was made. */
interface Made {
  batch: AnyBatch
  before: Taken | undefined
}

/** The same where nothing else lends the model's variables, for whoever trains on it next. Whoever gets it disposes it. */
export async function nextMade(core: Core): Promise<Made> {
  const done = await turn()
  const { held } = core.trainee
  const before = takeHeld(core)
  let giveBack = () => {}
  let isMade = false
  const end = () => {
    giveBack()
    if (before && !isMade) held!.restore(before)
    done()
  }
  const isWaiting = whileWaiting(end, core)
  try {
    core.trainee.borrow?.begin({ keepHeld: true, hold: (finish) => (giveBack = finish) })
    const tensors = held?.tensors() ?? new Set()
    const batch = await makeBatch(core)
    // Given up while it waited, it is nobody's.
    if (isWaiting()) {
      isMade = true
      end()
      held?.endOthers(tensors)
    } else {
      tf.dispose(tensorsOf(batch))
      throw new Interrupted(core.state.iteration, undefined)
    }
    return { batch, before }
  } catch (error) {
    if (isWaiting()) end()
    throw error
  }
}

/** One to look at: what making it changed in the state is taken back. */
export async function lookAtMade(core: Core): Promise<AnyBatch> {
  const { batch, before } = await nextMade(core)
  if (before) core.trainee.held!.restore(before)
  return batch
}

/** One iteration on a batch that is made for it. Where it is not finite the batch is given along, to be looked at. */
export async function iterateMade(core: Core, journal: Events): Promise<Outcome> {
  const started = performance.now()
  const { batch, before } = await nextMade(core)
  let isLooked = false
  const end = () => {
    if (!isLooked) tf.dispose(tensorsOf(batch))
    if (before && core.state.iteration < batch.iteration) core.trainee.held!.restore(before)
  }
  return during(end, () => {
    const outcome = iterateOnce(core, journal, { batch, started })
    isLooked = !outcome.finite
    return isLooked ? { ...outcome, batch } : outcome
  })
}
