import * as tf from '@tensorflow/tfjs'
import { withRandomness } from '../../backend/random/index.js'
import { fromArrays } from '../../data/from.js'
import type { Dataset, Parted } from '../../data/dataset.js'
import { fromPlaces, tensorsIn } from '../../data/table/parts.js'
import { randomAt } from '../../data/generate.js'
import { InputError, Interrupted } from '../../errors.js'
import { during, whileWaiting } from '../../settle.js'
import { assignOnce } from '../model/gradients.js'
import { tensorsOf, type AnyBatch } from '../model/batch.js'
import { keyOf } from '../order/key.js'
import type { Core } from '../state/core.js'
import type { Events } from '../state/events.js'
import { iterateOnce } from './iteration.js'
import type { Outcome } from './outcome.js'
import { scoped, turn } from './scoped.js'

/** Runs of which one batch was looked at as data is. */
const checked = new WeakSet<Core>()

/** The batch of the next iteration, made by the user's function, which sees the run's values in its model and leaves them as they are. */
export async function makeBatch(core: Core): Promise<AnyBatch> {
  const source = core.source!
  const iteration = core.state.iteration + 1
  const { seed } = core.settings
  const ends: (() => void)[] = []
  const variables = variablesOf(core)
  const before = variables.map(({ variable }) => tf.keep(variable.clone()))
  ends.push(() => tf.dispose(before))
  try {
    const tensors = await scoped(ends, () =>
      withRandomness({ seed: keyOf(seed, 'generate'), iteration }, () =>
        source.make({ iteration, random: randomAt(seed, iteration), model: core.trainee.model }),
      ),
    )
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

/** The same where nothing else lends the model's variables, for whoever only looks or trains on it next. Whoever gets it disposes it. */
export async function nextMade(core: Core): Promise<AnyBatch> {
  const done = await turn()
  let giveBack = () => {}
  const end = () => {
    giveBack()
    done()
  }
  const isWaiting = whileWaiting(end, core)
  try {
    core.trainee.borrow?.begin({ hold: (finish) => (giveBack = finish) })
    const batch = await makeBatch(core)
    // Given up while it waited, it is nobody's.
    if (isWaiting()) end()
    else {
      tf.dispose(tensorsOf(batch))
      throw new Interrupted(core.state.iteration, undefined)
    }
    return batch
  } catch (error) {
    if (isWaiting()) end()
    throw error
  }
}

/** One iteration on a batch that is made for it. Where it is not finite the batch is given along, to be looked at. */
export async function iterateMade(core: Core, journal: Events): Promise<Outcome> {
  const started = performance.now()
  const batch = await nextMade(core)
  let isLooked = false
  return during(
    () => {
      if (!isLooked) tf.dispose(tensorsOf(batch))
    },
    () => {
      const outcome = iterateOnce(core, journal, { batch, started })
      isLooked = !outcome.finite
      return isLooked ? { ...outcome, batch } : outcome
    },
  )
}
