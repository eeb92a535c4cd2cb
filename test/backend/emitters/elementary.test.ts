import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile, setBackendOptions } from '../../../src/backend/index.js'
import { ulp } from '../passes/written.js'

beforeAll(() => tf.setBackend('onnxruntime'))
afterAll(() => {
  setBackendOptions({ minimumSize: 4000, mode: 'lazy' })
  return tf.setBackend('cpu')
})

/** float32 from its denormals to its largest numbers, 50 in each power of ten, and finer between 0.01 and 100. */
const everywhere = Float32Array.from(
  [
    ...Array.from({ length: 50 * 84 }, (_, at) => 10 ** (-45 + at / 50)),
    ...Array.from({ length: 4000 }, (_, at) => 10 ** (-2 + at / 1000)),
  ].flatMap((size) => [size, -size]),
).filter(Number.isFinite)

const sigmoid = (x: number) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)))
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
const [scale, alpha] = [1.0507009873554805, 1.6732632423543772]

interface Row {
  of: (x: tf.Tensor) => tf.Tensor
  /** In double precision: Math's own functions, none of which takes a difference of like numbers. */
  is: (x: number) => number
  slope?: (x: number) => number
  /** Where it is defined. */
  from?: number
  to?: number
}

const rows: { [name: string]: Row } = {
  sigmoid: { of: (x) => x.sigmoid(), is: sigmoid, slope: (x) => sigmoid(x) * sigmoid(-x) },
  logSigmoid: { of: (x) => x.logSigmoid(), is: (x) => -softplus(-x), slope: (x) => sigmoid(-x) },
  softplus: { of: (x) => x.softplus(), is: softplus, slope: sigmoid },
  tanh: { of: (x) => x.tanh(), is: Math.tanh },
  elu: {
    of: (x) => x.elu(),
    is: (x) => (x < 0 ? Math.expm1(x) : x),
    slope: (x) => (x < 0 ? Math.exp(x) : 1),
  },
  selu: {
    of: (x) => x.selu(),
    is: (x) => scale * (x < 0 ? alpha * Math.expm1(x) : x),
    slope: (x) => scale * (x <= 0 ? alpha * Math.exp(x) : 1),
  },
  exp: { of: (x) => x.exp(), is: Math.exp, slope: Math.exp },
  expm1: { of: (x) => x.expm1(), is: Math.expm1, slope: Math.exp },
  log: { of: (x) => x.log(), is: Math.log, slope: (x) => 1 / x, from: 1e-45 },
  log1p: { of: (x) => x.log1p(), is: Math.log1p, slope: (x) => 1 / (1 + x), from: -0.999999 },
  sqrt: { of: (x) => x.sqrt(), is: Math.sqrt, slope: (x) => 0.5 / Math.sqrt(x), from: 1e-45 },
  rsqrt: { of: (x) => x.rsqrt(), is: (x) => 1 / Math.sqrt(x), from: 1e-45 },
  reciprocal: { of: (x) => x.reciprocal(), is: (x) => 1 / x },
  square: { of: (x) => x.square(), is: (x) => x * x, slope: (x) => 2 * x },
  'pow 3': { of: (x) => x.pow(3), is: (x) => x ** 3 },
  'pow 2.5': { of: (x) => x.pow(2.5), is: (x) => x ** 2.5, from: 1e-45 },
  'pow -1.3': { of: (x) => x.pow(-1.3), is: (x) => x ** Math.fround(-1.3), from: 1e-45 },
  sin: { of: (x) => x.sin(), is: Math.sin, slope: Math.cos },
  cos: { of: (x) => x.cos(), is: Math.cos, slope: (x) => -Math.sin(x) },
  tan: { of: (x) => x.tan(), is: Math.tan },
  asin: { of: (x) => x.asin(), is: Math.asin, from: -1, to: 1 },
  acos: { of: (x) => x.acos(), is: Math.acos, from: -1, to: 1 },
  atan: { of: (x) => x.atan(), is: Math.atan },
  sinh: { of: (x) => x.sinh(), is: Math.sinh, slope: Math.cosh },
  cosh: { of: (x) => x.cosh(), is: Math.cosh, slope: Math.sinh },
  asinh: { of: (x) => x.asinh(), is: Math.asinh },
  acosh: { of: (x) => x.acosh(), is: Math.acosh, from: 1 },
  atanh: { of: (x) => x.atanh(), is: Math.atanh, from: -1, to: 1 },
  'softmax beside 0': {
    of: (x) =>
      tf
        .stack([x, x.mul(0)], 1)
        .softmax()
        .slice([0, 0], [-1, 1])
        .flatten(),
    is: sigmoid,
    // Below it shares are less than the least normal number: 0 on processors without AVX-512.
    from: -87.33,
  },
  'cross entropy of a logit, label 0': {
    of: (x) => tf.losses.sigmoidCrossEntropy(tf.zerosLike(x), x, undefined, undefined, tf.Reduction.NONE),
    is: softplus,
    slope: sigmoid,
  },
  // Its slope is 0 from 17 on, as PyTorch's: both take a share from 1.
  'cross entropy of a logit, label 1': {
    of: (x) => tf.losses.sigmoidCrossEntropy(tf.onesLike(x), x, undefined, undefined, tf.Reduction.NONE),
    is: (x) => softplus(-x),
  },
}

/** The most units in the last place by which a function is off; a denormal's unit is the least number there is. */
function worst(
  found: ArrayLike<number>,
  at: Float32Array,
  is: (x: number) => number,
): { units: number; text: string } {
  let result = { units: 0, text: '' }
  for (const [place, x] of at.entries()) {
    const [number, expected] = [found[place]!, is(x)]
    const rounded = Math.fround(expected)
    if (Object.is(number, rounded) || (number === 0 && rounded === 0)) continue
    const isOver = Math.abs(expected) > 3.402e38 && Math.sign(number) === Math.sign(expected)
    const units =
      Number.isFinite(number) && Number.isFinite(rounded)
        ? Math.abs(number - expected) / ulp(expected)
        : isOver && Math.abs(number) > 3.402e38 ? 0 : Infinity // oxfmt-ignore
    if (!(units <= result.units)) result = { units, text: `at ${x} ${number}, which should be ${expected}` }
  }
  return result
}

const modes: { [mode: string]: (of: (x: tf.Tensor) => tf.Tensor, x: Float32Array) => ArrayLike<number> } = {
  eager(of, x) {
    setBackendOptions({ minimumSize: 0, mode: 'eager' })
    return tf.tidy(() => of(tf.tensor1d(x)).dataSync())
  },
  lazy(of, x) {
    setBackendOptions({ minimumSize: 0, mode: 'lazy' })
    return tf.tidy(() => of(tf.tensor1d(x)).dataSync())
  },
  compiled(of, x) {
    setBackendOptions({ minimumSize: 4000, mode: 'lazy' })
    const compiled = compile(of)
    const result = tf.tidy(() => compiled(tf.tensor1d(x)).dataSync())
    compiled.dispose()
    return result
  },
  /** Few numbers: tfjs's own kernels, where they are right. */
  'on the host'(of, x) {
    setBackendOptions({ minimumSize: 4000, mode: 'lazy' })
    const few = 500
    return Float32Array.from(
      Array.from({ length: Math.ceil(x.length / few) }, (_, at) =>
        tf.tidy(() => [...of(tf.tensor1d(x.slice(at * few, (at + 1) * few))).dataSync()]),
      ).flat(),
    )
  },
}

describe.each(Object.entries(modes))(
  '%s, functions keep their digits wherever float32 has numbers',
  (_, work) => {
    for (const [name, { of, is, slope, from = -Infinity, to = Infinity }] of Object.entries(rows)) {
      const x = everywhere.filter((one) => one >= from && one <= to)

      it(`${name}: to 5 units in the last place`, () => {
        const { units, text } = worst(work(of, x), x, is)
        expect(units, text).toBeLessThan(5)
      })

      if (slope)
        it(`the slope of ${name}: to 8 units`, () => {
          // Where the slope is so small that it is a denormal, parts of it may be none any more.
          const usual = x.filter((one) => Math.abs(slope(one)) > 2 ** -125 && Math.abs(one) > 2 ** -125)
          const { units, text } = worst(work(tf.grad(of), usual), usual, slope)
          expect(units, text).toBeLessThan(8)
        })
    }
  },
)

describe('the slope of a slope', () => {
  const curvatures: { [name: string]: [of: (x: tf.Tensor) => tf.Tensor, is: (x: number) => number] } = {
    // s (1 - s) (1 - 2 s), without a difference of like numbers: 1 - 2 s is -tanh(x / 2).
    sigmoid: [(x) => x.sigmoid(), (x) => -sigmoid(x) * sigmoid(-x) * Math.tanh(x / 2)],
    softplus: [(x) => x.softplus(), (x) => sigmoid(x) * sigmoid(-x)],
    elu: [(x) => x.elu(), (x) => (x < 0 ? Math.exp(x) : 0)],
  }
  const x = Float32Array.of(-20, -5, -1, -0.5, 0.25, 2, 6)
  for (const [name, [of, is]] of Object.entries(curvatures))
    for (const [mode, work] of Object.entries(modes))
      it(`of ${name} is right, ${mode}`, () => {
        const found = work(tf.grad(tf.grad(of)), x)
        for (const [at, number] of x.entries())
          expect(Math.abs(found[at]! - is(number))).toBeLessThanOrEqual(2e-6 * Math.abs(is(number)))
      })
})

describe('what is fused', () => {
  for (const [activation, is] of [
    ['sigmoid', sigmoid],
    ['elu', rows.elu!.is],
  ] as const)
    it(`into a product or a convolution: ${activation} has all its digits`, () => {
      setBackendOptions({ minimumSize: 0, mode: 'lazy' })
      const x = everywhere.filter((one) => Math.abs(one) < 1e3)
      const column = tf.tensor2d(x, [x.length, 1])
      const [one, image] = [tf.ones([1, 1]), column.reshape([1, x.length, 1, 1]) as tf.Tensor4D]
      const products = [
        tf.fused.matMul({ a: column, b: one as tf.Tensor2D, activation }),
        tf.fused.conv2d({ x: image, filter: tf.ones([1, 1, 1, 1]), strides: 1, pad: 'valid', activation }),
      ]
      for (const product of products) {
        const { units, text } = worst(product.dataSync(), x, is)
        expect(units, text).toBeLessThan(5)
      }
    })
})

describe('a function of what is no number', () => {
  it('is what the standard says', () => {
    setBackendOptions({ minimumSize: 0, mode: 'lazy' })
    const special = [NaN, Infinity, -Infinity, 0, -0]
    const expected = {
      sigmoid: [NaN, 1, 0, 0.5, 0.5],
      tanh: [NaN, 1, -1, 0, 0],
      elu: [NaN, Infinity, -1, 0, 0],
      expm1: [NaN, Infinity, -1, 0, 0],
      log1p: [NaN, Infinity, NaN, 0, 0],
      softplus: [NaN, Infinity, 0, Math.fround(Math.LN2), Math.fround(Math.LN2)],
      exp: [NaN, Infinity, 0, 1, 1],
      log: [NaN, Infinity, NaN, -Infinity, -Infinity],
    }
    for (const [name, values] of Object.entries(expected))
      // ONNX Runtime's `Where` makes 0 of -0.
      expect([name, ...tf.tensor1d(special)[name as 'exp']().add(0).dataSync()]).toEqual([name, ...values])
  })
})
