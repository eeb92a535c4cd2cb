import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import { asClasses, type Classes } from './table/classes.js'
import { checkParts } from './table/parts.js'
import { columnFrom, columnsOf, emptyColumn, type Column } from './table/column.js'
import { picturePart } from './examples.js'
import type * as tf from '@tensorflow/tfjs'
import type { AnyDataset, Dataset, SplitName } from './dataset.js'
import {
  choose,
  findFields,
  pick,
  targets,
  type Chosen,
  type DataRecord,
  type Fields,
  type RecordsAt,
} from './table/fields.js'
import type { Padding } from './table/ragged.js'
import { Rounding } from './table/rounding.js'
import { wholeTable, type Table } from './table/table.js'

/** How fields of sequences of different lengths are filled up, by field; of a part of x `'x.tokens'`. */
export type PadOptions = { readonly [field: string]: Padding | true }

export interface SourceOptions {
  /** How the data is called in messages and on pictures. Default: 'data', or the file's name. `name: 'flowers'` */
  name?: string
  /** What the examples are for. Default: 'train'. `split: 'validation'` */
  split?: SplitName
  /** An id for each example, whole numbers that differ. Default: 0, 1, 2, …. `ids: [7, 9]` */
  ids?: ArrayLike<number>
  /**
   * Names of the classes, where y is a class index; of a y of several parts by their names, `{ animal: ['cat', 'dog'] }`.
   * Default: none; of texts, the sorted texts. `classes: ['cat', 'dog']`
   */
  classes?: Classes
  /** [height, width, channels] where x is an image of values in 0..1. Default: x is no image. `picture: [28, 28, 1]` */
  picture?: readonly [number, number, number]
}

/** Shapes of one example in flat typed arrays. */
export interface ShapeOptions {
  /** Of x. Default: [], one number an example. `shape: [28, 28, 1]` */
  shape?: readonly number[]
  /** Of y. Default: []. `yShape: [10]` */
  yShape?: readonly number[]
  /** Of any field, by name, and of its parts. Default: []. `shapes: { condition: [16], x: { image: [28, 28, 1] } }` */
  shapes?: { readonly [field: string]: readonly number[] | { readonly [part: string]: readonly number[] } }
  /**
   * Which fields are sequences of different lengths, and how these are filled up: each batch to one length, with a mask beside.
   * Default: all entries of a field are alike. `pad: { x: { multiple: 16 } }`
   */
  pad?: PadOptions
}

/**
 * A dataset from arrays: typed arrays, tensors (first axis = the examples), or arrays with an entry for each example. x and y
 * may be several of these by name, `x: { image, age }`, or an array of tensors in the order of a model's inputs.
 *
 * @param fields.x what the model gets; `fields.y` what it should give (left out: tensors of shape [n, 0]). Fields of other names
 *   (a condition, a mask, a length) come with each batch by these names: `loss: ({ x, condition }) => …`.
 * @param options.shape the shape of one x in a flat typed array, e.g. `[28, 28, 1]`; default `[]`, one number an example.
 * @example fromArrays({ x: new Float32Array([0, 1, 2]), y: new Float32Array([1, 3, 5]) })
 */
export function fromArrays<Fields extends { x: unknown; y?: unknown }, const Pad extends PadOptions = {}>(
  fields: Fields,
  options: SourceOptions & ShapeOptions & { pad?: Pad } = {},
): Dataset<OtherFields<Fields> | MasksOf<Pad>, PartsOf<Fields['x']> & MasksIn<Pad>, PartsOf<Fields['y']>> {
  named(options, [...sourceOptions, 'shape', 'yShape', 'shapes', 'pad'], 'fromArrays({ x, y }, options)')
  return oneSplit(tableFrom(fields, options), options) as unknown as Dataset<
    OtherFields<Fields> | MasksOf<Pad>,
    PartsOf<Fields['x']> & MasksIn<Pad>,
    PartsOf<Fields['y']>
  >
}

/** Names of the masks and lengths that come of this padding. */
export type MasksOf<Pad> = {
  [Field in Exclude<keyof Pad & string, `x.${string}`>]: BesideOf<
    Pad[Field],
    Field extends 'x' ? 'mask' : `${Field}Mask`
  >
}[Exclude<keyof Pad & string, `x.${string}`>]

/** Those that are parts of x. */
type MasksIn<Pad> = {
  readonly [
    Mask in {
      [Field in keyof Pad & `x.${string}`]: BesideOf<Pad[Field], 'mask'>
    }[keyof Pad & `x.${string}`]
  ]: tf.Tensor
}

type BesideOf<Given, Usual extends string> =
  | (Given extends { mask: infer Name } ? Extract<Name, string> : Usual)
  | (Given extends { lengths: infer Name extends string } ? Name : never)

/** What is given as x or y, as tensors: one, or by the names of its parts. */
export type PartsOf<Given> = unknown extends Given
  ? tf.Tensor
  : Given extends readonly tf.Tensor[]
    ? { readonly [place: number]: tf.Tensor }
    : Given extends readonly (infer One)[]
      ? One extends Numbers
        ? tf.Tensor
        : Named<One>
      : Given extends ArrayBufferView | tf.Tensor | string | number | boolean | undefined | null
        ? tf.Tensor
        : Named<Given>

type Numbers = number | bigint | string | boolean | ArrayBufferView | readonly unknown[] | null | undefined
type Named<Given> = Given extends object
  ? string extends keyof Given
    ? { readonly [part: string]: tf.Tensor }
    : { readonly [part in keyof Given & string]: tf.Tensor }
  : tf.Tensor

/** The names of what there is beside x and y. */
export type OtherFields<Fields> = Exclude<keyof Fields & string, 'x' | 'y'>

/** What a batch says of itself, which no field can be called. */
const reserved = new Set(['ids', 'iteration', 'training', 'cursor'])

/** Throws where a field beside x and y cannot have this name. */
export function checkField(field: string, where: string): void {
  if (/^[A-Za-z_$][\w$]*$/.test(field) && !reserved.has(field)) return
  throw new InputError({
    where,
    received: `a field called ${describe(field)}`,
    expected: reserved.has(field)
      ? `another name: batch.${field} says something else`
      : 'a name as a variable has it, e.g. condition',
  })
}

const sourceOptions = ['name', 'split', 'ids', 'classes', 'picture']
export const recordOptions = ['name', 'split', 'classes', 'picture', 'x', 'y', 'id', 'fields', 'where']

/** The table behind `fromArrays`, for sources that split it. */
export function tableFrom(
  fields: { x: unknown; y?: unknown },
  options: SourceOptions &
    ShapeOptions & {
      rounding?: Rounding
      /** The number of the first example here, for messages. */
      first?: number
    } = {},
): Table {
  const { name = 'data', classes, first } = options
  const others = Object.entries(fields).filter(([field]) => field !== 'x' && field !== 'y')
  for (const [field] of others) checkField(field, name)
  const { shapes = {} } = options
  if (options.shapes) named(shapes, ['x', 'y', ...others.map(([field]) => field)], `${name}.shapes`)
  const padOf = padsIn(options.pad, fields, name)
  const rounding = options.rounding ?? new Rounding(name)
  const x = columnFrom(fields.x, {
    where: `${name}.x`,
    shape: options.shape ?? shapes.x,
    rounding,
    first,
    ...padOf('x'),
  })
  const given =
    fields.y === undefined
      ? emptyColumn(x.length)
      : columnFrom(fields.y, {
          where: `${name}.y`,
          shape: options.yShape ?? shapes.y,
          rounding,
          first,
          ...padOf('y'),
        })
  const more: { [field: string]: Column } = {}
  for (const [field, values] of others) {
    more[field] = columnFrom(values, {
      where: `${name}.${field}`,
      shape: shapes[field],
      rounding,
      first,
      ...padOf(field),
    })
    if (more[field].parts) throw partsBeside(`${name}.${field}`)
  }
  for (const column of [x, given, ...Object.values(more)])
    for (const [field, one] of Object.entries(column.beside ?? {})) {
      checkField(field, `${name}: pad`)
      if (field === 'x' || field === 'y' || more[field])
        throw new InputError({
          where: `${name}: pad`,
          received: `${field}, which is another field`,
          expected: 'another name for the mask, or none',
          fix: "E.g. { pad: { x: { mask: 'real' } } }, or mask: false.",
        })
      more[field] = one
    }
  if (!options.rounding) rounding.say()
  for (const [field, column] of columnsOf({ x, y: given, more }))
    if (x.length !== column.length) throw unequal(name, x, field, column)
  const { column: y, classes: found } = asClasses(given, classes, name)
  checkParts(x, `${name}.x`)
  checkPicture(name, x, options.picture)
  if (options.ids && options.ids.length !== x.length)
    throw new InputError({
      where: `${name}.ids`,
      received: `${options.ids.length} ids`,
      expected: `${x.length}, one for each example`,
    })
  checkIds(name, options.ids)
  const beside = Object.keys(more).length > 0 && { more }
  return { name, x, y, ...beside, ids: options.ids, classes: found, picture: options.picture }
}

/** What is said of how each field is filled up. */
function padsIn(
  pad: PadOptions | undefined,
  fields: object,
  name: string,
): (field: string) => { pad?: PadOptions } {
  if (pad === undefined) return () => ({})
  const known = Object.keys(fields)
  for (const field of Object.keys(named(pad, Object.keys(pad), `${name}.pad`)))
    if (!known.includes(field.split('.')[0]!))
      throw new InputError({
        where: `${name}.pad`,
        received: describe(field),
        expected: `a field: ${known.join(', ')}; or a part of x, 'x.tokens'`,
      })
  return (field) => {
    const own = Object.entries(pad).flatMap(([key, padding]) => {
      if (key === field) return [['', padding] as const]
      return key.startsWith(`${field}.`) ? [[key.slice(field.length + 1), padding] as const] : []
    })
    return own.length > 0 ? { pad: Object.fromEntries(own) } : {}
  }
}

/** Says that what is beside x and y is one tensor. */
export function partsBeside(where: string): InputError {
  return new InputError({
    where,
    received: 'several parts by name',
    expected: 'one tensor in a field beside x and y',
    fix: 'Give each a name of its own beside x and y.',
  })
}

const isId = (value: unknown) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31

function checkIds(name: string, ids: ArrayLike<number> | undefined): void {
  for (let i = 0; i < (ids?.length ?? 0); i++)
    if (!isId(ids![i]))
      throw new InputError({
        where: `${name}.ids`,
        received: `${describe(ids![i])} for example ${i}`,
        expected: 'whole numbers from 0 to 2147483647',
      })
}

/** Everything of a table as one dataset. */
export function oneSplit(table: Table, options: SourceOptions): Dataset {
  const { split = 'train' } = options
  return wholeTable(table, split)
}

function unequal(name: string, x: Column, field: string, other: Column): InputError {
  /** The option that says how many numbers one example has, where that may be what is meant. */
  const shape = (long: Column, short: Column, option: (size: string) => string) =>
    short.length > 0 && long.length % short.length === 0
      ? `If one example has ${long.length / short.length} numbers${long === x ? '' : ` in ${field}`}, say so: fromArrays({ x, ${field} }, { ${option(`[${long.length / short.length}]`)} }).`
      : undefined
  return new InputError({
    where: name,
    received: `${x.length} examples in x and ${other.length} in ${field}`,
    expected: `as many in x as in ${field}`,
    fix:
      shape(x, other, (size) => `shape: ${size}`) ??
      shape(other, x, (size) => (field === 'y' ? `yShape: ${size}` : `shapes: { ${field}: ${size} }`)) ??
      'Check which entries are missing.',
  })
}

function checkPicture(name: string, x: Column, picture: SourceOptions['picture']): void {
  if (!picture || picturePart(x.spec, picture) !== undefined) return
  throw new InputError({
    where: `${name}.picture`,
    received: `[${picture.join(', ')}] for x of shape [${x.spec.shape.join(', ')}]`,
    expected: 'a picture of as many values as one x has',
  })
}

/** What the fields of a record are for. */
export interface RecordOptions extends Omit<SourceOptions, 'ids'> {
  /**
   * The fields the model gets: one name, or several of numbers. Default: 'x' if there is one, else every field but the target
   * and the id; parts by name, `{ sizes: ['length', 'width'], age: 'age' }`. `x: ['length', 'width']`
   */
  x?: Chosen
  /** The field of the target; texts become class indices; parts by name. Default: 'y' if there is one. `y: 'species'` */
  y?: string | { readonly [part: string]: string | readonly string[] }
  /** A field of whole numbers that differ. Default: none, ids are row numbers. `id: 'number'` */
  id?: string
  /** Which fields are sequences of different lengths, and how they are filled up. Default: none. `pad: { x: true }` */
  pad?: PadOptions
  /** Fields that come with each batch beside x and y, by their names. Default: none. `fields: ['weight', 'mask']` */
  fields?: readonly string[]
  /** Which records are used. Default: all. `where: (record) => record.age != null` */
  where?: (record: DataRecord) => boolean
}

/** What is used of an arquero table. */
export interface RecordTable {
  objects(): DataRecord[]
  columnNames(): string[]
}

export function isRecordTable(value: unknown): value is RecordTable {
  const table = value as Partial<RecordTable> | null
  return typeof table?.objects === 'function' && typeof table.columnNames === 'function'
}

export type { DataRecord } from './table/fields.js'

/**
 * A dataset from records, one object an example.
 *
 * @param records an array of them, or an arquero table.
 * @param options.x the fields the model gets: one name (a number, an array or a text) or several (numbers, stacked to
 *   shape [number of fields]). Default: the field 'x' if there is one, else every field but the target and the id.
 * @param options.y the field of the target; text becomes class indices. Default 'y'.
 * @param options.id a field of whole numbers that differ.
 * @param options.fields what each batch has beside x and y: `loss: ({ x, mask }) => …`.
 * @param options.where which of them are used; default all.
 * @example fromRecords([{ length: 5.1, width: 3.5, species: 'setosa' }], { y: 'species' })
 */
export function fromRecords<Field extends string = never, const Pad extends PadOptions = {}>(
  records: readonly DataRecord[] | RecordTable,
  options: RecordOptions & { fields?: readonly Field[]; pad?: Pad } = {},
): Dataset<Field | MasksOf<Pad>> {
  const { where, ...rest } = named(options, [...recordOptions, 'pad'], 'fromRecords(records, options)')
  const all = isRecordTable(records) ? records.objects() : records
  const used = where && Array.isArray(all) ? all.filter(checkWhere(where, 'fromRecords')) : all
  return oneSplit(rowsToTable(used, rest), rest) as Dataset<Field | MasksOf<Pad>>
}

/** The table behind `fromRecords`, for sources of more than one chunk. */
export function rowsToTable(
  records: readonly DataRecord[],
  options: RecordOptions & Partial<Omit<RecordsAt, 'name'>> & { found?: Fields; rounding?: Rounding } = {},
): Table {
  const { name = 'data', id, fields = [], found, first = 0, streamed = false, ...rest } = options
  if (
    !Array.isArray(records) ||
    records.length === 0 ||
    typeof records[0] !== 'object' ||
    records[0] === null
  )
    throw new InputError({
      where: name,
      received: Array.isArray(records) && records.length ? describe(records[0]) : describe(records),
      expected: 'an array of records, at least one',
    })
  const { x, y } = found ?? findFields(records, options, name)
  const at: RecordsAt = { name, first, streamed }
  const ids =
    id === undefined
      ? undefined
      : Int32Array.from(records, (record, row) => wholeId(record[id], first + row, id, name))
  return tableFrom(
    {
      x: choose(records, x, at),
      y:
        y === undefined
          ? undefined
          : typeof y === 'string'
            ? targets(pick(records, y, at))
            : choose(records, y, at, targets),
      ...Object.fromEntries(fields.map((field) => [field, pick(records, field, at)])),
    },
    { name, ids, first, ...rest },
  )
}

/** The test of a record, which has to be one. */
export function checkWhere(where: unknown, call: string): (record: DataRecord) => boolean {
  if (typeof where === 'function') return where as (record: DataRecord) => boolean
  throw new InputError({
    where: `${call}(…, { where })`,
    received: describe(where),
    expected: 'a function of a record, e.g. (record) => record.age != null',
  })
}

function wholeId(value: unknown, row: number, field: string, name: string): number {
  if (isId(value)) return value as number
  throw new InputError({
    where: `${name}.${field}`,
    received: `${describe(value)} in record ${row}`,
    expected: 'a whole number from 0 to 2147483647 as id',
    fix: 'Leave `id` out: ids are row numbers then, and the field can be looked up by them.',
  })
}

/**
 * Whether `value` is a dataset already (of ours or of the user's own making).
 *
 * @example if (isDataset(value)) console.log(value.length)
 */
export function isDataset(value: unknown): value is Dataset {
  const dataset = value as Partial<Dataset> | null
  return (
    typeof dataset === 'object' &&
    dataset !== null &&
    typeof dataset.at === 'function' &&
    typeof dataset.positionOf === 'function' &&
    typeof dataset.length === 'number'
  )
}

function isIterable(value: unknown): boolean {
  const some = value as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null
  return typeof some === 'object' && !!some && !!(some[Symbol.iterator] ?? some[Symbol.asyncIterator])
}

/** What `train` takes as data: a Dataset, `{ x, y }` of arrays or tensors (and whatever else a batch is to have), or records. */
export type DataLike =
  | AnyDataset
  | { x: unknown; y?: unknown; [field: string]: unknown }
  | readonly DataRecord[]
  | RecordTable

/**
 * The dataset that `data` is or describes.
 *
 * @example const set = toDataset({ x, y }, { name: 'mine' })
 */
export function toDataset(data: unknown, options: SourceOptions = {}): Dataset {
  if (isDataset(data)) return data
  if (Array.isArray(data) || isRecordTable(data)) return fromRecords(data, options)
  if (typeof data === 'object' && data !== null && 'x' in data)
    return fromArrays(data as { x: unknown; y?: unknown }, options)
  throw new InputError({
    where: options.name,
    received: describe(data),
    expected: 'a Dataset, { x, y } of typed arrays or tensors, or an array of records',
    fix: isDataset((data as { train?: unknown } | null)?.train)
      ? `These are splits. Pass one of them: data: data.train, evaluateOn: data.validation.`
      : isIterable(data)
        ? "Records that come one by one are laid out first: await spool(records, { y: 'species' }), of gradbook/data."
        : 'E.g. fromArrays({ x, y }, { shape: [28, 28, 1] }), or fromRecords(rows, { y: "species" }).',
  })
}
