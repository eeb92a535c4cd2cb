import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import { leavesOf, numberColumn, sizeOf, type Column, type Columns } from './table/column.js'
import { partsColumn } from './table/parts.js'
import type { Dataset, FieldSpec } from './dataset.js'
import { findFields, type DataRecord, type Fields } from './table/fields.js'
import { checkWhere, oneSplit, recordOptions, rowsToTable, type RecordOptions } from './from.js'
import { Rounding } from './table/rounding.js'
import { MemoryRows, RowFile, type Rows } from './table/row-file.js'
import type { Table } from './table/table.js'
import { Pauses } from './table/pauses.js'

/** Records that are laid out at once. */
const chunk = 4096
/** Records between two looks at the clock. */
const few = 256
/** Bytes of rows from which they go to disk where nothing else was asked for. */
const large = 64 << 20

/**
 * A dataset of records that need not fit into memory: they are laid out once as rows of equal size in a temporary file,
 * from which batches are read. So order, shuffling, ids and resuming are as exact as for data in memory. The file goes
 * with the process.
 *
 * @param records an iterable or async iterable, e.g. `readCsv(path)` or a generator of your own.
 * @param options.folder where the file is made. Default: the system's folder for temporary files.
 */
export async function spool<Field extends string = never>(
  records: AsyncIterable<DataRecord> | Iterable<DataRecord>,
  options: RecordOptions & { fields?: readonly Field[]; folder?: string } = {},
): Promise<Dataset<Field>> {
  named(options, [...recordOptions, 'folder'], 'spool(records, options)')
  return (await layOut(records, { ...options, keep: 'disk' })) as Dataset<Field>
}

/** @param options.keep where the rows lie; by default in memory, and on disk once they are many. */
export async function layOut(
  records: AsyncIterable<DataRecord> | Iterable<DataRecord>,
  options: RecordOptions & { folder?: string; keep?: 'memory' | 'disk'; found?: Fields },
): Promise<Dataset> {
  const { name = 'data', folder, keep, where, ...rest } = options
  const isUsed = where && checkWhere(where, 'spool')
  let rows: Rows = keep === 'disk' ? await RowFile.create(folder) : new MemoryRows()
  const rounding = new Rounding(name)
  const ids = new Ids()
  const targets = new Targets(rest.classes, name)
  let { found } = options
  let layout: Layout | undefined
  let pending: DataRecord[] = []
  let first = 0
  const flush = async () => {
    if (pending.length === 0) return
    found ??= findFields(pending, rest, name)
    const part = rowsToTable(pending, { name, ...rest, found, first, streamed: true, rounding })
    const columns = { ...part, y: targets.take(part) }
    layout ??= new Layout(columns)
    layout.check(columns, name)
    if (part.ids) ids.add(part.ids)
    rows.append(layout.pack(columns, pending.length))
    first += pending.length
    pending = []
    if (rows instanceof MemoryRows && keep !== 'memory' && rows.size > large) {
      const file = await RowFile.create(folder)
      for (const piece of rows.pieces) file.append(piece)
      rows = file
    }
  }
  const pauses = new Pauses()
  for await (const record of records) {
    if (isUsed && !isUsed(record)) continue
    if (pending.push(record) === chunk) await flush()
    if (pending.length % few === 0) await pauses.give()
  }
  await flush()
  if (!layout) throw new InputError({ where: name, received: 'no records', expected: 'at least one' })
  rounding.say()
  const { classes, indices } = targets.end()
  return oneSplit(
    {
      name,
      ...layout.columns(rows, indices),
      ...(ids.length > 0 && { ids: ids.all }),
      ...(classes && { classes }),
      ...(rest.picture && { picture: rest.picture }),
    },
    rest,
  )
}

/** Ids as they come. */
class Ids {
  #ids = new Int32Array(chunk)
  length = 0

  add(ids: ArrayLike<number>): void {
    if (this.length + ids.length > this.#ids.length) {
      const more = new Int32Array(2 * this.#ids.length)
      more.set(this.#ids)
      this.#ids = more
    }
    this.#ids.set(ids, this.length)
    this.length += ids.length
  }

  get all(): Int32Array {
    return this.#ids.slice(0, this.length)
  }
}

/** Texts as targets: they are numbered as they come, and have their places in the alphabet once all are known. */
class Targets {
  readonly #given: readonly string[] | undefined
  readonly #name: string
  readonly #found = new Map<string, number>()
  #areTexts: boolean | undefined

  constructor(given: RecordOptions['classes'], name: string) {
    this.#given = Array.isArray(given) ? (given as readonly string[]) : undefined
    this.#name = name
  }

  take({ y, classes }: Table): Column {
    const texts = Object.entries(y.spec.parts ?? {}).find(([, spec]) => spec.classes)
    if (texts)
      throw new InputError({
        where: `${this.#name}.y.${texts[0]}`,
        received: 'classes of a part of y, in records that come one by one',
        expected: 'class indices there',
        fix: 'Number the classes in the records first, or read them all: fromRecords([...records], …).',
      })
    if (this.#given) return y
    this.#areTexts ??= classes !== undefined
    if (this.#areTexts !== (classes !== undefined))
      throw new InputError({
        where: `${this.#name}.y`,
        received: classes
          ? `texts such as ${describe(classes[0])} in a later record`
          : 'numbers in a later record',
        expected: `${classes ? 'numbers' : 'texts'}, as in the first`,
      })
    if (!classes) return y
    const numbers = classes.map((text) => {
      const known = this.#found.get(text) ?? this.#found.size
      this.#found.set(text, known)
      return known
    })
    const indices = Int32Array.from({ length: y.length }, (_, row) => numbers[Number(y.read(row)[0])]!)
    return numberColumn(indices, { shape: [], dtype: 'int32' })
  }

  /** The classes, and the place of each number that was given. */
  end(): { classes?: readonly string[]; indices?: Int32Array } {
    if (this.#given) return { classes: this.#given }
    if (!this.#areTexts) return {}
    const classes = [...this.#found.keys()].toSorted()
    const places = new Map(classes.map((text, i) => [text, i]))
    return { classes, indices: Int32Array.from(this.#found.keys(), (text) => places.get(text)!) }
  }
}

/** A field, and the word of a row at which it begins. */
interface Place {
  field: string
  spec: FieldSpec
  at: number
  size: number
}

/** The bytes of one row: the values of x, those of y, then those of the other fields, four bytes each. */
class Layout {
  readonly #places: readonly Place[]
  /** Of a row. */
  readonly #words: number

  constructor(columns: Columns) {
    let at = 0
    this.#places = leavesOf(columns).map(([field, { spec }]) => {
      if (spec.dtype === 'string')
        throw new InputError({
          where: 'spool(records)',
          received: `texts in ${field}`,
          expected: 'numbers, which rows of equal size can hold',
          fix: 'Turn the texts into tokens first, or name the classes where they are targets: { classes: [...] }.',
        })
      const place = { field, spec, at, size: sizeOf(spec.shape) }
      at += place.size
      return place
    })
    this.#words = at
  }

  check(columns: Columns, name: string): void {
    const text = (specs: readonly (readonly [field: string, spec: FieldSpec])[]) =>
      specs.map(([field, { dtype, shape }]) => `${field} ${dtype} [${shape.join(', ')}]`).join(', ')
    const received = text(leavesOf(columns).map(([field, { spec }]) => [field, spec]))
    const expected = text(this.#places.map(({ field, spec }) => [field, spec]))
    if (received !== expected)
      throw new InputError({
        where: name,
        received: `${received} in a later record`,
        expected: `${expected}, as in the first`,
      })
  }

  pack(columns: Columns, rows: number): Uint8Array {
    const words = this.#words
    const buffer = new ArrayBuffer(rows * words * 4)
    const sides = leavesOf(columns).map(([, column], i) => ({
      column,
      at: this.#places[i]!.at,
      view: column.spec.dtype === 'float32' ? new Float32Array(buffer) : new Int32Array(buffer),
    }))
    for (let row = 0; row < rows; row++)
      for (const { column, at, view } of sides)
        view.set(column.read(row) as ArrayLike<number>, row * words + at)
    return new Uint8Array(buffer)
  }

  /** @param indices what the numbers in y stand for, where that is something else. */
  columns(file: Rows, indices?: Int32Array): Columns & Required<Pick<Table, 'scan'>> {
    const rowBytes = this.#words * 4
    const length = file.size / rowBytes
    const column = ({ field, spec, at, size }: Place): Column => {
      const Values = spec.dtype === 'float32' ? Float32Array : Int32Array
      const meaning = field === 'y' ? indices : undefined
      const copy = (row: number, into: Float32Array | Int32Array, to: number) => {
        const bytes = file.read(row * rowBytes + at * 4, size * 4)
        new Uint8Array(into.buffer, into.byteOffset + to * 4, size * 4).set(bytes)
        if (meaning) for (let i = to; i < to + size; i++) into[i] = meaning[into[i]!]!
      }
      return {
        spec,
        length,
        gather(rows) {
          const values = new Values(rows.length * size)
          for (let i = 0; i < rows.length; i++) copy(rows[i]!, values, i * size)
          return tf.tensor(values, [rows.length, ...spec.shape], spec.dtype as 'float32' | 'int32')
        },
        read(row) {
          const values = new Values(size)
          copy(row, values, 0)
          return values
        },
      }
    }
    // What is read for x has the rest of the row beside it.
    const prefetch = (rows: ArrayLike<number>) => {
      for (let i = 0; i < rows.length; i++) file.prefetch!(rows[i]! * rowBytes, rowBytes)
    }
    const whole = (field: string): Column => {
      const parts = this.#places.filter((place) => place.field.startsWith(`${field}.`))
      if (parts.length === 0) return column(this.#places.find((place) => place.field === field)!)
      return partsColumn(
        Object.fromEntries(parts.map((place) => [place.field.slice(field.length + 1), column(place)])),
        field,
      )
    }
    const others = this.#places.filter(({ field }) => !/^[xy](\.|$)/.test(field))
    const more = Object.fromEntries(others.map((place) => [place.field, column(place)]))
    return {
      x: { ...whole('x'), ...(file.prefetch && { prefetch }) },
      y: whole('y'),
      ...(others.length > 0 && { more }),
      scan: (from, count) => this.#scan(file, from, count, indices),
    }
  }

  #scan(file: Rows, from: number, count: number, indices: Int32Array | undefined) {
    const size = this.#words
    const bytes = file.piece(from * size * 4, count * size * 4)
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, count * size)
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, count * size)
    // Whole numbers as floats, as in a digest of data in memory.
    for (const { field, spec, at, size: own } of this.#places) {
      if (spec.dtype === 'float32') continue
      const meaning = field === 'y' ? indices : undefined
      for (let row = 0; row < count; row++)
        for (let i = row * size + at; i < row * size + at + own; i++)
          values[i] = meaning ? meaning[words[i]!]! : words[i]!
    }
    return { values, size }
  }
}
