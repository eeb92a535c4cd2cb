import { spawn } from 'node:child_process'
import fs, { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
// The built ones: tokens are made in a thread.
import { setHost } from '../../dist/src/host.js'
import { silentHost } from '../../dist/src/hosts/silent.js'
import {
  byteTokenizer,
  corpus,
  openShards,
  shards,
  trainBpe,
  windows,
  type Tokenizer,
} from '../../dist/src/text/index.js'
import { checkIndex, format, type ShardIndex } from '../../src/text/shards/layout.js'
import { noDigest, ShardWriter } from '../../src/text/shards/writer.js'
import { temporaryFolder } from '../kit/index.js'

const end = '<|endoftext|>'
const bytes = byteTokenizer({ special: [end] })
const documents = Array.from({ length: 300 }, (_, i) => `Document ${i}: ${'tick tock, '.repeat(i % 40)}é.`)
const base = temporaryFolder()
let count = 0
const folderFor = (name: string) => join(base, `${name}-${count++}`)
const idsOf = (tokenizer: Tokenizer, texts: readonly string[]) =>
  texts.flatMap((text) => [...tokenizer.encode(text), tokenizer.special[end]!])
const allOf = (folder: string) => {
  const tokens = openShards(folder)
  const ids = new Int32Array(tokens.tokens)
  tokens.read(0, ids)
  return [...ids]
}
const emptyIndex = (): ShardIndex => ({
  format,
  name: 'texts',
  made: '0123456789ab',
  tokenizer: 'bytes',
  vocabulary: bytes.size,
  bytes: 2,
  end: bytes.special[end]!,
  perShard: 40,
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

/**
 * Whether work comes to its call number `at` that changes files, where it is as if the process were killed: a write is half
 * done, and nothing that comes after changes anything.
 */
function diesAt(at: number, work: () => void): boolean {
  const names = [
    'writeSync',
    'fsyncSync',
    'renameSync',
    'ftruncateSync',
    'openSync',
    'closeSync',
    'rmSync',
    'unlinkSync',
  ]
  const real = Object.fromEntries(names.map((name) => [name, (fs as any)[name]]))
  let calls = 0
  for (const name of names)
    (fs as any)[name] = (...given: any[]) => {
      if (++calls === at && name === 'writeSync')
        real.writeSync(given[0], given[1], given[2], Math.floor(given[3] / 2), given[4])
      if (calls >= at) throw new Error('killed')
      // Nobody cuts the power here.
      if (name === 'fsyncSync') return undefined
      return real[name](...given)
    }
  syncBuiltinESMExports()
  try {
    work()
    return false
  } catch (error) {
    if ((error as Error).message === 'killed') return true
    throw error
  } finally {
    Object.assign(fs, real)
    syncBuiltinESMExports()
  }
}

async function said(work: () => Promise<unknown>): Promise<string> {
  const host = { ...silentHost(), display: vi.fn(() => ({ id: '', update() {} })) }
  const before = setHost(host)
  try {
    await work()
  } finally {
    setHost(before ?? silentHost())
  }
  return host.display.mock.calls.map(([bundle]: any) => bundle['text/plain']).join('\n')
}

describe('tokens on disk', () => {
  it('are those of all documents, in files of 16 bits that begin with the first', async () => {
    const bpe = await trainBpe(documents, { vocabulary: 400, special: [end] })
    const folder = folderFor('all')
    const tokens = await shards(corpus(documents), bpe, { folder, perShard: 1000 })
    const ids = idsOf(bpe, documents)
    expect([tokens.tokens, tokens.documents]).toEqual([ids.length, 300])
    expect(tokens.textBytes).toBe(Buffer.byteLength(documents.join('')))
    expect(allOf(folder)).toEqual(ids)
    const files = readdirSync(folder)
      .filter((file) => file.startsWith('tokens-'))
      .toSorted()
    expect(files.length).toBe(Math.ceil(ids.length / 1000))
    const raw = Buffer.concat(files.map((file) => readFileSync(join(folder, file))))
    expect(Array.from({ length: ids.length }, (_, i) => raw.readUInt16LE(2 * i))).toEqual(ids)
    expect(bpe.decode(tokens.document(17).tokens)).toBe(documents[17] + end)
    expect((await tokens.tokenizer()).encode('tick tock')).toEqual(bpe.encode('tick tock'))
    await tokens.verify()
  })

  it('are opened, not made again, as long as the files are what they were', async () => {
    const folder = folderFor('again')
    const file = join(folder, '..', 'text.jsonl')
    writeFileSync(file, documents.map((text) => JSON.stringify({ text })).join('\n'))
    const progress = vi.fn()
    const make = (options = {}) => shards(corpus(file), bytes, { folder, onProgress: progress, ...options })
    await make()
    const calls = progress.mock.calls.length
    expect(calls).toBeGreaterThan(0)
    const before = readdirSync(folder)
    await make()
    expect(progress.mock.calls.length).toBe(calls)
    // More documents behind the last are added; another text is refused, and so is another tokenizer.
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n{"text":"one more"}`)
    expect((await make()).documents).toBe(301)
    expect(readdirSync(folder)).toEqual(before)
    expect(allOf(folder)).toEqual(idsOf(bytes, [...documents, 'one more']))
    writeFileSync(
      file,
      documents
        .toReversed()
        .map((text) => JSON.stringify({ text }))
        .join('\n'),
    )
    await expect(make()).rejects.toThrow(/made of another text.*overwrite: true/)
    await expect(shards(corpus(file), byteTokenizer(), { folder })).rejects.toThrow(
      /tokens of another tokenizer/,
    )
    expect(allOf(folder).length).toBe(idsOf(bytes, [...documents, 'one more']).length)
    await make({ overwrite: true })
    expect(allOf(folder)).toEqual(idsOf(bytes, documents.toReversed()))
    expect(readdirSync(folder).length).toBe(before.length)
  })

  it('name documents without text, and halves of characters', async () => {
    const folder = folderFor('empty')
    const told = await said(() =>
      shards(corpus(['a', '', ' \n', 'b\ud83d'], { name: 'four' }), bytes, { folder }),
    )
    expect(told).toMatch(/2 documents have no text and are left out: four:2, four:3/)
    expect(told).toMatch(/1 document has halves of characters.*four:4/)
    expect(allOf(folder)).toEqual(idsOf(bytes, ['a', 'b\ufffd']))
    await expect(shards(corpus(['', ' ']), bytes, { folder: folderFor('none') })).rejects.toThrow(
      /no document with text/,
    )
  })

  it('take 32 bits where ids need them', () => {
    const folder = folderFor('wide')
    fs.mkdirSync(folder)
    const wide = { ...bytes, size: 70_000, encode: (text: string) => Int32Array.from(text, () => 69_999) }
    const writer = new ShardWriter(folder, wide, { ...emptyIndex(), vocabulary: 70_000, bytes: 4 })
    writer.add({ text: 'ab', name: 'a', source: 'a' })
    writer.finish()
    expect(allOf(folder)).toEqual([69_999, 69_999, bytes.special[end]])
  })

  it('are gone on with from wherever their maker was killed', { timeout: 120_000 }, () => {
    const texts = Array.from({ length: 11 }, (_, i) => ({
      text: i % 7 === 3 ? ' ' : `${i} ${'abc '.repeat(i)}`,
      name: String(i),
      source: `file ${i >> 2}`,
    }))
    // One in pieces, as those of large files are.
    const pieces = texts.flatMap((one, i) =>
      i % 5
        ? [one]
        : [
            { ...one, continues: true as const },
            { ...one, text: ' and more', continues: true as const },
            one,
          ],
    )
    const write = (folder: string) => {
      const file = join(folder, 'index.json')
      let index: ShardIndex
      try {
        index = checkIndex(JSON.parse(fs.readFileSync(file, 'utf8')), file)
      } catch {
        index = emptyIndex()
      }
      const writer = new ShardWriter(folder, bytes, index)
      for (const [i, piece] of pieces.entries()) {
        writer.add(piece)
        if (i % 5 === 4) writer.commit()
      }
      writer.finish()
    }
    const expected = folderFor('whole')
    fs.mkdirSync(expected)
    write(expected)
    const contentOf = (folder: string) =>
      readdirSync(folder)
        .filter((name) => !name.endsWith('.tmp'))
        .toSorted()
        .map((name) => [name, readFileSync(join(folder, name)).toString('hex')])
    let kills = 0
    for (let at = 1; ; at++) {
      const folder = folderFor(`killed-${at}`)
      fs.mkdirSync(folder)
      if (!diesAt(at, () => write(folder))) break
      kills++
      write(folder)
      expect(contentOf(folder)).toEqual(contentOf(expected))
    }
    expect(kills).toBeGreaterThan(40)
  })

  it('are whole after their process was killed again and again', { timeout: 180_000 }, async () => {
    const folder = folderFor('processes')
    const index = pathToFileURL(join(process.cwd(), 'dist/src/text/index.js')).href
    const program = join(base, 'make.mjs')
    writeFileSync(
      program,
      `import { byteTokenizer, corpus, shards } from ${JSON.stringify(index)}
      const texts = async function* () {
        for (let i = 0; i < 300; i++) {
          yield \`\${i} \${'abcdefgh '.repeat(20_000)}\`
          await new Promise((resolve) => setTimeout(resolve, 8))
        }
      }
      await shards(corpus(texts, { name: 'slow' }), byteTokenizer({ special: ['${end}'] }), { folder: ${JSON.stringify(folder)} })
      console.log('whole')`,
    )
    const written = () => {
      try {
        return JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')).documents as number
      } catch {
        return 0
      }
    }
    /** Runs it until it has written down more than so many documents. */
    const run = (until: number) =>
      new Promise<string>((resolve) => {
        const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
        let out = ''
        child.stdout.on('data', (text) => (out += text))
        const timer = setInterval(() => written() > until && child.kill('SIGKILL'), 20)
        child.on('close', () => {
          clearInterval(timer)
          resolve(out)
        })
      })
    expect(await run(0)).toBe('')
    expect(await run(written())).toBe('')
    expect(await run(Infinity)).toContain('whole')
    expect(openShards(folder).documents).toBe(300)
    await openShards(folder).verify()
  })

  it('that several ask for at once are made by one', { timeout: 120_000 }, async () => {
    const folder = folderFor('several')
    const made = await Promise.all(
      [1, 2, 3].map(() => shards(corpus(documents), bytes, { folder, perShard: 5000 })),
    )
    expect(new Set(made.map((one) => one.digest())).size).toBe(1)
    expect(allOf(folder)).toEqual(idsOf(bytes, documents))
    expect(readdirSync(folder).filter((file) => file.startsWith('lock-'))).toEqual([])
  })

  it('are stopped by Stop, and then gone on with', async () => {
    const folder = folderFor('stopped')
    const controller = new AbortController()
    const before = setHost({ ...silentHost(), interrupt: controller.signal })
    const texts = function* () {
      for (let i = 0; i < 2000; i++) {
        if (i === 1500) controller.abort(new Error('stopped here'))
        yield `${i} ${'word '.repeat(500)}`
      }
    }
    await expect(shards(corpus(texts, { name: 'long' }), bytes, { folder })).rejects.toThrow('stopped here')
    setHost(before ?? silentHost())
    const tokens = await shards(corpus(texts, { name: 'long' }), bytes, { folder })
    expect(tokens.documents).toBe(2000)
  })

  it('that are damaged are told, by file, without memory that the files do not justify', async () => {
    const good = folderFor('good')
    await shards(corpus(documents), bytes, { folder: good, perShard: 5000 })
    const copy = () => {
      const folder = folderFor('bad')
      cpSync(good, folder, { recursive: true })
      return folder
    }
    const changed = (edit: (index: any) => void) => {
      const folder = copy()
      const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))
      edit(index)
      writeFileSync(join(folder, 'index.json'), JSON.stringify(index))
      return folder
    }
    const fileOf = (folder: string, kind: string) =>
      join(
        folder,
        readdirSync(folder).find((name) => name.startsWith(kind))!,
      )
    const before = process.memoryUsage().rss
    expect(() => openShards(join(good, 'nowhere'))).toThrow(/no .*index\.json/)
    expect(() => openShards(changed((index) => (index.tokens = 1e15)))).toThrow(/checksums/)
    expect(() =>
      openShards(changed((index) => Object.assign(index, { tokens: 1e15, perShard: 1e15, checksums: [1] }))),
    ).toThrow(/tokens-.*bytes/)
    expect(() => openShards(changed((index) => (index.documents = 2 ** 40)))).toThrow(/documents-.*bytes/)
    expect(() => openShards(changed((index) => (index.documents = -1)))).toThrow(/-1 as documents/)
    expect(() => openShards(changed((index) => (index.made = '../../etc')))).toThrow(/as made/)
    expect(() => openShards(changed((index) => (index.format = 'other')))).toThrow(/'other' as format/)
    expect(() => openShards(changed((index) => (index.vocabulary = 2 ** 20)))).toThrow(/2 as bytes/)
    expect(() => openShards(changed((index) => (index.complete = false)))).toThrow(/not made to their end/)
    const cut = copy()
    truncateSync(fileOf(cut, 'tokens-'), 1001)
    expect(() => openShards(cut)).toThrow(/1001 bytes/)
    const noJson = copy()
    writeFileSync(join(noJson, 'index.json'), '{"format":')
    expect(() => openShards(noJson)).toThrow(/JSON/)
    // Records whose counts are others than those of the tokens, ids that the vocabulary has not.
    const records = copy()
    const file = fileOf(records, 'documents-')
    const raw = readFileSync(file)
    raw.writeUInt32LE(2 ** 32 - 1, 16)
    writeFileSync(file, raw)
    expect(() => windows(openShards(records), bytes, { context: 8 })).toThrow(/tokens in its documents/)
    expect(() => openShards(records).document(1)).toThrow(/tokens in documents/)
    const wrong = copy()
    const tokens = fileOf(wrong, 'tokens-')
    const ids = readFileSync(tokens)
    ids.writeUInt16LE(60_000, 0)
    writeFileSync(tokens, ids)
    expect(() => openShards(wrong).read(0, new Int32Array(4))).toThrow(/the id 60000 at token 0/)
    await expect(openShards(wrong).verify()).rejects.toThrow(/tokens-.*CRC-32/)
    expect(process.memoryUsage().rss - before).toBeLessThan(100 << 20)
    // What is shorter than its index says is made anew.
    const told = await said(() => shards(corpus(documents), bytes, { folder: cut, perShard: 5000 }))
    expect(told).toMatch(/that its index counts.*made anew/s)
    expect(allOf(cut)).toEqual(idsOf(bytes, documents))
  })

  it('of a tokenizer that a thread would not open as it is are refused', async () => {
    const other = { ...bytes, encode: (text: string) => bytes.encode(text.toUpperCase()) }
    await expect(shards(corpus(['abc']), other, { folder: folderFor('other') })).rejects.toThrow(
      /with other ids/,
    )
    await expect(
      shards(corpus(['abc']), byteTokenizer(), { folder: folderFor('none'), endOfText: '<|end|>' }),
    ).rejects.toThrow(/a special token of the tokenizer, which has none/)
  })
})

describe('windows of documents', () => {
  it('have each document on one side, the same whatever else there is, and all of its tokens', async () => {
    const folder = folderFor('split')
    const tokens = await shards(corpus(documents), bytes, { folder, perShard: 777 })
    const { train, validation } = windows(tokens, bytes, { context: 16, split: 0.8, seed: 3 })
    const textOf = (set: typeof train) => {
      const ids = new Int32Array(set.tokens.length)
      for (let at = 0; at < ids.length; at += 100) set.tokens.read(at, ids.subarray(at, at + 100))
      return bytes.decode(ids).split(end).slice(0, -1)
    }
    const [trained, held] = [textOf(train), textOf(validation)]
    expect([...trained, ...held].toSorted()).toEqual(documents.toSorted())
    expect(held.length).toBeGreaterThan(35)
    expect(held.length).toBeLessThan(85)
    // In the order of the corpus, and the same in memory and with other documents beside them.
    expect(trained).toEqual(documents.filter((text) => !held.includes(text)))
    const memory = windows(documents.slice(100), bytes, { context: 16, split: 0.8, seed: 3 })
    expect(textOf(memory.validation)).toEqual(held.filter((text) => documents.indexOf(text) >= 100))
    const other = windows(tokens, bytes, { context: 16, split: 0.8, seed: 4 })
    expect(textOf(other.validation)).not.toEqual(held)
    expect(other.train.digest()).not.toBe(train.digest())
    expect(() => windows(tokens, byteTokenizer(), { context: 16 })).toThrow(/not the one that/)
    expect(() => windows(tokens, bytes, { context: 1e6 })).toThrow(/of 300 documents in all/)
  })

  it('of many pages of documents are those of an array', async () => {
    const many = Array.from({ length: 5000 }, (_, i) => String(i * 7919).repeat(1 + (i % 3)))
    const tokens = await shards(corpus(many), bytes, { folder: folderFor('pages') })
    const { train } = windows(tokens, bytes, { context: 20, split: 0.5, packing: 'apart' })
    const whole = new Int32Array(train.tokens.length)
    const begins = new Int32Array(whole.length)
    train.tokens.read(0, whole, begins)
    for (let at = 0; at < train.length; at += 97) {
      const { x, y, begins: places } = train.valuesAt(at)
      expect(x).toEqual(whole.subarray(at, at + 20))
      const own = Array.from(begins.subarray(at, at + 21), (begin) => Math.max(0, begin - at))
      expect([...places!]).toEqual(own.slice(0, 20))
      expect([...y]).toEqual(
        Array.from({ length: 20 }, (_, i) => (own[i + 1] === i + 1 ? -1 : whole[at + i + 1])),
      )
    }
    for (let i = 0; i < whole.length; i++)
      expect(begins[i] === i).toBe(i === 0 || whole[i - 1] === bytes.special[end])
  })

  it('of one document are cut at a place', async () => {
    const tokens = await shards(corpus(['abcdefghij'.repeat(10)]), bytes, { folder: folderFor('one') })
    const { train, validation } = windows(tokens, bytes, { context: 4, step: 4 })
    expect([train.tokens.length, validation.tokens.length]).toEqual([90, 11])
    expect([train.length, validation.length]).toEqual([22, 2])
    expect(train.textAt(1)).toEqual({ x: 'efgh', y: 'i' })
  })
})
