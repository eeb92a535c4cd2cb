/** What a message of gradbook is made of: what came in, what would have been right, and the change that makes it so. */
export interface Problem {
  /** What the user was doing, e.g. `train(model, { loss })`. */
  where?: string
  received: string
  expected: string
  /** The line or the command to change, as an instruction. */
  fix?: string
}

function sentence(text: string): string {
  const trimmed = text.trim()
  return /[.!?:`]$/.test(trimmed) ? trimmed : `${trimmed}.`
}

/** The base of every error that gradbook throws on purpose. */
export class GradbookError extends Error {
  override name = 'GradbookError'
}

/** Something the caller passed does not fit. The message says what was received, what was expected and what to change. */
export class InputError extends GradbookError {
  override name = 'InputError'
  readonly problem: Problem
  constructor(problem: Problem, options?: ErrorOptions) {
    const { where, received, expected, fix } = problem
    super(
      `${where ? `${where}: ` : ''}received ${sentence(received)} Expected ${sentence(expected)}${fix ? ` ${sentence(fix)}` : ''}`,
      options,
    )
    this.problem = problem
  }
}

/** Training was stopped from outside (Stop in the notebook, an aborted signal). The run stands at a whole iteration. */
export class Interrupted extends GradbookError {
  override name = 'Interrupted'
  readonly iteration: number
  /** Loss of the last whole iteration, `undefined` before the first. */
  readonly loss: number | undefined
  constructor(iteration: number, loss: number | undefined) {
    const at = loss === undefined ? '' : `, loss ${loss.toPrecision(4)}`
    super(`stopped after iteration ${iteration}${at}. Everything is kept: the next call goes on from here.`)
    this.iteration = iteration
    this.loss = loss
  }
}

/** A package that is needed is not installed. The message names the folders that were searched and the command to run. */
export class MissingPackage extends GradbookError {
  override name = 'MissingPackage'
  readonly packageName: string
  constructor(packageName: string, searched: readonly string[], fix = `npm install ${packageName}`) {
    super(
      `the package '${packageName}' was not found in ${searched.join(' or ')}. Run \`${fix}\`, then run the cell again.`,
    )
    this.packageName = packageName
  }
}

/** Of what has no constructor by name, as a generator. */
function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}

/**
 * How a value reads in a message: short, one line, with its type where that helps.
 *
 * @example describe(new Float32Array(3))
 */
export function describe(value: unknown): string {
  if (typeof value === 'string') return value.length > 60 ? `'${value.slice(0, 57)}…'` : `'${value}'`
  if (typeof value === 'function') return value.name ? `the function ${value.name}` : 'a function'
  if (value === null || typeof value !== 'object') return String(value)
  if (Array.isArray(value))
    return value.length > 8 ? `an array of ${value.length}` : `[${value.map(describe).join(', ')}]`
  const shape = (value as { shape?: unknown }).shape
  const type = value.constructor?.name || tagOf(value)
  if (Array.isArray(shape)) return `a ${type} of shape [${shape.join(', ')}]`
  if (type !== 'Object') return `a ${type}`
  const keys = Object.keys(value)
  return keys.length > 8 ? `an object with ${keys.length} keys` : `{ ${keys.join(', ')} }`
}
