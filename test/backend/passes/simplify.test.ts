import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Graph, type Value } from '../../../src/backend/graph/graph.js'
import { compile, setBackendOptions } from '../../../src/backend/index.js'
import { simplify } from '../../../src/backend/passes/index.js'
import { widenSpans } from '../../../src/backend/passes/spans.js'

beforeAll(async () => {
  await tf.setBackend('onnxruntime')
  setBackendOptions({ minimumSize: 0, mode: 'lazy' })
})
afterAll(() => tf.setBackend('cpu'))

/** A graph over tensors of 300 x 500 and a scalar, and the operators that are left of it. */
function simplified(build: (g: Graph, tensors: Value[], scalar: Value) => Value | Value[]) {
  const g = new Graph()
  const tensors = Array.from({ length: 4 }, () => g.input([300, 500], 'float32'))
  const made = build(g, tensors, g.input([], 'float32'))
  const results = Array.isArray(made) ? made : [made]
  const nodes = simplify(g.nodes, results)
  return { g, nodes, results, ops: nodes.map(({ op }) => op).join(' ') }
}

describe('sums and products', () => {
  it('stay as they were written: no constants first, no common factors, no equal terms', () => {
    const number = (g: Graph, value: number) => g.scalar(value)
    for (const build of [
      (g: Graph, [p]: Value[]) => g.add(g.sub(number(g, 1), p!), number(g, 1e-8)),
      (g: Graph, [x]: Value[]) => g.mul(g.mul(x!, number(g, 1e-8)), x!),
      (g: Graph, [x, y]: Value[]) => g.add(g.mul(g.sub(x!, y!), number(g, 1e6)), y!),
      (g: Graph, [x]: Value[]) => g.mul(g.mul(x!, number(g, 0.3)), number(g, 0.7)),
      (g: Graph, [x]: Value[]) => g.div(g.mul(x!, number(g, 2)), number(g, 3)),
      (g: Graph, [a, b, c]: Value[]) => g.add(g.mul(a!, b!), g.mul(a!, c!)),
      (g: Graph, [a, b]: Value[]) => g.add(g.add(a!, b!), a!),
      (g: Graph, [x]: Value[]) => g.sub(g.mul(x!, number(g, 3)), x!),
      (g: Graph, [x]: Value[]) => g.add(g.sub(x!, x!), g.mul(x!, number(g, 0))),
      (g: Graph, [x]: Value[]) => g.add(x!, number(g, 0)), // -0 + 0 is 0
      (g: Graph, [x, y]: Value[], rate: Value) => g.mul(g.mul(x!, rate), y!),
    ]) {
      const { g, nodes } = simplified(build)
      expect(nodes).toEqual(g.nodes)
    }
  })

  it('make every result, also where two are equal', () => {
    const { nodes, results } = simplified((g, [x], rate) => [
      g.mul(g.mul(x!, rate), g.scalar(2)),
      g.mul(g.mul(x!, rate), g.scalar(2)),
    ])
    const made = nodes.flatMap(({ outputs }) => outputs)
    for (const value of results) expect(made).toContain(value)
  })
})

describe('signs and powers of two', () => {
  const rows: { [title: string]: [ops: string, build: Parameters<typeof simplified>[0]] } = {
    'two in a row are one': ['Mul', (g, [x]) => g.mul(g.mul(x!, g.scalar(0.3)), g.scalar(4))],
    'a quotient by one is a product': ['Mul', (g, [x]) => g.div(g.unary('Neg', x!), g.scalar(128))],
    'that undo each other are none': [
      'Add',
      (g, [x, y]) => g.add(g.mul(g.mul(x!, g.scalar(4)), g.scalar(0.25)), y!),
    ],
    'a sign joins the sum': ['Sub', (g, [x, y]) => g.add(g.unary('Neg', x!), y!)],
    'a sign leaves the difference': ['Add', (g, [x, y]) => g.sub(x!, g.unary('Neg', y!))],
    'twice a tensor is in the divisor of the other': [
      'Mul Mul',
      (g, [x, y]) => g.mul(g.div(x!, g.scalar(128)), g.mul(y!, g.scalar(2))),
    ],
    'of a constant array of one number too': [
      'Mul',
      (g, [x]) =>
        g.mul(
          g.data(new Float32Array(150_000).fill(0.015625).slice(0, 500), [1, 500], 'float32'),
          g.mul(x!, g.scalar(2)),
        ),
    ],
    'a factor of 1 is none': ['Add', (g, [x, y]) => g.add(g.mul(g.scalar(1), x!), y!)],
  }
  for (const [title, [ops, build]] of Object.entries(rows))
    it(title, () => expect(simplified(build).ops).toBe(ops))

  it('stay where a number could overflow on the way that did not, or be none', () => {
    for (const build of [
      (g: Graph, [x, y]: Value[]) => g.mul(x!, g.mul(y!, g.scalar(2))),
      (g: Graph, [x, y]: Value[]) => g.mul(g.mul(x!, g.scalar(3)), g.mul(y!, g.scalar(2))),
      (g: Graph, [x, y]: Value[]) => g.mul(g.mul(x!, g.scalar(0.5)), g.mul(y!, g.scalar(0.5))),
      (g: Graph, [x]: Value[]) => g.mul(g.mul(x!, g.scalar(2 ** 100)), g.scalar(2 ** 100)),
      (g: Graph, [x]: Value[]) => g.mul(g.mul(x!, g.scalar(2 ** -100)), g.scalar(2 ** -100)),
    ]) {
      const { g, nodes } = simplified(build)
      expect(nodes).toEqual(g.nodes)
    }
  })
})

describe('a product of matrices', () => {
  const build = (size: number) => (g: Graph) => {
    const [a, b] = [g.input([2, 40, size], 'float32'), g.input([2, 30, size], 'float32')]
    return g.mul(g.matmul(a, b, false, true), g.scalar(0.3))
  }

  it('is scaled by its own operator, the same to the bit', () => {
    expect(simplified(build(128)).nodes).toHaveLength(1)
    for (const size of [1, 3, 32, 100, 128]) {
      const [a, b] = [tf.randomNormal([5, 70, size]), tf.randomNormal([5, 90, size])]
      const plain = tf.matMul(a, b, false, true)
      const expected = plain.dataSync().map((value) => Math.fround(value * Math.fround(0.3)))
      const scaled = compile((x: tf.Tensor, y: tf.Tensor) => tf.matMul(x, y, false, true).mul(0.3))
      expect(scaled(a, b).dataSync()).toEqual(expected)
      scaled.dispose()
    }
  })

  it('of more than 128 terms is scaled afterwards', () => {
    expect(simplified(build(129)).ops).toBe('FusedMatMul Mul')
  })
})

describe('a constant', () => {
  it('has the rank of a tensor of one column beside it, and is rounded as before', () => {
    const g = new Graph()
    const x = g.input([300, 1], 'float32')
    g.add(x, g.scalar(1e-5))
    const [{ inputs }] = widenSpans(g.nodes) as [(typeof g.nodes)[0]]
    expect(inputs.map((value) => value!.shape)).toEqual([
      [300, 1],
      [1, 1],
    ])
    expect(inputs[1]!.elements).toEqual(Float32Array.of(1e-5))
  })
})

describe('what is computed twice', () => {
  it('is computed once', () => {
    const { ops } = simplified((g, [x, y]) =>
      g.add(g.mul(g.unary('Exp', x!), y!), g.div(g.unary('Exp', x!), y!)),
    )
    expect(ops.match(/Exp/g)).toHaveLength(1)
  })
})

describe('GELU by tanh and its gradient', () => {
  const forms: { [name: string]: (x: tf.Tensor) => tf.Tensor } = {
    'in products': (x) => {
      const inner = x.add(x.mul(x).mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI))
      return x.mul(0.5).mul(inner.tanh().add(1))
    },
    "as tfjs's layers write it": (x) =>
      tf.mul(
        0.5,
        tf.mul(x, tf.add(1, tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, x.pow(3))))))),
      ),
  }
  const values = Float32Array.from({ length: 4000 }, (_, at) => (at - 2000) / 200)
  const expected = Array.from(values, (x) => {
    const [c, k] = [Math.sqrt(2 / Math.PI), 0.044715]
    const tanh = Math.tanh(c * (x + k * x ** 3))
    return [0.5 * x * (1 + tanh), 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh ** 2) * c * (1 + 3 * k * x * x)]
  })

  for (const [name, gelu] of Object.entries(forms))
    it(`${name}: has the numbers of double precision, to the last digits of float32`, () => {
      const step = compile((x: tf.Tensor) => tf.valueAndGrad(gelu)(x, tf.onesLike(x)))
      const { value, grad } = step(tf.tensor(values))
      for (const [result, column] of [
        [value, 0],
        [grad, 1],
      ] as const)
        // Near 5 the slope is what is left of numbers above 30: as many roundings as before, 3e-6.
        for (const [at, number] of result.dataSync().entries())
          expect(Math.abs(number - expected[at]![column]!)).toBeLessThan(5e-6)
      step.dispose()
    })

  it('takes 14 passes instead of 24', () => {
    const g = new Graph()
    const [x, dy] = [g.input([300, 500], 'float32'), g.input([300, 500], 'float32')]
    const number = (value: number) => g.scalar(value)
    const square = g.mul(x, x)
    const cube = g.mul(square, x)
    const inner = g.mul(g.add(x, g.mul(cube, number(0.04))), number(0.8))
    const tanh = g.unary('Tanh', inner)
    const [half, more] = [g.mul(x, number(0.5)), g.add(tanh, number(1))]
    const y = g.mul(half, more)
    // In the order in which tfjs writes it.
    const dhalf = g.mul(dy, more)
    const dtanh = g.mul(g.sub(number(1), g.mul(tanh, tanh)), g.mul(dy, half))
    const dinner = g.mul(dtanh, number(0.8))
    const dcube = g.mul(dinner, number(0.04))
    const dsquare = g.mul(dcube, x)
    const parts = [dinner, g.mul(dcube, square), g.mul(dsquare, x), g.mul(dsquare, x)]
    const dx = parts.reduce((sum, part) => g.add(sum, part), g.mul(dhalf, number(0.5)))
    expect(g.nodes).toHaveLength(25) // one of them twice
    const nodes = simplify(g.nodes, [y, dx])
    expect(nodes.length).toBeLessThanOrEqual(14)
    expect(nodes.filter(({ op }) => op === 'Tanh')).toHaveLength(1)
  })
})
