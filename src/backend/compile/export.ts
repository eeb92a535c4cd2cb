import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { InputError, describe } from '../../errors.js'
import { during } from '../../settle.js'
import { writeWhole } from '../../whole-file.js'
import { Graph, type Node, type Value } from '../graph/graph.js'
import { encodeModel } from '../onnx/model.js'
import { findNeeded, replaceInputs } from '../passes/needed.js'
import { collectTensors, record } from './record.js'
import { backendName, onnxRuntime } from '../tfjs/register.js'

export interface ExportOptions {
  /** A fixed number of examples; without it the file takes any number. */
  batch?: number
}

/** A forward pass, recorded for one batch size, its weights as constants. */
interface Forward {
  graph: Graph
  nodes: Node[]
  inputs: Value[]
  outputs: Value[]
}

function recordForward(model: tf.LayersModel, batch: number): Forward {
  const backend = onnxRuntime()
  const shapes = model.inputs.map(({ shape }) => shape.map((size, axis) => (axis === 0 ? batch : size)))
  for (const shape of shapes)
    if (shape.includes(null))
      throw new InputError({
        where: 'exportOnnx(model)',
        received: `an input of shape [${shape.map((size) => size ?? 'any')}]`,
        expected: 'inputs whose sizes are known, but for the batch',
        fix: 'Build the model with an inputShape that holds numbers only.',
      })
  const given = shapes.map((shape, at) => tf.zeros(shape as number[], model.inputs[at]!.dtype as 'float32'))
  const disposeGiven = () => tf.dispose(given)
  return during(disposeGiven, () => {
    const { recording, returned } = record(backend, given, (symbols) => {
      backend.recorder.graph.isPortable = true
      const outputs = model.apply(symbols.length === 1 ? symbols[0]! : symbols, { training: false })
      return collectTensors(outputs)
    })
    const { trace, results } = recording
    const { graph } = trace
    const count = (returned as unknown[]).length
    const outputs = results.slice(0, count).map((value) => graph.unary('Identity', value))
    const inputs: Value[] = []
    const weights = new Map<Value, Value>()
    for (const [value, source] of trace.sources)
      if (source.kind === 'argument') inputs[source.index] = value
      else if (source.kind === 'tensor')
        weights.set(value, { ...value, elements: source.entry.readyTensor().data })
    return { graph, nodes: replaceInputs(findNeeded(graph, outputs), weights), inputs, outputs }
  })
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

/**
 * Frees the batch size of a recording, by a look at a second one for another size: whole numbers that differ (target shapes,
 * ends of slices) are linear in the batch, and are computed from the size of the input when the model runs.
 */
function freeBatch(one: Forward, two: Forward, sizes: readonly [number, number]): Node[] {
  const refuse = (why: string): never => {
    throw new InputError({
      where: 'exportOnnx(model, file)',
      received: `a model that does other work for another number of examples (${why})`,
      expected: 'a model whose work is the same for any number of examples',
      fix: 'Give a fixed number: exportOnnx(model, file, { batch: 1 }).',
    })
  }
  if (one.nodes.length !== two.nodes.length) refuse('other kernels')
  const { graph } = one
  const before = graph.nodes.length
  const size = graph.node('Shape', [one.inputs[0]!], [1], 'int64', { start: 0, end: 1 })
  const replaced = new Map<Value, Value>()
  const linear = (a: readonly number[], b: readonly number[]): Value | undefined => {
    const slope = a.map((number, at) => (b[at]! - number) / (sizes[1] - sizes[0]))
    if (!slope.every(Number.isInteger)) return undefined
    const start = a.map((number, at) => number - slope[at]! * sizes[0])
    return graph.add(graph.mul(size, graph.whole(slope)), graph.whole(start))
  }
  for (const [at, node] of one.nodes.entries()) {
    const other = two.nodes[at]!
    if (node.op !== other.op || !same(node.attributes, other.attributes)) refuse(node.op)
    for (const [place, value] of node.inputs.entries()) {
      const twin = other.inputs[place]
      if (!value?.elements || !twin?.elements || replaced.has(value)) continue
      const [a, b] = [Array.from(value.elements, Number), Array.from(twin.elements, Number)]
      if (same(a, b) && same(value.shape, twin.shape)) continue
      if (value.type === 'int64' && a.length === b.length && value.shape.length === 1)
        replaced.set(value, linear(a, b) ?? refuse(node.op))
      else if (value.shape.length === twin.shape.length && [...a, ...b].every((number) => number === a[0])) {
        // One number many times, such as the zeros that a recurrent layer starts from.
        const shape = linear([...value.shape], [...twin.shape]) ?? refuse(node.op)
        replaced.set(
          value,
          graph.node('Expand', [graph.scalar(a[0]!, value.type), shape], value.shape, value.type),
        )
      } else refuse(node.op)
    }
  }
  return [...(replaced.size > 0 ? graph.nodes.slice(before) : []), ...replaceInputs(one.nodes, replaced)]
}

/**
 * Writes a layers model as an ONNX file (operator set 21, float32), for Python's onnxruntime, a browser or a phone. Inputs
 * and outputs keep the names that the model gives them; the batch is free unless it is given. It is what the model does at inference.
 *
 *     await exportOnnx(model, 'digits.onnx')
 */
export async function exportOnnx(
  model: tf.LayersModel,
  file: string,
  { batch }: ExportOptions = {},
): Promise<void> {
  if (!(model instanceof tf.LayersModel) || !model.inputs)
    throw new InputError({
      where: 'exportOnnx(model, file)',
      received: describe(model),
      expected: 'a tf.LayersModel that is built',
    })
  if (batch !== undefined && (!Number.isInteger(batch) || batch < 1))
    throw new InputError({
      where: 'exportOnnx(model, file, { batch })',
      received: describe(batch),
      expected: 'a whole number of examples, 1 or more',
    })
  if (typeof file !== 'string' || file === '')
    throw new InputError({
      where: 'exportOnnx(model, file)',
      received: describe(file),
      expected: 'the path of the file to write',
      fix: "await exportOnnx(model, 'model.onnx')",
    })
  const before = tf.getBackend()
  if (before !== backendName) await tf.setBackend(backendName)
  // What there is to do of `setBackend` it does before its first await.
  const restore = () => {
    if (before !== backendName) void tf.setBackend(before)
  }
  during(restore, () => {
    const sizes = [2, 3] as const
    const one = recordForward(model, batch ?? sizes[0])
    const nodes = batch === undefined ? freeBatch(one, recordForward(model, sizes[1]), sizes) : one.nodes
    const names = new Map<Value, string>()
    const dimensions: { [name: string]: (number | string)[] } = {}
    const name = (value: Value, text: string) => {
      names.set(value, text)
      dimensions[text] = value.shape.map((size, axis) => (axis === 0 && batch === undefined ? 'batch' : size))
    }
    for (const [at, value] of one.inputs.entries()) name(value, model.inputNames[at]!)
    const taken = new Set(names.values())
    for (const [at, value] of one.outputs.entries()) {
      const own = model.outputNames[at]!
      name(value, taken.has(own) ? `${own}_output` : own)
    }
    const bytes = encodeModel({ nodes, inputs: one.inputs, outputs: one.outputs, names, dimensions })
    const path = resolve(file)
    mkdirSync(dirname(path), { recursive: true })
    writeWhole(path, bytes)
  })
}
