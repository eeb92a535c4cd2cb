import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import * as gradbook from '../../src/index.js'
import * as sources from '../../src/data/index.js'
import { temporaryFolder } from '../kit/files.js'

// Untyped, as JavaScript calls them.
const { digits, fromArrays, fromFunction, fromRecords, load } = gradbook as any
const { iris, pad, readIdx, readImages, spool, split } = sources as any

let folder = ''
beforeAll(() => {
  folder = temporaryFolder()
  mkdirSync(join(folder, 'folder.csv'))
})

const loadText = (name: string, content: string | Uint8Array, options: object = { y: 'y' }) => {
  writeFileSync(join(folder, name), content)
  return load(join(folder, name), options)
}
const ten = () => fromArrays({ x: new Float32Array(10), y: new Float32Array(10) })
function* rows() {
  yield { a: 1, y: 2 }
}

const refused: [string, () => unknown, RegExp][] = [
  ['a head alone', () => loadText('a.csv', 'a,y\n'), /a\.csv: received no records/],
  ['text after a closing quote', () => loadText('a.csv', 'a,y\n"1"x,2\n'), /line 2: received 'x,2' after/],
  ['another separator', () => loadText('a.csv', 'a;y\n1;2\n'), /'a;y'.*csv: \{ separator: ";" \}/],
  ['a name twice', () => loadText('a.csv', 'a,a\n1,2\n', {}), /two columns named 'a'/],
  ['a misspelt option', () => loadText('a.csv', 'a,y\n1,2\n', { idd: 'y' }), /Did you mean 'id'/],
  ['a misspelt option of CSV', () => loadText('a.csv', '', { csv: { seperator: 1 } }), /'separator'/],
  ['an unknown place', () => loadText('a.csv', '', { keep: 'ram' }), /'memory' or 'disk'/],
  [
    'half of a packed file',
    () => loadText('a.csv.gz', gzipSync('a,y\n1,2').subarray(0, 12)),
    /a\.csv\.gz.*gzip/,
  ],
  ['a folder', () => load(join(folder, 'folder.csv')), /folder\.csv' \(a folder\)/],
  ['no path', () => load(), /undefined/],
  ['no IDX file', () => readIdx(join(folder, 'none')), /ENOENT.*an IDX file/],
  ['no folder of images', () => readImages(join(folder, 'none'), { size: [4, 4] }), /one folder a class/],
  ['no size of images', () => readImages(folder), /\[height, width\]/],
  [
    'a misspelt option of arrays',
    () => fromArrays({ x: [1] }, { shap: [1] } as object),
    /Did you mean 'shape'/,
  ],
  ['a shape of no field', () => fromArrays({ x: [1] }, { shapes: { cond: [1] } }), /'cond'/],
  ['a field of fewer examples', () => fromArrays({ x: [1, 2], mask: [1] }), /2 examples in x and 1 in mask/],
  ['a field of flat numbers', () => fromArrays({ x: [1], c: new Float32Array(3) }), /shapes: \{ c: \[3\] \}/],
  ['a field called as a batch calls something', () => fromArrays({ x: [1], ids: [1] }), /batch\.ids says/],
  ['a field that records have not', () => fromRecords([{ x: 1 }], { fields: ['mask'] }), /the field 'mask'/],
  ['ids below 0', () => fromArrays({ x: [1] }, { ids: [-1] }), /-1 for example 0/],
  ['ids too large', () => fromRecords([{ id: 2 ** 31, x: 1 }], { id: 'id' }), /2147483648.*2147483647/],
  ['shares that are not there', () => split(ten()), /no shares/],
  ['a misspelt share', () => split(ten(), { train: 0.5, valid: 0.5 }), /Did you mean 'validation'/],
  ['a misspelt option of a split', () => split(ten(), { train: 1 }, { stratified: true }), /'stratify'/],
  ['a misspelt option of digits', () => digits({ sed: 1 }), /Did you mean 'seed'/],
  ['a misspelt option of iris', () => iris({ sed: 1 }), /'seed'/],
  ['a misspelt option of spool', () => spool(rows(), { target: 'y' }), /'target'/],
  ['nothing to compute with', () => fromFunction(10), /undefined.*=> \(\{ x, y \}\)/],
  ['an example without x', () => fromFunction(10, () => 5), /5 from make/],
  ['no sequences', () => pad('abc'), /'abc'.*array of sequences/],
]

test.each(refused)('%s: the error says what would fit', async (_name, make, message) => {
  const work = async () => make()
  await expect(work()).rejects.toThrow(gradbook.InputError)
  await expect(work()).rejects.toThrow(message)
})

test('a generator as data: the error names what lays it out', () => {
  expect(() => sources.toDataset(rows())).toThrow(/a Generator.*await spool\(records/)
})

test('numbers with spaces around them are numbers, text is kept as it stands', async () => {
  const data = await loadText('spaces.csv', 'a,y\n 1 , cat\n 2 ,cat\n')
  expect(data.x.dtype).toBe('float32')
  expect(data.classes).toEqual([' cat', 'cat'])
})

test('the lines of a text file are what the model gets, without a word', async () => {
  const data = await loadText('lines.txt', 'one\n\ntwo\r\n', {})
  expect([data.length, data.x.dtype, ...data.valuesAt(1).x]).toEqual([2, 'string', 'two'])
})
