import fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { adamw, hardest, loadRun, train } from '../../src/index.js'
import { byteTokenizer, gpt, openShards, windows } from '../../src/text/index.js'
import { digestOfTokenizer } from '../../src/text/tokenizers/digest.js'
import { format } from '../../src/text/shards/layout.js'
import { noDigest, ShardWriter } from '../../src/text/shards/writer.js'
import { long, temporaryFolder } from '../kit/index.js'

const end = '<|endoftext|>'
const tokenizer = byteTokenizer({ special: [end] })
const perDocument = 100_000
const base = temporaryFolder()

/** Tokens on disk, as many as asked: each document the same bytes turned by its number. */
function made(tokens: number): string {
  const folder = join(base, `tokens-${tokens}`)
  fs.mkdirSync(folder)
  const ids = Int32Array.from({ length: perDocument - 1 }, (_, i) => (i * i + (i >> 3)) & 127)
  const cheap = { ...tokenizer, encode: () => ids }
  const writer = new ShardWriter(folder, cheap, {
    format,
    name: 'many',
    made: '0123456789ab',
    tokenizer: digestOfTokenizer(tokenizer),
    vocabulary: tokenizer.size,
    bytes: 2,
    end: tokenizer.special[end]!,
    perShard: 1 << 26,
    tokens: 0,
    documents: 0,
    textBytes: 0,
    sources: 0,
    sourceBytes: 0,
    checksums: [],
    documentsChecksum: 0,
    open: null,
    digest: noDigest,
    empty: { count: 0, names: [] },
    halves: { count: 0, names: [] },
    fingerprint: null,
    complete: false,
  })
  for (let i = 0; i < tokens / perDocument; i++)
    writer.add({ text: `document ${i}`, name: String(i), source: `file ${i % 100}` })
  writer.finish()
  return folder
}

const rss = () => {
  ;(globalThis as { gc?: () => void }).gc?.()
  return process.memoryUsage().rss / 2 ** 20
}

/** Everything that a run does with windows of so many tokens, and the megabytes that it takes. */
async function works(tokens: number): Promise<number> {
  const folder = made(tokens)
  const model = () => gpt({ vocabulary: tokenizer.size, context: 32, layers: 1, heads: 1, width: 8, seed: 1 })
  const sets = () =>
    windows(openShards(folder), tokenizer, {
      context: 32,
      split: 1 - 2e5 / tokens,
      packing: 'apart',
      seed: 2,
    })
  const before = rss()
  const { train: data, validation } = sets()
  expect(data.length + validation.tokens.length).toBeGreaterThan(tokens - perDocument)
  const run = train(model(), {
    data,
    batchSize: 8,
    seed: 1,
    optimizer: adamw({ learningRate: 1e-3 }),
    save: false,
  })
  await run.iterate(3)
  const drawn = await run.nextBatch()
  // From all of it, not from where it begins.
  expect(Math.max(...drawn.ids)).toBeGreaterThan(data.length / 4)
  expect(data.positionOf(drawn.ids[0]!)).toBe(data.ids[drawn.ids[0]!])
  const { losses } = await run.gradients(drawn)
  expect(losses.every((loss) => loss > 3 && loss < 8)).toBe(true)
  run.exclude([drawn.ids[0]!, drawn.ids[1]!])
  await run.iterate(2)
  await run.undo()
  await run.undo()
  run.exclude([drawn.ids[2]!])
  const kept = join(base, `kept-${tokens}`)
  await run.save(kept)
  const { length: rows } = run.history
  const worst = await run.mistakes({ of: 'train', k: 3 })
  expect(worst.sample).toMatch(/^4,096 of [\d,]+ examples, drawn at random$/)
  expect(worst.examined).toBe(4096)
  const [{ id, loss }] = worst.rows as never as [{ id: number; loss: number }]
  const [own] = (await run.gradients({ ...data.at([data.positionOf(id)!]), iteration: 1 } as never)).losses
  expect(own!).toBeCloseTo(loss, 4)
  await run.rounds(1, { iterations: 2, subset: hardest(0.01) })
  expect(run.history.length).toBe(rows + 2)
  await run.undo()
  const again = await loadRun(kept, { model: model(), data: sets().train } as never)
  await run.iterate(2)
  await again.iterate(2)
  const lossesOf = (of: typeof run) => Array.from(of.history, ({ loss }) => loss)
  expect(lossesOf(again as typeof run)).toEqual(lossesOf(run))
  const sizes = fs
    .readdirSync(join(kept, 'snapshots'))
    .map((file) => fs.statSync(join(kept, 'snapshots', file)).size)
  expect(Math.max(...sizes)).toBeLessThan(200_000)
  const grown = rss() - before
  fs.rmSync(folder, { recursive: true })
  return grown
}

describe('windows over more tokens than memory is made for', () => {
  it(
    'train, are left out, undone, saved and gone on with, of two million',
    { timeout: 120_000 },
    async () => {
      await works(2_200_000)
    },
  )

  it.runIf(long)('do so of a billion at flat memory', { timeout: 1_800_000 }, async () => {
    const few = await works(2_300_000)
    const many = await works(1_000_000_000)
    // A number for each example of one run would be 4,000 MB. What is collected later comes and goes by some tens.
    expect(many - few).toBeLessThan(200)
  })
})
