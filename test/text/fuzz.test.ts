/** Files of models as strangers write them: each is read as what it says, or refused by name; nothing else happens. */
import * as tf from '@tensorflow/tfjs'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { createRandom, type Random } from '../../src/data/random.js'
import { InputError } from '../../src/errors.js'
import { bpeFrom } from '../../src/text/tokenizers/bpe.js'
import { learnMerges, WordCounts } from '../../src/text/tokenizers/merges.js'
import { gpt, loadModel, loadTokenizer, saveModel, saveTokenizer } from '../../src/text/index.js'
import { temporaryFolder } from '../kit/index.js'

const long = Boolean(process.env.GRADBOOK_LONG)
const count = long ? 2000 : 100
/** Seconds of processor time for a file of some kilobytes. */
const mostSeconds = 5
/** Memory beyond what tensors hold: what is read of a file of 20 kB, and what was not collected yet. */
const mostMemory = 48e6

/** What a number, a text or an object may be replaced by. */
const odd: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1,
  0.5,
  2 ** 31,
  2 ** 53,
  1e99,
  '',
  'x',
  '__proto__',
  '\ud800',
  'é'.repeat(300),
  [],
  [[]],
  [-1],
  {},
  { type: 'x' },
]

/** The same JSON with something else in it somewhere. */
function mutatedJson(text: string, random: Random): string {
  const pick = <T>(from: readonly T[]): T => from[random.integer(from.length)]!
  const chance = random.next()
  if (chance < 0.08) return text.slice(0, random.integer(text.length))
  if (chance < 0.25) {
    const letters = [...text]
    for (let flips = 1 + random.integer(3); flips > 0; flips--)
      letters[random.integer(letters.length)] = pick([
        '"',
        '}',
        ']',
        ',',
        '0',
        '9',
        'e',
        '\\',
        '\0',
        '-',
        'é',
      ])
    return letters.join('')
  }
  const whole = JSON.parse(text) as object
  for (let changes = 1 + random.integer(2); changes > 0; changes--) {
    let at = whole as { [name: string]: unknown }
    for (;;) {
      const names = Object.keys(at)
      if (names.length === 0) break
      const name = pick(names)
      const child = at[name]
      if (typeof child === 'object' && child !== null && random.next() < 0.8) {
        at = child as typeof at
        continue
      }
      const way = random.next()
      if (way < 0.2) delete at[name]
      else at[name] = structuredClone(way < 0.4 ? at[pick(names)] : pick(odd))
      break
    }
  }
  return JSON.stringify(whole)
}

function mutatedSafetensors(bytes: Uint8Array, random: Random): Uint8Array {
  const chance = random.next()
  if (chance < 0.15) return bytes.slice(0, random.integer(bytes.length))
  const header = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (chance < 0.5) {
    const damaged = bytes.slice()
    for (let flips = 1 + random.integer(4); flips > 0; flips--)
      damaged[random.integer(random.next() < 0.3 ? 8 : header + 8)] = random.integer(256)
    return damaged
  }
  const json = mutatedJson(new TextDecoder().decode(bytes.subarray(8, 8 + header)), random)
  const text = new TextEncoder().encode(json)
  const made = new Uint8Array(8 + text.length + bytes.length - 8 - header)
  new DataView(made.buffer).setBigUint64(0, BigInt(text.length), true)
  made.set(text, 8)
  made.set(bytes.subarray(8 + header), 8 + text.length)
  return made
}

/** As others write it: what is wrong in it no checksum tells. */
function withoutChecksum(bytes: Uint8Array): Uint8Array {
  const header = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const { __metadata__: _, ...entries } = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, 8 + header)),
  ) as { [name: string]: unknown }
  const text = new TextEncoder().encode(JSON.stringify(entries))
  const made = new Uint8Array(8 + text.length + bytes.length - 8 - header)
  new DataView(made.buffer).setBigUint64(0, BigInt(text.length), true)
  made.set(text, 8)
  made.set(bytes.subarray(8 + header), 8 + text.length)
  return made
}

const form = { vocabulary: 260, context: 16, layers: 1, heads: 2, width: 8, seed: 3 } as const
const modern = {
  ...form,
  keyValueHeads: 1,
  positions: 'rotary',
  norm: 'rms',
  activation: 'swiglu',
  tied: false,
} as const

const words = new WordCounts('gpt2')
words.add('the cat sat on the mat, the hat that the cat had')
const { merges, tokens } = learnMerges(words, 4, 1)
const tokenizer = bpeFrom({ merges, tokens, pattern: 'gpt2', special: [] })

/** Tries `count` files; what is neither read nor refused by name, or takes long or much, is what is wrong. */
async function tried(
  seed: number,
  makeFile: (random: Random) => void,
  open: () => Promise<void>,
): Promise<{ refused: number; read: number; wrong: string[] }> {
  const random = createRandom(seed)
  const result = { refused: 0, read: 0, wrong: [] as string[] }
  for (let i = 0; i < count; i++) {
    makeFile(random)
    const tensors = tf.memory().numTensors
    const { arrayBuffers } = process.memoryUsage()
    const cpu = process.cpuUsage()
    try {
      await open()
      result.read++
    } catch (error) {
      result.refused++
      if (!(error instanceof InputError))
        result.wrong.push(`${i}: ${String((error as Error)?.stack ?? error).slice(0, 400)}`)
      else if (error.message.length > 2000)
        result.wrong.push(`${i}: a message of ${error.message.length} characters`)
    }
    const { user, system } = process.cpuUsage(cpu)
    if (user + system > mostSeconds * 1e6) result.wrong.push(`${i}: ${(user + system) / 1e6} s`)
    const more = process.memoryUsage().arrayBuffers - arrayBuffers
    if (more > mostMemory) result.wrong.push(`${i}: ${more} bytes`)
    if (tf.memory().numTensors !== tensors) result.wrong.push(`${i}: tensors left`)
  }
  return result
}

describe('a mutated file of a model', () => {
  const running = gpt(form)
  const logits = () =>
    tf.tidy(() => Array.from(running.logits(tf.tensor2d([[1, 2, 3]], [1, 3], 'int32')).dataSync()))
  let before: number[] = []
  beforeAll(() => void (before = logits()))

  it.each([
    ['gpt2', form],
    ['llama', modern],
  ])(
    'config.json of %s is read as what it says or refused by name',
    { timeout: 900_000 },
    async (_, options) => {
      const folder = join(temporaryFolder(), 'model')
      saveModel(gpt(options), folder)
      const file = join(folder, 'config.json')
      const text = readFileSync(file, 'utf8')
      const { wrong, refused } = await tried(
        1,
        (random) => writeFileSync(file, mutatedJson(text, random)),
        async () => (await loadModel(folder)).model.dispose(),
      )
      expect(wrong).toEqual([])
      expect(refused).toBeGreaterThan(count / 5)
      expect(logits()).toEqual(before)
    },
  )

  it('model.safetensors is read as what it says or refused by name', { timeout: 900_000 }, async () => {
    const folder = join(temporaryFolder(), 'model')
    saveModel(gpt(form), folder)
    const file = join(folder, 'model.safetensors')
    const bytes = withoutChecksum(new Uint8Array(readFileSync(file)))
    const { wrong, refused } = await tried(
      2,
      (random) => writeFileSync(file, mutatedSafetensors(bytes, random)),
      async () => (await loadModel(folder)).model.dispose(),
    )
    expect(wrong).toEqual([])
    expect(refused).toBeGreaterThan(count / 3)
    expect(logits()).toEqual(before)
  })

  it.each([
    ['that is ours', (json: object) => json],
    ['of another', (json: object) => ({ ...json, normalizer: { type: 'NFC' } })],
  ])(
    'tokenizer.json %s is read as what it says or refused by name',
    { timeout: 900_000 },
    async (_, change) => {
      const file = join(temporaryFolder(), 'tokenizer.json')
      saveTokenizer(tokenizer, file)
      const text = JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')) as object))
      const { wrong, refused, read } = await tried(
        3,
        (random) => writeFileSync(file, mutatedJson(text, random)),
        async () => {
          const opened = await loadTokenizer(file)
          // What was read is a tokenizer, whatever its tokens are.
          const ids = opened.encode('the cat sat, é\n')
          opened.decode(ids)
          for (const id of ids) opened.bytes(id)
          opened.decode([opened.size - 1])
        },
      )
      expect(wrong).toEqual([])
      expect(refused + read).toBe(count)
    },
  )
})
