import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import { InputError } from '../../errors.js'
import { decodeJson, encodeJson } from '../../store/json.js'
import type { Files } from '../../store/files.js'
import { decodeTensors, type TensorFile } from '../../store/safetensors.js'
import type { Settings } from '../rules/options.js'
import { again, ownOf, type Kinds } from '../rules/registry.js'
import { recordOf, type Recorded } from '../rules/recorded.js'
import type { Core } from '../state/core.js'
import { Draft, Found, misfit } from '../state/field.js'
import { decodeState, encodeState, type Beside } from '../state/fields.js'
import { History } from '../state/history.js'
import type { Snapshot, TensorValues } from '../state/snapshots.js'
import { checkRest, checkTensors, readAs } from './check-snapshot.js'
import { recordOfWeight } from './run-file.js'

/** Raised when the meaning of a file changes: from 2 on it holds its checksum. */
const format = 'gradbook.snapshot/2'
const formats = ['gradbook.snapshot/1', format]

/** What a snapshot holds that is not a tensor, as JSON, beside its state. */
interface Rest {
  format: string
  name: string
  optimizer: Recorded
  settings: { [name: string]: unknown }
  /** Of a point that redo goes to: where the run stands when it can. */
  from?: string
  /** How many there are to train on, where a vector of them all is not in the file. */
  examples?: number
  [field: string]: unknown
}

/** Functions of the user's that no file can hold: passed again when a run is loaded. */
export interface Passed {
  optimizer?: Optimizer
  schedule?: Settings['schedule']
  batchSchedule?: Settings['batchSchedule']
  stop?: Settings['stop']
}

/** Settings that a file holds as they are. */
type PlainSettings = Omit<Settings, keyof Passed | 'metrics'>

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
  const { state } = core
  const draft = new Draft(snapshot.historyLength)
  const { parameters, slots } = snapshot.tensors
  for (const [name, { shape, values, dtype }] of Object.entries(parameters))
    draft.tensors[`parameter:${name}`] = { shape, values, ...(dtype === 'bool' && { bool: true }) }
  for (const [name, entry] of Object.entries(slots))
    for (const [slot, { shape, values }] of Object.entries(entry))
      draft.tensors[`slot:${name}:${slot}`] = { shape, values }
  const {
    optimizer,
    schedule,
    batchSchedule,
    stop,
    metrics,
    freeze,
    sampleWeight,
    save: _,
    onIteration: _onIteration,
    onEvaluation: _onEvaluation,
    ...plain
  } = snapshot.settings
  const rest: Rest = {
    format,
    name: core.name,
    optimizer: recordOf(optimizer),
    settings: {
      ...plain,
      ...(sampleWeight !== undefined && { sampleWeight: recordOfWeight(sampleWeight) }),
      freeze: freeze instanceof RegExp ? { pattern: freeze.source, flags: freeze.flags } : freeze,
      schedule: schedule && recordOf(schedule),
      batchSchedule: batchSchedule && recordOf(batchSchedule),
      stop: stop && recordOf(stop),
      metrics: metrics.map(({ name }) => name),
    },
    ...encodeState(
      state,
      { ...snapshot, looks: state.looks, history: historyOf(history) ?? state.history },
      draft,
    ),
    from,
  }
  return { tensors: draft.tensors, metadata: { format, run: encodeJson(rest) } }
}

function historyOf(columns: { readonly [name: string]: Float64Array } | undefined): History | undefined {
  if (!columns) return undefined
  const history = new History()
  history.paste(columns)
  return history
}

export interface Decoded {
  /** Where it was read. */
  file: string
  name: string
  snapshot: Omit<Snapshot, 'settings'>
  settings: Partial<PlainSettings>
  optimizer: Rest['optimizer']
  schedule: Recorded | undefined
  batchSchedule: Recorded | undefined
  stop: Recorded | undefined
  metrics: string[]
  from: string | undefined
  /** What is no part of a snapshot: the history, and the looks. */
  beside: Beside
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
    const wrong = checkRest(rest) ?? checkTensors(tensors)
    if (wrong !== undefined) throw misfit(file, wrong)
    return decodedOf(rest, tensors, file, core)
  })
}

function decodedOf(rest: Rest, tensors: TensorFile['tensors'], file: string, core?: Core): Decoded {
  const { schedule, batchSchedule, stop, metrics, freeze, ...plain } = rest.settings as any
  const { examples } = rest
  const found = new Found({ file, tensors, examples, evaluateOn: core?.evaluateOn })
  const { beside, kept } = decodeState(rest, found)
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
    from: rest.from,
    beside,
    snapshot: {
      ...kept,
      version: -1,
      tensors: tensorsFrom(tensors),
      historyLength: beside.history.length,
    },
  }
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
