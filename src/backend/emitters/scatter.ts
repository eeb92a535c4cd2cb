import type { Graph, Value } from '../graph.js'
import { sizeOf } from '../onnx/types.js'
import { sumOver } from './sums.js'

/**
 * `ScatterND` of ONNX Runtime hands its rows to several threads, and where two of them name one place an addition is lost: a
 * gradient of an embedding was 40 % off, now and then. It stays on one thread for work of less than 110,000 elements, so rows come
 * in parts of fewer, one after the other, onto the same array. (`ScatterElements` knows no threads, and takes nine times as long.)
 */

/** Elements of one part. */
const mostAtOnce = 2 ** 16

/** Parts from which the operator that takes longer is made sooner. */
const mostParts = 1024

/** Writes or adds rows [rows, …] onto the places [rows, depth] of an array, the first row first. */
export function scatterRows(
  g: Graph,
  onto: Value,
  places: Value,
  rows: Value,
  reduction: 'add' | 'none',
): Value {
  const [count, depth] = places.shape as [number, number]
  const width = sizeOf(rows.shape.slice(1))
  const attributes = { reduction }
  const length = Math.max(1, Math.floor(mostAtOnce / Math.max(width, 1)))
  if (count <= length) return g.node('ScatterND', [onto, places, rows], onto.shape, onto.type, attributes)
  const parts = Math.ceil(count / length)
  if (depth === 1 && parts > mostParts) {
    const size = onto.shape[0]!
    const flat = g.reshape(rows, [count, width])
    const index = g.expand(places, [count, width])
    const inputs = [g.reshape(onto, [size, width]), index, flat]
    return g.reshape(
      g.node('ScatterElements', inputs, [size, width], onto.type, { axis: 0, reduction }),
      onto.shape,
    )
  }
  const lengths = Array.from({ length: parts }, (_, part) => Math.min(length, count - part * length))
  const split = (value: Value) =>
    g.nodeOf(
      'Split',
      [value, g.whole(lengths)],
      lengths.map((size) => ({ shape: [size, ...value.shape.slice(1)], type: value.type })),
      { axis: 0 },
    )
  const [placesOf, rowsOf] = [split(places), split(rows)]
  return placesOf.reduce(
    (sum, part, at) =>
      g.node('ScatterND', [sum, part, rowsOf[at]!], onto.shape, onto.type, attributes),
    onto,
  ) // oxfmt-ignore
}

/** Rows that are added onto one place one after the other without losing digits. */
const mostOnOne = 64

/**
 * The sums of rows [rows, width] by the place below `size` that an index [rows] (int64) names, [size, width]. Where rows are many for
 * their places, each place has several sums in turn, which are added in the end.
 */
export function sumByPlace(g: Graph, rows: Value, index: Value, size: number): Value {
  const [count, width] = rows.shape as [number, number]
  const turns = rows.type === 'float32' ? Math.min(Math.floor(count / size), Math.ceil(count / mostOnOne)) : 1
  const into = (places: Value, total: number) =>
    scatterRows(g, g.filled([total, width], 0, rows.type), g.reshape(places, [count, 1]), rows, 'add')
  if (turns < 2 || count < 4 * mostOnOne) return into(index, size)
  const number = (value: number) => g.scalar(value, 'int64')
  const position = g.node('Range', [number(0), number(count), number(1)], [count], 'int64')
  const turn = g.binary('Mod', position, number(turns))
  const sums = into(g.add(g.mul(index, number(turns)), turn), size * turns)
  return sumOver(g, g.reshape(sums, [size, turns, width]), [1], false)
}
