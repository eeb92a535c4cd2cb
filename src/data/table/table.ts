import { describe, InputError } from '../../errors.js'
import { columnsOf, type Columns } from './column.js'
import type { Dataset, Examples, ExampleValues, FieldSpec, Parted, SplitName } from '../dataset.js'
import { Digest } from './digest.js'
import { mapMembership, rowMembership, sameMembership, type Membership } from './membership.js'
import { manyExamples, RowDigest } from './row-digest.js'

/** The columns of one source of data; its splits are lists of rows of it, so nothing is held twice. */
export interface Table extends Columns {
  name: string
  /** The id of each row; rows count from 0 when it is missing. */
  ids?: ArrayLike<number>
  picture?: readonly [number, number, number]
  classes?: readonly string[]
  /** The values of rows that follow each other, in the order of `columnsOf`, as float32: where that is quicker than one by one. */
  scan?(from: number, count: number): { values: Float32Array; size: number }
  /** Whether an example is made anew whenever it is asked for. */
  computed?: boolean
  /** How a row reads, where it is made of tokens. */
  textOf?(row: number): { x: string; y: string }
  /** All fields at once, where they come from one place that should be asked once. */
  whole?: {
    gather(rows: ArrayLike<number>): { x: Parted; y: Parted; [field: string]: Parted }
    read(row: number): ExampleValues<string>
  }
}

/** Datasets over the same table, one for each split named. */
export function splitTable<Name extends SplitName>(
  table: Table,
  rows: { readonly [name in Name]: ArrayLike<number> },
): { [name in Name]: Dataset } {
  const membership = table.ids ? mapMembership() : rowMembership(table.x.length)
  const splits = {} as { [name in Name]: Dataset }
  for (const name of Object.keys(rows) as Name[])
    splits[name] = new TableDataset(
      table,
      name,
      rows[name],
      takeIds(table, name, rows[name], membership),
      membership,
    )
  return splits
}

/** Everything of a table as one dataset: without ids of its own there is nothing to be looked up. */
export function wholeTable(table: Table, split: SplitName): Dataset {
  const rows = new Int32Array(table.x.length)
  for (let row = 0; row < rows.length; row++) rows[row] = row
  if (table.ids) return splitTable(table, { [split]: rows } as { [name in SplitName]: Int32Array })[split]
  return new TableDataset(table, split, rows, rows, sameMembership(rows.length, split))
}

/** The ids of a split, each of which is in one split alone. */
function takeIds(
  table: Table,
  split: SplitName,
  rows: ArrayLike<number>,
  membership: Membership,
): Int32Array {
  const ids = new Int32Array(rows.length)
  for (let position = 0; position < rows.length; position++) {
    const id = table.ids ? table.ids[rows[position]!]! : rows[position]!
    const other = membership.get(id)
    if (other)
      throw new InputError({
        where: table.name,
        received: `the id ${id} twice (${other.split}[${other.position}] and ${split}[${position}])`,
        expected: 'an id of its own for each example, over all splits',
      })
    membership.add(id, split, position)
    ids[position] = id
  }
  return ids
}

/** Rows of a table as a dataset. Its functions are its own, so that `{ ...dataset, at: (positions) => … }` is one too. */
export class TableDataset implements Dataset {
  readonly name: string
  readonly split: SplitName
  readonly length: number
  readonly x
  readonly y
  readonly fields?: { readonly [field: string]: FieldSpec }
  readonly picture?: readonly [number, number, number]
  readonly classes?: readonly string[]
  readonly ids: Int32Array
  readonly prefetch?: (positions: ArrayLike<number>) => void
  readonly textAt?: (position: number) => { x: string; y: string }
  /** @internal What `split` splits anew. */
  readonly table: Table
  /** @internal The row of each position. */
  readonly rows: ArrayLike<number>
  readonly #membership: Membership
  #digest: string | undefined
  #rowDigest: RowDigest | undefined

  constructor(
    table: Table,
    split: SplitName,
    rows: ArrayLike<number>,
    ids: Int32Array,
    membership: Membership,
  ) {
    this.name = table.name
    this.split = split
    this.length = rows.length
    this.x = table.x.spec
    this.y = table.y.spec
    if (table.picture) this.picture = table.picture
    if (table.classes) this.classes = table.classes
    if (table.more)
      this.fields = Object.fromEntries(Object.entries(table.more).map(([field, { spec }]) => [field, spec]))
    const columns = columnsOf(table).map(([, column]) => column)
    if (columns.some(({ prefetch }) => prefetch))
      this.prefetch = (positions) => {
        const wanted = Int32Array.from(positions, (position) => this.rows[this.#checkPosition(position)]!)
        for (const column of columns) column.prefetch?.(wanted)
      }
    if (table.textOf) this.textAt = (position) => table.textOf!(this.rows[this.#checkPosition(position)]!)
    this.table = table
    this.rows = rows
    this.ids = ids
    this.#membership = membership
  }

  readonly positionOf = (id: number): number | undefined => {
    const at = this.#membership.get(id)
    return at?.split === this.split ? at.position : undefined
  }

  readonly splitOf = (id: number): SplitName | undefined => {
    return this.#membership.get(id)?.split
  }

  readonly at = (positions: ArrayLike<number>): Examples => {
    const rows = new Int32Array(positions.length)
    const ids: number[] = Array.from({ length: positions.length })
    for (let i = 0; i < positions.length; i++) {
      const position = this.#checkPosition(positions[i]!)
      rows[i] = this.rows[position]!
      ids[i] = this.ids[position]!
    }
    const { whole } = this.table
    const tensors = whole
      ? whole.gather(rows)
      : Object.fromEntries(columnsOf(this.table).map(([field, column]) => [field, column.gather(rows)]))
    return { ...tensors, ids } as Examples
  }

  readonly valuesAt = (position: number): ExampleValues => {
    const row = this.rows[this.#checkPosition(position)]!
    const { x, y, more, whole } = this.table
    if (whole) return whole.read(row)
    const values: ExampleValues<string> = { x: x.read(row), y: y.read(row) }
    for (const field in more) values[field] = more[field]!.read(row)
    return values
  }

  /** How it reads in a cell and in the console: what is in it, not the numbers. */
  toString(): string {
    const spec = ({ shape, dtype, parts, ragged }: FieldSpec): string =>
      parts
        ? `{ ${Object.entries(parts)
            .map(([part, one]) => `${part}: ${spec(one)}`)
            .join(', ')} }`
        : `${dtype} [${ragged ? 'up to ' : ''}${shape.join(', ')}]`
    const count = String(this.length).replace(/\B(?=(\d{3})+$)/g, ',')
    const names =
      this.classes &&
      `, ${this.classes.length} classes: ${this.classes.slice(0, 10).join(', ')}${this.classes.length > 10 ? ', …' : ''}`
    const y = this.y.shape[0] === 0 ? '' : `, y ${spec(this.y)}${names ?? ''}`
    const more = Object.entries(this.fields ?? {}).map(([field, one]) => `, ${field} ${spec(one)}`)
    return `Dataset ${this.name} (${this.split}): ${count} ${this.length === 1 ? 'example' : 'examples'}, x ${spec(this.x)}${y}${more.join('')}`
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  readonly digest = (): string => {
    if (this.#digest) return this.#digest
    if (this.length > manyExamples) return (this.#digest = this.#byRows().now())
    const digest = new Digest()
    for (const text of this.#specs()) digest.text(text)
    digest.text(this.classes?.join('\n') ?? '').numbers(this.ids)
    for (let position = 0; position < this.length; position++)
      for (const values of Object.values(this.valuesAt(position))) {
        if (typeof values[0] === 'string') digest.text(values[0])
        else digest.numbers(values as ArrayLike<number>)
      }
    return (this.#digest = digest.end())
  }

  /** The digest, unless it takes long and is not known yet. Then it is made while others have their turns. */
  readonly maybeDigest = (): string | undefined => {
    if (this.#digest !== undefined || this.length <= manyExamples) return this.digest()
    const rows = this.#byRows()
    // What cannot be read is said where it is needed.
    if (!rows.underWay) rows.soon(false).catch(() => {})
    return rows.done
  }

  /** The digest once it is made. */
  readonly digestSoon = async (): Promise<string> =>
    (this.#digest ??= this.length > manyExamples ? await this.#byRows().soon() : this.digest())

  #byRows(): RowDigest {
    const head = [...this.#specs(), ...(this.classes ?? [])].join('\n')
    return (this.#rowDigest ??= new RowDigest(
      this.table,
      this.rows,
      head,
      this.rows === (this.ids as ArrayLike<number>) && this.length === this.table.x.length,
    ))
  }

  /** What the values are, for a digest. */
  #specs(): string[] {
    const text = ({ dtype, shape, parts = {}, classes }: FieldSpec): string =>
      [
        `${dtype}[${shape.join()}]`,
        ...Object.entries(parts).map(([part, one]) => ` ${part} ${text(one)}`),
        ...(classes ? [` ${classes.join()}`] : []),
      ].join('')
    const more = Object.entries(this.fields ?? {}).map(([field, spec]) => `${field} ${text(spec)}`)
    return [text(this.x), text(this.y), ...more]
  }

  #checkPosition(position: number): number {
    if (Number.isInteger(position) && position >= 0 && position < this.length) return position
    throw new InputError({
      where: `${this.name} (${this.split})`,
      received: `the position ${describe(position)}`,
      expected: `a whole number from 0 to ${this.length - 1}`,
      fix: 'Positions are not ids: dataset.positionOf(id) gives the position of an id.',
    })
  }
}
