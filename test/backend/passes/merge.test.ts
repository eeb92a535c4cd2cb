import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Graph, type Value } from '../../../src/backend/graph/graph.js'
import { adamw, compile, setBackendOptions } from '../../../src/backend/index.js'
import { mergeUpdates } from '../../../src/backend/passes/merge.js'

beforeAll(async () => {
  await tf.setBackend('onnxruntime')
  setBackendOptions({ minimumSize: 0, mode: 'lazy' })
})
afterEach(() => tf.disposeVariables())

/** w - rate x (g + decay x w), for parameters of these shapes; `norm` also sums their gradients' squares. */
function updates(shapes: readonly number[][], { norm = false } = {}) {
  const g = new Graph()
  const rate = g.input([], 'float32')
  const decay = g.scalar(0.1)
  const gradients = shapes.map((shape) => g.unary('Exp', g.input(shape, 'float32')))
  const parameters = shapes.map((shape) => g.input(shape, 'float32'))
  const outputs: Value[] = parameters.map((w, at) =>
    g.sub(w, g.mul(rate, g.add(gradients[at]!, g.mul(decay, w)))),
  )
  if (norm)
    for (const gradient of gradients) {
      const square = g.mul(gradient, gradient)
      outputs.push(g.reduce('ReduceSum', square, [...square.shape.keys()], false))
    }
  return { g, outputs, parameters }
}

describe('updates of many small tensors', () => {
  it('are one update of them all in a row', () => {
    const shapes = Array.from({ length: 10 }, (_, at) => [at + 1])
    const { g, outputs } = updates(shapes)
    const { nodes } = mergeUpdates(g.nodes, outputs)
    expect(g.nodes.length).toBe(50)
    // Ten gradients, two rows, four operators, one split.
    expect(nodes.map(({ op }) => op).sort()).toEqual(
      [...Array(10).fill('Exp'), 'Add', 'Concat', 'Concat', 'Mul', 'Mul', 'Split', 'Sub'].sort(),
    )
  })

  it('read and write state as rows where it can be kept so', () => {
    const { g, outputs, parameters } = updates(Array.from({ length: 10 }, (_, at) => [at + 1, 2]))
    const rowable = { inputs: new Set(parameters), outputs: new Set(outputs) }
    const { nodes, rows } = mergeUpdates(g.nodes, outputs, rowable)
    expect(rows.inputs.map(({ parts }) => parts)).toEqual([parameters])
    expect(rows.outputs.map(({ parts }) => parts)).toEqual([outputs])
    expect(nodes.map(({ op }) => op).filter((op) => op === 'Concat' || op === 'Split')).toEqual(['Concat'])
  })

  it('on a device are one row however large they are, of which the graph cuts what it needs', () => {
    const shapes = [[100, 100], [70, 90], [5], [300, 2]]
    const { g, outputs, parameters } = updates(shapes)
    const used = g.unary('Tanh', parameters[1]!)
    const rowable = { inputs: new Set(parameters), outputs: new Set(outputs), onDevice: true }
    const { nodes, rows } = mergeUpdates(g.nodes, [...outputs, used], rowable)
    expect(rows.inputs.map(({ parts }) => parts)).toEqual([parameters])
    const [cut, shaped] = nodes
    expect([cut!.op, cut!.inputs[0], shaped!.op]).toEqual(['Slice', rows.inputs[0]!.value, 'Reshape'])
    expect(cut!.inputs.slice(1).map((value) => Number(value!.elements![0]))).toEqual([10_000, 16_300])
    expect(shaped!.outputs).toEqual([parameters[1]])
  })

  it('stay apart where that takes fewer nodes, where they are large, and where they differ', () => {
    for (const shapes of [
      [
        [2, 2],
        [3, 3],
      ],
      Array(10).fill([100, 100]),
    ]) {
      const { g, outputs } = updates(shapes)
      expect(mergeUpdates(g.nodes, outputs).nodes).toEqual(g.nodes)
    }
  })

  it('leave out what another part of the graph needs', () => {
    const { g, outputs } = updates(Array(10).fill([5]), { norm: true })
    const { nodes } = mergeUpdates(g.nodes, outputs)
    const made = new Set<Value>()
    for (const { inputs, outputs: to } of nodes) {
      for (const value of inputs)
        if (value && !value.elements && !value.name.startsWith('i')) expect(made).toContain(value)
      for (const value of to) made.add(value)
    }
    for (const value of outputs) expect(made).toContain(value)
  })

  it('give the same bits as each by itself, in any shapes, and keep the shapes', () => {
    const shapes = [[7], [3, 5], [1], [2, 2, 2], [64], [9, 1], [33], [4, 4]]
    const values = shapes.map((shape, at) => tf.randomNormal(shape, 0, 1, 'float32', at + 1))
    const given = shapes.map((shape, at) => tf.randomNormal(shape, 0, 1, 'float32', at + 50))
    const optimizer = adamw({ learningRate: 0.01, weightDecay: 0.1 })
    const start = () =>
      values.map((value) => {
        const slots = optimizer.init(value, 'w')
        return {
          w: tf.variable(value.clone()),
          slots: Object.fromEntries(Object.entries(slots).map(([slot, zero]) => [slot, tf.variable(zero)])),
        }
      })
    const update = (at: number, { w, slots }: ReturnType<typeof start>[number], iteration: tf.Scalar) =>
      tf.tidy(() => {
        const learningRate = tf.scalar(0.01)
        const gradient = given[at]!.mul(w)
        const next = optimizer.update({ name: 'w', value: w, gradient, slots, learningRate, iteration })
        w.assign(next.value)
        for (const slot in slots) slots[slot]!.assign(next.slots[slot]!)
      })
    const [together, apart] = [start(), start()]
    const all = compile((iteration: tf.Scalar) =>
      together.forEach((one, at) => update(at, one, iteration)),
    ) as unknown as (iteration: number) => void
    const each = apart.map((one, at) =>
      compile((iteration: tf.Scalar) => update(at, one, iteration)),
    ) as unknown as ((iteration: number) => void)[]
    for (let iteration = 1; iteration <= 5; iteration++) {
      all(iteration)
      for (const step of each) step(iteration)
    }
    for (const [at, shape] of shapes.entries()) {
      expect(together[at]!.w.shape).toEqual(shape)
      expect(together[at]!.w.dataSync()).toEqual(apart[at]!.w.dataSync())
      expect(together[at]!.slots.m!.add(0).shape).toEqual(shape)
    }
  })
})

describe('variables whose values lie in one array', () => {
  /** Ten variables of one element more each, that a step doubles and counts up. */
  function together() {
    const variables = Array.from({ length: 10 }, (_, at) => tf.variable(tf.fill([at + 1], at)))
    const step = compile(() => {
      for (const w of variables) w.assign(w.mul(2).add(1).sub(0.5).div(2))
    })
    const expected = (at: number, steps: number) => {
      let value = at
      for (let i = 0; i < steps; i++) value = (value * 2 + 1 - 0.5) / 2
      return Array(at + 1).fill(value)
    }
    const values = () => variables.map((w) => [...w.dataSync()])
    return { variables, step, expected, values }
  }

  it('are what each would be by itself, however often and whenever they are read', () => {
    const { variables, step, expected, values } = together()
    for (let steps = 1; steps <= 6; steps++) {
      step()
      if (steps % 2 === 0) expect(values()).toEqual(variables.map((_, at) => expected(at, steps)))
    }
  })

  it('give nobody the array that they share', () => {
    const { variables, step } = together()
    step()
    step()
    const seen = variables[3]!.dataSync() as Float32Array
    expect(seen.buffer.byteLength).toBe(16)
    const before = [...seen]
    step()
    step()
    expect([...seen]).toEqual(before)
  })

  it('keep their values in a copy, take those that are assigned, and outlive each other', () => {
    const { variables, step, expected, values } = together()
    step()
    const copy = variables[4]!.clone()
    step()
    step()
    expect([...copy.dataSync()]).toEqual(expected(4, 1))
    variables[2]!.assign(tf.tensor1d([7, 8, 9]))
    step()
    expect([...variables[2]!.dataSync()]).toEqual([7.25, 8.25, 9.25])
    expect(values()[5]).toEqual(expected(5, 4))
    step.dispose()
    variables[9]!.dispose()
    // Memory that is given back must not be a part of what the others have.
    const written = Array.from({ length: 50 }, () => tf.fill([55], 3).add(1))
    for (const tensor of written) tensor.dataSync()
    expect([...variables[5]!.dataSync()]).toEqual(expected(5, 4))
  })

  it('stand as they were after a step that is not valid', () => {
    const w = Array.from({ length: 10 }, (_, at) => tf.variable(tf.fill([at + 1], 1)))
    const step = compile(
      (factor: tf.Scalar) => {
        for (const one of w) one.assign(one.mul(factor).add(0).sub(0).div(1))
        return { valid: factor.isFinite() }
      },
      { valid: ({ valid }) => valid },
    ) as unknown as (factor: number) => unknown
    for (const factor of [2, Infinity, 3, NaN, 1]) step(factor)
    expect(w.map((one) => one.dataSync()[0])).toEqual(Array(10).fill(6))
  })
})

describe('a relu before a max pooling', () => {
  // The first two rows are constant, so all of a window is equal; where the noise is negative the relu's zeros are.
  const image = () =>
    tf.tidy(() => {
      const noise = tf.randomNormal([3, 7, 9, 4], 0, 1, 'float32', 5)
      const rows = tf.range(0, 7).reshape([1, 7, 1, 1])
      return noise.where(rows.greater(1), tf.scalar(0.5)) as tf.Tensor4D
    })
  for (const pad of ['valid', 'same'] as const)
    for (const size of [2, 3])
      it(`has tfjs's gradient with ${pad} windows of ${size}, ties and rows left over included`, async () => {
        const gradient = () => {
          const weights = tf.range(1, 41).reshape([1, 1, 1, 40]).slice([0, 0, 0, 0], [1, 1, 1, 4])
          const f = (x: tf.Tensor) =>
            tf
              .maxPool(tf.relu(x) as tf.Tensor4D, size, size, pad)
              .mul(weights)
              .sum()
          return tf
            .grad(f as (x: tf.Tensor) => tf.Tensor)(image())
            .dataSync()
        }
        const received = gradient()
        await tf.setBackend('cpu')
        const expected = gradient()
        await tf.setBackend('onnxruntime')
        expect(received).toEqual(expected)
      })
})
