import type { FieldSpec, SplitName } from '../../data/dataset.js'
import { columnsOf, numberColumn, sizeOf, stringColumn, type Column } from '../../data/table/column.js'
import { mapMembership } from '../../data/table/membership.js'
import { partsColumn } from '../../data/table/parts.js'
import { TableDataset, type Table } from '../../data/table/table.js'

/** Bytes of one table at most: what is larger is made where it is used. */
const most = 2 ** 30

/** A column as data. */
export type PackedColumn =
  | { readonly parts: { readonly [part: string]: PackedColumn } }
  | { readonly spec: FieldSpec; readonly values: Float32Array | Int32Array | Uint8Array | readonly string[] }

/** All rows of a source of data, whichever of its splits they are in. */
export interface PackedTable {
  readonly name: string
  readonly columns: { readonly [field: string]: PackedColumn }
  readonly ids: Int32Array
  /** The split of each row by its place in `splits`, counted from 1; 0: in none. */
  readonly in: Uint8Array
  readonly picture?: readonly [number, number, number]
  readonly classes?: readonly string[]
}

export interface PackedDataset {
  readonly split: SplitName
  readonly rows: Int32Array
}

const splits: readonly SplitName[] = ['train', 'validation', 'test']

/** Why a dataset cannot be sent; undefined where it can. */
export function whyNot(dataset: unknown): string | undefined {
  if (!(dataset instanceof TableDataset)) return 'a dataset of your own'
  const { table } = dataset
  if (table.textOf || table.whole) return 'a dataset that is computed example by example'
  if (Object.values(columnsOf(table)).some(([, { spec }]) => isRagged(spec)))
    return 'a dataset of sequences of different lengths'
  const numbers = columnsOf(table).reduce((sum, [, { spec }]) => sum + sizeOf(spec.shape), 0) * table.x.length
  return numbers * 4 > most ? `a dataset of ${Math.round((numbers * 4) / 1e6)} MB` : undefined
}

const isRagged = ({ ragged, parts = {} }: FieldSpec): boolean =>
  ragged === true || Object.values(parts).some((part) => isRagged(part))

function packColumn({ spec, parts, length, read }: Column): PackedColumn {
  if (parts)
    return { parts: Object.fromEntries(Object.entries(parts).map(([part, one]) => [part, packColumn(one)])) }
  if (spec.dtype === 'string')
    return { spec, values: Array.from({ length }, (_, row) => read(row)[0] as string) }
  const size = sizeOf(spec.shape)
  const Store = spec.dtype === 'float32' ? Float32Array : spec.dtype === 'int32' ? Int32Array : Uint8Array
  const values = new Store(length * size)
  for (let row = 0; row < length && size > 0; row++) values.set(read(row) as ArrayLike<number>, row * size)
  return { spec, values }
}

function unpackColumn(packed: PackedColumn, length: number, where: string): Column {
  if ('parts' in packed)
    return partsColumn(
      Object.fromEntries(
        Object.entries(packed.parts).map(([part, one]) => [part, unpackColumn(one, length, where)]),
      ),
      where,
    )
  const { spec, values } = packed
  if (spec.dtype === 'string') return stringColumn(values as readonly string[])
  // Of a field that is not there nothing tells how many rows it has.
  return { ...numberColumn(values as Float32Array, spec as Parameters<typeof numberColumn>[1]), spec, length }
}

export function packTable(dataset: TableDataset): PackedTable {
  const { table } = dataset
  const { name, picture, classes } = table
  const ids = Int32Array.from({ length: table.x.length }, (_, row) => table.ids?.[row] ?? row)
  return {
    name,
    columns: Object.fromEntries(columnsOf(table).map(([field, column]) => [field, packColumn(column)])),
    ids,
    in: Uint8Array.from(ids, (id) => splits.indexOf(dataset.splitOf(id)!) + 1),
    ...(picture && { picture }),
    ...(classes && { classes }),
  }
}

export function unpackTable({ name, columns, ids, picture, classes }: PackedTable): Table {
  const { x, y, ...more } = Object.fromEntries(
    Object.entries(columns).map(([field, column]) => [
      field,
      unpackColumn(column, ids.length, `${name}.${field}`),
    ]),
  )
  return {
    name,
    x: x!,
    y: y!,
    ...(Object.keys(more).length > 0 && { more }),
    ids,
    ...(picture && { picture }),
    ...(classes && { classes }),
  }
}

export const packDataset = ({ split, rows }: TableDataset): PackedDataset => ({
  split,
  rows: Int32Array.from(rows),
})

export function unpackDataset(
  { split, rows }: PackedDataset,
  table: Table,
  packed: PackedTable,
): TableDataset {
  const membership = mapMembership()
  // Of ids of other splits it is known only in which they are.
  for (const [row, code] of packed.in.entries())
    if (code > 0 && splits[code - 1] !== split) membership.add(packed.ids[row]!, splits[code - 1]!, -1)
  const ids = Int32Array.from(rows, (row) => packed.ids[row]!)
  for (const [position, id] of ids.entries()) membership.add(id, split, position)
  return new TableDataset(table, split, rows, ids, membership)
}
