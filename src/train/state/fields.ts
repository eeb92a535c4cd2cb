import type { Adjustment, Note, StopReason } from '../../views.js'
import {
  anything,
  count,
  list,
  maybe,
  number,
  object,
  oneOf,
  dictionary,
  text,
  truth,
} from '../../store/shape.js'
import { corrections } from './corrections.js'
import { books, labels, order, weights } from './example-fields.js'
import { held } from './held-field.js'
import { measured, plain, withNaN, type Draft, type Field, type Found, type Parts } from './field.js'
import { details, evaluations, history, looks } from './seen-fields.js'
import type { Spike } from './spikes.js'

/** A stage that a run went on with. */
export interface StageRecord {
  readonly name: string
  /** Iterations before it. */
  readonly at: number
  /** What it is trained on, and its loss, by their names. */
  readonly data: string
  readonly loss?: string
}

const adjustments = list(object({ at: count, what: text, why: maybe(text) }))

/**
 * All of a run that changes as it goes on, beside its tensors and its settings: one row a field. What a run begins with, snapshots,
 * undo, branches and files are made of these rows, so a new field is one more of them.
 */
const turnedBack = {
  /** Batches trained on. */
  iteration: plain<number>(() => 0, count),
  /** Updates that the optimizer has made since it was new: fewer than iterations where gradients are accumulated. */
  updates: plain<number>(() => 0, count),
  /** Batches, and the examples in them, whose gradients wait for the next update. */
  waiting: plain<{ readonly batches: number; readonly examples: number }>(
    () => ({ batches: 0, examples: 0 }),
    object({ batches: count, examples: count }),
  ),
  /** The rate each optimizer of an own iteration starts from. */
  peaks: plain<{ readonly [optimizer: string]: number }>(
    ({ trainee }) =>
      Object.fromEntries(
        Object.entries(trainee.optimizers ?? {}).map(([name, { learningRate }]) => [name, learningRate]),
      ),
    dictionary(number),
  ),
  /** Updates of each optimizer of an own iteration. */
  counts: plain<{ readonly [optimizer: string]: number }>(() => ({}), dictionary(count)),
  /** The rate a schedule starts from: the optimizer's, until `set({ learningRate })`. */
  peak: plain<number>(({ settings }) => settings.optimizer.learningRate, number),
  /** The iteration that schedules count from: that of a stage which brought its own. */
  scheduleFrom: {
    ...plain<number>(() => 0, maybe(count)),
    decode: (json: number | null | undefined) => json ?? 0,
  },
  /** The stages after the first, in their order. */
  stages: {
    ...plain<readonly StageRecord[]>(() => [], maybe(list(object({ name: text, at: count, data: text })))),
    decode: (json: readonly StageRecord[] | null | undefined) => json ?? [],
  },
  /** Whether the stop rule has been met: it does not end another call. */
  ruleSpent: plain<boolean>(() => false, truth),
  order,
  weights,
  labels,
  corrections,
  books,
  evaluations,
  details,
  /** What the model said at evaluations. */
  notes: {
    ...plain<readonly Note[]>(() => [], maybe(list(object({ iteration: count }, anything)))),
    decode: (notes: readonly Note[] | null | undefined) => notes ?? [],
  },
  adjustments: plain<Adjustment[]>(() => [], adjustments),
  stopReason: plain<StopReason | null>(
    () => null,
    maybe(
      object({
        kind: oneOf('target', 'iterations', 'time', 'plateau', 'diverged', 'notFinite', 'interrupted'),
        iteration: count,
        message: text,
      }),
    ),
  ),
  spikes: {
    ...plain<readonly Spike[]>(
      () => [],
      list(object({ iteration: count, loss: measured, expected: measured, ids: list(number) })),
    ),
    decode: withNaN<Spike>,
  },
  held,
  /** Adjustments of another run that are made when their iterations come. */
  planned: plain<readonly Adjustment[]>(() => [], adjustments),
}

/** The same of what undo leaves as it is: what was seen stays seen, and the history is cut by whoever goes back in it. */
const lasting = { history, looks }

type TurnedBack = typeof turnedBack
type Lasting = typeof lasting
type Live<Fields extends { [name: string]: Field<any, any> }> = {
  [name in keyof Fields]: ReturnType<Fields[name]['first']>
}

/** A run as it stands. */
export type State = Live<TurnedBack> & Live<Lasting>
/** What a snapshot keeps of it. */
export type Kept = { [name in keyof TurnedBack]: ReturnType<TurnedBack[name]['decode']> }
/** What a file has that snapshots do not keep. */
export type Beside = Live<Lasting>

type Rows = readonly (readonly [name: string, field: Field<any, any>])[]
const rows: Rows = Object.entries(turnedBack)
const lastingRows: Rows = Object.entries(lasting)
type Any = { [name: string]: any }

function madeOf<T>(some: Rows, make: (field: Field<any, any>, name: string) => unknown): T {
  return Object.fromEntries(some.map(([name, field]) => [name, make(field, name)])) as T
}

export const firstState = (of: Parts): State => madeOf([...rows, ...lastingRows], (field) => field.first(of))

/** Makes anew what a state holds of single examples: for other data. */
export function beginExamples(state: State, of: Parts): void {
  Object.assign(state, {
    order: order.first(of),
    weights: weights.first(of),
    labels: labels.first(of),
    corrections: corrections.first(of),
    books: books.first(of),
  })
}

export function keepState(state: State): Kept {
  return madeOf(rows, ({ keep }, name) => (keep ? keep((state as Any)[name]) : (state as Any)[name]))
}

export function restoreState(state: Any, kept: Kept): void {
  for (const [name, { restore }] of rows)
    if (restore) restore(state[name], (kept as Any)[name])
    else state[name] = (kept as Any)[name]
}

/** For a branch, which has a past of its own from there on. */
export function keepBeside(state: State): Beside {
  return madeOf(lastingRows, ({ keep }, name) => (keep ? keep((state as Any)[name]) : (state as Any)[name]))
}

/** The state as a file has it. @param kept of the state, or of an earlier one. */
export function encodeState(state: State, kept: Kept & Beside, draft: Draft): { [name: string]: unknown } {
  return Object.fromEntries(
    [...rows, ...lastingRows].map(([name, field]) => [
      field.name ?? name,
      field.encode((kept as Any)[name], draft, (state as Any)[name]),
    ]),
  )
}

/** What the JSON of a file has to be. */
export const stateShape = object(
  Object.fromEntries([...rows, ...lastingRows].map(([name, field]) => [field.name ?? name, field.shape])),
  anything,
)

export function decodeState(json: { [name: string]: unknown }, found: Found): { beside: Beside; kept: Kept } {
  const decode = (field: Field<any, any>, name: string) => field.decode(json[field.name ?? name], found)
  return { beside: madeOf(lastingRows, decode), kept: madeOf(rows, decode) }
}

/** What is wrong with a state that was read where it is to become that of a run. */
export function misfitOf(kept: Kept, of: Parts): string | undefined {
  for (const [name, field] of rows) {
    const wrong = field.misfit?.((kept as Any)[name], of)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

/** Bytes that one holds beside the one before it. */
export function bytesOfKept(kept: Kept, before: Kept | undefined): number {
  return rows.reduce(
    (sum, [name, { bytes }]) =>
      sum + (bytes?.((kept as Any)[name], (before as Any | undefined)?.[name]) ?? 0),
    0,
  )
}
