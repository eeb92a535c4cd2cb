import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { load, readParquet, spool } from '../../src/data/index.js'
import { setHost, type Host } from '../../src/host.js'
import { temporaryFolder } from '../kit/files.js'

let folder = ''
let said: string[] = []
beforeAll(() => {
  folder = temporaryFolder()
  setHost({ display: (bundle: any) => void said.push(bundle['text/plain']) } as unknown as Host)
})
beforeEach(() => {
  said = []
})

const fixture = (name: string) => join(import.meta.dirname, 'fixtures', 'parquet', `${name}.parquet`)
async function all(path: string, options = {}): Promise<any[]> {
  const found: any[] = []
  for await (const record of readParquet(path, options)) found.push(record)
  return found
}

/** What was given to pyarrow (fixtures/make-parquet.py). */
const written = [
  {
    i64: 1,
    u64: 1,
    u32: 4294967295,
    f16: 1.5,
    cents: 4.35,
    small: 4.35,
    whole: -7,
    bytes: Uint8Array.of(255, 0, 97),
    three: Uint8Array.of(255, 0, 97),
    text: 'café',
    ok: true,
    nanos: new Date(1700000000123),
    millis: new Date(1700000000123),
    day: new Date('2020-01-02'),
    list: [1, 2n ** 60n],
    inner: { a: 1, b: 'x' },
    kind: 'a',
  },
  {
    i64: 2n ** 53n + 1n,
    u64: 2n ** 64n - 1n,
    u32: 0,
    f16: -2,
    cents: -0.01,
    small: -0.01,
    whole: 123456789012345678901234567890n,
    bytes: Uint8Array.of(97, 98, 99),
    three: Uint8Array.of(97, 98, 99),
    text: '',
    ok: false,
    nanos: new Date(0),
    millis: new Date(0),
    day: null,
    list: [],
    inner: null,
    kind: 'b',
  },
  {
    i64: -(2n ** 63n),
    u64: null,
    u32: 1,
    f16: 0,
    cents: '12345678901234567.89',
    small: 1.1,
    whole: null,
    bytes: null,
    three: Uint8Array.of(120, 121, 122),
    text: null,
    ok: null,
    nanos: new Date(-1),
    millis: new Date(-1),
    day: new Date('1960-01-01'),
    list: null,
    inner: { a: 2n ** 60n, b: null },
    kind: 'a',
  },
]

describe('a Parquet file', () => {
  it.each(['none', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4', 'v2'])(
    'packed by %s has every value as it was written, none rounded without a word',
    async (codec) => {
      expect(await all(fixture(codec))).toEqual(written)
      // Two of the nanoseconds are no whole milliseconds.
      expect(said).toEqual([expect.stringMatching(/2 times are cut to milliseconds/)])
    },
  )

  it('is read group by group, and only the columns that are asked for', async () => {
    const records = await all(fixture('groups'))
    expect(records).toEqual(Array.from({ length: 2000 }, (_, n) => ({ n, text: String(n), l: [n] })))
    expect(await all(fixture('groups'), { columns: ['text'] })).toEqual(records.map(({ text }) => ({ text })))
    await expect(all(fixture('groups'), { columns: ['m'] })).rejects.toThrow(
      /received 'm'. Expected one of \[/,
    )
    await expect(all(fixture('groups'), { column: ['n'] })).rejects.toThrow(
      /Did you mean 'columns'|'columns'/,
    )
  })

  it('gives bytes and lists to the model, and refuses what is no number with what would do', async () => {
    const data = await load(fixture('none'), { x: 'three', y: 'kind' })
    expect([data.valuesAt(2).x, data.classes]).toEqual([Int32Array.of(120, 121, 122), ['a', 'b']])
    await expect(load(fixture('none'), { x: ['millis', 'u32'], y: 'kind' })).rejects.toThrow(
      /none\.millis: received a Date in record 0. Expected a number. Name the fields .*\{ x: \['u32'\] \}/,
    )
    await expect(load(fixture('none'), { x: ['cents', 'u32'], y: 'kind' })).rejects.toThrow(
      /received '12345678901234567.89' in record 2/,
    )
    said = []
    const ids = await load(fixture('none'), { x: ['i64', 'u32'], y: 'kind' })
    expect(ids.valuesAt(1).x[0]).toBe(2 ** 53)
    expect(said.at(-1)).toMatch(/none: .* 4294967295 is 4294967296 \(2 values\)/)
  })

  it('that is damaged or no such file is named', async () => {
    const whole = readFileSync(fixture('zstd'))
    const damaged = Buffer.from(whole)
    damaged.fill(0x55, 30, 120)
    for (const [name, content] of [
      ['damaged', damaged],
      ['cut', whole.subarray(0, 500)],
      ['empty', Buffer.alloc(0)],
    ] as const) {
      writeFileSync(join(folder, `${name}.parquet`), content)
      await expect(all(join(folder, `${name}.parquet`))).rejects.toThrow(
        new RegExp(`${name}\\.parquet: received .*Expected a Parquet file`),
      )
    }
    await expect(all(join(folder, 'none.parquet'))).rejects.toThrow(/none\.parquet: received ENOENT/)
  })
})

describe('a file of many values', () => {
  it('is laid out as rows while it is read, with the same values as in memory', async () => {
    const rows = 2100
    const record = (i: number) => ({
      x: Array.from({ length: 512 }, (_, j) => (i * 7 + j * 3) % 1000),
      y: i % 3 ? 'b' : 'a',
    })
    const path = join(folder, 'many.jsonl')
    writeFileSync(path, Array.from({ length: rows }, (_, i) => `${JSON.stringify(record(i))}\n`).join(''))
    const asTexts = { y: 'y' }
    const [inMemory, onDisk, asItComes] = [
      await load(path, { ...asTexts, keep: 'memory' }),
      await load(path, { ...asTexts, keep: 'disk' }),
      await load(path, asTexts),
    ]
    expect([inMemory.prefetch, asItComes.prefetch]).toEqual([undefined, undefined])
    expect(onDisk.prefetch).toBeDefined()
    expect([inMemory.digest(), asItComes.digest()]).toEqual([onDisk.digest(), onDisk.digest()])
    expect([asItComes.classes, asItComes.valuesAt(2099).x[511]]).toEqual([
      ['a', 'b'],
      (2099 * 7 + 511 * 3) % 1000,
    ])
  })

  it('lets others have their turns while it is laid out', async () => {
    // Nothing in it waits: without turns of theirs timers would fire once, at its end.
    async function* rows() {
      for (let i = 0; i < 400_000; i++) yield { x: i, y: i % 3 }
    }
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await spool(rows())
    clearInterval(timer)
    expect(turns).toBeGreaterThan(3)
  })

  it('says which folder cannot take it', async () => {
    await expect(spool([{ x: 1, y: 1 }], { folder: join(folder, 'missing') })).rejects.toThrow(
      /missing, which cannot be written \(ENOENT.*spool\(records, \{ folder:/,
    )
  })

  it('goes to disk once its numbers, not its packed bytes, are many', async () => {
    function* rows() {
      for (let i = 0; i < 5000; i++) yield { x: new Float32Array(4096).fill(i), y: i }
    }
    const { layOut } = await import('../../src/data/spool.js')
    const data = await layOut(rows(), {})
    // 82 MB.
    expect(data.prefetch).toBeDefined()
    expect([data.valuesAt(4999).x[4095], data.valuesAt(17).x[0]]).toEqual([4999, 17])
    expect((await layOut(rows(), { keep: 'memory' })).prefetch).toBeUndefined()
    expect((await spool([{ x: 1, y: 1 }])).prefetch).toBeDefined()
  })
})
