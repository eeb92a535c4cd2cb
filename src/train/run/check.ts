import * as tf from '@tensorflow/tfjs'
import { activationsOf } from '../model/activations.js'
import { markEngine } from '../../backend/tfjs/unwind.js'
import { describe, InputError } from '../../errors.js'
import { during, whileWaiting } from '../../settle.js'
import { branchOf } from './branch.js'
import { isOwn } from './primitives.js'
import { maybeCompiled } from '../step/compiled.js'
import { fromArrays } from '../../data/from.js'
import { tensorsIn } from '../../data/table/parts.js'
import { dataOf } from '../model/heads.js'
import { tensorsOf, type AnyBatch } from '../model/batch.js'
import { Core } from '../state/core.js'
import { unwritten } from '../state/events.js'
import { iterateOnce } from '../step/iteration.js'
import type { Dataset } from '../../data/dataset.js'
import { iterateOwn } from '../step/own-iteration.js'
import { ownUpdates } from '../step/own-updates.js'
import { fieldsOf, iterateMade, lookAtMade } from '../step/made.js'
import { gradientsAt } from '../step/update.js'
import { tidily } from '../model/gradients.js'
import { named } from '../../suggest.js'

/** One thing that was looked at before training. */
export interface CheckRow {
  check: string
  value: string
  expected: string
  ok: boolean
}

const round = (value: number) => Number(value.toPrecision(3))

/**
 * What is worth knowing before a long training: each row is one test, made on a copy, so the run stays as it is.
 * - the inputs are of a scale that layers are made for;
 * - every class occurs among the labels: where one does not, they may count from 1;
 * - the first loss of a classifier is about ln(classes): more says that it is sure of nonsense;
 * - a single batch can be learned by heart: if not, loss, model and data do not belong together;
 * - every parameter gets a gradient, none of them a thousand times another's (but for those that the loss does not change with,
 *   as a bias that a softmax or a normalisation takes out again: their gradients are rounding);
 * - no layer is dead from the start;
 * - whether the iterations are compiled, and if not, why;
 * - how much memory the values, the slots and a batch take.
 *
 * Of an iteration of one's own a few are made on the copy: whether what they say is finite, every parameter moves, and each update is
 * compiled. What is outside of the run, an environment that the iteration steps, they change as any other.
 */
export async function checkRun(core: Core): Promise<CheckRow[]> {
  if (core.trainee.iteration) return checkIterations(core)
  return core.source ? onMadeBatch(core, await lookAtMade(core)) : checkExamples(core)
}

/** Of data that is made the next batch stands for it. */
function onMadeBatch(core: Core, batch: AnyBatch): CheckRow[] {
  const data = looking(() => fromArrays(fieldsOf(batch), { name: core.source!.name })) as unknown as Dataset
  tf.dispose(tensorsOf(batch))
  return onCopy(core, 'check', (twin) => {
    const at = new Core({
      ...twin.parts,
      name: twin.name,
      data,
      source: undefined,
      settings: { ...twin.settings, batchSize: data.length },
    })
    at.state.iteration = core.state.iteration
    return checkExamples(at)
  })
}

/** Iterations of one's own that are tried. */
const tried = 3

function checkIterations(core: Core): Promise<CheckRow[]> {
  return onWaitingCopy(core, 'check', async (twin) => {
    const { parameters } = twin.trainee
    const before = parameters.map(({ variable }) => variable.dataSync().slice())
    const losses: number[] = []
    let finite = true
    while (finite && losses.length < tried) {
      const outcome = await iterateOwn(twin, unwritten)
      ;({ finite } = outcome)
      losses.push(outcome.loss)
      if (outcome.batch) tf.dispose(tensorsOf(outcome.batch))
    }
    const still = parameters.filter(({ variable }, i) =>
      variable.dataSync().every((value, at) => value === before[i]![at]),
    )
    const { reasons } = ownUpdates(twin)
    return [
      ...(core.source ? [] : looking(() => inputs(core))),
      {
        check: `loss of ${losses.length} iterations`,
        value: losses.map(round).join(', '),
        expected: 'finite',
        ok: finite,
      },
      coverage('parameters that move', parameters.length, still),
      ...Object.keys(twin.trainee.optimizers!).map((optimizer) => ({
        check: `updates of ${optimizer} compiled`,
        value: reasons[optimizer] === undefined ? 'yes' : `no: ${reasons[optimizer]}`,
        expected: 'yes; kernel by kernel is slower',
        ok: reasons[optimizer] === undefined,
      })),
      looking(() => [memory(twin)])[0]!,
    ]
  })
}

/** How many of the parameters something holds for; all but these. */
function coverage(check: string, all: number, but: readonly { name: string }[]): CheckRow {
  const names = but.map(({ name }) => name).slice(0, 3)
  return {
    check,
    value: `${all - but.length} of ${all}${names.length ? `, not ${names.join(', ')}` : ''}`,
    expected: 'all',
    ok: but.length === 0,
  }
}

function checkExamples(core: Core): CheckRow[] {
  return [
    ...looking(() => [...inputs(core), ...labels(core), ...firstLoss(core)]),
    ...gradientFlow(core),
    ...looking(() => [...deadUnits(core), memory(core)]),
    ...overfit(core),
  ]
}

/** Ends the tensors of what is computed, also where Stop ends it. */
function looking<T extends object>(work: () => T): T {
  return during(markEngine(), () => tidily(work))
}

/** Of the first batch. Texts and indices have no scale. */
function inputs(core: Core): CheckRow[] {
  return tensorsIn(core.nextBatch().x).flatMap(([part, x]) => scaleOf(x, part))
}

function scaleOf(x: tf.Tensor, part: string | undefined): CheckRow[] {
  if (x.dtype !== 'float32' || x.size === 0) return []
  const [low, high, size] = [x.min(), x.max(), x.square().mean().sqrt()].map((one) => one.dataSync()[0]!)
  return [
    {
      check: part === undefined ? 'inputs' : `inputs ${part}`,
      value: `${round(low!)} to ${round(high!)}, root mean square ${round(size!)}`,
      expected: 'a root mean square below 10',
      ok: size! < 10,
    },
  ]
}

/** Labels that are counted: enough to see a class that never comes. */
const counted = 10_000

function labels({ data, trainee }: Core): CheckRow[] {
  if (!trainee.several) return labelsOf(data, trainee.classes)
  return trainee.several.flatMap((output) =>
    labelsOf(dataOf(data, output), output.classes).map((row) => ({
      ...row,
      check: `${row.check}, ${output.name}`,
    })),
  )
}

function labelsOf(data: Core['data'], classes: number | undefined): CheckRow[] {
  const isIndex = data.y.shape.every((size) => size === 1)
  const length = Math.min(counted, data.length)
  if (classes === undefined || !isIndex || length < 10 * classes) return []
  const missing = new Set(Array.from({ length: classes }, (_, label) => label))
  for (let position = 0; position < length; position++) missing.delete(Number(data.valuesAt(position).y[0]))
  const names = [...missing].slice(0, 5).map((label) => data.classes?.[label] ?? label)
  return [
    {
      check: 'classes that occur',
      value: `${classes - missing.size} of ${classes}${names.length ? `, not ${names.join(', ')}` : ''}`,
      expected: 'all',
      ok: missing.size === 0,
    },
  ]
}

function firstLoss(core: Core): CheckRow[] {
  const { classes, binary, lossName } = core.trainee
  if (core.state.iteration > 0 || !/crossentropy/i.test(lossName)) return []
  const chance = Math.log(binary ? 2 : (classes ?? 1))
  if (!(chance > 0)) return []
  const loss = gradientsAt(core, core.nextBatch()).loss.dataSync()[0]!
  return [
    {
      check: 'first loss',
      value: `${round(loss)}`,
      expected: `about ${round(chance)}, ln ${binary ? 2 : classes}`,
      // Inputs of large scale and sure nonsense show as several times the loss of guessing.
      ok: loss < 2 * chance && loss > 0.3 * chance,
    },
  ]
}

/** The root mean square of each parameter's gradient, 0 where there is none. */
function gradientSizes(core: Core): { name: string; size: number; rank: number }[] {
  return looking(() => {
    const { gradients } = gradientsAt(core, core.nextBatch())
    return core.parameters.map(({ name, variable }, i) => ({
      name,
      rank: variable.rank,
      size: gradients[i] ? rootMeanSquare(gradients[i]) : 0,
    }))
  })
}

const rootMeanSquare = (tensor: tf.Tensor): number => tensor.square().mean().sqrt().dataSync()[0]!

/** How far apart gradients may be. */
const mostApart = 1000

/** Of these parameters those that the loss does not change with: moved by as much as they are large it stays, but for rounding. */
function withoutEffect(core: Core, names: ReadonlySet<string>): Set<string> {
  if (names.size === 0) return new Set()
  return onCopy(core, 'check', (twin) =>
    looking(() => {
      const batch = twin.nextBatch()
      const lossNow = () => gradientsAt(twin, batch).loss.dataSync()[0]!
      const before = lossNow()
      const found = twin.parameters.filter(({ name, variable }) => {
        if (!names.has(name)) return false
        const value = variable.clone()
        const size = Math.max(1, rootMeanSquare(value))
        variable.assign(value.add(tf.randomNormal(value.shape, 0, size, 'float32', 1)))
        const moved = Math.abs(lossNow() - before)
        variable.assign(value)
        return moved < 1e-6 * Math.max(1, Math.abs(before))
      })
      return new Set(found.map(({ name }) => name))
    }),
  )
}

function gradientFlow(core: Core): CheckRow[] {
  const sizes = gradientSizes(core)
  const still = sizes.filter(({ size }) => size === 0)
  const most = Math.max(...sizes.map(({ size }) => size))
  // Of layers that no gradient reaches the matrices have as little, and they are told of.
  const small = sizes.filter(({ size, rank }) => size > 0 && rank < 2 && most / size >= mostApart)
  const apart = withoutEffect(core, new Set(small.map(({ name }) => name)))
  const moving = sizes.filter(({ name, size }) => size > 0 && !apart.has(name))
  const largest = moving.toSorted((a, b) => b.size - a.size)
  const ratio = moving.length ? largest[0]!.size / largest.at(-1)!.size : NaN
  return [
    coverage('parameters that get a gradient', sizes.length, still),
    {
      check: 'largest to smallest gradient (root mean square)',
      value: `${moving.length ? `${round(ratio)} (${largest[0]!.name} to ${largest.at(-1)!.name})` : 'none'}${
        apart.size > 0
          ? `, without ${[...apart].slice(0, 3).join(', ')}, which the loss does not change with`
          : ''
      }`,
      expected: `less than ${mostApart}`,
      ok: ratio < mostApart,
    },
  ]
}

function deadUnits(core: Core): CheckRow[] {
  return activationsOf(core.trainee.model, core.nextBatch().x).map(
    ({ layer, activation, dead, saturated }) => ({
      check: `units of ${layer}`,
      // A relu's zeros are how it works: only of a curve that levels off are flat values worth a word.
      value: `${Math.round(dead * 100)} % dead${activation.startsWith('relu') ? '' : `, ${Math.round(saturated * 100)} % of values flat`}`,
      expected: 'less than half dead',
      ok: dead < 0.5,
    }),
  )
}

/** float32 throughout. */
function memory(core: Core): CheckRow {
  const values = core.trainee.parameters.reduce((sum, { variable }) => sum + variable.size, 0)
  const slots = [...core.slots.values()].reduce(
    (sum, entry) => sum + Object.values(entry).reduce((size, slot) => size + slot.size, 0),
    0,
  )
  // Where batches are made, to make one would be to draw it.
  const batch = core.source ? undefined : Object.values(tensorsOf(core.nextBatch()))
  const size = (numbers: number) => `${round((numbers * 4) / 2 ** 20)} MB`
  return {
    check: 'memory',
    value: `${size(values)} of parameters, ${size(values)} of gradients, ${size(slots)} of optimizer slots, ${batch ? `${size(batch.reduce((total, one) => total + one.size, 0))} a batch` : 'batches as they are made'}`,
    expected: 'less than the device has; activations come on top',
    ok: true,
  }
}

/** Iterations on one batch. */
const attempts = 100

/** Also says whether the iterations could be compiled. */
function overfit(core: Core): CheckRow[] {
  return onCopy(core, 'check', overfitCopy)
}

function overfitCopy(twin: Core): CheckRow[] {
  const positions = twin.state.order.next(Math.min(8, twin.settings.batchSize))
  twin.settings.schedule = undefined
  twin.settings.batchSchedule = undefined
  twin.state.order.focus({ name: 'one batch', positions })
  let first = NaN
  let lowest = Infinity
  for (let i = 0; i < attempts; i++) {
    const { finite, loss } = iterateOnce(twin, unwritten)
    if (!finite) break
    if (i === 0) first = loss
    lowest = Math.min(lowest, loss)
  }
  const compiled = maybeCompiled(twin)
  const reason = compiled?.reason
  return [
    {
      check: `loss on ${positions.length} examples after ${attempts} iterations`,
      value: `${round(first)} to ${round(lowest)}`,
      expected: 'less than half of what it was',
      ok: lowest < first / 2,
    },
    ...(compiled
      ? [
          {
            check: 'compiled',
            value: reason === undefined ? 'yes' : `no: ${reason}`,
            expected: 'yes; kernel by kernel is slower',
            ok: reason === undefined,
          },
        ]
      : []),
  ]
}

/** Tries something on a copy of the run, which ends with it. */
function onCopy<T>(core: Core, name: string, work: (twin: Core) => T): T {
  let twin: Core | undefined
  const end = () => {
    if (twin) disposeCore(twin)
  }
  return during(end, () => work(branchOf(core, name, (made) => void (twin = made))))
}

/** The same for what awaits. */
async function onWaitingCopy<T>(core: Core, name: string, work: (twin: Core) => Promise<T>): Promise<T> {
  let twin: Core | undefined
  const end = () => {
    if (twin) disposeCore(twin)
  }
  const isOver = whileWaiting(end)
  try {
    return await work(branchOf(core, name, (made) => void (twin = made)))
  } finally {
    if (isOver()) end()
  }
}

/** Ends the tensors of a copy that was made to try something. */
export function disposeCore(core: Core): void {
  maybeCompiled(core)?.dispose()
  if (core.trainee.iteration) ownUpdates(core).dispose()
  const variables = [...core.trainee.parameters, ...core.trainee.state].map(({ variable }) => variable)
  const slots = [...core.slots.values()].flatMap((entry) => Object.values(entry))
  for (const one of [...variables, ...slots]) if (!one.isDisposed) one.dispose()
  core.slots.clear()
  tf.dispose([...(core.trainee.held?.tensors() ?? [])])
}

export interface RateRow {
  learningRate: number
  loss: number
}

/**
 * The learning-rate range test (Smith 2017) on a copy: rates grow from `from` to `to` by the same factor each
 * iteration; the one suggested is where the smoothed loss falls most steeply, which is before it diverges.
 */
export async function findLearningRate(
  core: Core,
  options: { from?: number; to?: number; iterations?: number } = {},
): Promise<{ suggested: number; rows: RateRow[] }> {
  if (core.trainee.iteration) throw isOwn('run.findLearningRate()')
  const where = 'run.findLearningRate(options)'
  const { from = 1e-6, to = 1, iterations = 100 } = named(options, ['from', 'to', 'iterations'], where)
  if (!(from > 0 && to > from && Number.isFinite(to)))
    throw new InputError({
      where,
      received: `rates from ${describe(from)} to ${describe(to)}`,
      expected: 'rates above 0 that grow, e.g. { from: 1e-6, to: 1 }',
    })
  if (!Number.isInteger(iterations) || iterations < 2 * steepOver)
    throw new InputError({
      where,
      received: `${describe(iterations)} iterations`,
      expected: `a whole number, at least ${2 * steepOver}`,
    })
  const { rows, smooth } = await onWaitingCopy(core, 'learning rates', (twin) =>
    rangeTest(twin, { from, to, iterations }),
  )
  const lowest = smooth.indexOf(Math.min(...smooth))
  // Over some iterations: from one to the next the noise of the batches falls more steeply than the loss.
  const fall = (at: number) => smooth[at - steepOver]! - smooth[at]!
  let steepest = Math.min(2 * steepOver, rows.length - 1)
  for (let at = steepest; at <= lowest; at++) if (fall(at) > fall(steepest)) steepest = at
  const middle = rows[Math.max(0, steepest - steepOver / 2)]
  return { suggested: Number((middle?.learningRate ?? from).toPrecision(2)), rows }
}

/** Rows of the test, and the smoothed losses. */
async function rangeTest(
  twin: Core,
  { from, to, iterations }: { from: number; to: number; iterations: number },
): Promise<{ rows: RateRow[]; smooth: number[] }> {
  twin.settings.schedule = undefined
  twin.settings.stop = undefined
  const rows: RateRow[] = []
  const smooth: number[] = []
  let mean = 0
  for (let i = 0; i < iterations; i++) {
    const learningRate = from * (to / from) ** (i / (iterations - 1))
    twin.state.peak = learningRate
    const { finite, loss, batch } = await (twin.source
      ? iterateMade(twin, unwritten)
      : iterateOnce(twin, unwritten))
    if (batch) tf.dispose(tensorsOf(batch))
    if (!finite) break
    rows.push({ learningRate, loss })
    // An exponential mean, corrected for its start as Adam's are.
    mean = 0.9 * mean + 0.1 * loss
    smooth.push(mean / (1 - 0.9 ** (i + 1)))
    if (smooth.at(-1)! > 4 * Math.min(...smooth)) break
  }
  return { rows, smooth }
}

/** Iterations over which the fall of the loss is taken. */
const steepOver = 10
