import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Graph, type Value } from '../../src/backend/graph.js'
import { compile, setBackendOptions } from '../../src/backend/index.js'
import { simplify } from '../../src/backend/simplify/index.js'

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
  it('multiply numbers and scalars before tensors', () => {
    const { nodes } = simplified((g, [x], rate) => g.mul(g.mul(g.mul(x!, g.scalar(2)), rate), g.scalar(3)))
    expect(nodes.map(({ outputs }) => outputs[0]!.shape)).toEqual([[], [300, 500]])
    expect(nodes[0]!.inputs.flatMap((value) => [...(value!.elements ?? [])])).toEqual([6])
  })

  it('add up equal terms, and multiply once by what terms have in common', () => {
    const { ops } = simplified((g, [a, b, c]) => g.add(g.add(g.mul(a!, b!), g.mul(a!, c!)), g.mul(b!, a!)))
    expect(ops).toBe('Mul Add Mul') // a (2 b + c)
  })

  it('read powers as products', () => {
    const { ops } = simplified((g, [x]) => g.add(g.binary('Pow', x!, g.scalar(2)), g.mul(x!, x!)))
    expect(ops).toBe('Mul Mul') // 2 x x
  })

  it('multiply out no sum, and leave what would not take fewer passes', () => {
    for (const build of [
      (g: Graph, [a, b, c]: Value[]) => g.mul(g.add(a!, b!), c!),
      (g: Graph, [a, b, c, d]: Value[]) => g.sub(g.mul(a!, b!), g.mul(c!, d!)),
      (g: Graph, [a]: Value[]) => g.mul(a!, a!),
    ]) {
      const { g, nodes } = simplified(build)
      expect(nodes).toEqual(g.nodes)
    }
  })

  it('keep terms that cancel, which are not 0 where they are infinite', () => {
    const { g, nodes } = simplified((g, [x]) => g.add(g.sub(x!, x!), g.mul(x!, g.scalar(0))))
    expect(nodes).toEqual(g.nodes)
    const x = tf.fill([300, 500], Infinity)
    expect(x.sub(x).add(x.mul(0)).dataSync()[0]).toBeNaN()
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

describe('what is scaled by a number that is known when it runs', () => {
  it('is made once for all who take it, as in a graph that begins with it', () => {
    const { nodes } = simplified((g, [x, m, v], scale) => {
      const clipped = g.mul(x!, scale)
      return [g.add(m!, g.mul(clipped, g.scalar(0.1))), g.add(v!, g.mul(clipped, clipped))]
    })
    expect(nodes.map(({ op }) => op).sort()).toEqual(['Add', 'Add', 'Mul', 'Mul', 'Mul'])
  })
})

describe('a constant', () => {
  it('has the rank of a tensor of one column beside it, and is rounded as before', () => {
    const g = new Graph()
    const x = g.input([300, 1], 'float32')
    const y = g.add(x, g.scalar(1e-5))
    const [{ inputs }] = simplify(g.nodes, [y]) as [(typeof g.nodes)[0]]
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

  it('takes 13 passes instead of 24', () => {
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
    expect(nodes.length).toBeLessThanOrEqual(13)
    expect(nodes.filter(({ op }) => op === 'Tanh' || op === 'Sigmoid')).toHaveLength(1)
  })
})
