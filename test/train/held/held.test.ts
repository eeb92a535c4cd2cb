import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { decodeTaken, encodeTaken } from '../../../src/train/held/encode.js'
import { bytesOf, Held } from '../../../src/train/held/held.js'
import { decodeJson, encodeJson } from '../../../src/store/json.js'
import { useSilence } from '../../kit/training.js'

useSilence()

class Dial {
  #turned = 0
  turn() {
    this.#turned++
  }
  get turned() {
    return this.#turned
  }
  copy() {
    const copy = new Dial()
    copy.#turned = this.#turned
    return copy
  }
  encode() {
    return { turned: this.#turned }
  }
  decode({ turned }: { turned: number }) {
    this.#turned = turned
  }
}

function everything() {
  const shared = [1, 2]
  return {
    numbers: [0, -0, NaN, Infinity, 1e-300],
    big: 12345678901234567890n,
    nothing: undefined as unknown,
    nil: null as unknown,
    text: 'ä\u0000"',
    truth: true,
    map: new Map<unknown, unknown>([
      ['a', { deep: [1] }],
      [3n, new Set([1, 'x'])],
    ]),
    when: new Date(123),
    floats: new Float64Array([Math.PI, -0]),
    bytes: new Uint8Array([1, 2, 3]),
    longs: new BigInt64Array([-5n]),
    tensor: tf.tensor2d([[1, 2]]) as tf.Tensor,
    variable: tf.variable(tf.scalar(4)),
    dial: new Dial(),
    shared,
    again: shared,
  }
}

/** What a file would hold of it, read by another process. */
function throughFile(held: Held) {
  const arrays: Uint8Array[] = []
  const json = encodeTaken(held.take(), (view) => {
    arrays.push(new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice())
    return arrays.length - 1
  })
  return decodeTaken(decodeJson(encodeJson(json)), (at) => arrays[at])
}

const seen = (state: ReturnType<typeof everything>) => ({
  ...state,
  tensor: Array.from(state.tensor.dataSync()),
  variable: Array.from(state.variable.dataSync()),
  dial: state.dial.turned,
})

function change(state: ReturnType<typeof everything>) {
  state.numbers.push(7)
  state.big = 1n
  state.nothing = 'something'
  state.map.delete('a')
  state.map.set('b', 1)
  state.when.setTime(5)
  state.floats[0] = 1
  state.bytes = new Uint8Array(1)
  state.tensor = tf.scalar(9)
  state.variable.assign(tf.scalar(1))
  state.dial.turn()
  state.shared[0] = 100
  ;(state as { more?: number }).more = 1
}

describe('state beside the parameters', () => {
  test('all kinds of plain data, tensors and objects of one’s own come back to the bit, where they were', () => {
    const state = everything()
    const held = new Held(state)
    const before = held.take()
    const { map, floats, numbers, dial, shared } = state
    const inside = map.get('a')
    change(state)
    held.restore(before)
    expect(seen(state)).toEqual(seen(everything()))
    expect(Object.keys(state)).toEqual(Object.keys(everything()))
    expect(Object.is(state.numbers[1], -0)).toBe(true)
    // Whoever holds a part of it sees what is there now.
    expect([state.map, state.floats, state.numbers, state.dial, state.shared]).toEqual([
      map,
      floats,
      numbers,
      dial,
      shared,
    ])
    expect(state.map).toBe(map)
    expect(state.dial).toBe(dial)
    expect(inside).toEqual({ deep: [1] })
    expect(state.again).toBe(state.shared)
    change(state)
    change(state)
    held.restore(before)
    expect(seen(state)).toEqual(seen(everything()))
  })

  test('through a file it comes back the same, what was shared shared', () => {
    const state = everything()
    state.dial.turn()
    const taken = throughFile(new Held(state))
    const other = everything()
    change(other)
    const held = new Held(other)
    expect(held.misfit(taken)).toBeUndefined()
    expect(other.dial.turned).toBe(1)
    held.restore(taken)
    expect(seen(other)).toEqual({ ...seen(everything()), dial: 1 })
    expect(other.again).toBe(other.shared)
    expect(other.floats[0]).toBe(Math.PI)
  })

  test('a copy shares nothing, and cycles are kept', () => {
    const state = everything() as ReturnType<typeof everything> & { self?: unknown }
    state.self = state
    const copy = new Held(state).copy().root as typeof state
    expect(copy.self).toBe(copy)
    change(copy)
    expect(state.shared[0]).toBe(1)
    expect(state.dial.turned).toBe(0)
    expect(Array.from(state.variable.dataSync())).toEqual([4])
  })

  test('tensors that leave the state end, those that come in stay', () => {
    const state = { seen: tf.scalar(1) as tf.Tensor }
    const held = new Held(state)
    const first = state.seen
    const before = held.tensors()
    tf.tidy(() => {
      state.seen = tf.scalar(2)
      held.endOthers(before)
    })
    expect(first.isDisposed).toBe(true)
    expect(state.seen.dataSync()[0]).toBe(2)
  })

  test('what cannot be kept is refused by its place', () => {
    expect(() => new Held({ a: [{ f: () => 1 }] })).toThrow(/state: a\[0\]\.f/)
    expect(() => new Held({ world: new (class World {})() })).toThrow(/class World[\s\S]*copy\(\)/)
    expect(
      () =>
        new Held({
          it: new Proxy(
            new (class Half {
              encode() {}
            })(),
            {},
          ),
        }),
    ).toThrow(/without copy\(\), decode\(\)/)
    expect(
      () =>
        new Held({
          get x() {
            return 1
          },
        }),
    ).toThrow(/getter/)
    expect(() => new Held([1])).toThrow(/plain object/)
  })

  test('a file of something else is told, and changes nothing', () => {
    const held = new Held({ count: 1, dial: new Dial() })
    const bad: [unknown, RegExp][] = [
      [['object', [['__proto__', 1]]], /__proto__/],
      [['object', [['a', ['typed', ['SharedArrayBuffer', 0]]]]], /no array 0|of the type/],
      [['object', [['a', ['again', 7]]]], /comes later/],
      [['tensor', [[2], 'float32', 0]], /no array/],
      [['nonsense', 1], /kind nonsense/],
      [{ a: 1 }, /object/],
    ]
    for (const [json, message] of bad) expect(() => decodeTaken(json, () => undefined)).toThrow(message)
    expect(held.misfit(decodeTaken(['array', []], () => undefined))).toMatch(/no object/)
    const elsewhere = throughFile(new Held({ other: new Dial() }))
    expect(held.misfit(elsewhere)).toMatch(/nothing at other/)
    expect(held.root).toMatchObject({ count: 1 })
  })

  test('a snapshot says how much memory it holds', () => {
    expect(bytesOf(new Held({ a: new Float32Array(1000) }).take(), undefined)).toBeGreaterThanOrEqual(4000)
  })
})
