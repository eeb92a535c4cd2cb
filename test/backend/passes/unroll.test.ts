import { describe, expect, it } from 'vitest'
import { Graph, type Value } from '../../../src/backend/graph/graph.js'
import { encodeModel } from '../../../src/backend/onnx/model.js'
import { unroll } from '../../../src/backend/passes/unroll.js'
import { createSession, runSession, type NativeTensors } from '../../../src/backend/session/native.js'
import { emptyTensor, tensorOf } from '../../../src/backend/session/buffers.js'

const floats = (values: number[], shape: number[]) => tensorOf('float32', Float32Array.from(values), shape)

/** Two states w [2, 1] and v [2]; w' = w + rate x, v' = v * w'; the result is v' + w. */
function iteration() {
  const g = new Graph()
  const x = g.input([2], 'float32')
  const rate = g.input([], 'float32')
  const w = g.input([2, 1], 'float32')
  const v = g.input([2], 'float32')
  const stepped = g.add(w, g.reshape(g.mul(x, rate), [2, 1]))
  const flat = g.reshape(stepped, [2])
  const grown = g.mul(v, flat)
  const result = g.add(grown, g.reshape(w, [2]))
  return { g, x, rate, w, v, stepped, flat, grown, result }
}

function run(
  nodes: Parameters<typeof encodeModel>[0]['nodes'],
  feeds: NativeTensors,
  inputs: Value[],
  outputs: Value[],
) {
  const session = createSession(encodeModel({ nodes, inputs, outputs }), { threads: 1, device: 'cpu' })
  const fetches = Object.fromEntries(outputs.map((value) => [value.name, emptyTensor(value)]))
  runSession(session, feeds, fetches)
  session.dispose()
  return outputs.map(({ name }) => Array.from(fetches[name]!.data as Float32Array))
}

const xs = [
  [1, 2],
  [0.5, -1],
  [3, 0.25],
]
const rates = [0.5, 2, -1]

/** The same in JavaScript; all numbers are exact in float32. */
function expected() {
  let w = [1, 2]
  let v = [1, -1]
  const results = rates.flatMap((rate, t) => {
    const before = w
    w = w.map((one, i) => one + rate * xs[t]![i]!)
    v = v.map((one, i) => one * w[i]!)
    return v.map((one, i) => one + before[i]!)
  })
  return { w, v, results }
}

describe('iterations that are unrolled', () => {
  it('hand each state on, and give what each came to', () => {
    const { g, x, rate, w, v, stepped, grown, result } = iteration()
    const [of, other] = [{}, {}]
    const { nodes, each, results } = unroll(
      {
        nodes: g.nodes,
        each: [x, rate],
        results: [result],
        takes: [
          { value: w, states: [{ of, size: 2 }] },
          { value: v, states: [{ of: other, size: 2 }] },
        ],
        gives: [
          { value: stepped, states: [{ of, size: 2 }] },
          { value: grown, states: [{ of: other, size: 2 }] },
        ],
      },
      3,
    )
    expect(each.map(({ shape }) => shape)).toEqual([[6], [3]])
    const feeds = {
      [each[0]!.name]: floats(xs.flat(), [6]),
      [each[1]!.name]: floats(rates, [3]),
      [w.name]: floats([1, 2], [2, 1]),
      [v.name]: floats([1, -1], [2]),
    }
    const [all, lastW, lastV] = run(nodes, feeds, [...each, w, v], [...results, stepped, grown])
    expect({ w: lastW, v: lastV, results: all }).toEqual(expected())
  })

  it('take states out of a row and put them into one, whatever lies in it', () => {
    const { g, x, rate, w, v, flat, grown, result } = iteration()
    const [of, other, still] = [{}, {}, {}]
    // The two come out as one row; a row with a third that stays is taken too.
    const row = g.concat([flat, grown], 0)
    const input = g.input([3], 'float32')
    const seen = g.mul(input, g.scalar(1))
    const { nodes, each, results } = unroll(
      {
        nodes: g.nodes,
        each: [x, rate],
        results: [result, seen],
        takes: [
          { value: w, states: [{ of, size: 2 }] },
          { value: v, states: [{ of: other, size: 2 }] },
          {
            value: input,
            states: [
              { of: other, size: 2 },
              { of: still, size: 1 },
            ],
          },
        ],
        gives: [
          {
            value: row,
            states: [
              { of, size: 2 },
              { of: other, size: 2 },
            ],
          },
        ],
      },
      3,
    )
    const feeds = {
      [each[0]!.name]: floats(xs.flat(), [6]),
      [each[1]!.name]: floats(rates, [3]),
      [w.name]: floats([1, 2], [2, 1]),
      [v.name]: floats([1, -1], [2]),
      [input.name]: floats([1, -1, 7], [3]),
    }
    const [all, rows, last] = run(nodes, feeds, [...each, w, v, input], [...results, row])
    const exact = expected()
    expect(all).toEqual(exact.results)
    expect(last).toEqual([...exact.w, ...exact.v])
    // v as each iteration finds it, and the one that stays.
    expect(rows!.filter((_, i) => i % 3 === 2)).toEqual([7, 7, 7])
    expect(rows!.slice(0, 2)).toEqual([1, -1])
    expect(rows!.slice(3, 5)).toEqual([1 * 1.5, -1 * 3])
  })

  it('leave out what nobody wants', () => {
    const { g, x, rate, w, stepped } = iteration()
    const { nodes } = unroll(
      {
        nodes: g.nodes,
        each: [x, rate],
        results: [],
        takes: [{ value: w, states: [{ of: g, size: 2 }] }],
        gives: [{ value: stepped, states: [{ of: g, size: 2 }] }],
      },
      2,
    )
    expect(nodes.map(({ op }) => op).sort()).toEqual(
      ['Add', 'Add', 'Gather', 'Gather', 'Mul', 'Mul', 'Reshape', 'Reshape', 'Split'].sort(),
    )
  })

  it('compute once what is the same in all', () => {
    const { g, x, rate, w, stepped } = iteration()
    const scale = g.input([2, 1], 'float32')
    const stays = g.unary('Exp', scale)
    const given = g.mul(stepped, stays)
    const { nodes } = unroll(
      {
        nodes: g.nodes,
        each: [x, rate],
        results: [],
        takes: [{ value: w, states: [{ of: g, size: 2 }] }],
        gives: [{ value: given, states: [{ of: g, size: 2 }] }],
      },
      3,
    )
    expect(nodes.filter(({ op }) => op === 'Exp').length).toBe(1)
    expect(nodes.filter(({ op }) => op === 'Add').length).toBe(3)
  })
})
