import type * as tf from '@tensorflow/tfjs'
import { InputError, type Problem } from '../../errors.js'
import type { Tree } from './backend.js'
import type { Attributes } from '../emitters/kernel.js'
import type { Bounds, Guard } from '../graph/guards.js'
import type { Elements } from '../onnx/types.js'

/**
 * Indices that point outside. ONNX Runtime counts those below 0 from the end and says of others what only its authors understand; as on
 * tfjs's cpu backend they are an error. Where indices are at hand they are looked at before the kernel; in a recording, where
 * they are known only when it runs, each kernel gets what lies inside, and beside it the graph gives the first that did not.
 */

/** An index that points outside. */
export class IndexOutside extends InputError {
  override name = 'IndexOutside'
  /** The number that is outside. */
  readonly index: number
  /** Which element of the indices it is, and their shape. */
  readonly position: number
  readonly shape: readonly number[]

  constructor(
    problem: Problem,
    at: { index: number; position: number; shape: readonly number[] },
    options?: ErrorOptions,
  ) {
    super(problem, options)
    this.index = at.index
    this.position = at.position
    this.shape = at.shape
  }
}

/** @param position which element of the indices of this shape it is. */
function outside(
  kernel: string,
  sizes: readonly number[],
  shape: readonly number[],
  position: number,
  index: number,
): IndexOutside {
  const size = sizes[position % sizes.length]!
  const isOpen = size === Infinity
  const problem = {
    // What tfjs's cpu backend says.
    where: isOpen
      ? `${kernel}: Input x must be non-negative`
      : `${kernel}: the index value ${index} is not in [0, ${size - 1}]`,
    received: `${index} at [${placeOf(position, shape).join(', ')}] of the indices [${shape.join(', ')}]`,
    expected: isOpen ? 'whole numbers of 0 or more' : `whole numbers from 0 to ${size - 1}`,
    fix:
      index < 0
        ? 'Indices do not count from the end: add the size to one that shall, or filter out what has no place.'
        : `Give what is indexed ${index + 1} places or more (the inputDim of an embedding), or count the indices from 0.`,
  }
  return new IndexOutside(problem, { index, position, shape })
}

function placeOf(position: number, shape: readonly number[]): number[] {
  const place: number[] = []
  for (let axis = shape.length - 1, rest = position; axis >= 0; axis--) {
    place.unshift(rest % shape[axis]!)
    rest = Math.floor(rest / shape[axis]!)
  }
  return place
}

const depthOf = ({ shape }: tf.TensorInfo) => (shape.length > 1 ? shape.at(-1)! : 1)

/** As a method, so that a row may name the attributes of its kernel. */
type BoundsOf = { of(inputs: Tree, attributes: Attributes): Bounds }['of']

const rows: { readonly [kernel: string]: BoundsOf } = {
  GatherV2: ({ x }, { axis }: tf.GatherV2Attrs) => ({
    input: 'indices',
    sizes: [x!.shape.at(axis)!],
  }),
  GatherNd: ({ params, indices }) => ({
    input: 'indices',
    sizes: params!.shape.slice(0, indices!.shape.at(-1)),
  }),
  ScatterNd: ({ indices }, { shape }: tf.ScatterNdAttrs) => ({
    input: 'indices',
    sizes: shape.slice(0, depthOf(indices!)),
  }),
  TensorScatterUpdate: ({ tensor, indices }) => ({
    input: 'indices',
    sizes: tensor!.shape.slice(0, depthOf(indices!)),
  }),
  SparseToDense: ({ sparseIndices }, { outputShape }: tf.SparseToDenseAttrs) => ({
    input: 'sparseIndices',
    sizes: outputShape.slice(0, depthOf(sparseIndices!)),
  }),
  // What is too large is not counted.
  Bincount: () => ({ input: 'x', sizes: [Infinity] }),
  DenseBincount: () => ({ input: 'x', sizes: [Infinity] }),
}

/** The bounds of a kernel's indices, where it has some. */
export function boundsOf(kernel: string, inputs: Tree, attributes: Attributes): Bounds | undefined {
  const bounds = rows[kernel]?.(inputs, attributes)
  const indices = bounds && inputs[bounds.input]
  // Kernels check the shapes themselves; of nothing there is nothing to check.
  const fits = indices && bounds.sizes.length > 0 && !indices.shape.includes(0) && indices.dtype === 'int32'
  return fits ? bounds : undefined
}

/** Throws an `IndexOutside` for the first of these numbers that is outside. */
export function checkInside(
  kernel: string,
  { sizes }: Bounds,
  values: ArrayLike<number>,
  shape: readonly number[],
): void {
  const depth = sizes.length
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!
    if (value >= 0 && value < sizes[depth === 1 ? 0 : at % depth]!) continue
    throw outside(kernel, sizes, shape, at, value)
  }
}

/** Throws an `IndexOutside` where one of the guards has met an index that is. */
export function checkGuards(guards: readonly Guard[], seen: Elements): void {
  for (const [at, { kernel, shape, sizes }] of guards.entries()) {
    const [position, index] = [Number(seen[2 * at]), Number(seen[2 * at + 1])]
    if (index >= 0 && index < sizes[position % sizes.length]!) continue
    throw outside(kernel, sizes, shape, position, index)
  }
}
