import type { Graph, Value } from '../graph/graph.js'
import { sizeOf } from '../onnx/types.js'

/**
 * Sums as good as float32 has them, however many: of blocks, then of the blocks' sums, and so on, so that an element passes through some
 * hundred additions and not through all of them. ONNX Runtime adds one after the other: the mean of a million years came out as
 * 2022. A block is one pass over the data in which every thread takes part, so this is also no slower (dev/LOG.md has the times).
 */

/** Elements in a row that ONNX Runtime adds well enough: eight at a time. */
const mostInRow = 256

/** Elements below each other that are added one after the other, or four by four as a product with ones. */
const mostInColumn = 128

/** From this many on a column is added as a product with ones. */
const fewestInProduct = 32

/** The length of blocks in which `count` elements can be cut, the nearest to `wished`. */
export function findBlock(count: number, wished: number, [least, most]: readonly [number, number]) {
  let found: number | undefined
  const distance = (length: number) => Math.abs(Math.log(length / wished))
  for (let length = least; length <= most; length++)
    if (count % length === 0 && (!found || distance(length) < distance(found))) found = length
  return found
}

/** The part that blocks of this length can be cut from, and what is left over. */
function cut(g: Graph, x: Value, block: number): [whole: Value, rest: Value] {
  const count = x.shape[1]!
  const left = count % block
  const [before, , ...after] = x.shape as [number, number, ...number[]]
  const start = x.shape.map((_, axis) => (axis === 1 ? count - left : 0))
  const nought = x.shape.map(() => 0)
  return [
    g.slice(x, nought, [before, count - left, ...after]),
    g.slice(x, start, [before, left, ...after]),
  ] // oxfmt-ignore
}

/** [rows, count] to [rows]. */
function sumRows(g: Graph, x: Value): Value {
  const [rows, count] = x.shape as [number, number]
  if (count <= mostInRow) return g.reduce('ReduceSum', x, [1], false)
  const block = findBlock(count, 128, [32, mostInRow])
  if (!block) return g.add(...(cut(g, x, 128).map((part) => sumRows(g, part)) as [Value, Value]))
  return sumRows(g, g.reduce('ReduceSum', g.reshape(x, [rows, count / block, block]), [2], false))
}

/** [blocks, count, width] to [blocks, width]. The elements of a column that are added at once are far apart: wide rows are added. */
function sumColumns(g: Graph, x: Value): Value {
  const [blocks, count, width] = x.shape as [number, number, number]
  if (count <= mostInColumn) {
    if (count < fewestInProduct || (blocks > 1 && width < 64)) return g.reduce('ReduceSum', x, [1], false)
    const ones = g.filled([1, count], 1, 'float32')
    const sum = g.matmul(ones, blocks === 1 ? g.reshape(x, [count, width]) : x)
    return g.reshape(sum, [blocks, width])
  }
  const block = findBlock(count, 64, [16, mostInColumn])
  if (!block) return g.add(...(cut(g, x, 64).map((part) => sumColumns(g, part)) as [Value, Value]))
  const sums = sumColumns(g, g.reshape(x, [blocks, block, (count / block) * width]))
  return sumColumns(g, g.reshape(sums, [blocks, count / block, width]))
}

interface Run {
  size: number
  summed: boolean
}

/** Axes beside each other that are summed, or kept, as one. */
function runsOf(shape: readonly number[], axes: readonly number[]): Run[] {
  const runs: Run[] = []
  for (const [axis, size] of shape.entries()) {
    if (size === 1) continue
    const summed = axes.includes(axis)
    const last = runs.at(-1)
    if (last?.summed === summed) last.size *= size
    else runs.push({ size, summed })
  }
  return runs
}

/** Whether one pass adds them as well. */
function isShort(runs: readonly Run[]): boolean {
  const summed = runs.filter((run) => run.summed)
  if (summed.length === 1 && runs.at(-1)!.summed) return summed[0]!.size <= mostInRow
  return summed.reduce((count, { size }) => count * size, 1) < fewestInProduct
}

/** The sum of float32 over some axes. */
export function sumOver(g: Graph, x: Value, axes: readonly number[], keep: boolean): Value {
  let runs = runsOf(x.shape, axes)
  if (isShort(runs)) return g.reduce('ReduceSum', x, axes, keep)
  let sum = x
  for (;;) {
    const at = runs.findIndex(({ summed }) => summed)
    if (at < 0) break
    const before = sizeOf(runs.slice(0, at).map(({ size }) => size))
    const after = sizeOf(runs.slice(at + 1).map(({ size }) => size))
    const { size } = runs[at]!
    sum =
      after === 1
        ? sumRows(g, g.reshape(sum, [before, size]))
        : sumColumns(g, g.reshape(sum, [before, size, after]))
    runs = runs.filter((_, place) => place !== at)
  }
  const shape = x.shape.flatMap((size, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [size]))
  return g.reshape(sum, shape)
}

/** Their mean. */
export function meanOver(g: Graph, x: Value, axes: readonly number[], keep: boolean): Value {
  if (isShort(runsOf(x.shape, axes))) return g.reduce('ReduceMean', x, axes, keep)
  const count = axes.reduce((product, axis) => product * x.shape[axis]!, 1)
  return g.div(sumOver(g, x, axes, keep), g.scalar(count))
}
