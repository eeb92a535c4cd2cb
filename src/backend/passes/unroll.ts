import type { Node, Value } from '../onnx/model.js'
import { toElements } from '../onnx/types.js'

/** States that go in or come out as one value, one after the other. A state is whatever the caller knows it by. */
export interface Lying {
  /** With the shape in which the graph takes or gives it. */
  value: Value
  states: readonly { of: object; size: number }[]
}

/** One iteration as a graph, and how the next one follows from it. */
export interface Iteration {
  nodes: readonly Node[]
  /** Inputs that are others in each iteration. */
  each: readonly Value[]
  /** What is wanted of each iteration. */
  results: readonly Value[]
  /** State that goes in, and as which it comes out. One that only goes in stays what it is. */
  takes: readonly Lying[]
  gives: readonly Lying[]
}

export interface Unrolled {
  nodes: Node[]
  /** In place of each of `each`: all of them in a row along the first axis; numbers as [times]. */
  each: Value[]
  /** In place of each of `results`, of all iterations, in a row: [times * size]. */
  results: Value[]
}

const whole = (name: string, values: readonly number[]): Value => ({
  name,
  shape: [values.length],
  type: 'int64',
  elements: toElements(values, 'int64'),
})

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)

/**
 * The graph of `times` iterations, one after the other: the state that one gives is what the next one takes. Each node stays what it is,
 * so the numbers do. The state that the last one gives has the names that it has in a graph of one.
 */
export function unroll({ nodes, each, results, takes, gives }: Iteration, times: number): Unrolled {
  const made: Node[] = []
  const add = (op: string, inputs: Node['inputs'], outputs: readonly Value[], attributes = {}) =>
    void made.push({ op, inputs, outputs, attributes })
  const rows = each.map((value): Value => {
    const [first = 1, ...rest] = value.shape
    return { ...value, name: `${value.name}_each`, shape: [times * first, ...rest] }
  })
  const at = (value: Value, t: number): Value => ({ ...value, name: `${value.name}_at${t}` })
  for (const [place, value] of each.entries()) {
    const pieces = Array.from({ length: times }, (_, t) => at(value, t))
    if (value.shape.length === 0)
      for (const [t, piece] of pieces.entries()) {
        const index: Value = { ...whole(`place${t}`, [t]), shape: [] }
        add('Gather', [rows[place], index], [piece], { axis: 0 })
      }
    else {
      const sizes = whole(`${value.name}_sizes`, Array<number>(times).fill(value.shape[0]!))
      add('Split', [rows[place], sizes], pieces, { axis: 0 })
    }
  }
  const given = new Set(gives.map(({ value }) => value.name))
  const changed = new Set(gives.flatMap(({ states }) => states.map(({ of }) => of)))
  const isSame = (a: Lying, b: Lying) =>
    a.states.length === b.states.length && a.states.every(({ of }, i) => of === b.states[i]!.of)

  /** What the iteration after `t` takes, by the name of the input. */
  const carry = (t: number): Map<string, Value> => {
    const next = new Map<string, Value>()
    const flat = new Map<object, Value>()
    const inShape = (from: Value, shape: readonly number[], name: string): Value => {
      if (from.shape.length === shape.length && from.shape.every((size, i) => size === shape[i])) return from
      const to: Value = { ...from, name, shape }
      add('Reshape', [from, whole(`${name}_shape`, shape)], [to])
      return to
    }
    /** A state by itself, in whatever shape. */
    const single = (of: object): Value => {
      const found = flat.get(of)
      if (found) return found
      const row = gives.find(({ states }) => states.some((state) => state.of === of))!
      const value = at(row.value, t)
      if (row.states.length === 1) flat.set(of, value)
      else {
        const parts = row.states.map(({ size }, i): Value => ({
          name: `${value.name}_part${i}`,
          shape: [size],
          type: value.type,
        }))
        const sizes = row.states.map(({ size }) => size)
        add('Split', [value, whole(`${row.value.name}_parts`, sizes)], parts, { axis: 0 })
        for (const [i, state] of row.states.entries()) flat.set(state.of, parts[i]!)
      }
      return flat.get(of)!
    }
    for (const take of takes) {
      const { value, states } = take
      if (!states.some(({ of }) => changed.has(of))) continue
      const name = `${value.name}_at${t + 1}`
      const same = gives.find((give) => isSame(give, take))
      if (same) next.set(value.name, inShape(at(same.value, t), value.shape, name))
      else if (states.length === 1) next.set(value.name, inShape(single(states[0]!.of), value.shape, name))
      else {
        let from = 0
        const parts = states.map(({ of, size }, i): Value => {
          const bounds = [from, (from += size)].map((place) => whole(`bound${place}`, [place]))
          if (changed.has(of)) return inShape(single(of), [size], `${name}_flat${i}`)
          const stays: Value = { name: `${name}_stays${i}`, shape: [size], type: value.type }
          add('Slice', [value, ...bounds], [stays])
          return stays
        })
        const row: Value = { ...value, name }
        add('Concat', parts, [row], { axis: 0 })
        next.set(value.name, row)
      }
    }
    return next
  }

  const once = sameInAll(nodes, each, results, takes, gives)
  for (const node of nodes) if (once.has(node)) made.push(node)
  const copied = nodes.filter((node) => !once.has(node))
  const own = new Set([...copied.flatMap(({ outputs }) => outputs), ...each].map(({ name }) => name))
  let carried = new Map<string, Value>()
  for (let t = 0; t < times; t++) {
    const isLast = t === times - 1
    const here = (value: Value | undefined): Value | undefined => {
      if (!value || value.elements) return value
      if (isLast && given.has(value.name)) return value
      return own.has(value.name) ? at(value, t) : (carried.get(value.name) ?? value)
    }
    for (const node of copied)
      made.push({
        ...node,
        inputs: node.inputs.map(here),
        outputs: node.outputs.map((value) => here(value)!),
      })
    if (!isLast) carried = carry(t)
  }
  const all = results.map((value): Value => {
    const size = sizeOf(value.shape)
    const parts = Array.from({ length: times }, (_, t): Value => {
      const one = at(value, t)
      if (value.shape.length === 1) return one
      const part: Value = { ...one, name: `${one.name}_row`, shape: [size] }
      add('Reshape', [one, whole(`${value.name}_size`, [size])], [part])
      return part
    })
    const row: Value = { ...value, name: `${value.name}_all`, shape: [times * size] }
    add('Concat', parts, [row], { axis: 0 })
    return row
  })
  return { nodes: needed(made, [...all, ...gives.map(({ value }) => value)]), each: rows, results: all }
}

/** Nodes whose results are the same in all iterations. */
function sameInAll(
  nodes: readonly Node[],
  each: readonly Value[],
  results: readonly Value[],
  takes: readonly Lying[],
  gives: readonly Lying[],
): Set<Node> {
  const changed = new Set(gives.flatMap(({ states }) => states.map(({ of }) => of)))
  const moving = new Set(each.map(({ name }) => name))
  for (const { value, states } of takes) if (states.some(({ of }) => changed.has(of))) moving.add(value.name)
  const wanted = new Set([...results, ...gives.map(({ value }) => value)].map(({ name }) => name))
  const same = new Set<Node>()
  for (const node of nodes) {
    const moves = node.inputs.some((value) => value && moving.has(value.name))
    if (moves || node.outputs.some(({ name }) => wanted.has(name)))
      for (const { name } of node.outputs) moving.add(name)
    else same.add(node)
  }
  return same
}

/** The nodes that these values need. */
function needed(nodes: readonly Node[], results: readonly Value[]): Node[] {
  const names = new Set(results.map(({ name }) => name))
  return nodes
    .toReversed()
    .filter(({ inputs, outputs }) => {
      if (!outputs.some(({ name }) => names.has(name))) return false
      for (const value of inputs) if (value) names.add(value.name)
      return true
    })
    .reverse()
}
