import type * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'
import { isFloat, type Emitters, type Inputs } from './kernel.js'

/**
 * Resizing is linear in the image, and works on rows and columns apart: each is a matrix [after, before] that holds how
 * much of each old line a new one takes. Its gradient is the transposed matrix.
 */
type Weights = (after: number, before: number, attributes: Scaling) => number[]

interface Scaling {
  alignCorners: boolean
  halfPixelCenters: boolean
}

const scaleOf = (after: number, before: number, alignCorners: boolean) =>
  alignCorners && after > 1 ? (before - 1) / (after - 1) : before / after

const linear: Weights = (after, before, { alignCorners, halfPixelCenters }) => {
  const scale = scaleOf(after, before, alignCorners)
  const weights = Array<number>(after * before).fill(0)
  for (let line = 0; line < after; line++) {
    const place = halfPixelCenters ? scale * (line + 0.5) - 0.5 : scale * line
    const low = Math.max(0, Math.floor(place))
    const high = Math.min(before - 1, Math.ceil(place))
    const share = place - low
    weights[line * before + low]! += 1 - share
    weights[line * before + high]! += share
  }
  return weights
}

const nearestLine = (
  line: number,
  after: number,
  before: number,
  { alignCorners, halfPixelCenters }: Scaling,
) => {
  const place = scaleOf(after, before, alignCorners) * (halfPixelCenters ? line + 0.5 : line)
  return Math.max(0, Math.min(before - 1, alignCorners ? Math.round(place) : Math.floor(place)))
}

const nearest: Weights = (after, before, attributes) => {
  const weights = Array<number>(after * before).fill(0)
  for (let line = 0; line < after; line++)
    weights[line * before + nearestLine(line, after, before, attributes)] = 1
  return weights
}

/** Rows, then columns, of [batch, height, width, channels] through their matrices (transposed for a gradient). */
function resize(g: Graph, image: Value, rows: Value, columns: Value, transposed: boolean): Value {
  const [batch, height, width, channels] = image.shape as [number, number, number, number]
  const tall = g.matmul(rows, g.reshape(image, [batch, height, width * channels]), transposed)
  const newHeight = tall.shape[1]!
  const wide = g.matmul(columns, g.reshape(tall, [batch * newHeight, width, channels]), transposed)
  return g.reshape(wide, [batch, newHeight, wide.shape[1]!, channels])
}

function matrices(
  g: Graph,
  weights: Weights,
  after: readonly number[],
  before: readonly number[],
  attributes: Scaling,
) {
  const matrix = (axis: 0 | 1) =>
    g.constant(weights(after[axis]!, before[axis]!, attributes), [after[axis]!, before[axis]!], 'float32')
  return [matrix(0), matrix(1)] as const
}

function gradient(weights: Weights) {
  return ({ images, dy }: Inputs, attributes: Scaling, g: Graph) => {
    if (!isFloat(dy)) return undefined
    // tfjs's gradients take no half pixel centers.
    const settings = { ...attributes, halfPixelCenters: false }
    const [rows, columns] = matrices(g, weights, dy!.shape.slice(1, 3), images!.shape.slice(1, 3), settings)
    return resize(g, dy!, rows, columns, true)
  }
}

export const image: Emitters = {
  ResizeBilinear({ images }, attributes: tf.ResizeBilinearAttrs, g) {
    const [rows, columns] = matrices(g, linear, attributes.size, images!.shape.slice(1, 3), attributes)
    return resize(g, g.cast(images!, 'float32'), rows, columns, false)
  },
  ResizeNearestNeighbor({ images }, attributes: tf.ResizeNearestNeighborAttrs, g) {
    const lines = (axis: 0 | 1) =>
      g.whole(
        Array.from({ length: attributes.size[axis] }, (_, line) =>
          nearestLine(line, attributes.size[axis], images!.shape[axis + 1]!, attributes),
        ),
      )
    return g.gather(g.gather(images!, lines(0), 1), lines(1), 2)
  },
  ResizeBilinearGrad: gradient(linear),
  ResizeNearestNeighborGrad: gradient(nearest),
}
