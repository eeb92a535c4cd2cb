import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../../errors.js'
import type { FieldSpec, NamedTensors, Parted } from '../dataset.js'
import type { Column, ColumnOptions } from './column.js'

/** x and y as several tensors by name: `{ image, age }`. A row of them is the values of all parts, one part after the other. */

/** Whether it is an object of named values, and no tensor, array or instance of a class. */
export const isPlain = (value: unknown): value is { readonly [part: string]: unknown } =>
  typeof value === 'object' &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value) as null)

/**
 * A column of parts, where the field is given as some: by name, as an array of tensors (named '0', '1', …, in the order of a
 * model's inputs or outputs), or as an array with such an object for each example.
 */
export function maybeParts(
  field: unknown,
  options: ColumnOptions,
  columnFrom: (field: unknown, options: ColumnOptions) => Column,
): Column | undefined {
  const given = byName(field, options)
  if (!given) return undefined
  const { where, shape = {}, pad = {}, ...rest } = options
  const columns = Object.fromEntries(
    Object.entries(given).map(([part, values]) => [
      part,
      columnFrom(values, {
        ...rest,
        where: `${where}.${part}`,
        ...ofPart(shape, part),
        ...(pad[part] && { pad: { '': pad[part] } }),
      }),
    ]),
  )
  for (const [part, { beside = {} }] of Object.entries(columns))
    for (const [field, column] of Object.entries(beside)) {
      // Of one part of sequences the mask needs no more of a name.
      const name = field === `${part}Mask` && Object.keys(pad).length === 1 ? 'mask' : field
      if (columns[name])
        throw new InputError({
          where: `${where}.${part}: pad`,
          received: `${name}, which is another part`,
          expected: 'another name for the mask',
          fix: "E.g. { mask: 'real' }.",
        })
      columns[name] = column
    }
  return partsColumn(columns, where)
}

const ofPart = (shape: NonNullable<ColumnOptions['shape']>, part: string) =>
  isPlain(shape) && shape[part] ? { shape: shape[part] as readonly number[] } : {}

function byName(field: unknown, options: ColumnOptions): { readonly [part: string]: unknown } | undefined {
  const { where, first = 0 } = options
  if (isPlain(field)) {
    if (Object.keys(field).length > 0) return field
    throw new InputError({ where, received: '{}', expected: 'at least one part, e.g. { image, age }' })
  }
  if (!Array.isArray(field) || field.length === 0) return undefined
  if (field.every((one) => one instanceof tf.Tensor && one.rank > 0)) return { ...field }
  const [example] = field as unknown[]
  if (!isPlain(example)) return undefined
  const names = Object.keys(example)
  for (const [row, one] of field.entries()) {
    const own = isPlain(one) ? Object.keys(one) : []
    if (own.length !== names.length || !names.every((name) => own.includes(name)))
      throw new InputError({
        where,
        received: `${isPlain(one) ? `{ ${own.join(', ')} }` : describe(one)} in entry ${first + row}`,
        expected: `{ ${names.join(', ')} }, as in the first`,
      })
  }
  return Object.fromEntries(
    names.map((name) => [name, field.map((one) => (one as { [part: string]: unknown })[name])]),
  )
}

/** Columns of equal length as one. */
export function partsColumn(parts: { readonly [part: string]: Column }, where: string): Column {
  const columns = Object.entries(parts)
  const [[firstName, first]] = columns as [[string, Column]]
  for (const [name, { spec, length }] of columns) {
    if (spec.parts)
      throw new InputError({
        where: `${where}.${name}`,
        received: 'parts within a part',
        expected: 'one tensor for each name',
      })
    if (length !== first.length)
      throw new InputError({
        where,
        received: `${first.length} examples in ${firstName} and ${length} in ${name}`,
        expected: 'as many in each part',
        fix: `Where one example of a flat array has several numbers, say so: { shapes: { ${where.split('.').at(-1)}: { ${name}: [3] } } }.`,
      })
  }
  const sizes = columns.map(([, { spec }]) => spec.shape.reduce((size, axis) => size * axis, 1))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  // Whole numbers that float32 does not hold stay what they are.
  const Store = columns.some(([, { spec }]) => spec.dtype === 'int32') ? Float64Array : Float32Array
  const prefetching = columns.filter(([, column]) => column.prefetch)
  return {
    spec: {
      shape: [total],
      dtype: 'float32',
      parts: Object.fromEntries(columns.map(([name, { spec }]) => [name, spec])),
    },
    length: first.length,
    parts,
    gather: (rows) =>
      Object.fromEntries(columns.map(([name, column]) => [name, column.gather(rows) as tf.Tensor])),
    ...(prefetching.length > 0 && {
      prefetch: (rows) => {
        for (const [, column] of prefetching) column.prefetch!(rows)
      },
    }),
    read(row) {
      const values = new Store(total)
      let at = 0
      for (const [i, [, column]] of columns.entries()) {
        values.set(column.read(row) as ArrayLike<number>, at)
        at += sizes[i]!
      }
      return values
    },
  }
}

/** Refuses texts in parts: a row of parts is numbers. */
export function checkParts({ spec }: Column, where: string): void {
  for (const [name, { dtype }] of Object.entries(spec.parts ?? {}))
    if (dtype === 'string')
      throw new InputError({
        where: `${where}.${name}`,
        received: 'texts',
        expected: 'numbers in each part',
        fix: 'Turn them into tokens first.',
      })
}

/** The values of each part, from those of a row. */
export function valuesOfParts(
  { parts = {} }: FieldSpec,
  values: ArrayLike<number>,
): { [part: string]: ArrayLike<number> } {
  let at = 0
  return Object.fromEntries(
    Object.entries(parts).map(([name, { shape }]) => {
      const size = shape.reduce((product, axis) => product * axis, 1)
      const own = Array.from({ length: size }, (_, i) => values[at + i]!)
      at += size
      return [name, own]
    }),
  )
}

/** The tensors of x or y, with the name of each where it has several. */
export function tensorsIn(value: Parted): [part: string | undefined, tensor: tf.Tensor][] {
  return value instanceof tf.Tensor ? [[undefined, value]] : Object.entries(value)
}

/** Rows of examples in x or y: the first axis. */
export function rowsIn(value: Parted): number {
  const [first] = tensorsIn(value)
  return first?.[1].shape[0] ?? 1
}

/** The same for each of the parts. */
export function mapParts(value: Parted, map: (tensor: tf.Tensor, part?: string) => tf.Tensor): Parted {
  if (value instanceof tf.Tensor) return map(value)
  return Object.fromEntries(
    Object.entries(value).map(([part, tensor]) => [part, map(tensor, part)]),
  ) as NamedTensors
}

/** Parts by their place: `x.image`. */
export function byPlace<Value>(
  side: string,
  parts: { readonly [part: string]: Value },
): (readonly [place: string, value: Value])[] {
  return Object.entries(parts).map(([part, value]) => [`${side}.${part}`, value] as const)
}

/** What stands at these places, the parts of x and y together again. */
export function fromPlaces(tensors: { readonly [place: string]: tf.Tensor }): { [field: string]: Parted } {
  const fields: { [field: string]: Parted } = {}
  for (const [place, tensor] of Object.entries(tensors)) {
    const side = /^[xy](?=\.)/.exec(place)?.[0]
    if (side === undefined) fields[place] = tensor
    else fields[side] = { ...(fields[side] as NamedTensors | undefined), [place.slice(2)]: tensor }
  }
  return fields
}
