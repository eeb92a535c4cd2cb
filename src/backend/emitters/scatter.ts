import type { Graph, Value } from '../graph/graph.js'
import { sizeOf } from '../onnx/types.js'
import { sumOver } from './sums.js'

/**
 * `ScatterND` of ONNX Runtime hands its rows to several threads, and where two of them name one place an addition is lost: a
 * gradient of an embedding was 40 % off, now and then. It stays on one thread for work of less than 110,000 elements, so it is
 * given parts of fewer: some columns of all rows, each onto columns of its own. Where a column alone has more, its rows come in parts, one
 * after the other. (`ScatterElements` knows no threads, and takes nine times as long.)
 */

/** Elements of one part. */
const mostAtOnce = 2 ** 16

/** Parts from which the operator that takes longer is made sooner. */
const mostParts = 1024

/** What is copied for each part of the rows, as elements for one of theirs, from which it is quicker as well. */
const mostCopied = 12

/** Where rows are written: an array, or zeros of this shape. */
export type Onto = Value | { shape: readonly number[]; type: Value['type'] }

function split(g: Graph, x: Value, axis: number, length: number): Value[] {
  const size = x.shape[axis]!
  if (size <= length) return [x]
  const lengths = Array.from({ length: Math.ceil(size / length) }, (_, part) =>
    Math.min(length, size - part * length),
  )
  const outputs = lengths.map((one) => ({ shape: x.shape.with(axis, one), type: x.type }))
  return g.nodeOf('Split', [x, g.whole(lengths)], outputs, { axis })
}

/** Writes or adds rows [rows, …] onto the places [rows, depth] of an array, the first row first. */
export function scatterRows(
  g: Graph,
  onto: Onto,
  places: Value,
  rows: Value,
  reduction: 'add' | 'none',
): Value {
  const [count, depth] = places.shape as [number, number]
  const sizes = onto.shape.slice(0, depth)
  const width = sizeOf(onto.shape.slice(depth))
  const array = (shape: readonly number[]) =>
    'name' in onto ? g.reshape(onto, shape) : g.filled(shape, 0, onto.type)
  const length = Math.min(count, mostAtOnce)
  const columns = Math.max(1, Math.floor(mostAtOnce / length))
  const parts = Math.ceil(count / length)
  const attributes = { reduction }
  if (parts === 1 && width <= columns)
    return g.node('ScatterND', [array(onto.shape), places, rows], onto.shape, onto.type, attributes)
  const flat = g.reshape(rows, [count, width])
  const isCostly =
    parts * Math.ceil(width / columns) > mostParts || parts * sizeOf(sizes) > mostCopied * count
  if (depth === 1 && isCostly) {
    const shape = [sizes[0]!, width]
    const index = g.expand(places, [count, width])
    const written = g.node('ScatterElements', [array(shape), index, flat], shape, onto.type, {
      axis: 0,
      reduction,
    })
    return g.reshape(written, onto.shape)
  }
  const lanes = split(g, flat, 1, columns)
  const own = 'name' in onto ? split(g, array([...sizes, width]), depth, columns) : undefined
  const placesOf = split(g, places, 0, length)
  const written = lanes.map((lane, at) => {
    const shape = [...sizes, lane.shape[1]!]
    return split(g, lane, 0, length).reduce(
      (sum, part, turn) => g.node('ScatterND', [sum, placesOf[turn]!, part], shape, onto.type, attributes),
      own?.[at] ?? array(shape),
    )
  })
  return g.reshape(g.concat(written, depth), onto.shape)
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
