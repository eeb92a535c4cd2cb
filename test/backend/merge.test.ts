import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Graph, type Value } from '../../src/backend/graph.js'
import { adamw, compile, setBackendOptions } from '../../src/backend/index.js'
import { mergeUpdates } from '../../src/backend/merge.js'

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
  const outputs: Value[] = shapes.map((shape, at) => {
    const w = g.input(shape, 'float32')
    return g.sub(w, g.mul(rate, g.add(gradients[at]!, g.mul(decay, w))))
  })
  if (norm)
    for (const gradient of gradients) {
      const square = g.mul(gradient, gradient)
      outputs.push(g.reduce('ReduceSum', square, [...square.shape.keys()], false))
    }
  return { g, outputs }
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
