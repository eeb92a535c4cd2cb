import * as tf from '@tensorflow/tfjs'

/**
 * A backend that tells what a program may come to in float32 if each of its operations is computed as it is written: for every element
 * the value in double precision, and the least and the greatest number that float32 can have there. Sums, products, quotients and
 * roots are rounded once, to the nearest (an interval of one number stays one); other functions are off by some units in the last place.
 * tfjs's own gradients run on it, so it tells of them too.
 */
export interface Written {
  /** In double precision. */
  value: Float64Array
  low: Float64Array
  high: Float64Array
  /** What `low` and `high` do not say. */
  kind: Uint8Array
  /** Whether something on the way was not finite, or so small that float32 keeps fewer digits of it. */
  ranged: Uint8Array
}

/** Numbers, surely NaN, and nobody knows. */
export const kinds = { number: 0, nan: 1, any: 2 } as const

export const backendName = 'as-written'

const smallest = 2 ** -149
const smallestNormal = 2 ** -126

/** The distance between the numbers of float32 near this one. */
export function ulp(value: number): number {
  const size = Math.abs(value)
  if (!(size >= smallestNormal)) return smallest
  return size < 2 ** 128 ? 2 ** (Math.floor(Math.log2(size)) - 23) : 2 ** 104
}

const create = (size: number): Written => ({
  value: new Float64Array(size),
  low: new Float64Array(size),
  high: new Float64Array(size),
  kind: new Uint8Array(size),
  ranged: new Uint8Array(size),
})

const exactly = (values: ArrayLike<number>): Written => {
  const made = create(values.length)
  for (let at = 0; at < values.length; at++) set(made, at, values[at]!, [values[at]!], 0)
  return made
}

/** Writes one element: its value, and what the operation gives at the ends of its operands. */
function set(to: Written, at: number, value: number, ends: readonly number[], slack: number): void {
  to.value[at] = value
  const rounded = ends.map((end) => Math.fround(end))
  const unknown = rounded.filter((end) => Number.isNaN(end)).length
  if (unknown === rounded.length) to.kind[at] = kinds.nan
  else if (unknown > 0) to.kind[at] = kinds.any
  else {
    // Math.min knows that -0 is less than 0.
    const [least, most] = [Math.min(...rounded), Math.max(...rounded)]
    to.low[at] = slack ? Math.fround(least - slack * ulp(least)) : least
    to.high[at] = slack ? Math.fround(most + slack * ulp(most)) : most
  }
  const isSmall = ends.some((end) => end !== 0 && Math.abs(end) < 2 * smallestNormal)
  if (isSmall || rounded.some((end) => !Number.isFinite(end)) || !Number.isFinite(value)) to.ranged[at] = 1
}

const unknown = (to: Written, at: number, value: number): void => {
  to.value[at] = value
  to.kind[at] = kinds.any
  to.ranged[at] = 1
}

/** The ends of an operand, as numbers to compute with. */
function endsOf({ low, high, kind }: Written, at: number): readonly number[] {
  if (kind[at] === kinds.nan) return [NaN]
  return Object.is(low[at], high[at]) ? [low[at]!] : [low[at]!, high[at]!]
}

const isInside = (number: number, ends: readonly number[]) =>
  ends.length > 1 && ends[0]! <= number && number <= ends[1]!

interface Info extends tf.TensorInfo {}
interface Kernel {
  (inputs: { [name: string]: Info }, attributes: any, backend: AsWritten): Info
}

class AsWritten extends tf.KernelBackend {
  private readonly kept = new Map<object, Written>()
  override write(values: tf.BackendValues): object {
    return this.hold(exactly(values as Float32Array))
  }
  override move(id: object, values: tf.BackendValues): void {
    this.kept.set(id, exactly(values as Float32Array))
  }
  hold(written: Written): object {
    const id = {}
    this.kept.set(id, written)
    return id
  }
  get({ dataId }: Info): Written {
    return this.kept.get(dataId)!
  }
  override readSync(id: object): tf.BackendValues {
    return Float32Array.from(this.kept.get(id)!.value)
  }
  override numDataIds(): number {
    return this.kept.size
  }
  override disposeData(id: object): boolean {
    this.kept.delete(id)
    return true
  }
  override incRef(): void {}
  override refCount(): number {
    return 1
  }
  override floatPrecision(): 32 {
    return 32
  }
  override epsilon(): number {
    return 1e-7
  }
  override dispose(): void {
    this.kept.clear()
  }
}

/** What a tensor that was computed here may be. */
export const writtenIn = (tensor: tf.Tensor): Written =>
  (tf.findBackend(backendName) as AsWritten).get(tensor)

/** A function that rises or falls between the numbers at which it turns. `slack`: how many units it may be off. */
const unary =
  (f: (x: number) => number, slack = 0, turns: readonly number[] = []): Kernel =>
  ({ x }, _, backend) => {
    const from = backend.get(x!)
    const size = from.value.length
    const made = create(size)
    for (let at = 0; at < size; at++) {
      made.ranged[at] = from.ranged[at]!
      if (from.kind[at] === kinds.any) unknown(made, at, f(from.value[at]!))
      else {
        const ends = endsOf(from, at)
        const inner = turns.filter((turn) => isInside(turn, ends))
        set(made, at, f(from.value[at]!), [...ends, ...inner].map(f), slack) // oxfmt-ignore
      }
    }
    return { dataId: backend.hold(made), shape: x!.shape, dtype: 'float32' }
  }

/** Positions in an operand for each element of what it is spread over. */
function positions(shape: readonly number[], to: readonly number[]): Int32Array {
  const strides = tf.util.computeStrides(shape as number[])
  const all = [...strides, 1]
  const size = tf.util.sizeFromShape(to as number[])
  const result = new Int32Array(size)
  const outer = [...tf.util.computeStrides(to as number[]), 1]
  for (let at = 0; at < size; at++) {
    let rest = at
    let place = 0
    for (let axis = 0; axis < to.length; axis++) {
      const index = Math.floor(rest / outer[axis]!)
      rest -= index * outer[axis]!
      const own = axis - to.length + shape.length
      if (own >= 0 && shape[own] !== 1) place += index * all[own]!
    }
    result[at] = place
  }
  return result
}

/** `breaks`: where the ends of the operands do not tell all. */
const binary =
  (
    f: (a: number, b: number) => number,
    slack = 0,
    breaks: (a: readonly number[], b: readonly number[]) => boolean = () => false,
    dtype: tf.DataType = 'float32',
  ): Kernel =>
  ({ a, b }, _, backend) => {
    const shape = tf.broadcast_util.assertAndGetBroadcastShape(a!.shape, b!.shape)
    const [one, other] = [backend.get(a!), backend.get(b!)]
    const [first, second] = [positions(a!.shape, shape), positions(b!.shape, shape)]
    const made = create(first.length)
    for (let at = 0; at < first.length; at++) {
      const [i, j] = [first[at]!, second[at]!]
      made.ranged[at] = one.ranged[i]! | other.ranged[j]!
      const value = f(one.value[i]!, other.value[j]!)
      const isKnown = one.kind[i] !== kinds.any && other.kind[j] !== kinds.any
      const [x, y] = [endsOf(one, i), endsOf(other, j)]
      if (!isKnown || breaks(x, y)) unknown(made, at, value)
      else {
        const ends = x.flatMap((left) => y.map((right) => f(left, right)))
        set(made, at, value, ends, slack)
      }
    }
    return { dataId: backend.hold(made), shape, dtype }
  }

const comparison = (f: (a: number, b: number) => boolean): Kernel =>
  binary((a, b) => Number(f(a, b)), 0, undefined, 'bool')

const sigmoid = (x: number) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)))
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
const hasZero = (ends: readonly number[]) => isInside(0, ends)

/** Units in the last place by which functions may be off. */
export const slack = 4

const view: Kernel = ({ x }, { shape, dtype }, backend) => ({
  dataId: backend.hold(backend.get(x!)),
  shape: shape ?? x!.shape,
  dtype: dtype ?? x!.dtype,
})

const filled = (value: number): Kernel => ({ x }, _, backend) => ({
  dataId: backend.hold(exactly(new Float32Array(tf.util.sizeFromShape(x!.shape)).fill(value))),
  shape: x!.shape,
  dtype: x!.dtype,
}) // oxfmt-ignore

/** A sum over axes, in whatever order, over a number. */
const reduction =
  (isMean: boolean): Kernel =>
  ({ x }, { axis, keepDims }, backend) => {
    const from = backend.get(x!)
    const axes = tf.util.parseAxisParam(axis, x!.shape)
    const kept = x!.shape.map((size, at) => (axes.includes(at) ? 1 : size))
    const to = positions(kept, x!.shape)
    const made = create(tf.util.sizeFromShape(kept))
    const sizes = new Float64Array(made.value.length)
    const terms = from.value.length / made.value.length
    for (const [at, place] of to.entries()) {
      made.value[place]! += from.value[at]!
      made.low[place]! += from.low[at]!
      made.high[place]! += from.high[at]!
      sizes[place]! += Math.max(Math.abs(from.low[at]!), Math.abs(from.high[at]!))
      made.ranged[place]! |= from.ranged[at]!
      // Of infinities and NaN in a sum other tests tell.
      if (from.kind[at] !== kinds.number || sizes[place]! > 1e37) made.kind[place] = kinds.any
    }
    for (const [place, size] of sizes.entries()) {
      // In whatever order they are added up.
      const off = terms * (2 ** -24 * size + smallest)
      made.low[place] = Math.fround(made.low[place]! - off)
      made.high[place] = Math.fround(made.high[place]! + off)
    }
    if (isMean)
      for (let place = 0; place < sizes.length; place++) {
        made.value[place]! /= terms
        made.low[place] = Math.fround(made.low[place]! / terms - smallest)
        made.high[place] = Math.fround(made.high[place]! / terms + smallest)
      }
    const shape = keepDims ? kept : x!.shape.filter((_, at) => !axes.includes(at))
    return { dataId: backend.hold(made), shape, dtype: 'float32' }
  }

const kernels: { [name: string]: Kernel } = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Multiply: binary((a, b) => a * b, 0, (a, b) => (hasZero(a) && b.some((end) => !Number.isFinite(end))) || (hasZero(b) && a.some((end) => !Number.isFinite(end)))), // oxfmt-ignore
  RealDiv: binary(
    (a, b) => a / b,
    0,
    (a, b) => hasZero(b) || (hasZero(a) && b[0] === 0),
  ),
  Maximum: binary(Math.max),
  Minimum: binary(Math.min),
  Pow: binary((a, b) => (b === 1 ? a : a ** b), slack, (a, b) => hasZero(a) && (b[0]! < 0 || b[0]! % 1 !== 0)), // oxfmt-ignore
  Neg: unary((x) => -x),
  Abs: unary(Math.abs, 0, [0]),
  Square: unary((x) => x * x, 0, [0]),
  Sqrt: unary(Math.sqrt),
  Rsqrt: unary((x) => 1 / Math.sqrt(x), slack),
  Reciprocal: unary((x) => 1 / x),
  Exp: unary(Math.exp, slack),
  Log: unary(Math.log, slack),
  Log1p: unary(Math.log1p, slack),
  Expm1: unary(Math.expm1, slack),
  Sigmoid: unary(sigmoid, slack),
  Tanh: unary(Math.tanh, slack),
  Softplus: unary(softplus, slack),
  Elu: unary((x) => (x >= 0 ? x : Math.expm1(x)), slack),
  EluGrad: ({ dy, y }, _, backend) =>
    binary((a, b) => (b >= 0 ? a : a * (b + 1)), slack)({ a: dy!, b: y! }, _, backend),
  Step: (inputs, { alpha }, backend) => unary((x) => (x > 0 ? 1 : Number.isNaN(x) ? NaN : alpha))(inputs, {}, backend), // oxfmt-ignore
  Greater: comparison((a, b) => a > b),
  GreaterEqual: comparison((a, b) => a >= b),
  Less: comparison((a, b) => a < b),
  LessEqual: comparison((a, b) => a <= b),
  Cast: view,
  Reshape: view,
  Identity: view,
  ZerosLike: filled(0),
  OnesLike: filled(1),
  Fill: (_, { shape, value }, backend) => ({
    dataId: backend.hold(exactly(new Float32Array(tf.util.sizeFromShape(shape)).fill(value))),
    shape,
    dtype: 'float32',
  }),
  Sum: reduction(false),
  Mean: reduction(true),
  SquaredDifference: binary((a, b) => Math.fround(a - b) ** 2, slack),
  LeakyRelu: (inputs, { alpha }, backend) =>
    unary((x) => (x < 0 ? x * Math.fround(alpha) : x))(inputs, {}, backend),
  ClipByValue: (inputs, { clipValueMin, clipValueMax }, backend) =>
    unary((x) => Math.min(Math.max(x, Math.fround(clipValueMin)), Math.fround(clipValueMax)))(
      inputs,
      {},
      backend,
    ),
  LogicalNot: unary((x) => 1 - x),
  LogicalAnd: binary((a, b) => a * b, 0, undefined, 'bool'),
  Select({ condition, t, e }, _, backend) {
    const [which, yes, no] = [backend.get(condition!), backend.get(t!), backend.get(e!)]
    const made = create(yes.value.length)
    for (let at = 0; at < made.value.length; at++) {
      const from = which.value[at] ? yes : no
      const isKnown = which.kind[at] === kinds.number && which.low[at] === which.high[at]
      for (const key of ['value', 'low', 'high', 'kind'] as const) made[key][at] = from[key][at]!
      made.ranged[at] = from.ranged[at]! | which.ranged[at]!
      if (!isKnown || which.low[at] !== which.value[at]) unknown(made, at, from.value[at]!)
    }
    return { dataId: backend.hold(made), shape: t!.shape, dtype: t!.dtype }
  },
}

tf.registerBackend(backendName, () => new AsWritten())
for (const [kernelName, kernel] of Object.entries(kernels))
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => kernel(inputs as never, attrs ?? {}, backend as AsWritten),
  })
