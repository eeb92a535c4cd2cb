import { describe, expect, it } from 'vitest'
import {
  createRandom,
  fromArrays,
  fromRecords,
  permutation,
  split,
  spool,
  type Dataset,
} from '../../src/data/index.js'
import { RowDigest } from '../../src/data/table/row-digest.js'
import { splitTable, type TableDataset } from '../../src/data/table/table.js'

const records = (change?: number) =>
  Array.from({ length: 5000 }, (_, i) => ({
    x: [i, i === change ? 0.5 : -i / 3],
    y: i % 3 ? 'b' : 'a',
  }))
const byRows = (data: Dataset, inPlace = false) => {
  const { table, rows } = data as TableDataset
  return new RowDigest(table, rows, 'head', inPlace)
}

describe('the digest of many examples', () => {
  it('is the same in memory and on disk, made at once or in turns, in place or looked up', async () => {
    const [inMemory, onDisk] = [fromRecords(records()), await spool(records())]
    const digest = byRows(inMemory, true).now()
    expect(digest).toMatch(/^rows-[0-9a-f]{16}$/)
    expect(byRows(onDisk, true).now()).toBe(digest)
    expect(byRows(onDisk).now()).toBe(digest)
    expect(await byRows(onDisk).soon()).toBe(digest)
    const twice = byRows(onDisk)
    expect(await Promise.all([twice.soon(), twice.soon()])).toEqual([digest, digest])
  })

  it('is another one for another value, another order, another part or other ids', async () => {
    const { table } = fromRecords(records()) as TableDataset
    const order = permutation(5000, createRandom(1))
    const swapped = order.slice()
    ;[swapped[7], swapped[8]] = [order[8]!, order[7]!]
    const of = (rows: Int32Array) => byRows(splitTable(table, { train: rows }).train).now()
    const digests = [
      byRows(fromRecords(records()), true).now(),
      byRows(fromRecords(records(4999)), true).now(),
      of(order),
      of(swapped),
      of(order.slice(1)),
      byRows(
        fromRecords(
          records().map((record, i) => ({ ...record, id: i + 1 })),
          { id: 'id', x: 'x' },
        ),
      ).now(),
    ]
    expect(new Set(digests).size).toBe(digests.length)
    expect(of(order.slice())).toBe(digests[2])
  })

  it('of texts counts every letter', () => {
    const of = (...x: string[]) => byRows(fromRecords(x.map((text) => ({ x: text })))).now()
    expect(new Set([of('ab', 'c'), of('a', 'bc'), of('ab', 'd'), of('c', 'ab')]).size).toBe(4)
    expect(of('ab', 'c')).toBe(of('ab', 'c'))
  })

  it('lets others have their turns, and is begun where it is not known', async () => {
    const length = 2 ** 20 + 1
    const data = fromArrays({ x: Float32Array.from({ length }, (_, i) => i), y: new Int32Array(length) })
    expect(data.maybeDigest!()).toBeUndefined()
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    const digest = await data.digestSoon!()
    clearInterval(timer)
    expect(turns).toBeGreaterThan(2)
    expect([data.maybeDigest!(), data.digest()]).toEqual([digest, digest])
    const small = fromArrays({ x: [1, 2] })
    expect(small.maybeDigest!()).toBe(small.digest())
    expect(await small.digestSoon!()).toBe(small.digest())
  })

  it('goes on where a turn was ended in the middle', async () => {
    let broken = true
    const { table } = fromRecords(records()) as TableDataset
    const breaks = {
      ...table,
      x: {
        ...table.x,
        read(row: number) {
          if (broken && row === 3000) throw new Error('ended')
          return table.x.read(row)
        },
      },
    }
    const rows = Int32Array.from({ length: 5000 }, (_, i) => i)
    const digest = new RowDigest(breaks, rows, 'head', false)
    await expect(digest.soon()).rejects.toThrow('ended')
    broken = false
    expect(await digest.soon()).toBe(new RowDigest(table, rows, 'head', true).now())
  })

  it('of splits tells which is which', () => {
    const { train, test } = split(fromRecords(records()), { train: 0.5, test: 0.5 })
    expect(byRows(train).now()).not.toBe(byRows(test).now())
  })
})
