import { InputError } from '../../errors.js'
import type { StoredTensor, TensorFile } from '../../store/safetensors.js'
import {
  anything,
  count,
  list,
  maybe,
  number,
  object,
  oneOf,
  record,
  text,
  truth,
  tuple,
  type Shape,
} from '../../store/shape.js'
import type { Core } from '../state/core.js'
import { optionChecks } from '../rules/options.js'
import type { Decoded, Rest } from './record.js'

/** A file may come from a stranger, or from a disk that lost some of it: what does not fit is told, and nothing of it is used. */
export function misfit(file: string, received: string, cause?: unknown): InputError {
  return new InputError(
    {
      where: `reading ${file}`,
      received,
      expected: 'a file of a run as gradbook wrote it',
      fix: 'It was damaged or changed since.',
    },
    { cause },
  )
}

/** Reads what is in a file: whatever goes wrong is told as an error of that file. */
export function readAs<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { message } = error as Error
    if (error instanceof InputError && message.includes(file)) throw error
    throw misfit(
      file,
      error instanceof InputError ? message.replace(/[.!?]$/, '') : `what cannot be read (${message})`,
      error,
    )
  }
}

/** Numbers that are not finite were null before they had a way to be written. */
const measured: Shape = (value, at) => (value === null ? undefined : number(value, at))

const part = object({ name: text, settings: record(anything) })
const adjustment = object({ at: count, what: text, why: maybe(text) })
const seen = object({ iteration: count }, measured)

/** Those without which a run would go on with others in their place. */
const given = ['batchSize', 'seed', 'evaluationBatchSize', 'progress']
const perhaps = ['accumulate', 'ema', 'clipNorm', 'clipValue', 'evaluateEvery']

/** As the option of `train` has to be. */
function asOption(name: string): Shape {
  const { ok, expected } = optionChecks[name]!
  return (value, at = '') => (ok(value) ? undefined : `${at} is not ${expected}`)
}

const rate: Shape = (value, at = '') =>
  typeof value === 'number' && value >= 0 && value < 1
    ? undefined
    : `${at} is not a rate from 0 to less than 1`

const settings = object(
  {
    ...Object.fromEntries(given.map((name) => [name, asOption(name)])),
    ...Object.fromEntries(perhaps.map((name) => [name, maybe(asOption(name))])),
    dropout: maybe((value, at) => (typeof value === 'number' ? rate : record(rate))(value, at)),
    schedule: maybe(part),
    batchSchedule: maybe(part),
    stop: maybe(part),
    metrics: list(text),
    freeze: maybe((value, at) =>
      (Array.isArray(value) ? list(text) : object({ pattern: text, flags: text }))(value, at),
    ),
  },
  (value, at = '') => {
    const name = at.slice(at.lastIndexOf('.') + 1)
    return Object.hasOwn(optionChecks, name) ? maybe(asOption(name))(value, at) : `${at} is no setting`
  },
)

/** A name that a run can have, or a column of its history. */
const fieldName: Shape = (value, at = '') =>
  text(value, at) ??
  (value === '' || value === '__proto__' ? `${at} is '${value}', which names nothing` : undefined)

const rest: Shape = object({
  name: asOption('name'),
  iteration: count,
  optimizer: part,
  updates: count,
  waiting: object({ batches: count, examples: count }),
  peaks: record(number),
  counts: record(count),
  peak: number,
  settings,
  ruleSpent: truth,
  order: object({
    seed: number,
    epoch: count,
    offset: count,
    subsets: count,
    subset: maybe(object({ name: text, number: count, epoch: count, offset: count })),
    keyed: maybe(truth),
  }),
  labels: list(tuple(count, list(measured))),
  evaluations: list(seen),
  details: list(object({ iteration: count, name: text })),
  adjustments: list(adjustment),
  stopReason: maybe(
    object({
      kind: oneOf('target', 'iterations', 'time', 'plateau', 'diverged', 'notFinite', 'interrupted'),
      iteration: count,
      message: text,
    }),
  ),
  spikes: list(object({ iteration: count, loss: measured, expected: measured, ids: list(number) })),
  planned: list(adjustment),
  looks: maybe(
    list(
      object({
        iteration: count,
        data: text,
        split: oneOf('train', 'validation', 'test'),
        ema: truth,
        loss: measured,
      }),
    ),
  ),
  from: maybe(text),
  historyNames: list(fieldName),
  examples: maybe(count),
})

/** What is wrong with the part of a snapshot that is not tensors. */
export const checkRest = (found: unknown): string | undefined => rest(found)

const everyRow = ['iteration', 'loss', 'learningRate', 'gradientNorm', 'milliseconds']

/** What is wrong with the tensors by themselves; what fits no type is told where it is used. */
export function checkTensors(
  tensors: TensorFile['tensors'],
  { historyNames, order }: Rest,
): string | undefined {
  if (new Set(historyNames).size !== historyNames.length) return '.historyNames names a column twice'
  const missing = everyRow.find((name) => !historyNames.includes(name))
  if (missing) return `.historyNames is without ${missing}`
  const rows = tensors['history:iteration']?.values.length
  for (const name of historyNames)
    if (tensors[`history:${name}`]?.values.length !== rows)
      return `history:${name} has another length than the rest`
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!/^(?:parameter|slot):/.test(name)) continue
    if (!isValues(tensor)) return `${name} as ${tensor.values.constructor.name}`
    if (/:__proto__(?::|$)/.test(name) || !/^(?:parameter:|slot:.+:)./s.test(name))
      return `${name}, which names nothing`
  }
  if ((tensors['subset:positions'] !== undefined) !== (order.subset !== null && order.subset !== undefined))
    return '.order.subset without its positions, or they without it'
  return undefined
}

const isValues = ({ values, bool }: StoredTensor): boolean =>
  bool || values instanceof Float32Array || values instanceof Int32Array

/** Refuses a snapshot of another model or of other data, and one in which something else does not fit the run that is to take it. */
export function checkFit(core: Core, decoded: Decoded, where: string): void {
  checkModel(core, decoded, where)
  const { length } = decoded.snapshot.order.excluded
  if (length !== core.data.length)
    throw new InputError({
      where,
      received: `${core.data.length} training examples`,
      expected: `the ${length} that the run was trained on`,
    })
  const wrong = misfitOf(decoded, core)
  if (wrong !== undefined) throw misfit(decoded.file, wrong)
}

function misfitOf({ snapshot }: Decoded, core: Core): string | undefined {
  const { length } = core.data
  const { order, excluded } = snapshot.order
  const { weights, books, labels } = snapshot
  for (const [name, values] of Object.entries({ lossSums: books, ...(weights && { weights }) }))
    if (values.length !== length) return `data:${name} of ${values.length} examples, for ${length}`
  if (excluded.some((out) => out > 1)) return 'data:excluded with other values than 0 and 1'
  const slot = checkSlots(snapshot.tensors, core)
  if (slot !== undefined) return slot
  const size = core.data.y.shape.reduce((a, b) => a * b, 1)
  for (const [position, label] of labels) {
    if (position >= length) return `.labels of the example at ${position}, of ${length}`
    if (label.length !== size) return `.labels with ${label.length} values, for ${size}`
  }
  return checkSubset(order.subset, excluded)
}

/** The optimizer is made by its record, with slots as they are at first: those of the file take their place. */
function checkSlots({ slots }: Decoded['snapshot']['tensors'], core: Core): string | undefined {
  for (const [name, entry] of core.slots)
    for (const [slot, { shape, dtype }] of Object.entries(entry)) {
      const found = slots[name]?.[slot]
      if (!found) return `no slot:${name}:${slot}`
      if (found.shape.join() !== shape.join() || found.dtype !== dtype)
        return `slot:${name}:${slot} as ${found.dtype} [${found.shape.join(', ')}], for ${dtype} [${shape.join(', ')}]`
    }
  return undefined
}

function checkSubset(
  subset: Decoded['snapshot']['order']['order']['subset'],
  excluded: Uint8Array,
): string | undefined {
  if (!subset) return undefined
  const { positions, chances } = subset
  if (positions.some((position) => position < 0 || position >= excluded.length))
    return `subset:positions outside of ${excluded.length} examples`
  if (positions.length === 0) return 'a subset without examples'
  if (!chances) return undefined
  if (chances.length !== positions.length) return `${chances.length} chances for ${positions.length} examples`
  if (chances.some((chance) => !(chance >= 0 && chance < Infinity))) return 'subset:chances that are none'
  const isDrawn = (position: number, i: number) => !excluded[position] && chances[i]! > 0
  return positions.some(isDrawn) || positions.every((position) => excluded[position])
    ? undefined
    : 'subset:chances of 0'
}

/** Refuses a model that is not the one that was saved. */
function checkModel(core: Core, { snapshot }: Decoded, where: string): void {
  const saved = snapshot.tensors.parameters
  const own = [...core.trainee.parameters, ...core.trainee.state]
  const bad = (received: string, expected?: string) =>
    new InputError({
      where,
      received,
      expected: expected ?? `the parameters that were saved: ${Object.keys(saved).join(', ')}`,
      fix: 'Build the model as it was when the run was saved.',
    })
  for (const { name, variable } of own) {
    const found = saved[name]
    if (found?.shape.join() !== variable.shape.join())
      throw bad(
        `a model whose ${name} has the shape [${variable.shape.join(', ')}]`,
        found && `[${found.shape.join(', ')}], as it was saved`,
      )
    if (found.dtype !== variable.dtype)
      throw bad(`a model whose ${name} is ${variable.dtype}`, `${found.dtype}, as it was saved`)
  }
  const missing = Object.keys(saved).find((name) => !own.some((parameter) => parameter.name === name))
  if (missing) throw bad(`a model without ${missing}`)
}
