import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parquetWriteFile } from 'hyparquet-writer'
import { describe, expect, it, vi } from 'vitest'
import { setHost } from '../../src/host.js'
import { silentHost } from '../../src/hosts/silent.js'
import { corpus, type Corpus } from '../../src/text/index.js'
import { maybeCut } from '../../src/text/tokenizers/cut.js'
import { temporaryFolder } from '../kit/index.js'

const folder = temporaryFolder()
const at = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, content)
  return path
}
const all = async (from: Corpus) => {
  const found: { text: string; name: string }[] = []
  for await (const { text, name } of from) found.push({ text, name })
  return found
}
/** What is said while something is done. */
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

describe('a corpus', () => {
  it('of a text file is one document, or those that a separator stands between', async () => {
    const path = at('tales.txt', 'one\n\ntwo\n\n\n\nthree')
    expect(await all(corpus(path))).toEqual([{ text: 'one\n\ntwo\n\n\n\nthree', name: 'tales.txt' }])
    expect(await all(corpus(path, { separator: '\n\n' }))).toEqual([
      { text: 'one', name: 'tales.txt:1' },
      { text: 'two', name: 'tales.txt:2' },
      { text: '', name: 'tales.txt:3' },
      { text: 'three', name: 'tales.txt:4' },
    ])
    expect(await corpus(path, { separator: '\n\n' }).text()).toBe('one\n\ntwo\n\n\n\nthree')
  })

  it('finds a separator that two pieces of a file share', async () => {
    // Files are read in pieces of 262,144 bytes.
    for (const before of [262_140, 262_143, 262_144]) {
      const path = at('long.txt', `${'a'.repeat(before)}<|end|>${'b'.repeat(10)}<|end|>`)
      const texts = (await all(corpus(path, { separator: '<|end|>' }))).map(({ text }) => text.length)
      expect(texts).toEqual([before, 10])
    }
  })

  it('of JSON lines, CSV and Parquet has a document for each record, also packed', async () => {
    const lines = ['{"text":"eins"}', '{"text":"007"}', '{"text":null}'].join('\n')
    expect(await all(corpus(at('a.jsonl', lines)))).toEqual([
      { text: 'eins', name: 'a.jsonl:1' },
      { text: '007', name: 'a.jsonl:2' },
      { text: '', name: 'a.jsonl:3' },
    ])
    expect((await all(corpus(at('b.jsonl.gz', gzipSync(lines))))).length).toBe(3)
    const table = at('c.csv', 'id,review\n1,"Good, really"\n2,007\n')
    expect((await all(corpus(table, { field: 'review' }))).map(({ text }) => text)).toEqual([
      'Good, really',
      '007',
    ])
    await expect(all(corpus(table))).rejects.toThrow(/record 1.*id, review.*field: 'id'/)
    const parquet = join(folder, 'd.parquet')
    await parquetWriteFile({ filename: parquet, columnData: [{ name: 'body', data: ['x', 'y'] }] })
    expect((await all(corpus(parquet, { field: 'body' }))).map(({ text }) => text)).toEqual(['x', 'y'])
    await expect(all(corpus(parquet))).rejects.toThrow(/'text'.*body/)
  })

  it('of a folder or a pattern has its files in one order, and says what it leaves out', async () => {
    for (const name of ['b.txt', 'a.txt', 'in/c.md', 'in/deep/d.txt', 'in/e.png', '.hidden.txt'])
      at(`many/${name}`, name)
    const many = join(folder, 'many')
    const told = await said(async () =>
      expect((await all(corpus(many))).map(({ name }) => name)).toEqual([
        'a.txt',
        'b.txt',
        'in/c.md',
        'in/deep/d.txt',
      ]),
    )
    expect(told).toMatch(/1 file is of another kind.*in\/e\.png/)
    const names = async (pattern: string) => (await all(corpus(join(many, pattern)))).map(({ name }) => name)
    expect(await names('*.txt')).toEqual(['a.txt', 'b.txt'])
    expect(await names('**/*.txt')).toEqual(['a.txt', 'b.txt', 'in/deep/d.txt'])
    expect(await names('in/?.*')).toEqual(['c.md', 'e.png'])
    expect(() => corpus(join(many, '*.tex'))).toThrow(/no file in .*many is called/)
    expect(() => corpus(join(folder, 'nowhere'))).toThrow(/there is nothing/)
  })

  it('that is not UTF-8 says where it is not, and what was done', async () => {
    at('mixed/1.txt', 'fine')
    // Latin-1 among plain letters is told and read; what is no letter anywhere is refused.
    at('mixed/2.txt', Buffer.from('un caf\xe9 noir\n', 'latin1'))
    const told = await said(async () =>
      expect((await all(corpus(join(folder, 'mixed')))).map(({ text }) => text)).toEqual([
        'fine',
        'un café noir\n',
      ]),
    )
    expect(told).toMatch(/2\.txt is not UTF-8 \(byte 6\): it is read as Windows-1252/)
    at('mixed/2.txt', Buffer.from([97, 10, 98, 0xff, 0x81, 99]))
    at('mixed/3.txt', 'fine again')
    await expect(all(corpus(join(folder, 'mixed')))).rejects.toThrow(/2\.txt, line 2.*byte 0xFF at 3/)
    const skipped = await said(async () =>
      expect(
        (await all(corpus(join(folder, 'mixed'), { unreadable: 'skip' }))).map(({ text }) => text),
      ).toEqual(['fine', 'fine again']),
    )
    expect(skipped).toMatch(/2\.txt is left out from here on.*byte 0xFF/)
  })

  it('of what gives texts can be gone through as often as that gives them', async () => {
    expect(await corpus(['a', 'b']).text()).toBe('a\n\nb')
    const make = async function* () {
      yield 'a'
      yield { text: 'b', name: 'second' }
    }
    const named = corpus(make, { name: 'made' })
    for (let i = 0; i < 2; i++)
      expect(await all(named)).toEqual([
        { text: 'a', name: 'made:1' },
        { text: 'b', name: 'second' },
      ])
    const once = corpus(make())
    expect((await all(once)).length).toBe(2)
    await expect(all(once)).rejects.toThrow(/gone through before/)
    await expect(all(corpus([1] as never))).rejects.toThrow(/received 1 as document 1/)
    expect(() => corpus(7 as never)).toThrow(/a path, texts/)
    expect(() => corpus(['a'], { fields: 'x' } as never)).toThrow(/Did you mean 'field'/)
  })

  it('of a file that is longer than a string is comes in pieces between words', async () => {
    const word = 'Everything flows, and nothing stays as it was.\n'
    const path = at('large.txt', word.repeat(Math.ceil((40 << 20) / word.length)))
    const pieces: { length: number; continues: boolean }[] = []
    for await (const { text, continues } of corpus(path)) {
      pieces.push({ length: text.length, continues: continues === true })
      expect(text.startsWith('Everything') && text.endsWith('was.\n')).toBe(true)
    }
    expect(pieces.length).toBe(3)
    expect(pieces.map(({ continues }) => continues)).toEqual([true, true, false])
  })

  it('is cut where no token goes over', () => {
    expect(maybeCut('ab cd\nef gh', 1)).toBe(6)
    expect(maybeCut('ab cd. ef gh', 1)).toBe(2)
    expect(maybeCut('ab, cd. (ef)', 1)).toBeUndefined()
  })
})
