import type { Graph, Value } from '../graph/graph.js'
import { sizeOf } from '../onnx/types.js'
import { rounds, spread, wordsOfSeed } from '../random/bits.js'
import type { Emitters } from './kernel.js'

const words = (g: Graph, values: readonly number[]) =>
  g.constant(
    values.map((value) => value >>> 0),
    values.length === 1 ? [] : [values.length],
    'uint32',
  )

/** The hash of `random/bits.ts`, on uint32. */
function mix(g: Graph, word: Value): Value {
  return rounds.reduce((value, { shift, multiplier }) => {
    const shifted = g.binary('BitShift', value, words(g, [shift]), 'uint32', { direction: 'RIGHT' })
    const folded = g.binary('BitwiseXor', value, shifted)
    return multiplier === 1 ? folded : g.mul(folded, words(g, [multiplier]))
  }, word)
}

export const random: Emitters = {
  /** Two words from the iteration's number; `seed` is the run's. */
  RandomKey({ iteration }, { seed }: { seed: number }, g) {
    const count = g.cast(g.cast(g.reshape(iteration!, [1]), 'int32'), 'uint32')
    const moved = g.mul(count, words(g, spread.iteration))
    return g.cast(mix(g, g.add(moved, words(g, wordsOfSeed(seed)))), 'int32')
  },
  /** Numbers in [0, 1): the hash of key, place and index. */
  KeyedUniform({ key }, { place, shape }: { place: number; shape: number[] }, g) {
    const moved = spread.place.map((word) => Math.imul(word, place))
    const local = mix(g, g.add(g.cast(key!, 'uint32'), words(g, moved)))
    const word = (at: number) => g.slice(local, [at], [1])
    const size = sizeOf(shape)
    const range = g.node(
      'Range',
      [g.scalar(0, 'int32'), g.scalar(size, 'int32'), g.scalar(1, 'int32')],
      [size],
      'int32',
    )
    const indices = g.mul(g.cast(range, 'uint32'), words(g, [spread.index]))
    const first = mix(g, g.add(indices, word(0)))
    const bits = mix(g, g.add(first, word(1)))
    const top = g.binary('BitShift', bits, words(g, [8]), 'uint32', { direction: 'RIGHT' })
    return g.reshape(g.mul(g.cast(top, 'float32'), g.scalar(2 ** -24)), shape)
  },
}
