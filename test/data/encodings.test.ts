import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { load, readCsv, readRecords } from '../../src/data/index.js'
import { setHost, type Host } from '../../src/host.js'
import { temporaryFolder } from '../kit/files.js'

let folder = ''
let said: string[] = []
beforeAll(() => {
  folder = temporaryFolder()
  setHost({ display: (bundle: any) => void said.push(bundle['text/plain']) } as unknown as Host)
})
afterEach(() => {
  said = []
})

const file = (name: string, content: Uint8Array) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const bytes = (text: string, encoding: 'utf8' | 'latin1' | 'utf16le' = 'utf8') => Buffer.from(text, encoding)
const swapped = (buffer: Buffer) => Buffer.from(buffer).swap16()
async function all(path: string, options = {}): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const record of readRecords(path, options)) found.push(record)
  return found
}

const text = 'word,y\ncafé,1\ncafè,2\ncafê,3\n'
const records = [
  { word: 'café', y: 1 },
  { word: 'cafè', y: 2 },
  { word: 'cafê', y: 3 },
]

describe('text', () => {
  it.each([
    ['UTF-8', bytes(text), undefined],
    ['UTF-8 with a mark', bytes(`\ufeff${text}`), undefined],
    ['UTF-16 LE', bytes(`\ufeff${text}`, 'utf16le'), /UTF-16LE, as its first bytes say/],
    ['UTF-16 BE', swapped(bytes(`\ufeff${text}`, 'utf16le')), /UTF-16BE, as its first bytes say/],
    ['UTF-16 LE without a mark', bytes(text, 'utf16le'), /UTF-16LE, as every second byte/],
    ['UTF-16 BE without a mark', swapped(bytes(text, 'utf16le')), /UTF-16BE, as every second byte/],
    ['Windows-1252', bytes(text, 'latin1'), /not UTF-8 \(byte 10\): it is read as Windows-1252/],
  ])('in %s is read, and said where it is not what is usual', async (name, content, message) => {
    for (const [ending, packed] of [
      ['csv', content],
      ['csv.gz', gzipSync(content)],
    ] as const) {
      said = []
      expect(await all(file(`${name}.${ending}`, packed))).toEqual(records)
      expect(said.length).toBe(message ? 1 : 0)
      if (message) expect(said[0]).toMatch(message)
    }
  })

  it('has as many classes as words, whichever way it is written', async () => {
    const data = await load(file('classes.csv', bytes(text, 'latin1')), { x: 'y', y: 'word' })
    expect(data.classes).toEqual(['cafè', 'café', 'cafê'])
  })

  it('has the quotes and dashes of Windows-1252', async () => {
    // “it’s” – 5 €, in Windows-1252: 93 69 74 92 73 94 20 96 20 35 20 80
    const content = Buffer.concat([bytes('t\n'), Buffer.from('936974927394209620352080', 'hex'), bytes('\n')])
    expect(await all(file('quotes.csv', content))).toEqual([{ t: '“it’s” – 5 €' }])
    expect(await all(file('quotes.csv', content), { encoding: 'cp1252' })).toEqual([{ t: '“it’s” – 5 €' }])
  })

  it('may begin to be Windows-1252 late, also where a letter stands at the end of a piece or of the file', async () => {
    const size = 1 << 18
    for (const at of [size - 2, size - 1, size, size + 1, 3 * size]) {
      const content = Buffer.alloc(at + 20, 'a')
      for (let i = 80; i < content.length; i += 80) content[i] = 10
      content.set([0xe9, 0x61], at)
      const lines = (await all(file('late.txt', content))) as { text: string }[]
      expect(
        lines
          .map(({ text }) => text)
          .join('')
          .match(/[^a]/g),
      ).toEqual(['é'])
    }
    expect(await all(file('end.txt', bytes('café', 'latin1')))).toEqual([{ text: 'café' }])
  })

  it('in an encoding that is named is read as that', async () => {
    const russian = Buffer.from('f1eeeb2c790aece8f02c310a', 'hex') // сол,y / мир,1 in Windows-1251
    expect(await all(file('ru.csv', russian), { encoding: 'windows-1251' })).toEqual([{ сол: 'мир', y: 1 }])
    const japanese = Buffer.from('936582cd0a', 'hex')
    expect(await all(file('ja.txt', japanese), { encoding: 'shift_jis' })).toHaveLength(1)
    const data = await load(file('ru.csv', russian), { encoding: 'windows-1251', y: 'y', x: 'y' })
    expect(data.length).toBe(1)
    expect(said).toEqual([])
  })

  it('that could be anything is refused with the byte and the line', async () => {
    const russian = Buffer.from('f1eeeb2c790aece8f02c310a', 'hex')
    await expect(all(file('ru.csv', russian))).rejects.toThrow(
      /ru\.csv, line 1: received the byte 0xF1 at 0.*\{ encoding: 'windows-1252' \}/,
    )
    // Damaged: letters of UTF-8 before or behind the byte that is none.
    for (const content of [
      Buffer.concat([bytes('a\ncafé\n'), Buffer.of(0xe9), bytes('\n')]),
      Buffer.concat([bytes('a\nxxxxx\n'), Buffer.of(0xe9), bytes('\ncafé\n')]),
    ])
      await expect(all(file('damaged.csv', content))).rejects.toThrow(
        /damaged\.csv, line 3: received the byte 0xE9 at [89]/,
      )
    await expect(all(file('utf8.csv', bytes(text, 'latin1')), { encoding: 'utf-8' })).rejects.toThrow(
      /line 2: received the byte 0xE9 at 10, which is no UTF-8 there/,
    )
    await expect(all(file('half.txt', Buffer.from('61c3', 'hex')), { encoding: 'utf-8' })).rejects.toThrow(
      /the byte 0xC3 at 1/,
    )
    await expect(all(file('a.csv', bytes('a\n1\n')), { encoding: 'klingon' })).rejects.toThrow(
      /received 'klingon'. Expected an encoding that TextDecoder knows/,
    )
    const wide = Buffer.from('fffe0000610000000a000000', 'hex')
    await expect(all(file('wide.csv', wide))).rejects.toThrow(/UTF-32LE.*Save the file as UTF-8/)
  })

  it('is packed where its first bytes say so, whatever its name', async () => {
    expect(await all(file('packed.csv', gzipSync(bytes(text))))).toEqual(records)
    expect(await all(file('plain.CSV.GZ', bytes(text)))).toEqual(records)
    expect(await all(file('tabs.TSV', bytes(text.replaceAll(',', '\t'))))).toEqual(records)
    expect(await all(file('tabs.tsv.gz', gzipSync(bytes(text.replaceAll(',', '\t')))))).toEqual(records)
    expect(await all(file('lines.JSONL.GZ', gzipSync(bytes('{"a":1}\n'))))).toEqual([{ a: 1 }])
  })

  it.each([
    ['504b030414000600', /a ZIP archive or an Excel workbook. Expected text/],
    ['d0cf11e0a1b11ae1', /an old Excel workbook/],
    ['504152311504ff00', /a Parquet file/],
    ['28b52ffd04', /packed by zstd/],
    ['425a6839314159265359ff', /packed by bzip2/],
  ])('is what a file that begins with %s has none of', async (begin, message) => {
    await expect(all(file('none.csv', Buffer.from(begin, 'hex')))).rejects.toThrow(message)
    await expect(all(file('none.csv.gz', gzipSync(Buffer.from(begin, 'hex'))))).rejects.toThrow(message)
  })

  it('that begins as other files do is text all the same', async () => {
    expect(await all(file('bzh.csv', bytes('BZh,PK\n1,2\n')))).toEqual([{ BZh: 1, PK: 2 }])
  })

  it('closes its file where the rest is not wanted', async () => {
    for (let i = 0; i < 3; i++)
      for await (const record of readCsv(file('rest.csv.gz', gzipSync(bytes('a\n' + '1\n'.repeat(1e6)))))) {
        expect(record).toEqual({ a: 1 })
        break
      }
  })
})
