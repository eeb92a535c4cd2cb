import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../../errors.js'
import type { FieldSpec, Parted } from '../dataset.js'
import { maybeParts } from './parts.js'
import { raggedColumn, type Padding } from './ragged.js'
import { Rounding } from './rounding.js'

/** All values of one field, example after example. */
export interface Column {
  readonly spec: FieldSpec
  /** Number of examples. */
  readonly length: number
  /** The columns that it is made of, by name, where it is several. */
  readonly parts?: { readonly [part: string]: Column }
  /** Columns that come of it and belong beside it: the mask of sequences that are filled up. */
  readonly beside?: { readonly [field: string]: Column }
  /** The examples at these rows as one tensor, first axis = the batch; of several parts one each. */
  gather(rows: ArrayLike<number>): Parted
  /** Begins to read these rows where that takes time, so that `gather` soon finds them. */
  prefetch?(rows: ArrayLike<number>): void
  /** The values of one example. */
  read(row: number): ArrayLike<number> | readonly string[]
}

/** The columns of some data: x, y, and what there is beside them, by name. */
export interface Columns {
  x: Column
  y: Column
  more?: { readonly [field: string]: Column }
}

/** All of them, by name: x, y, then the others as they were given. */
export function columnsOf({ x, y, more }: Columns): [field: string, column: Column][] {
  return [['x', x], ['y', y], ...Object.entries(more ?? {})]
}

/** All columns that are one tensor, by where they belong: `x`, or `x.image` where it has parts. */
export function leavesOf(columns: Columns): [place: string, column: Column][] {
  return columnsOf(columns).flatMap(([field, column]): [string, Column][] =>
    column.parts
      ? Object.entries(column.parts).map(([part, one]) => [`${field}.${part}`, one])
      : [[field, column]],
  )
}

/** How many numbers one row has. */
export const sizeOfRow = (columns: Columns): number =>
  columnsOf(columns).reduce((total, [, { spec }]) => total + sizeOf(spec.shape), 0)

type Numbers = Float32Array | Int32Array | Uint8Array

/** @param scale what a stored value is multiplied by: bytes with 1/255 take a quarter of the memory of floats. */
export function numberColumn(
  values: Numbers,
  spec: { shape: number[]; dtype: 'float32' | 'int32' | 'bool' },
  scale = 1,
): Column {
  const size = sizeOf(spec.shape)
  const Store = spec.dtype === 'float32' ? Float32Array : spec.dtype === 'int32' ? Int32Array : Uint8Array
  const asIs = scale === 1 && values instanceof Store
  const copy = (row: number, into: Numbers, at: number) => {
    const start = row * size
    if (asIs) return into.set(values.subarray(start, start + size), at)
    for (let i = 0; i < size; i++) into[at + i] = values[start + i]! * scale
  }
  return {
    spec,
    length: size === 0 ? 0 : values.length / size,
    gather(rows) {
      const data = new Store(rows.length * size)
      for (let i = 0; i < rows.length; i++) copy(rows[i]!, data, i * size)
      return tf.tensor(data, [rows.length, ...spec.shape], spec.dtype)
    },
    read(row) {
      const data = new Store(size)
      copy(row, data, 0)
      return data
    },
  }
}

export function stringColumn(values: readonly string[]): Column {
  return {
    spec: { shape: [], dtype: 'string' },
    length: values.length,
    gather: (rows) =>
      tf.tensor(
        Array.from(rows, (row) => values[row]!),
        [rows.length],
        'string',
      ),
    read: (row) => [values[row]!],
  }
}

/** A field that is not there: tensors of shape [n, 0]. */
export function emptyColumn(length: number): Column {
  return {
    spec: { shape: [0], dtype: 'float32' },
    length,
    gather: (rows) => tf.zeros([rows.length, 0]),
    read: () => new Float32Array(0),
  }
}

export interface ColumnOptions {
  where: string
  /** Of one example in a flat typed array; of parts by name. */
  shape?: readonly number[] | { readonly [part: string]: readonly number[] }
  /** How sequences of different lengths are filled up: of the field itself (''), or of its parts. */
  pad?: { readonly [part: string]: Padding | true }
  /** Takes down what float32 rounds. Default: one of its own, which says it. */
  rounding?: Rounding
  /** The number of the first example here, for messages. Default: 0. */
  first?: number
}

/**
 * A field given as a typed array (one number an example unless `shape` says more), a tensor, or nested arrays; or several of
 * these by name.
 */
export function columnFrom(field: unknown, options: ColumnOptions): Column {
  const { where } = options
  if (options.pad?.['']) return raggedFrom(field, options)
  const parts = maybeParts(field, options, columnFrom)
  if (parts) return parts
  if (field instanceof tf.Tensor || isTensor(field)) return columnOfTensor(field as tf.Tensor, where)
  const shape = Array.isArray(options.shape) ? [...(options.shape as readonly number[])] : []
  const rounding = options.rounding ?? new Rounding(where)
  const column = isNumbers(field)
    ? columnOfNumbers(field, shape, where, rounding)
    : Array.isArray(field)
      ? columnOfArray(field, shape, { where, first: options.first ?? 0 }, rounding)
      : undefined
  if (!column)
    throw new InputError({
      where,
      received: describe(field),
      expected:
        'a typed array, a tensor whose first axis counts the examples, or an array with an entry for each example',
    })
  if (!options.rounding) rounding.say()
  return column
}

function raggedFrom(field: unknown, options: ColumnOptions): Column {
  const { where, first = 0 } = options
  const rounding = options.rounding ?? new Rounding(where)
  const name = where.split('.').at(-1)!
  const column = raggedColumn(field, options.pad!['']!, { where, field: name, first, rounding })
  if (!options.rounding) rounding.say()
  return column
}

function columnOfNumbers(values: NumberArray, shape: number[], where: string, rounding: Rounding): Column {
  checkWholeExamples(values.length, shape, where)
  if (values instanceof Float32Array) return numberColumn(values, { shape, dtype: 'float32' })
  if (values instanceof Int32Array) return numberColumn(values, { shape, dtype: 'int32' })
  if (isWhole(values) && fitsInt32(values)) {
    const data = new Int32Array(values.length)
    for (let i = 0; i < data.length; i++) data[i] = Number(values[i])
    return numberColumn(data, { shape, dtype: 'int32' })
  }
  const data = new Float32Array(values.length)
  for (let i = 0; i < data.length; i++) {
    const value = values[i]!
    // Nearly all there are, and quicker than a call.
    data[i] =
      typeof value === 'number' && value <= 16777216 && value >= -16777216
        ? value
        : rounding.take(value, where)
  }
  return numberColumn(data, { shape, dtype: 'float32' })
}

function columnOfArray(
  field: readonly unknown[],
  shape: number[],
  at: { where: string; first: number },
  rounding: Rounding,
): Column {
  const first = field[0]
  if (typeof first === 'string') {
    const odd = field.findIndex((value) => typeof value !== 'string')
    if (odd >= 0) throw mixed(at, odd, field[odd], 'text in every entry, as in the first')
    return stringColumn(field as string[])
  }
  const inner = Array.isArray(first) || isNumbers(first) ? shapeOf(first) : shape
  const size = sizeOf(inner)
  // Typed arrays say what they hold: token ids stay whole numbers, as they do in one flat array.
  const whole = field.length > 0 && field.every((entry) => isNumbers(entry) && isWhole(entry))
  const dtype = whole && (field as NumberArray[]).every(fitsInt32) ? 'int32' : 'float32'
  const data = dtype === 'int32' ? new Int32Array(field.length * size) : new Float32Array(field.length * size)
  let i = 0
  const take = (value: unknown): number => {
    if (typeof value === 'boolean') return Number(value)
    if (typeof value !== 'number' && typeof value !== 'bigint') throw mixed(at, i, value, 'numbers')
    return dtype === 'int32' ? Number(value) : rounding.take(value, at.where)
  }
  for (; i < field.length; i++) {
    const entry = field[i]
    // The usual kind of row, and many times as quick as number by number.
    if (entry instanceof data.constructor && (entry as Float32Array).length === size)
      data.set(entry as Float32Array, i * size)
    else if (fill(data, i * size, (i + 1) * size, entry, take) !== (i + 1) * size)
      throw mixed(
        at,
        i,
        entry,
        `${size} numbers (shape [${inner.join(', ')}]) in every entry, as in the first`,
        Array.isArray(entry) || isNumbers(entry)
          ? `Sequences of different lengths are filled up where you say so: { pad: { ${at.where.split('.').slice(1).join('.') || 'x'}: true } }.`
          : undefined,
      )
  }
  return numberColumn(data, { shape: inner, dtype })
}

/** Numbers side by side, of any type. */
type NumberArray = ArrayLike<number | bigint> & ArrayBufferView

/** Also those of another realm, and types that are newer than this. */
const isNumbers = (value: unknown): value is NumberArray =>
  ArrayBuffer.isView(value) && nameOf(value) !== undefined

const nameOf = (view: ArrayBufferView): string | undefined =>
  (view as { [Symbol.toStringTag]?: string })[Symbol.toStringTag]?.match(/^\w+Array$/)?.[0]

/** Whether a typed array is of whole numbers. */
const isWhole = (values: NumberArray): boolean => !nameOf(values)!.startsWith('Float')

/** Whether int32 holds every value: an id of 32 bits or a time in milliseconds would come back as another number. */
function fitsInt32(values: NumberArray): boolean {
  if (!/^(Uint32|Big)/.test(nameOf(values)!)) return true
  for (let i = 0; i < values.length; i++)
    if (values[i]! > 2147483647 || values[i]! < -2147483648) return false
  return true
}

function mixed(
  { where, first }: { where: string; first: number },
  index: number,
  value: unknown,
  expected: string,
  fix?: string,
): InputError {
  return new InputError({ where, received: `${describe(value)} in entry ${first + index}`, expected, fix })
}

function columnOfTensor(tensor: tf.Tensor, where: string): Column {
  if (tensor.rank === 0)
    throw new InputError({
      where,
      received: 'a tensor without axes',
      expected: 'a tensor whose first axis counts the examples',
    })
  const shape = tensor.shape.slice(1)
  if (tensor.dtype === 'string') return stringColumn(tensor.dataSync() as unknown as string[])
  if (tensor.dtype === 'complex64')
    throw new InputError({ where, received: 'a tensor of complex numbers', expected: 'real numbers' })
  // A copy: the caller may dispose the tensor, and a variable may change.
  const data = tensor.dataSync().slice() as Numbers
  return numberColumn(data, { shape, dtype: tensor.dtype as 'float32' | 'int32' | 'bool' })
}

export function isTensor(value: unknown): boolean {
  const tensor = value as { dataSync?: unknown; shape?: unknown; dtype?: unknown } | null
  return (
    typeof tensor?.dataSync === 'function' && Array.isArray(tensor.shape) && typeof tensor.dtype === 'string'
  )
}

function checkWholeExamples(length: number, shape: readonly number[], where: string): void {
  const size = sizeOf(shape)
  if (size === 0 || length % size)
    throw new InputError({
      where,
      received: `${length} numbers`,
      expected: `a multiple of ${size}, the numbers of one example of shape [${shape.join(', ')}]`,
    })
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, axis) => size * axis, 1)

function shapeOf(value: unknown): number[] {
  if (ArrayBuffer.isView(value)) return [(value as unknown as ArrayLike<number>).length]
  return Array.isArray(value) ? [value.length, ...(value.length ? shapeOf(value[0]) : [])] : []
}

/** Writes all numbers in `value` from `at` on, as far as `end`; gives how far they go. */
function fill(
  into: Float32Array | Int32Array,
  at: number,
  end: number,
  value: unknown,
  take: (value: unknown) => number,
): number {
  if (!Array.isArray(value) && !isNumbers(value)) {
    const number = take(value)
    if (at < end) into[at] = number
    return at + 1
  }
  let next = at
  for (let i = 0; i < value.length && next <= end; i++) next = fill(into, next, end, value[i], take)
  return next
}
