import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import { InputError } from '../../errors.js'
import type { EvaluationDetail } from '../../mistakes/detail.js'
import { decodeJson, encodeJson } from '../../store/json.js'
import type { Files } from '../../store/files.js'
import { decodeTensors, type StoredTensor, type TensorFile } from '../../store/safetensors.js'
import { again, ownOf, type Kinds } from '../rules/registry.js'
import { recordOf, type Recorded } from '../rules/recorded.js'
import {
  booksFromExamples,
  booksFromVectors,
  manyExamples,
  vectorsOf,
  writtenExamples,
} from '../order/books.js'
import type { Core } from '../state/core.js'
import { History } from '../state/history.js'
import type { Settings } from '../rules/options.js'
import type { OrderState } from '../order/order.js'
import type { Snapshot, TensorValues } from '../state/snapshots.js'
import { checkRest, checkTensors, misfit, readAs } from './check-record.js'

/** Raised when the meaning of a file changes: from 2 on it holds its checksum. */
const format = 'gradbook.snapshot/2'
const formats = ['gradbook.snapshot/1', format]

/** What a snapshot holds that is not a tensor, as JSON. */
export interface Rest {
  format: string
  name: string
  iteration: number
  optimizer: Recorded
  updates: number
  waiting: Snapshot['waiting']
  peaks: Snapshot['peaks']
  counts: { [optimizer: string]: number }
  peak: number
  settings: { [name: string]: unknown }
  ruleSpent: boolean
  order: {
    seed: number
    epoch: number
    offset: number
    subsets: number
    subset: { [name: string]: unknown } | null
  }
  labels: [number, number[]][]
  evaluations: Snapshot['evaluations']
  details: { iteration: number; name: string }[]
  adjustments: Snapshot['adjustments']
  stopReason: Snapshot['stopReason']
  spikes: Snapshot['spikes']
  planned: Snapshot['planned']
  looks?: Core['looks']
  /** Of a point that redo goes to: where the run stands when it can. */
  from?: string
  historyNames: string[]
  /** How many there are to train on, where a vector of them all is not in the file. */
  examples?: number
}

/** Functions of the user's that no file can hold: passed again when a run is loaded. */
export interface Passed {
  optimizer?: Optimizer
  schedule?: Settings['schedule']
  batchSchedule?: Settings['batchSchedule']
  stop?: Settings['stop']
}

type PlainSettings = Omit<Settings, 'schedule' | 'batchSchedule' | 'stop' | 'metrics'>

/**
 * A snapshot and the history up to it, as tensors and metadata of a safetensors file.
 *
 * @param history of the snapshot, where it is not the beginning of the run's.
 */
export function encodeSnapshot(
  core: Core,
  snapshot: Snapshot,
  history?: { readonly [name: string]: Float64Array },
  from?: string,
): TensorFile {
  const names = history ? Object.keys(history) : core.history.names
  const tensors: { [name: string]: StoredTensor } = {}
  const vector = (name: string, values: StoredTensor['values']) =>
    void (tensors[name] = { shape: [values.length], values })
  const { parameters, slots } = snapshot.tensors
  for (const [name, { shape, values, dtype }] of Object.entries(parameters))
    tensors[`parameter:${name}`] = { shape, values, ...(dtype === 'bool' && { bool: true }) }
  for (const [name, entry] of Object.entries(slots))
    for (const [slot, { shape, values }] of Object.entries(entry))
      tensors[`slot:${name}:${slot}`] = { shape, values }
  for (const name of names)
    vector(
      `history:${name}`,
      (history?.[name] ?? core.history.column(name)).subarray(0, snapshot.historyLength),
    )
  if (snapshot.books.length > manyExamples) {
    const { positions, values } = writtenExamples(core.books.pagesOf(snapshot.books))
    vector('data:positions', positions)
    vector('data:books', values)
  } else {
    const { sums, counts, drawn } = vectorsOf(snapshot.books.length, core.books.pagesOf(snapshot.books))
    vector('data:lossSums', sums)
    vector('data:lossCounts', counts)
    vector('data:drawn', drawn)
  }
  if (snapshot.books.length <= manyExamples || snapshot.order.out !== 0)
    vector('data:excluded', snapshot.order.excluded)
  if (snapshot.weights) vector('data:weights', snapshot.weights)
  const { subset } = snapshot.order.order
  if (subset) {
    vector('subset:positions', subset.positions)
    if (subset.chances) vector('subset:chances', subset.chances)
  }
  for (const [i, { losses, predicted, probability, right, everRight }] of snapshot.details.entries())
    for (const [part, values] of Object.entries({ losses, predicted, probability, right, everRight }))
      if (values) vector(`evaluation:${i}:${part}`, values)
  return { tensors, metadata: { format, run: encodeJson({ ...restOf(core, snapshot, names), from }) } }
}

function restOf(core: Core, snapshot: Snapshot, historyNames: string[]): Rest {
  const { schedule, batchSchedule, stop, metrics, freeze, save: _, ...plain } = snapshot.settings
  const { order } = snapshot.order
  return {
    format,
    name: core.name,
    iteration: snapshot.iteration,
    optimizer: { name: snapshot.optimizer.name, settings: { ...snapshot.optimizer.settings } },
    updates: snapshot.updates,
    waiting: snapshot.waiting,
    peaks: snapshot.peaks,
    counts: snapshot.counts,
    peak: snapshot.peak,
    settings: {
      ...plain,
      freeze: freeze instanceof RegExp ? { pattern: freeze.source, flags: freeze.flags } : freeze,
      schedule: schedule && recordOf(schedule),
      batchSchedule: batchSchedule && recordOf(batchSchedule),
      stop: stop && recordOf(stop),
      metrics: metrics.map(({ name }) => name),
    },
    ruleSpent: snapshot.ruleSpent,
    order: {
      ...order,
      subset: order.subset && { ...order.subset, positions: undefined, chances: undefined },
    },
    labels: [...snapshot.labels].map(([position, label]) => [position, Array.from(label)]),
    evaluations: snapshot.evaluations,
    details: snapshot.details.map(({ iteration, dataset }) => ({ iteration, name: dataset.name })),
    adjustments: snapshot.adjustments,
    stopReason: snapshot.stopReason,
    spikes: snapshot.spikes,
    planned: snapshot.planned,
    looks: core.looks,
    historyNames,
    ...(snapshot.books.length > manyExamples && { examples: snapshot.books.length }),
  }
}

export interface Decoded {
  /** Where it was read. */
  file: string
  name: string
  snapshot: Omit<Snapshot, 'settings' | 'optimizer'>
  settings: Partial<PlainSettings>
  optimizer: Rest['optimizer']
  schedule: Recorded | undefined
  batchSchedule: Recorded | undefined
  stop: Recorded | undefined
  metrics: string[]
  looks: Core['looks']
  from: string | undefined
  history: History
}

/** Reads the snapshot of a file. What it has to fit is checked by `checkFit` when the run that is to take it is there. */
export function readSnapshot(files: Files, path: string): (core?: Core) => Decoded {
  const found = readAs(path, () => decodeTensors(files.read(path), path))
  const alone = decodeSnapshot(found, path)
  return (core) => (core ? decodeSnapshot(found, path, core) : alone)
}

/**
 * The snapshot of a file.
 *
 * @param core the run that is to take it: details of its evaluations are read.
 * @throws InputError where the file is not one that `encodeSnapshot` made, or is another run's.
 */
export function decodeSnapshot(found: TensorFile, file: string, core?: Core): Decoded {
  return readAs(file, () => {
    const { tensors, metadata } = found
    if (!formats.includes(metadata.format!) || !metadata.run)
      throw new InputError({
        where: `reading ${file}`,
        received: metadata.format ? `the format ${metadata.format}` : 'a file without a run in it',
        expected: format,
      })
    if (metadata.format === format && !found.checked) throw misfit(file, 'a file without its checksum')
    const rest = decodeJson(metadata.run) as Rest
    const wrong = checkRest(rest) ?? checkTensors(tensors, rest)
    if (wrong !== undefined) throw misfit(file, wrong)
    return decodedOf(rest, tensors, file, core)
  })
}

function decodedOf(rest: Rest, tensors: TensorFile['tensors'], file: string, core?: Core): Decoded {
  const { schedule, batchSchedule, stop, metrics, freeze, ...plain } = rest.settings as any
  const history = new History()
  const columns = Object.fromEntries(
    rest.historyNames.map((name) => [name, values(tensors, `history:${name}`, Float64Array, file)]),
  )
  history.paste(columns)
  const subset = rest.order.subset && {
    ...(rest.order.subset as any),
    positions: values(tensors, 'subset:positions', Int32Array, file),
    ...(tensors['subset:chances'] && { chances: values(tensors, 'subset:chances', Float32Array, file) }),
  }
  const details = core?.evaluateOn ? detailsFrom(rest, tensors, core) : []
  return {
    file,
    name: rest.name,
    settings: {
      ...plain,
      ...(freeze && {
        freeze: freeze.pattern === undefined ? freeze : new RegExp(freeze.pattern, freeze.flags),
      }),
    },
    optimizer: rest.optimizer,
    schedule,
    batchSchedule,
    stop,
    metrics,
    looks: measured(rest.looks ?? []),
    from: rest.from,
    history,
    snapshot: {
      iteration: rest.iteration,
      version: -1,
      tensors: tensorsFrom(tensors),
      updates: rest.updates,
      waiting: rest.waiting,
      peaks: rest.peaks,
      counts: rest.counts,
      peak: rest.peak,
      ruleSpent: rest.ruleSpent,
      order: {
        order: { ...rest.order, subset } as OrderState,
        excluded:
          rest.examples !== undefined && !tensors['data:excluded']
            ? new Uint8Array(rest.examples)
            : values(tensors, 'data:excluded', Uint8Array, file),
      },
      weights: tensors['data:weights'] && values(tensors, 'data:weights', Float32Array, file),
      labels: new Map(rest.labels.map(([position, label]) => [position, label.map((value) => value ?? NaN)])),
      books: booksFrom(rest, tensors, file),
      spikes: measured(rest.spikes),
      historyLength: history.length,
      evaluations: measured(rest.evaluations),
      details,
      adjustments: rest.adjustments,
      stopReason: rest.stopReason,
      planned: rest.planned,
    },
  }
}

function booksFrom({ examples }: Rest, tensors: TensorFile['tensors'], file: string): Snapshot['books'] {
  if (examples !== undefined) {
    const positions = values(tensors, 'data:positions', Int32Array, file)
    const books = booksFromExamples(examples, {
      positions,
      values: values(tensors, 'data:books', Uint32Array, file),
    })
    if (books) return books
    throw misfit(file, 'data:positions and data:books that do not fit each other')
  }
  const sums = values(tensors, 'data:lossSums', Float32Array, file)
  const counts = values(tensors, 'data:lossCounts', Uint32Array, file)
  const drawn = values(tensors, 'data:drawn', Uint32Array, file)
  for (const [name, { length }] of Object.entries({ lossCounts: counts, drawn }))
    if (length !== sums.length) throw misfit(file, `data:${name} of ${length} examples, for ${sums.length}`)
  return booksFromVectors(sums, counts, drawn)
}

/** Rows in which what was not finite was written as null. */
function measured<Row extends object>(rows: readonly Row[]): Row[] {
  return rows.map(
    (row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? NaN])) as Row,
  )
}

function values<T>(
  tensors: TensorFile['tensors'],
  name: string,
  Kind: new (...at: any[]) => T,
  file: string,
): T {
  const found = tensors[name]?.values
  if (found instanceof Kind) return found
  throw new InputError({
    where: `reading ${file}`,
    received: found ? `${name} as ${found.constructor.name}` : `no ${name}`,
    expected: `${name} as ${Kind.name}`,
  })
}

function tensorsFrom(tensors: TensorFile['tensors']): TensorValues {
  const found: TensorValues = { parameters: {}, slots: {} }
  for (const [key, { shape, values: array, bool }] of Object.entries(tensors)) {
    const [kind, name, slot] = splitKey(key)
    const dtype = bool ? 'bool' : array instanceof Int32Array ? 'int32' : 'float32'
    const entry = { shape: [...shape], dtype, values: array } as TensorValues['parameters'][string]
    if (kind === 'parameter') found.parameters[name] = entry
    if (kind === 'slot') (found.slots[name] ??= {})[slot!] = entry
  }
  return found
}

/** 'slot:dense/kernel:m' -> slot, dense/kernel, m; a parameter's name may hold colons. */
function splitKey(key: string): [string, string, string | undefined] {
  const first = key.indexOf(':')
  const kind = key.slice(0, first)
  if (kind !== 'slot') return [kind, key.slice(first + 1), undefined]
  const last = key.lastIndexOf(':')
  return [kind, key.slice(first + 1, last), key.slice(last + 1)]
}

/** Details of other data than `evaluateOn` is now are of no use. */
function detailsFrom(rest: Rest, tensors: TensorFile['tensors'], core: Core): EvaluationDetail[] {
  const dataset = core.evaluateOn!
  return rest.details.flatMap(({ iteration }, i) => {
    const part = <T>(name: string, Kind: new (...at: any[]) => T) => {
      const found = tensors[`evaluation:${i}:${name}`]?.values
      return found instanceof Kind && found.length === dataset.length ? { [name]: found } : {}
    }
    const { losses } = part('losses', Float32Array)
    if (!losses) return []
    return [
      {
        iteration,
        dataset,
        losses,
        ...(losses.every((loss) => Number.isNaN(loss)) && { onlyMean: true }),
        ...part('predicted', Float32Array),
        ...part('probability', Float32Array),
        ...part('right', Uint8Array),
        ...part('everRight', Uint8Array),
      },
    ]
  })
}

/** What was recorded, made anew; what only the user has, as passed. The error names what is missing. An optimizer that is passed goes before its record. */
export function rebuild(
  decoded: Decoded,
  passed: Passed,
  where: string,
): Pick<Settings, 'schedule' | 'batchSchedule' | 'stop'> & { optimizer: Optimizer } {
  const made = <Kind extends keyof Passed & keyof Kinds>(kind: Kind, record: Recorded): Kinds[Kind] => {
    const found = readAs(decoded.file, () => again(kind, record)) ?? passed[kind]
    if (found) return found as Kinds[Kind]
    throw new InputError({
      where,
      received: `a run whose ${kind} is a function of your own`,
      expected: 'it to be passed again: a file cannot hold it',
      fix: `loadRun(…, { ${kind}: ${ownOf(kind, record)} }).`,
    })
  }
  const { schedule, batchSchedule, stop, optimizer } = decoded
  return {
    batchSchedule: batchSchedule && made('batchSchedule', batchSchedule),
    schedule: schedule && made('schedule', schedule),
    stop: stop && made('stop', stop),
    optimizer: passed.optimizer ?? made('optimizer', optimizer),
  }
}
