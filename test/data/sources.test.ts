import { writeFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as aq from 'arquero'
import { parquetWriteFile } from 'hyparquet-writer'
import { beforeAll, describe, expect, it } from 'vitest'
import { long } from '../kit/needs.js'
import {
  fromFunction,
  fromRecords,
  iris,
  load,
  names,
  orderOf,
  penguins,
  readCsv,
  readIdx,
  readImages,
  readRecords,
  readText,
  spool,
  split,
  toDataset,
} from '../../src/data/index.js'
import { temporaryFolder } from '../kit/files.js'

let folder = ''
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
beforeAll(() => {
  folder = temporaryFolder()
})

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('CSV', () => {
  it('is read with quotes, doubled quotes and line breaks in quotes', async () => {
    const path = file(
      'a.csv',
      '\ufeffname,note,n\r\n"Smith, J","said ""yes""\nand left",1.5\r\nplain,,-2e3\r\n',
    )
    expect(await all(readCsv(path))).toEqual([
      { name: 'Smith, J', note: 'said "yes"\nand left', n: 1.5 },
      { name: 'plain', note: null, n: -2000 },
    ])
  })

  it.each(['\n', '\r\n', '\r'])(
    'has lines that end in %j, also where a file is read in pieces',
    async (end) => {
      const wanted = Array.from({ length: 30_000 }, (_, i) => ({ a: i, b: i % 3 ? 'x' : `two${end}lines` }))
      const text = ['a,b', ...wanted.map(({ a, b }) => `${a},${b === 'x' ? b : `"${b}"`}`)].join(end)
      expect(await all(readCsv(file('ends.csv', text)))).toEqual(wanted)
      const lines = await all(readText(file('ends.txt', `one${end}${end}two${end}`)))
      expect(lines).toEqual([{ text: 'one' }, { text: 'two' }])
    },
  )

  it('makes numbers of what reads like numbers, and leaves post codes alone', async () => {
    const path = file('b.csv', 'a,b,c,d\n01234,1_000,true,0.5\n')
    expect(await all(readCsv(path))).toEqual([{ a: '01234', b: '1_000', c: true, d: 0.5 }])
    expect(await all(readCsv(path, { asText: true }))).toEqual([
      { a: '01234', b: '1_000', c: 'true', d: '0.5' },
    ])
  })

  it('may be packed, separated by tabs, and without a head', async () => {
    const path = file('c.tsv.gz', gzipSync('1\t2\n3\t4'))
    expect(await all(readCsv(path, { separator: '\t', columns: ['a', 'b'] }))).toEqual([
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ])
  })

  it('says on which line it is broken', async () => {
    await expect(all(readCsv(file('d.csv', 'a,b\n1,2\n3\n')))).rejects.toThrow(
      /d\.csv, line 3: received 1 values. Expected 2/,
    )
    await expect(all(readCsv(file('e.csv', 'a,b\n1,"x\n')))).rejects.toThrow(
      /line 2: received a quote that is never closed/,
    )
    await expect(all(readCsv(join(folder, 'none.csv.gz')))).rejects.toThrow(/ENOENT/)
  })

  it('becomes a dataset with the target, the id and the features named once', async () => {
    const path = file('flowers.csv', 'id,length,species\n7,1.5,b\n9,2.5,a\n')
    const data = await load(path, { y: 'species', id: 'id' })
    expect([data.name, data.classes, data.ids]).toEqual(['flowers', ['a', 'b'], Int32Array.of(7, 9)])
    await expect(load(path, { y: 'kind' })).rejects.toThrow(/the field 'kind'/)
    await expect(load(join(folder, 'none.csv'))).rejects.toThrow(/none\.csv' \(ENOENT\). Expected a file/)
    expect(() => readRecords('a.xlsx')).toThrow(/received 'a.xlsx'. Expected a name that ends in/)
  })
})

describe('other files', () => {
  it('JSON lines are records, and a broken line is named', async () => {
    expect(await all(readRecords(file('a.jsonl', '{"a":1}\n\n{"a":2}\n')))).toEqual([{ a: 1 }, { a: 2 }])
    await expect(all(readRecords(file('b.jsonl', '{"a":1}\n{oops\n')))).rejects.toThrow(/b\.jsonl, line 2/)
    await expect(all(readRecords(file('c.jsonl', '[1]\n')))).rejects.toThrow(
      /received \[1\]. Expected one JSON object/,
    )
  })

  it('Parquet is records', async () => {
    const path = join(folder, 'a.parquet')
    parquetWriteFile({
      filename: path,
      columnData: [
        { name: 'x', data: [1.5, 2.5, 3.5], type: 'DOUBLE' },
        { name: 'n', data: [1n, 2n, 3n], type: 'INT64' },
        { name: 'kind', data: ['a', 'b', 'a'], type: 'STRING' },
      ],
    })
    expect(await all(readRecords(path))).toEqual([
      { x: 1.5, n: 1, kind: 'a' },
      { x: 2.5, n: 2, kind: 'b' },
      { x: 3.5, n: 3, kind: 'a' },
    ])
    await expect(load(file('bad.parquet', 'not at all, really'))).rejects.toThrow(
      /bad\.parquet: received .*Expected a Parquet file/,
    )
  })

  it('text is a record a line', async () => {
    expect(await all(readRecords(file('a.txt', 'one\n\ntwo\n')))).toEqual([{ text: 'one' }, { text: 'two' }])
  })

  it('arquero tables are data as they are', () => {
    const data = toDataset(aq.table({ x: [1, 2], y: [3, 4] }))
    expect([data.length, data.valuesAt(1).y[0]]).toEqual([2, 4])
  })

  it('IDX holds images and labels, as the MNIST files do', async () => {
    const images = file(
      'images.gz',
      gzipSync(Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 255, 51, 0])),
    )
    const labels = file('labels', Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 2, 7, 3]))
    const data = await readIdx(images, labels)
    expect([data.x.shape, data.picture, data.length]).toEqual([[2, 1, 1], [2, 1, 1], 2])
    expect(Array.from(data.valuesAt(0).x as Float32Array)).toEqual([0, 1])
    expect(data.valuesAt(1).x[0]).toBeCloseTo(0.2, 6)
    expect([data.valuesAt(0).y[0], data.valuesAt(1).y[0]]).toEqual([7, 3])
    await expect(readIdx(labels, images)).rejects.toThrow(/labels of shape \[2, 2, 1\]/)
    await expect(readIdx(file('x', 'hello there'))).rejects.toThrow(/begins with 104 101/)
  })

  it('folders of images are classes', async () => {
    const { default: sharp } = await import('sharp')
    for (const [name, background] of [
      ['dark', '#000000'],
      ['red', '#ff0000'],
    ] as const) {
      mkdirSync(join(folder, 'pictures', name), { recursive: true })
      await sharp({ create: { width: 20, height: 10, channels: 3, background } })
        .png()
        .toFile(join(folder, 'pictures', name, '1.png'))
    }
    const data = await readImages(join(folder, 'pictures'), { size: [4, 4] })
    expect([data.classes, data.x.shape, data.length]).toEqual([['dark', 'red'], [4, 4, 3], 2])
    expect(Array.from(data.valuesAt(1).x as Float32Array).slice(0, 3)).toEqual([1, 0, 0])
    expect((await readImages(join(folder, 'pictures'), { size: [2, 2], channels: 1 })).x.shape).toEqual([
      2, 2, 1,
    ])
    mkdirSync(join(folder, 'none', 'empty'), { recursive: true })
    await expect(readImages(join(folder, 'none'), { size: [4, 4] })).rejects.toThrow(
      /no images in its folders/,
    )
    await expect(readImages(folder, { size: [0, 4] })).rejects.toThrow(/received \[0, 4\]/)
  })
})

describe('a split', () => {
  const rows = Array.from({ length: 100 }, (_, i) => ({
    a: i,
    group: Math.floor(i / 10),
    kind: i % 4 === 0 ? 'rare' : 'common',
  }))
  const data = fromRecords(rows, { x: 'a', y: 'kind' })
  const positionsOf = (part: { ids: ArrayLike<number> }) => Array.from(part.ids)

  it('gives every example to one split, by its shares, the same with the same seed', () => {
    const parts = split(data, { train: 0.7, validation: 0.2, test: 0.1 }, { seed: 3 })
    expect([parts.train.length, parts.validation.length, parts.test.length]).toEqual([70, 20, 10])
    const ids = Object.values(parts).flatMap(positionsOf)
    expect(ids.toSorted((a, b) => a - b)).toEqual([...Array(100).keys()])
    expect(positionsOf(split(data, { train: 0.7 }, { seed: 3 }).train)).toEqual(positionsOf(parts.train))
    expect(positionsOf(split(data, { train: 0.7 }, { seed: 4 }).train)).not.toEqual(positionsOf(parts.train))
    expect(parts.train.splitOf(positionsOf(parts.test)[0]!)).toBe('test')
  })

  it('train is what the held-out shares leave', () => {
    const data = fromRecords(
      Array.from({ length: 50 }, (_, a) => ({ a, y: a % 2 })),
      { x: 'a' },
    )
    const { train, validation, test } = split(data, { validation: 0.2, test: 0.1 })
    expect([train.length, validation.length, test.length]).toEqual([35, 10, 5])
    expect(split(data, { test: 1 }).train.length).toBe(0)
  })

  it('that is stratified keeps the shares of the classes', () => {
    const parts = split(data, { train: 0.6, validation: 0.2, test: 0.2 }, { stratify: true })
    for (const part of Object.values(parts)) {
      const rare = positionsOf(part).filter((id) => id % 4 === 0).length
      expect(rare / part.length).toBeCloseTo(0.25, 9)
    }
  })

  it('that is grouped cuts no group', () => {
    const parts = split(
      data,
      { train: 0.6, validation: 0.2, test: 0.2 },
      { groups: (position) => rows[position]!.group },
    )
    const groups = Object.values(parts).map(
      (part) => new Set(positionsOf(part).map((id) => Math.floor(id / 10))),
    )
    expect(groups.map((part) => part.size)).toEqual([6, 2, 2])
    expect(new Set(groups.flatMap((part) => [...part])).size).toBe(10)
  })

  it('refuses shares that do not fit, and strata of numbers', () => {
    expect(() => split(data, { train: 0.9, test: 0.2 })).toThrow(/add up to 1.1/)
    expect(() => split(data, { train: 2 })).toThrow(/received 2. Expected a share from 0 to 1/)
    expect(() => split(fromRecords(rows, { x: 'a', y: 'a' }), { train: 0.5 }, { stratify: true })).toThrow(
      /Expected targets that are class indices/,
    )
  })
})

describe('spooled data', () => {
  const record = (i: number) => ({ x: [i, i / 2, -i], y: i % 3 })

  it('reads the same as data in memory, in any order', async () => {
    const records = Array.from({ length: 10_000 }, (_, i) => record(i))
    const [onDisk, inMemory] = [await spool(records), fromRecords(records)]
    for (const positions of [
      [0],
      [9999, 0, 4096, 4095],
      Array.from({ length: 500 }, (_, i) => (i * 7919) % 10_000),
    ]) {
      const [a, b] = [onDisk.at(positions), inMemory.at(positions)]
      expect(a.x.dataSync()).toEqual(b.x.dataSync())
      expect(a.y.dataSync()).toEqual(b.y.dataSync())
      expect([a.ids, a.x.shape, a.x.dtype]).toEqual([b.ids, b.x.shape, b.x.dtype])
    }
    expect(onDisk.digest()).toBe(inMemory.digest())
  })

  it('keeps ids and classes, and can be split', async () => {
    const records = Array.from({ length: 50 }, (_, i) => ({
      id: 1000 + i,
      a: i,
      kind: i % 2 ? 'odd' : 'even',
    }))
    const data = await spool(records, { y: 'kind', id: 'id', classes: ['even', 'odd'] })
    expect([data.positionOf(1007), data.valuesAt(7).y[0], data.classes]).toEqual([7, 1, ['even', 'odd']])
    expect(split(data, { train: 0.5, test: 0.5 }).test.length).toBe(25)
  })

  it('numbers texts that are targets as data in memory does, though the last may come late', async () => {
    const records = Array.from({ length: 9000 }, (_, a) => ({
      a,
      y: a === 8999 ? 'aardvark' : a % 2 ? 'cat' : 'bee',
    }))
    const [onDisk, inMemory] = [await spool(records), fromRecords(records)]
    expect(onDisk.classes).toEqual(['aardvark', 'bee', 'cat'])
    expect(onDisk.digest()).toBe(inMemory.digest())
    await expect(spool([...records, ...records.map(({ a }) => ({ a, y: 1 }))])).rejects.toThrow(
      /numbers in a later record.*texts, as in the first|received 1 in entry/,
    )
  })

  it('says what rows of equal size cannot hold', async () => {
    await expect(spool([{ x: 'text', y: 1 }])).rejects.toThrow(/received texts/)
    await expect(spool([])).rejects.toThrow(/no records/)
    const changing = Array.from({ length: 5000 }, (_, i) => ({ x: i < 4500 ? [1, 2] : [1, 2, 3], y: 0 }))
    await expect(spool(changing)).rejects.toThrow(/entry 4500/)
  })

  it('of half a million records takes a small part of the memory that they would', async () => {
    async function* many() {
      for (let i = 0; i < 500_000; i++) yield { x: Array.from({ length: 32 }, (_, j) => i + j), y: i % 10 }
    }
    const before = process.memoryUsage().rss
    const data = await spool(many())
    for (let batch = 0; batch < 200; batch++) {
      const { x, y } = data.at(
        Array.from({ length: 64 }, (_, i) => (batch * 104_729 + i * 15_485_863) % 500_000),
      )
      x.dispose()
      y.dispose()
    }
    expect(data.valuesAt(499_999).x[31]).toBe(500_030)
    // 500,000 x 33 numbers are 66 MB as floats and ten times that as arrays of records.
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(300)
  })
})

describe.runIf(long)('ten million records', () => {
  it('stream at flat memory, and a batch of 64 takes less than a twentieth of a step of the small GPT', async () => {
    function* rows() {
      for (let i = 0; i < 10_000_000; i++)
        yield { x: [i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7], y: i % 10 }
    }
    const data = await spool(rows())
    // Windows of 100,000 keep what is read near what was read: from anywhere it takes ten times as long.
    const order = orderOf(data.length, 1, 0, 100_000)
    const before = process.memoryUsage().rss
    const started = process.cpuUsage()
    for (let batch = 0; batch < 2000; batch++) {
      const { x, y } = data.at(order.subarray(batch * 64, batch * 64 + 64))
      x.dispose()
      y.dispose()
    }
    // 2.5 ms of 50; about 0.5 were measured. Of processor time, which is the same on a busy machine.
    const { user, system } = process.cpuUsage(started)
    expect((user + system) / 1000 / 2000).toBeLessThan(2.5)
    // The blocks that are kept are 64 MB.
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(200)
  }, 300_000)
})

describe('computed data', () => {
  it('is the same whenever it is asked for, and other with another seed', () => {
    const make = (i: number, random: { next(): number }) => ({ x: [i, random.next()], y: random.next() })
    const data = fromFunction(1_000_000, make, { seed: 5 })
    const [first, again] = [data.at([999_999, 3]), data.at([3])]
    expect(first.x.shape).toEqual([2, 2])
    expect(Array.from(again.x.dataSync())).toEqual(Array.from(first.x.dataSync()).slice(2))
    expect(Array.from(again.y.dataSync())).toEqual(Array.from(first.y.dataSync()).slice(1))
    expect(fromFunction(10, make, { seed: 6 }).valuesAt(3).y[0]).not.toBe(data.valuesAt(3).y[0])
  })

  it('draws numbers for neighbours that have nothing to do with each other', () => {
    const data = fromFunction(2000, (_, random) => ({ x: random.next() }))
    const values = Array.from({ length: 2000 }, (_, i) => Number(data.valuesAt(i).x[0]) - 0.5)
    const correlation =
      values.slice(1).reduce((sum, value, i) => sum + value * values[i]!, 0) / 2000 / (1 / 12)
    expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(2000)) // five standard errors
  })
})

describe('standard sets', () => {
  it('iris: 150 flowers, three species of 50, stratified', async () => {
    const { train, validation, test } = await iris({ seed: 1 })
    expect([train.length, validation.length, test.length]).toEqual([90, 30, 30])
    expect(train.classes).toEqual(['setosa', 'versicolor', 'virginica'])
    const first = [train, validation, test].find((part) => part.positionOf(0) !== undefined)!
    expect(
      Array.from(first.valuesAt(first.positionOf(0)!).x as Float32Array, (v) => Number(v.toFixed(1))),
    ).toEqual([5.1, 3.5, 1.4, 0.2])
  })

  it('penguins: 342 with measurements, three species', async () => {
    const { train, validation, test } = await penguins({ seed: 1 })
    expect(train.length + validation.length + test.length).toBe(342)
    expect(train.classes).toEqual(['Adelie', 'Chinstrap', 'Gentoo'])
  })

  it('names: 4,951 in lower case', async () => {
    const list = await names()
    expect([list.length, list[0], list.every((name) => name === name.toLowerCase())]).toEqual([
      4951,
      'aaren',
      true,
    ])
  })
})
