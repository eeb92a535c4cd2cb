import * as tf from '@tensorflow/tfjs'
import { vi } from 'vitest'
import { setHost } from '../../../src/host.js'
import { silentHost } from '../../../src/hosts/silent.js'
import { gpt, type Gpt, type GptOptions, type Tokenizer } from '../../../src/text/index.js'

/** Values that any language can make again: reference.py makes the same. */
export function fill(tree: unknown, scale = 1): void {
  if (tree instanceof tf.Variable) {
    const { size, rank } = tree
    const values = Float32Array.from(
      { length: size },
      (_, i) => Math.fround(Math.sin(i * 0.7 + size) * 0.3 + (rank === 1 ? 0.5 : 0)) * Math.fround(scale),
    )
    tf.tidy(() => tree.assign(tf.tensor(values, tree.shape)))
  } else for (const child of Object.values(tree as object)) fill(child, scale)
}

const form: GptOptions = { vocabulary: 50, context: 16, layers: 2, heads: 2, width: 16, bias: true }

export function small(scale = 1): Gpt {
  const model = gpt(form)
  fill(model.parameters, scale)
  return model
}

/** As a model begins: nearly the same for each token. */
export const fresh = (): Gpt => gpt({ ...form, seed: 1 })

/** Its tokens are written as their ids, a space behind each. */
export const numbered = {
  kind: 'numbers',
  size: 50,
  special: {},
  encode: (text: string) => Int32Array.from(text.split(' ').filter(Boolean), Number),
  decode: (ids: ArrayLike<number>) => Array.from(ids, (id) => `${id} `).join(''),
  bytes: (id: number) => new TextEncoder().encode(`${id} `),
  toJSON: () => ({}),
} satisfies Tokenizer

/** The two pairs of reference.py. */
export const pairs = [
  { prompt: '3 1 4', chosen: '1 5 9', rejected: '2 6' },
  { prompt: '7 7', chosen: '8 2', rejected: '5 3 5 8 9' },
]

/** What is said while something is done, and what comes of it. */
export async function saying<T>(work: () => Promise<T>): Promise<{ said: string; result: T }> {
  const host = { ...silentHost(), display: vi.fn(() => ({ id: '', update() {} })) }
  const before = setHost(host)
  try {
    const result = await work()
    return { result, said: host.display.mock.calls.map(([bundle]: any) => bundle['text/plain']).join('\n') }
  } finally {
    setHost(before ?? silentHost())
  }
}
