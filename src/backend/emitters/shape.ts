import * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'
import { sizeOf } from '../onnx/types.js'
import { listOf, type Emitters } from './kernel.js'

const axisOf = (x: Value, axis: number) => (axis < 0 ? axis + x.shape.length : axis)

/** `x` backwards along some axes. */
function reverse(g: Graph, x: Value, axes: readonly number[]): Value {
  if (axes.length === 0) return x
  const begin = x.shape.map((size, axis) => (axes.includes(axis) ? size - 1 : 0))
  const steps = x.shape.map((_, axis) => (axes.includes(axis) ? -1 : 1))
  return g.slice(x, begin, x.shape, steps)
}

/** Parts of `x` one after the other along an axis. */
function split(g: Graph, x: Value, sizes: readonly number[], axis: number): Value[] {
  let start = 0
  return sizes.map((size) => {
    const begin = x.shape.map((_, at) => (at === axis ? start : 0))
    start += size
    return g.slice(
      x,
      begin,
      x.shape.map((whole, at) => (at === axis ? size : whole)),
    )
  })
}

/** The mirror image beside the edge, with the edge itself in it ('symmetric') or not ('reflect'). */
function mirror(
  g: Graph,
  x: Value,
  paddings: readonly (readonly [number, number])[],
  symmetric: boolean,
): Value {
  return paddings.reduce((value, [before, after], axis) => {
    const part = (begin: number, size: number) =>
      reverse(
        g,
        g.slice(
          value,
          value.shape.map((_, at) => (at === axis ? begin : 0)),
          value.shape.map((whole, at) => (at === axis ? size : whole)),
        ),
        [axis],
      )
    const edge = symmetric ? 0 : 1
    const parts = [
      ...(before ? [part(edge, before)] : []),
      value,
      ...(after ? [part(value.shape[axis]! - after - edge, after)] : []),
    ]
    return g.concat(parts, axis)
  }, x)
}

export const shape: Emitters = {
  Transpose: ({ x }, { perm }: tf.TransposeAttrs, g) => g.transpose(x!, perm),
  Slice({ x }, { begin, size }: tf.SliceAttrs, g) {
    const [from, sizes] = tf.slice_util.parseSliceParams(x as never, begin, size)
    tf.slice_util.assertParamsValid(x as never, from, sizes)
    return sizeOf(sizes) === 0 ? undefined : g.slice(x!, from, sizes)
  },
  StridedSlice({ x }, { begin, end, strides, ...masks }: tf.StridedSliceAttrs, g) {
    const { beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = masks
    const shape = x!.shape as number[]
    const info = tf.slice_util.sliceInfo(
      shape, begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask,
    ) // oxfmt-ignore
    if (sizeOf(info.finalShapeSparse) === 0 || info.isIdentity) return undefined
    const sizes = tf.slice_util.computeOutShape(info.begin, info.end, info.strides)
    if (sizeOf(sizes) === 0) return undefined
    return g.reshape(g.slice(x!, info.begin, sizes, info.strides), info.finalShape)
  },
  Concat(inputs, { axis }: tf.ConcatAttrs, g) {
    const list = listOf(inputs)
    const parts = list.filter((value) => sizeOf(value.shape) > 0)
    if (parts.length === 0 || parts.some((value) => value.type !== list[0]!.type)) return undefined
    return g.concat(parts, axisOf(list[0]!, axis))
  },
  Pack(inputs, { axis }: tf.PackAttrs, g) {
    const list = listOf(inputs)
    if (list.some((value) => value.type !== list[0]!.type)) return undefined
    for (const value of list)
      tf.util.assertShapesMatch(
        value.shape as number[],
        list[0]!.shape as number[],
        'all tensors of a stack must match: ',
      )
    const at = axis < 0 ? axis + list[0]!.shape.length + 1 : axis
    const parts = list.map((value) => g.reshape(value, value.shape.toSpliced(at, 0, 1)))
    return g.concat(parts, at)
  },
  Unpack({ value }, { axis }: tf.UnpackAttrs, g) {
    const at = axisOf(value!, axis)
    const rest = value!.shape.toSpliced(at, 1)
    return split(g, value!, Array(value!.shape[at]).fill(1), at).map((part) => g.reshape(part, rest))
  },
  SplitV({ x }, { numOrSizeSplits, axis }: tf.SplitVAttrs, g) {
    const at = axisOf(x!, axis)
    const sizes = tf.backend_util.prepareSplitSize(x as never, numOrSizeSplits, at)
    return sizes.includes(0) ? undefined : split(g, x!, sizes, at)
  },
  Tile({ x }, { reps }: tf.TileAttrs, g) {
    const to = x!.shape.map((size, axis) => size * reps[axis])
    // Along axes of size 1 a tile is a broadcast, which copies less.
    if (x!.shape.every((size, axis) => size === 1 || reps[axis] === 1)) return g.expand(x!, to)
    return g.node('Tile', [x!, g.whole(reps)], to, x!.type)
  },
  BroadcastTo: ({ x }, { shape }: tf.BroadCastToAttrs, g) => g.expand(x!, shape),
  PadV2({ x }, { paddings, constantValue }: tf.PadV2Attrs, g) {
    if (x!.shape.length === 0) return undefined
    return g.pad(x!, paddings, constantValue)
  },
  MirrorPad: ({ x }, { paddings, mode }: tf.MirrorPadAttrs, g) =>
    mirror(g, x!, paddings, mode === 'symmetric'),
  Reverse: ({ x }, { dims }: tf.ReverseAttrs, g) =>
    reverse(g, x!, tf.util.parseAxisParam(dims, x!.shape as number[])),
  FlipLeftRight: ({ image }, _, g) => reverse(g, image!, [2]),
  Diag({ x }, _, g) {
    const size = sizeOf(x!.shape)
    const indices = Array.from({ length: size }, (_, index) => index)
    const rows = g.constant(indices, [size, 1], 'int32')
    const columns = g.constant(indices, [1, size], 'int32')
    const onDiagonal = g.binary('Equal', rows, columns, 'bool')
    const matrix = g.where(onDiagonal, g.reshape(x!, [size, 1]), g.scalar(0, x!.type))
    return g.reshape(matrix, [...x!.shape, ...x!.shape])
  },
  DepthToSpace({ x }, { blockSize, dataFormat }: tf.DepthToSpaceAttrs, g) {
    if (dataFormat !== 'NHWC') return undefined
    const [batch, height, width, depth] = x!.shape as [number, number, number, number]
    const rest = depth / blockSize ** 2
    const blocks = g.reshape(x!, [batch, height, width, blockSize, blockSize, rest])
    const inOrder = g.transpose(blocks, [0, 1, 3, 2, 4, 5])
    return g.reshape(inOrder, [batch, height * blockSize, width * blockSize, rest])
  },
  SpaceToBatchND({ x }, { blockShape, paddings }: tf.SpaceToBatchNDAttrs, g) {
    const blocks = blockShape as number[]
    const rest = x!.shape.slice(blocks.length + 1)
    const padded = g.pad(x!, [
      [0, 0],
      ...(paddings as [number, number][]),
      ...rest.map((): [number, number] => [0, 0]),
    ])
    const [batch] = padded.shape as [number]
    const sizes = blocks.map((block, at) => padded.shape[at + 1]! / block)
    const split = g.reshape(padded, [batch, ...sizes.flatMap((size, at) => [size, blocks[at]!]), ...rest])
    const order = [
      ...blocks.map((_, at) => 2 + 2 * at),
      0,
      ...blocks.map((_, at) => 1 + 2 * at),
      ...rest.map((_, at) => 1 + 2 * blocks.length + at),
    ]
    return g.reshape(g.transpose(split, order), [batch * sizeOf(blocks), ...sizes, ...rest])
  },
  BatchToSpaceND({ x }, { blockShape, crops }: tf.BatchToSpaceNDAttrs, g) {
    const blocks = blockShape as number[]
    const batch = x!.shape[0]! / sizeOf(blocks)
    const sizes = x!.shape.slice(1, blocks.length + 1)
    const rest = x!.shape.slice(blocks.length + 1)
    const split = g.reshape(x!, [...blocks, batch, ...sizes, ...rest])
    const order = [
      blocks.length,
      ...blocks.flatMap((_, at) => [blocks.length + 1 + at, at]),
      ...rest.map((_, at) => 1 + 2 * blocks.length + at),
    ]
    const joined = sizes.map((size, at) => size * blocks[at]!)
    const whole = g.reshape(g.transpose(split, order), [batch, ...joined, ...rest])
    const begin = [0, ...crops.map(([before]) => before!), ...rest.map(() => 0)]
    const kept = [batch, ...joined.map((size, at) => size - crops[at][0] - crops[at][1]), ...rest]
    return g.slice(whole, begin, kept)
  },
  Fill(_, { shape: to, value, dtype }: tf.FillAttrs, g) {
    const type = dtype ?? (typeof value === 'string' ? 'string' : 'float32')
    if ((type !== 'float32' && type !== 'int32' && type !== 'bool') || sizeOf(to) < 2) return undefined
    return g.filled(to, Number(value), type)
  },
  ZerosLike: ({ x }, _, g) => (sizeOf(x!.shape) > 1 ? g.filled(x!.shape, 0, x!.type) : undefined),
  OnesLike: ({ x }, _, g) => (sizeOf(x!.shape) > 1 ? g.filled(x!.shape, 1, x!.type) : undefined),
  OneHot({ indices }, { depth, onValue, offValue, dtype = 'float32' }: tf.OneHotAttrs, g) {
    if (dtype !== 'float32' && dtype !== 'int32') return undefined
    const classes = g.constant(
      Array.from({ length: depth }, (_, index) => index),
      [depth],
      'int32',
    )
    const at = g.reshape(g.cast(indices!, 'int32'), [...indices!.shape, 1])
    const hit = g.binary('Equal', at, classes, 'bool')
    if (onValue === 1 && offValue === 0) return g.cast(hit, dtype)
    return g.where(hit, g.scalar(onValue, dtype), g.scalar(offValue, dtype))
  },
  Range(_, { start, stop, step, dtype }: tf.RangeAttrs, g) {
    const type = dtype === 'int32' ? 'int32' : 'float32'
    const size = Math.ceil((stop - start) / step)
    if (!(size > 1) || (dtype !== 'int32' && dtype !== 'float32')) return undefined
    const counted = g.node(
      'Range',
      [0, size, 1].map((value) => g.scalar(value, 'int32')),
      [size],
      'int32',
    )
    return g.add(g.mul(g.cast(counted, type), g.scalar(step, type)), g.scalar(start, type))
  },
  LinSpace(_, { start, stop, num }: tf.LinSpaceAttrs, g) {
    if (num < 2) return undefined
    const counted = g.node(
      'Range',
      [0, num, 1].map((value) => g.scalar(value, 'int32')),
      [num],
      'int32',
    )
    return g.add(g.mul(g.cast(counted, 'float32'), g.scalar((stop - start) / (num - 1))), g.scalar(start))
  },
}
