import { InputError } from '../../errors.js'
import type { StoredTensor, TensorFile } from '../../store/safetensors.js'
import { anything, list, maybe, object, dictionary, text, type Shape } from '../../store/shape.js'
import type { Core } from '../state/core.js'
import { misfit } from '../state/field.js'
import { misfitOf, stateShape } from '../state/fields.js'
import { optionChecks } from '../rules/options.js'
import type { Decoded } from './snapshot-file.js'

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

const part = object({ name: text, settings: dictionary(anything) })

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
    dropout: maybe((value, at) => (typeof value === 'number' ? rate : dictionary(rate))(value, at)),
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

const whole = object({ name: asOption('name'), optimizer: part, settings, from: maybe(text) })

/** What is wrong with the part of a snapshot that is not tensors. */
export const checkRest = (found: unknown): string | undefined => whole(found) ?? stateShape(found)

/** What is wrong with the names and types of tensors; what fits no type is told where it is used. */
export function checkTensors(tensors: TensorFile['tensors']): string | undefined {
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!/^(?:parameter|slot):/.test(name)) continue
    if (!isValues(tensor)) return `${name} as ${tensor.values.constructor.name}`
    if (/:__proto__(?::|$)/.test(name) || !/^(?:parameter:|slot:.+:)./s.test(name))
      return `${name}, which names nothing`
  }
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
  const wrong = misfitOf(decoded.snapshot, core) ?? checkSlots(decoded.snapshot.tensors, core)
  if (wrong !== undefined) throw misfit(decoded.file, wrong)
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
