import { describe, expect, it } from 'vitest'
import { emitters, families } from '../../../src/backend/emitters/index.js'
import { KernelGraph } from '../../../src/backend/fusions/kernel-graph.js'
import { fusions } from '../../../src/backend/fusions/index.js'
import { writeCall } from '../../../src/backend/fusions/write.js'
import type { Value } from '../../../src/backend/graph/graph.js'

describe('emitters and fusions', () => {
  it('a kernel has one row, so that no order of tables decides which', () => {
    const names = families.flatMap((family) => Object.keys(family))
    expect(names.length).toBe(new Set(names).size)
    expect(Object.keys(emitters).length).toBe(names.length)
  })

  it('a fusion ends with a kernel that has a row for when the pattern is not there', () => {
    for (const { kernel } of fusions) expect(emitters).toHaveProperty(kernel)
  })

  const image: Value['shape'] = [8, 24, 24, 8]
  const window = { filterSize: 2, strides: 2, pad: 'valid' }
  const call = (g: KernelGraph, kernel: string, inputs: { [name: string]: Value }, attributes = {}) =>
    writeCall(g, { kernel, inputs, attributes }) as Value

  it.each([
    ['of a relu', true, 'Where'],
    ['of nothing', false, 'Mul'],
  ])('dy times the step %s', (_, ofRelu, op) => {
    const g = new KernelGraph()
    const [dy, x] = [g.input([4], 'float32'), g.input([4], 'float32')]
    call(g, 'Multiply', { a: dy, b: call(g, 'Step', { x }, { ofRelu }) })
    expect(g.nodes.at(-1)!.op).toBe(op)
  })

  it('a convolution is made in the tiles of its pooling, and one of another graph is not', () => {
    const [one, other] = [new KernelGraph(), new KernelGraph()]
    const x = one.input([8, 24, 24, 1], 'float32')
    const filter = one.input([3, 3, 1, 16], 'float32')
    const convolved = call(one, 'Conv2D', { x, filter }, { strides: 1, pad: 'same' })
    call(other, 'MaxPool', { x: convolved }, window)
    expect(other.nodes.some(({ op }) => op === 'Either')).toBe(false)
    call(one, 'MaxPool', { x: convolved }, window)
    expect(one.nodes.some(({ op }) => op === 'Either')).toBe(true)
  })

  it('a pooling of what no convolution made is the largest of its tiles', () => {
    const g = new KernelGraph()
    call(g, 'MaxPool', { x: g.input(image, 'float32') }, window)
    expect(g.nodes.filter(({ op }) => op === 'Max').length).toBe(3)
  })
})
