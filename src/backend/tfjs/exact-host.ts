import * as tf from '@tensorflow/tfjs'
import type { OnnxRuntimeBackend } from './backend.js'

/**
 * Kernels of tfjs's cpu backend that add float32 onto float32, element after element: a sum of three thousand tenths has lost two
 * digits by its end. Here they add in double precision and round once. Whole numbers are added as there.
 */

type Kernel = {
  // As a method, so that each may name the attributes of its kernel.
  run(
    inputs: { [name: string]: tf.TensorInfo },
    attributes: object,
    backend: OnnxRuntimeBackend,
  ): tf.TensorInfo | undefined
}['run']

const valuesOf = (backend: OnnxRuntimeBackend, { dataId }: tf.TensorInfo) =>
  backend.readSync(dataId) as Float32Array | Int32Array

function made(backend: OnnxRuntimeBackend, shape: number[], values: Float64Array): tf.TensorInfo {
  return { dataId: backend.write(Float32Array.from(values), shape, 'float32'), shape, dtype: 'float32' }
}

/** What comes out along an axis where each element is joined to all before it. */
function running(first: number, join: (before: number, value: number) => number): Kernel {
  return ({ x }, { axis, exclusive, reverse }: tf.CumsumAttrs, backend) => {
    if (x!.dtype !== 'float32') return undefined
    const { shape } = x!
    const at = axis < 0 ? axis + shape.length : axis
    const inner = tf.util.sizeFromShape(shape.slice(at + 1))
    const length = shape[at] ?? 1
    const values = valuesOf(backend, x!)
    const result = new Float64Array(values.length)
    for (let outer = 0; outer < values.length; outer += length * inner)
      for (let lane = 0; lane < inner; lane++) {
        let so = first
        for (let step = 0; step < length; step++) {
          const place = outer + (reverse ? length - 1 - step : step) * inner + lane
          const joined = join(so, values[place]!)
          result[place] = exclusive ? so : joined
          so = joined
        }
      }
    return made(backend, shape, result)
  }
}

/** Sums of weights by the number in `x`, a row of `size` for each row of it; missing weights are ones. */
const bincount: Kernel = ({ x, weights }, { size, binaryOutput }: tf.DenseBincountAttrs, backend) => {
  if (weights!.dtype !== 'float32' || x!.shape.length > 2) return undefined
  const [rows, columns] = x!.shape.length === 2 ? x!.shape : [1, x!.shape[0] ?? 1]
  const numbers = valuesOf(backend, x!)
  const amounts = weights!.shape.includes(0) ? undefined : valuesOf(backend, weights!)
  const result = new Float64Array(rows! * size)
  for (let at = 0; at < numbers.length; at++) {
    const number = numbers[at]!
    if (number < 0) throw new Error('Input x must be non-negative!')
    if (number >= size) continue
    const place = Math.floor(at / columns!) * size + number
    if (binaryOutput) result[place] = 1
    else result[place]! += amounts?.[at] ?? 1
  }
  return made(backend, x!.shape.length === 2 ? [rows!, size] : [size], result)
}

const scatterNd: Kernel = ({ indices, updates }, { shape }: tf.ScatterNdAttrs, backend) => {
  const { sliceRank, numUpdates, sliceSize, strides, outputSize } = tf.backend_util.calculateShapes(
    updates as tf.Tensor,
    indices as tf.Tensor,
    shape,
  )
  if (updates!.dtype !== 'float32' || outputSize === 0) return undefined
  const places = valuesOf(backend, indices!)
  const values = valuesOf(backend, updates!)
  const result = new Float64Array(outputSize)
  for (let row = 0; row < numUpdates; row++) {
    let start = 0
    for (let axis = 0; axis < sliceRank; axis++) start += places[row * sliceRank + axis]! * strides[axis]!
    for (let at = 0; at < sliceSize; at++)
      result[start * sliceSize + at]! += values[values.length === 1 ? 0 : row * sliceSize + at]!
  }
  return made(backend, shape, result)
}

/** The mean of squares of deviations (lineage.ts) less the square of their mean, which is not 0 since the mean was rounded. */
const variance: Kernel = ({ x, deviations }, { axis, keepDims }: tf.MeanAttrs, backend) => {
  if (!deviations || x!.dtype !== 'float32') return undefined
  const { shape } = x!
  const axes = tf.util.parseAxisParam(axis, shape)
  const rest = shape.flatMap((size, at) => (axes.includes(at) ? (keepDims ? [1] : []) : [size]))
  const places: number[] = []
  let size = 1
  for (let at = shape.length - 1; at >= 0; at--) {
    places[at] = axes.includes(at) ? 0 : size
    if (!axes.includes(at)) size *= shape[at]!
  }
  const values = valuesOf(backend, deviations)
  const [sums, squares] = [new Float64Array(size), new Float64Array(size)]
  for (let element = 0; element < values.length; element++) {
    let place = 0
    for (let at = shape.length - 1, left = element; at >= 0; at--) {
      place += (left % shape[at]!) * places[at]!
      left = Math.floor(left / shape[at]!)
    }
    sums[place]! += values[element]!
    squares[place]! += values[element]! ** 2
  }
  const count = values.length / size
  return made(
    backend,
    rest,
    squares.map((sum, place) => Math.max(0, sum / count - (sums[place]! / count) ** 2)),
  )
}

const kernels: { readonly [kernel: string]: Kernel } = {
  Mean: variance,
  Cumsum: running(0, (before, value) => before + value),
  Cumprod: running(1, (before, value) => before * value),
  Bincount: bincount,
  DenseBincount: bincount,
  ScatterNd: scatterNd,
}

/** The host kernel of this name that keeps digits, or tfjs's own where that does. */
export function exactOnHost({ kernelName, kernelFunc }: tf.KernelConfig): tf.KernelFunc {
  const exact = kernels[kernelName]
  if (!exact) return kernelFunc
  return (parameters) =>
    exact(parameters.inputs as never, parameters.attrs ?? {}, parameters.backend as OnnxRuntimeBackend) ??
    kernelFunc(parameters)
}
