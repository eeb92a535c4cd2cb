import type { Dataset } from '../../data/dataset.js'
import type { Generated } from '../../data/generate.js'
import { InputError } from '../../errors.js'
import type { StoredTensor } from '../../store/safetensors.js'
import { number, type Shape } from '../../store/shape.js'
import type { Trainee } from '../model/trainee.js'
import type { Settings } from '../rules/options.js'

/** What a run is made of as long as one stage of it lasts. */
export interface StageParts {
  readonly trainee: Trainee
  readonly data: Dataset
  /** What makes the batches, where there are no examples that stay; `data` is empty then. */
  readonly source?: Generated | undefined
  readonly evaluateOn: Dataset | undefined
}

/** The same, and its settings. */
export interface Parts extends StageParts {
  /** Changed in place: whoever holds them sees what `set` does. */
  readonly settings: Settings
}

/**
 * One thing that changes while a run goes on: how it begins, how a snapshot keeps it, how a file has it. A value is replaced and
 * never changed, so that who keeps it needs no copy; an object that is changed in place (`Live`) says how it is kept. One that files of
 * before do not have has a shape that allows for that (`maybe`), and is decoded as what it was then.
 */
export interface Field<Live, Kept = Live> {
  first(of: Parts): Live
  keep?(live: Live): Kept
  restore?(live: Live, kept: Kept): void
  /** Its name in the JSON of a file, where that is another. */
  readonly name?: string
  /** What it has to be there: the file may be a stranger's. */
  readonly shape: Shape
  /** What the JSON says of it; tensors go into the draft. */
  encode(kept: Kept, draft: Draft, live: Live): unknown
  decode(json: any, found: Found): Kept
  /** What is wrong with one that is read where it is to become part of a run. */
  misfit?(kept: Kept, of: Parts): string | undefined
  /** Bytes that a snapshot holds of it beside the one before. */
  bytes?(kept: Kept, before: Kept | undefined): number
}

/** A value that JSON can hold as it is. */
export function plain<T>(first: (of: Parts) => T, shape: Shape): Field<T> {
  return { first, shape, encode: (value) => value, decode: (json) => json as T }
}

/** A file that is being made. */
export class Draft {
  readonly tensors: { [name: string]: StoredTensor } = {}
  /** How many iterations it tells of. */
  readonly length: number

  constructor(length: number) {
    this.length = length
  }

  vector(name: string, values: StoredTensor['values']): void {
    this.tensors[name] = { shape: [values.length], values }
  }
}

/** What was found in a file. */
export class Found {
  readonly file: string
  readonly tensors: { readonly [name: string]: StoredTensor }
  /** How many training examples there are, where no vector of the file has an entry for each. */
  readonly examples: number | undefined
  /** Of the run that is to take it, where there is one. */
  readonly evaluateOn: Dataset | undefined

  constructor(at: Pick<Found, 'file' | 'tensors' | 'examples' | 'evaluateOn'>) {
    this.file = at.file
    this.tensors = at.tensors
    this.examples = at.examples
    this.evaluateOn = at.evaluateOn
  }

  /** A vector that has to be there, of this kind. */
  values<T>(name: string, Kind: new (...at: any[]) => T): T {
    const found = this.tensors[name]?.values
    if (found instanceof Kind) return found
    throw new InputError({
      where: `reading ${this.file}`,
      received: found ? `${name} as ${found.constructor.name}` : `no ${name}`,
      expected: `${name} as ${Kind.name}`,
    })
  }

  maybeValues<T>(name: string, Kind: new (...at: any[]) => T): T | undefined {
    return this.tensors[name] && this.values(name, Kind)
  }

  misfit(received: string): InputError {
    return misfit(this.file, received)
  }
}

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

/** Numbers that are not finite were null before they had a way to be written. */
export const measured: Shape = (value, at) => (value === null ? undefined : number(value, at))

/** Rows in which what was not finite was written as null. */
export function withNaN<Row extends object>(rows: readonly Row[]): Row[] {
  return rows.map(
    (row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? NaN])) as Row,
  )
}
