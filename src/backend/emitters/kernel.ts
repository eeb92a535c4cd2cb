import type { Graph, Value } from '../graph/graph.js'

/** The inputs of a kernel by tfjs's names, as values of the graph. Optional ones may be missing. */
export type Inputs = { [name: string]: Value }

/** A kernel's attributes. Each row says which interface of tfjs-core lists those that it reads. */
export type Attributes = object

/**
 * Writes one kernel into a graph. `undefined` says that there is no ONNX form for these types or attributes; it must then have
 * added no nodes, and the kernel runs on the host.
 */
export type Emit = {
  // As a method, so that a row may name the attributes of its kernel.
  emit(inputs: Inputs, attributes: Attributes, graph: Graph): Value | readonly Value[] | undefined
}['emit']

export type Emitters = { readonly [kernel: string]: Emit }

export const isFloat = (...values: (Value | undefined)[]): boolean =>
  values.every((value) => value === undefined || value.type === 'float32')

export const isNumber = (...values: Value[]): boolean =>
  values.every((value) => value.type === 'float32' || value.type === 'int32')

/** Inputs of kernels that take a list come as an object with the keys 0, 1, 2, … */
export const listOf = (inputs: Inputs): Value[] => Object.values(inputs)
