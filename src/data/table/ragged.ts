/** Sequences of different lengths in one field: each batch is filled up to one length, with a mask beside that says what is real. */
import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../../errors.js'
import { say } from '../../say.js'
import { named } from '../../suggest.js'
import type { Column } from './column.js'
import type { Rounding } from './rounding.js'

/** How sequences of different lengths are filled up. */
export interface Padding {
  /** All to this length. Default: by `multiple`. `length: 128` */
  length?: number
  /** Each batch to the next multiple of this that holds its longest. Default: a quarter of the longest of all. `multiple: 16` */
  multiple?: number
  /** What the rest is filled with. Default: 0. `value: -1` */
  value?: number
  /** Where the filling goes. Default: 'right'. `side: 'left'` */
  side?: 'right' | 'left'
  /** What goes of sequences that are longer than `length`. Default: they are refused. `cut: 'end'` */
  cut?: 'start' | 'end'
  /**
   * Name of the field that is 1 where a place is real and 0 where it is filled; false: none. Default: 'mask' of x, else the field's
   * name with Mask behind. `mask: 'real'`
   */
  mask?: string | false
  /** Name of a field with how many places are real. Default: none. `lengths: 'length'` */
  lengths?: string
}

const known = ['length', 'multiple', 'value', 'side', 'cut', 'mask', 'lengths']

/** A quarter of the longest: at most four lengths, each of which is recorded once for each size of batch. */
const lengthsByDefault = 4

/** A column of sequences, each a list of numbers, or of lists of equal shape. */
export function raggedColumn(
  field: unknown,
  given: Padding | true,
  at: { where: string; field: string; first: number; rounding: Rounding },
): Column {
  const { where } = at
  const option = `${where}: pad`
  const padding = named(given === true ? {} : given, known, option) as Padding
  checkPadding(padding, option)
  const { length: fixed, value = 0, side = 'right', cut } = padding
  const { values, starts, inner, dtype } = layOut(field, at)
  const count = starts.length - 1
  const size = inner.reduce((product, axis) => product * axis, 1)
  const longestGiven = longestOf(starts) / size
  if (fixed !== undefined && longestGiven > fixed && cut === undefined) {
    const row = starts.findIndex((start, i) => (starts[i + 1]! - start) / size > fixed)
    throw new InputError({
      where,
      received: `a sequence of ${(starts[row + 1]! - starts[row]!) / size} places (entry ${at.first + row})`,
      expected: `at most ${fixed}, the length they are filled up to`,
      fix: "Say which end goes: { cut: 'end' }; or a larger length.",
    })
  }
  const longest = Math.max(1, fixed === undefined ? longestGiven : Math.min(fixed, longestGiven))
  const multiple = padding.multiple ?? Math.max(1, Math.ceil(longest / lengthsByDefault))
  if (fixed === undefined && padding.multiple === undefined && count > 0)
    say(
      `${where}: sequences of up to ${longest} places are filled up to multiples of ${multiple} in each batch, so that a step is recorded for at most ${Math.ceil(longest / multiple)} lengths. To choose: { pad: { ${at.field}: { multiple: 16 } } }, or { length: ${longest} }.`,
    )
  const whole = fixed ?? Math.ceil(longest / multiple) * multiple
  const lengthOf = (row: number) => Math.min((starts[row + 1]! - starts[row]!) / size, whole)
  /** Of a batch. */
  const lengthFor = (rows: ArrayLike<number>) => {
    if (fixed !== undefined) return fixed
    let most = 1
    for (let i = 0; i < rows.length; i++) most = Math.max(most, lengthOf(rows[i]!))
    return Math.ceil(most / multiple) * multiple
  }
  const Store = dtype === 'int32' ? Int32Array : Float32Array
  /** Where in the values the kept part of a row begins. */
  const startOf = (row: number) => (cut === 'start' ? starts[row + 1]! - lengthOf(row) * size : starts[row]!)
  const copy = (row: number, into: Float32Array | Int32Array, place: number, length: number) => {
    const kept = lengthOf(row) * size
    const from = startOf(row)
    into.set(values.subarray(from, from + kept), place + (side === 'left' ? length * size - kept : 0))
  }
  const isRagged = fixed === undefined
  const column: Column = {
    spec: { shape: [whole, ...inner], dtype, ...(isRagged && { ragged: true }) },
    length: count,
    gather(rows) {
      const length = lengthFor(rows)
      const data = new Store(rows.length * length * size).fill(value)
      for (let i = 0; i < rows.length; i++) copy(rows[i]!, data, i * length * size, length)
      return tf.tensor(data, [rows.length, length, ...inner], dtype)
    },
    read(row) {
      // Of those that differ what is real; of those of one length all of it, as it is trained on.
      const length = isRagged ? lengthOf(row) : whole
      const data = new Store(length * size).fill(value)
      copy(row, data, 0, length)
      return data
    },
  }
  const maskInto = (row: number, data: Float32Array, place: number, length: number) => {
    const from = place + (side === 'left' ? length - lengthOf(row) : 0)
    data.fill(1, from, from + lengthOf(row))
  }
  const mask: Column = {
    spec: { shape: [whole], dtype: 'float32', ...(isRagged && { ragged: true }) },
    length: count,
    gather(rows) {
      const length = lengthFor(rows)
      const data = new Float32Array(rows.length * length)
      for (let i = 0; i < rows.length; i++) maskInto(rows[i]!, data, i * length, length)
      return tf.tensor2d(data, [rows.length, length])
    },
    read(row) {
      const length = isRagged ? lengthOf(row) : whole
      const data = new Float32Array(length)
      maskInto(row, data, 0, length)
      return data
    },
  }
  const lengths: Column = {
    spec: { shape: [], dtype: 'int32' },
    length: count,
    gather: (rows) => tf.tensor1d(Int32Array.from(rows, lengthOf), 'int32'),
    read: (row) => Int32Array.of(lengthOf(row)),
  }
  const name = padding.mask ?? (at.field === 'x' ? 'mask' : `${at.field}Mask`)
  return {
    ...column,
    beside: {
      ...(name !== false && { [name]: mask }),
      ...(padding.lengths !== undefined && {
        [padding.lengths]: lengths,
      }),
    },
  }
}

function checkPadding(padding: Padding, where: string): void {
  const bad = (name: string, received: unknown, expected: string) =>
    new InputError({ where: `${where}.${name}`, received: describe(received), expected })
  for (const name of ['length', 'multiple'] as const) {
    const value: unknown = padding[name]
    if (value !== undefined && !(Number.isInteger(value) && (value as number) > 0))
      throw bad(name, value, 'a whole number, at least 1')
  }
  if (padding.length !== undefined && padding.multiple !== undefined)
    throw bad('multiple', padding.multiple, 'length or multiple, not both')
  if (padding.cut !== undefined && padding.length === undefined)
    throw bad('cut', padding.cut, 'a length to cut to beside it')
  const oneOf = { side: ['right', 'left'], cut: ['start', 'end'] } as const
  for (const name of ['side', 'cut'] as const) {
    const value = padding[name]
    if (value !== undefined && !(oneOf[name] as readonly string[]).includes(value))
      throw bad(name, value, `'${oneOf[name].join("' or '")}'`)
  }
  if (padding.value !== undefined && !Number.isFinite(padding.value))
    throw bad('value', padding.value, 'a finite number')
}

function longestOf(starts: ArrayLike<number>): number {
  let longest = 0
  for (let row = 0; row + 1 < starts.length; row++)
    longest = Math.max(longest, starts[row + 1]! - starts[row]!)
  return longest
}

type Sequence = ArrayLike<unknown>

const isSequence = (value: unknown): value is Sequence => Array.isArray(value) || ArrayBuffer.isView(value)

/** All values one after the other, and where each sequence begins. */
function layOut(
  field: unknown,
  { where, first, rounding }: { where: string; first: number; rounding: Rounding },
) {
  if (!Array.isArray(field))
    throw new InputError({
      where,
      received: describe(field),
      expected: 'an array of sequences, each an array of numbers, or of lists of equal shape',
    })
  const starts = new Float64Array(field.length + 1)
  let inner: number[] | undefined
  for (const [row, sequence] of field.entries()) {
    if (!isSequence(sequence))
      throw new InputError({
        where,
        received: `${describe(sequence)} in entry ${first + row}`,
        expected: 'a sequence in every entry',
      })
    if (sequence.length > 0) inner ??= shapeOf(sequence[0])
    starts[row + 1] = sequence.length
  }
  const size = (inner ?? []).reduce((product, axis) => product * axis, 1)
  for (let row = 0; row < field.length; row++) starts[row + 1] = starts[row]! + starts[row + 1]! * size
  const data = new Float64Array(starts.at(-1)!)
  let at = 0
  let whole = true
  const take = (value: unknown, row: number, depth: number): void => {
    if (isSequence(value)) {
      if (depth > 0 && value.length !== inner![depth - 1])
        throw new InputError({
          where,
          received: `${value.length} numbers at a place of entry ${first + row}`,
          expected: `shape [${inner!.join(', ')}] at every place, as in the first`,
        })
      for (let i = 0; i < value.length; i++) take(value[i], row, depth + 1)
      return
    }
    const number =
      typeof value === 'boolean' ? Number(value) : typeof value === 'bigint' ? Number(value) : value
    if (typeof number !== 'number' || depth - 1 !== (inner ?? []).length)
      throw new InputError({
        where,
        received: `${describe(value)} in entry ${first + row}`,
        expected: 'numbers',
      })
    whole &&= Number.isInteger(number) && Math.abs(number) < 2 ** 31
    data[at++] = number
  }
  for (const [row, sequence] of field.entries()) take(sequence, row, 0)
  // Tokens are whole numbers; what float32 rounds is told.
  const dtype: 'int32' | 'float32' = whole ? 'int32' : 'float32'
  const values =
    dtype === 'int32'
      ? Int32Array.from(data)
      : Float32Array.from(data, (value) => rounding.take(value, where))
  return { values, starts, inner: inner ?? [], dtype }
}

function shapeOf(value: unknown): number[] {
  return isSequence(value) ? [value.length, ...(value.length > 0 ? shapeOf(value[0]) : [])] : []
}
