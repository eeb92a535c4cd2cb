import type { Graph, Value } from '../graph/graph.js'
import { sizeOf } from '../onnx/types.js'
import { convolution, fits, infoOf, isNCHW, type Info } from './convolution.js'
import type { Attributes, Emitters, Inputs } from './kernel.js'
import { maybeInBlocks } from './pooled-blocks.js'
import { maybeInRows } from './pooled-rows.js'
import { reduction } from './reduction.js'
import { joinTiles, largestOf, tilesOf, type PoolInfo } from './tiles.js'

/**
 * A convolution (with its bias and relu) that goes into a max pooling of windows side by side, as the usual small image
 * networks have it. The convolution is made for each place in the windows by itself, so that the pooling is the largest of a
 * few tensors and its gradient parts of them: no image is cut into tiles or put together again, the relu and its gradient
 * touch only what was pooled, and what no window reaches is not made.
 */

/** A convolution, before activation, as `findConvolution` met it. */
export interface Source {
  x: Value
  filter: Value
  bias: Value | undefined
  info: Info
}

/** How the tiles of such a convolution lie in memory. */
export interface Form {
  /** The convolution, bias included, at each place in the windows. */
  tiles: readonly Value[]
  /** A pooled image [batch, height, width, channels] as it lies in a tile, and back. */
  fromImage(image: Value): Value
  toImage(tile: Value): Value
  /** Gradients from those of the tiles: the whole convolution's, or `undefined` where it is best made from that. */
  filterGradient(parts: readonly Value[]): Value | undefined
  inputGradient(parts: readonly Value[]): Value | undefined
  biasGradient(parts: readonly Value[]): Value | undefined
}

/** Smaller results are made faster by fewer operators. */
const fewest = 2 ** 16

interface Convolved extends Source {
  /** What would be made in one piece, where others need it. */
  whole: Value
  hasRelu: boolean
}

/** The call that made `value`: a convolution, one with a bias added, or both in one. */
function findConvolution(g: Graph, value: Value): Convolved | undefined {
  const fused = g.madeBy('FusedConv2D', value)
  if (fused) {
    const { activation } = fused.attributes
    const isKnown = activation === undefined || activation === 'linear' || activation === 'relu'
    if (!isKnown) return undefined
    return sourceOf(
      fused.inputs,
      fused.attributes,
      fused.inputs.bias,
      g.unshaped(value),
      activation === 'relu',
    )
  }
  const plain = g.madeBy('Conv2D', value)
  if (plain) return sourceOf(plain.inputs, plain.attributes, undefined, g.unshaped(value), false)
  const sum = g.madeBy('Add', value)
  if (!sum) return undefined
  const { a, b } = sum.inputs as { a: Value; b: Value }
  for (const [convolved, bias] of [
    [a, b],
    [b, a],
  ] as const) {
    // oxfmt-ignore
    const call = g.madeBy('Conv2D', convolved)
    // The bias joins the product before that is reshaped, so this is what both need.
    if (call) return sourceOf(call.inputs, call.attributes, bias, g.unshaped(convolved), false)
  }
  return undefined
}

function sourceOf(
  { x, filter }: { readonly [name: string]: Value },
  attributes: Attributes,
  bias: Value | undefined,
  whole: Value,
  hasRelu: boolean,
): Convolved | undefined {
  if (isNCHW(attributes)) return undefined
  const info = infoOf(x!.shape, filter!.shape, attributes)
  const { outChannels, inChannels } = info
  const isBias = !bias || (sizeOf(bias.shape) === outChannels && bias.shape.at(-1) === outChannels)
  if (!isBias || !fits(info) || filter!.shape[2] !== inChannels) return undefined
  return { x: x!, filter: filter!, bias, info, whole, hasRelu }
}

interface Pooled {
  source: Source
  pool: PoolInfo
  form: Form
  tiles: readonly Value[]
  largest: Value
  /** What came out. */
  image: Value
  /** Whether there is a relu between, as a kernel of its own. */
  hasRelu: boolean
}

/** Poolings of convolutions by what goes into the pooling. */
const poolings = new WeakMap<Value, Pooled>()

/** The pooled image, where `x` was made by a convolution. */
export function maybePooled(g: Graph, x: Value, pool: PoolInfo): Value | undefined {
  if (g.isPortable || pool.filterHeight * pool.filterWidth < 2 || sizeOf(x.shape) < fewest) return undefined
  const relu = g.madeBy('Relu', x)
  const convolved = relu?.inputs.x ?? x
  const source = findConvolution(g, convolved)
  const form = source && (maybeInBlocks(g, source, pool) ?? maybeInRows(g, source, pool))
  if (!form) return undefined
  const cut = tilesOf(g, convolved, pool)
  const tiles = form.tiles.map((tile, at) => g.either(tile, form.fromImage(cut[at]!), source.whole))
  const largest = largestOf(g, tiles)
  const image = form.toImage(relu || source.hasRelu ? g.binary('Max', largest, g.scalar(0)) : largest)
  // The gradient of a relu in one kernel with the convolution is asked for in another way.
  if (!source.hasRelu)
    poolings.set(x, { source, pool, form, tiles, largest, image, hasRelu: relu !== undefined })
  return image
}

/** A gradient of a convolution as those of its tiles. */
interface Spread {
  pooled: Pooled
  parts: readonly Value[]
  /** The gradient of what was pooled, where it comes through. */
  reached: Value
}

/** Such gradients by the value that is all of it in one piece. */
const gradients = new WeakMap<Value, Spread>()

/** 1 where `x` is above 0, 0 where it is 0. (Below 2 ** -127 it is in between: of a lead that small both get a share.) */
const isAbove = (g: Graph, x: Value): Value =>
  g.unary('HardSigmoid', x, { alpha: { float: 2 ** 127 }, beta: { float: 0 } })

/**
 * The gradient for each tile: all of `dy` for the first of the largest. Half against half, by products and differences: on
 * floats ONNX Runtime's `Where` and `Cast` take one thread and several passes.
 */
function spreadOver(g: Graph, tiles: readonly Value[], largest: Value, dy: Value): Value[] {
  if (tiles.length === 1) return [dy]
  const half = Math.ceil(tiles.length / 2)
  const [first, second] = [tiles.slice(0, half), tiles.slice(half)]
  const leading = largestOf(g, first)
  const lost = g.mul(dy, isAbove(g, g.sub(largest, leading)))
  const kept = g.sub(dy, lost)
  return [...spreadOver(g, first, leading, kept), ...spreadOver(g, second, largestOf(g, second), lost)]
}

/**
 * The gradient of the convolution whose pooling took `x`, from that of what was pooled.
 *
 * @param throughRelu through the relu that lies between them too.
 */
export function maybePooledGradient(g: Graph, dy: Value, x: Value, throughRelu: boolean): Value | undefined {
  const pooled = poolings.get(x)
  if (!pooled || pooled.hasRelu !== throughRelu) return undefined
  const { form, tiles, largest, image, pool } = pooled
  const reached = throughRelu ? g.mul(dy, isAbove(g, image)) : dy
  const parts = spreadOver(g, tiles, largest, form.fromImage(reached))
  const whole = joinTiles(g, parts.map(form.toImage), pool)
  gradients.set(whole, { pooled, parts, reached })
  return whole
}

function filterGradient({ pooled: { source, form }, parts }: Spread, { x }: Inputs): Value | undefined {
  return source.x === x ? form.filterGradient(parts) : undefined
}

function inputGradient({ pooled: { source, form }, parts }: Spread, { filter }: Inputs): Value | undefined {
  return source.filter === filter ? form.inputGradient(parts) : undefined
}

/** Each window gives its gradient to one place: no need to look where. */
function biasGradient(
  g: Graph,
  { pooled, parts, reached }: Spread,
  attributes: Attributes,
): Value | undefined {
  const axes = [attributes.axis].flat()
  if (attributes.keepDims || axes.length !== 3 || axes.includes(3) || axes.includes(-1)) return undefined
  const { source, form } = pooled
  const sum = source.bias && form.biasGradient(parts)
  return sum ?? (reduction.Sum!({ x: reached }, attributes, g) as Value)
}

/** The kernels that take such a gradient; others make do with it in one piece. */
export const pooled: Emitters = {
  Conv2DBackpropFilter(inputs, attributes, g) {
    const spread = gradients.get(inputs.dy!)
    return (
      (spread && filterGradient(spread, inputs)) ?? convolution.Conv2DBackpropFilter!(inputs, attributes, g)
    )
  },
  Conv2DBackpropInput(inputs, attributes, g) {
    const spread = gradients.get(inputs.dy!)
    return (
      (spread && inputGradient(spread, inputs)) ?? convolution.Conv2DBackpropInput!(inputs, attributes, g)
    )
  },
  Sum(inputs, attributes, g) {
    const spread = gradients.get(inputs.x!)
    return (spread && biasGradient(g, spread, attributes)) ?? reduction.Sum!(inputs, attributes, g)
  },
}
