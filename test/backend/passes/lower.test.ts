import { describe, expect, it } from 'vitest'
import { Graph, type Node, type Value } from '../../../src/backend/graph/graph.js'
import { findFailing, lowerFor } from '../../../src/backend/passes/lower.js'
import { createSession, runSession, type NativeTensors } from '../../../src/backend/session/native.js'
import { encodeModel } from '../../../src/backend/onnx/model.js'
import { sizeOf } from '../../../src/backend/onnx/types.js'
import { emptyTensor, tensorOf } from '../../../src/backend/session/buffers.js'

/** The value that these nodes make on the processor, of inputs between -1 and 1. */
function valueOf(nodes: readonly Node[], inputs: readonly Value[], output: Value): number[] {
  const session = createSession(encodeModel({ nodes, inputs, outputs: [output] }), {
    threads: 1,
    device: 'cpu',
  })
  const feeds: NativeTensors = {}
  for (const [at, { name, shape }] of inputs.entries()) {
    const numbers = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(7 * i + at))
    feeds[name] = tensorOf('float32', numbers, shape)
  }
  const result = emptyTensor(output)
  runSession(session, feeds, { [output.name]: result })
  session.dispose()
  return [...(result.data as Float32Array)]
}

type Make = (g: Graph, ...inputs: Value[]) => Value

const made: { [what: string]: [make: Make, ...shapes: number[][]] } = {
  'a product of transposed matrices': [(g, a, b) => g.matmul(a, b, true, true), [3, 2], [4, 3]],
  'products of many, the first transposed': [(g, a, b) => g.matmul(a, b, true), [2, 2, 3, 2], [2, 2, 3, 4]],
  'products of many, the second transposed': [(g, a, b) => g.matmul(a, b, false, true), [2, 3, 4], [2, 5, 4]],
  'one matrix against many': [(g, a, b) => g.matmul(a, b, true, true), [3, 2], [5, 4, 3]],
  'a sum of four': [(g, ...all) => g.node('Sum', all, [2, 3], 'float32'), ...Array(4).fill([2, 3])],
  'softmax along an inner axis': [(g, x) => g.unary('Softmax', x, { axis: 1 }), [2, 3, 4]],
}

describe('what WebGPU has not', () => {
  for (const [what, [make, ...shapes]] of Object.entries(made))
    it(`is said in operators that it has, and stays the same: ${what}`, () => {
      const g = new Graph()
      const inputs = shapes.map((shape) => g.input(shape, 'float32'))
      const output = make(g, ...inputs)
      const lowered = lowerFor('webgpu', g.nodes)
      expect(lowered.map(({ op }) => op)).not.toContain(g.nodes[0]!.op)
      const expected = valueOf(g.nodes, inputs, output)
      for (const [at, value] of valueOf(lowered, inputs, output).entries())
        expect(value).toBeCloseTo(expected[at]!, 5)
      expect(lowerFor('cpu', g.nodes)).toBe(g.nodes)
    })

  it('stays on the processor where it has no other words: slices backwards, positions of the largest', () => {
    const g = new Graph()
    const x = g.input([1, 1, 6, 6], 'float32')
    g.slice(x, [0, 0, 5, 0], [1, 1, 6, 6], [1, 1, -1, 1])
    g.slice(x, [0, 0, 1, 0], [1, 1, 2, 6])
    const outputs = (['float32', 'int64'] as const).map((type) => ({ shape: [1, 1, 3, 3], type }))
    g.nodeOf('MaxPool', [x], outputs, { kernel_shape: [2, 2], strides: [2, 2] })
    g.node('MaxPool', [x], [1, 1, 3, 3], 'float32', { kernel_shape: [2, 2], strides: [2, 2] })
    expect(findFailing('webgpu', g.nodes)).toEqual([g.nodes[0], g.nodes[2]])
    expect(findFailing('cpu', g.nodes)).toEqual([])
  })
})
