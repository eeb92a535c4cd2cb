import { dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { createModules } from '../../../kernel/engine/modules/modules.js'
import { notebook } from '../cell/run.js'
import { writerIn } from '../../kit/files.js'
import { temporaryFolder } from '../../kit/files.js'

const home = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')

/** A notebook in a new folder with these files. */
function inFolder(files: { [name: string]: string } = {}) {
  const folder = temporaryFolder()
  const notes: string[] = []
  const write = writerIn(folder)
  for (const [name, text] of Object.entries(files)) write(name, text)
  const modules = createModules({ folder, home, note: (line) => notes.push(line) })
  return { folder, notes, write, modules, ...notebook(modules) }
}

/** A package in node_modules. */
const pack = (name: string, description: object, files: { [name: string]: string }) =>
  Object.fromEntries(
    Object.entries({
      'package.json': JSON.stringify({ name, version: '1.0.0', ...description }),
      ...files,
    }).map(([file, text]) => [`node_modules/${name}/${file}`, text]),
  )

test('built-in modules, by every kind of import', async () => {
  const { run } = inFolder()
  await run('import fs, { readFileSync as read } from "node:fs"; import * as path from "path"')
  expect(await run('[fs.readFileSync === read, path.join("a", "b")]')).toEqual([true, join('a', 'b')])
  expect(await run('(await import("node:os")).EOL.length > 0')).toBe(true)
  expect(await run('require("node:path") === path.default')).toBe(true)
})

test('packages of the notebook, ESM only, CommonJS and mixed', async () => {
  const { run } = inFolder({
    ...pack(
      'esm-only',
      { type: 'module', exports: { import: './i.js' } },
      { 'i.js': 'export const a = 1; export default 2' },
    ),
    ...pack('common', {}, { 'index.js': 'const f = () => 3; f.extra = 4; module.exports = f' }),
    ...pack(
      'both',
      { exports: { import: './i.mjs', require: './i.cjs' } },
      { 'i.mjs': 'export const kind = "esm"', 'i.cjs': 'exports.kind = "cjs"' },
    ),
  })
  await run(
    'import two, { a } from "esm-only"; import f, { extra } from "common"; import { kind } from "both"',
  )
  expect(await run('[a, two, f(), extra, kind, require("both").kind]')).toEqual([1, 2, 3, 4, 'esm', 'cjs'])
})

test('what the kernel brings is there in an empty folder, and is one instance', async () => {
  const { run } = inFolder()
  await run('import * as aq from "arquero"')
  expect(await run('aq.table({ a: [1, 2] }).numRows()')).toBe(2)
  expect(await run('require("@tensorflow/tfjs/package.json").version')).toBe('4.22.0')
  expect(await run('(await import("gradbook/package.json", { with: { type: "json" } })).default.name')).toBe(
    'gradbook',
  )
})

test('the copy in the folder comes before the one that the kernel brings', async () => {
  const { run } = inFolder(pack('arquero', {}, { 'index.js': 'exports.mine = true' }))
  expect(await run('import { mine } from "arquero"; mine')).toBe(true)
})

test('a package that is missing names the folder and the command', async () => {
  const { run, folder } = inFolder()
  await expect(run('import x from "@not/there/deep"')).rejects.toMatchObject({
    name: 'MissingPackage',
    message: expect.stringContaining('npm install @not/there'),
  })
  await expect(run('import x from "not-there"')).rejects.toThrow(folder)
  await expect(run('require("not-there")')).rejects.toMatchObject({ name: 'MissingPackage' })
})

test('a package that is missing inside a package is not taken for that package', async () => {
  const { run } = inFolder(pack('broken', { type: 'module' }, { 'index.js': 'import "gone"' }))
  await expect(run('import "broken"')).rejects.toThrow("Cannot find package 'gone'")
})

test('a package that was installed after it was missing is found', async () => {
  const { run, write } = inFolder()
  await expect(run('import "late"')).rejects.toThrow('late')
  for (const [file, text] of Object.entries(
    pack('late', { type: 'module', exports: './i.js' }, { 'i.js': 'export const a = 1' }),
  ))
    write(file, text)
  expect(await run('import { a } from "late"; a')).toBe(1)
})

test('local TypeScript, with or without its extension, or the one of its JavaScript', async () => {
  const { run } = inFolder({
    'a.ts':
      'import { b } from "./lib/b.js"\nexport const a: number = b + 1\nexport enum E { X = 5 }\nexport default class { n = a }',
    'lib/b.ts': 'import { c } from "."\nexport const b: number = c()',
    'lib/index.tsx': 'export function c(): number { return 40 }',
  })
  await run('import A, { a, E } from "./a"; import { b } from "./lib/b.ts"')
  expect(await run('[a, b, E.X, new A().n]')).toEqual([41, 40, 5, 41])
})

test('local JavaScript as ES module, as CommonJS and JSON', async () => {
  const { run } = inFolder({
    'esm.js':
      'export * from "./more.mjs"; export * as ns from "./more.mjs"; export { one as uno } from "./more.mjs"',
    'more.mjs': 'export const one = 1; export const two = () => one + 1',
    'common.cjs':
      'const path = require("path"); exports.here = path.basename(__filename); exports.sub = require("./sub.cjs")',
    'sub.cjs': 'module.exports = 7',
    'data.json': '{ "a": [1, 2] }',
  })
  await run(
    'import { one, two, ns, uno } from "./esm.js"; import common, { here } from "./common.cjs"; import data from "./data.json"',
  )
  expect(await run('[one, two(), ns.two(), uno, here, common.sub, data.a]')).toEqual([
    1,
    2,
    2,
    1,
    'common.cjs',
    7,
    [1, 2],
  ])
})

test('imports are live, and modules that import each other load', async () => {
  const { run } = inFolder({
    'a.ts':
      'import { isOdd } from "./b"\nexport let count = 0\nexport const up = () => ++count\nexport function isEven(n: number): boolean { return n === 0 || isOdd(n - 1) }',
    'b.ts':
      'import { isEven } from "./a"\nexport function isOdd(n: number): boolean { return n !== 0 && isEven(n - 1) }',
  })
  await run('import { count, up, isEven } from "./a"; import { isOdd } from "./b"')
  expect(await run('up(); up(); [count, isEven(10), isOdd(7)]')).toEqual([2, true, true])
})

test('an edited file is loaded anew with what depends on it, and a line says so', async () => {
  const { run, write, notes } = inFolder({
    'model.ts': 'import { width } from "./config"\nexport const describe = () => `model of ${width}`',
    'config.ts': 'export const width = 3',
    'other.ts': 'export const made = Math.random()',
  })
  await run(
    'import { describe } from "./model"; import { made } from "./other"; const before = made; const later = () => describe()',
  )
  expect(await run('describe()')).toBe('model of 3')
  write('config.ts', 'export const width = 4')
  expect(await run('[describe(), later(), made === before]')).toEqual(['model of 4', 'model of 4', true])
  expect(notes).toEqual(['re-loaded config.ts, model.ts'])
  expect(await run('later()')).toBe('model of 4')
  expect(notes).toHaveLength(1)
})

test('an edit with a mistake is told, what was imported stays, and the next edit mends all of it', async () => {
  const { run, write, notes } = inFolder({
    'a.ts': 'export const a = 1; export const gone = 2',
    'b.ts': 'import { a } from "./a"\nexport const b = `b${a}`',
  })
  await run('import { a, gone } from "./a"; import { b } from "./b"; const later = () => [a, b]')
  write('a.ts', 'export const a = 3\nexport const b = ;')
  expect(await run('later()')).toEqual([1, 'b1'])
  expect(notes).toEqual([
    'could not re-load a.ts: Unexpected token (line 2, column 18). What was imported from it stays as it was.',
  ])
  await expect(run('import { a } from "./a"')).rejects.toThrow('Unexpected token')
  expect(await run('later()')).toEqual([1, 'b1'])
  write('a.ts', 'export const a = 4; throw new Error("at load")')
  expect(await run('[...later(), gone]')).toEqual([1, 'b1', 2])
  write('a.ts', 'export const a = 5')
  expect(await run('later()')).toEqual([5, 'b5'])
  expect(notes.at(-1)).toBe('re-loaded a.ts, b.ts')
})

test('import.meta, require and __dirname are those of a file in the folder', async () => {
  const { run, folder } = inFolder({
    'a.ts': 'export const where = import.meta.dirname; export const load = () => import("./b")',
    'b.ts': 'export const b = 2',
  })
  expect(await run('[import.meta.dirname, __dirname, import.meta.url.startsWith("file:")]')).toEqual([
    folder,
    folder,
    true,
  ])
  expect(await run('import { where, load } from "./a"; [where, (await load()).b]')).toEqual([folder, 2])
})

test('elements from a package', async () => {
  const { run } = inFolder(
    pack(
      'elements',
      { type: 'module', exports: { './jsx-runtime': './j.js' } },
      { 'j.js': 'export const jsx = (tag, props) => ({ tag, ...props }), jsxs = jsx, Fragment = "fragment"' },
    ),
  )
  expect(await run('/** @jsxImportSource elements */\nconst name = "x"; <><b id={name}>hi</b></>')).toEqual({
    tag: 'fragment',
    children: { tag: 'b', id: 'x', children: 'hi' },
  })
})

test('import = require', async () => {
  const { run } = inFolder()
  expect(await run('import path = require("node:path"); path.sep.length')).toBe(1)
})

test('a file that is not there', async () => {
  const { run } = inFolder()
  await expect(run('import "./nope"')).rejects.toThrow("'./nope' was not found")
})

test('paths of the tsconfig.json next to the notebook', async () => {
  const { run } = inFolder({
    'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./lib/*"], "one": ["./lib/a.ts"] } } }',
    'lib/a.ts': 'export const a = 1',
    'b.ts': 'export { a as b } from "@/a"',
  })
  expect(
    await run('import { a } from "@/a"; import { a as c } from "one"; import { b } from "./b"; [a, b, c]'),
  ).toEqual([1, 1, 1])
})

test('a cell can be a file for others, and be changed', async () => {
  const { run, notes } = inFolder()
  await run(
    '/** @module shapes */\nexport const sides = (name: string): number => (name === "square" ? 4 : 3)',
  )
  expect(await run('import { sides } from "./shapes"; const f = () => sides("square"); f()')).toBe(4)
  await run('/** @module shapes */\nexport const sides = () => 5')
  expect(await run('f()')).toBe(5)
  expect(notes).toEqual(['re-loaded shapes.ts'])
})

test('the default of a CommonJS module that was an ES module is the one that its types speak of', async () => {
  const { run } = inFolder({
    ...pack(
      'compiled',
      {},
      {
        'index.js':
          'Object.defineProperty(exports, "__esModule", { value: true }); exports.default = class A { one() { return 1 } }; exports.two = 2',
      },
    ),
    'uses.ts': 'import A, { two } from "compiled"\nexport const three = new A().one() + two',
  })
  expect(await run('import A, { two } from "compiled"; new A().one() + two')).toBe(3)
  expect(await run('import { three } from "./uses"; three')).toBe(3)
})

test('what a module does not export is an error where it is used: it may be a type', async () => {
  const { run } = inFolder({
    ...pack('plain', { type: 'module' }, { 'index.js': 'export const a = 1, b = 2' }),
    'types.ts': 'export interface Point { x: number }\nexport const origin: Point = { x: 0 }',
  })
  expect(await run('import { Point, origin } from "./types"; const p: Point = origin; p')).toEqual({ x: 0 })
  await run('import { c, a } from "plain"; import whole from "plain"')
  expect(await run('a')).toBe(1)
  await expect(run('c')).rejects.toThrow("'plain' exports no 'c'. It exports a, b")
  await expect(run('whole')).rejects.toThrow("'plain' exports nothing as default")
})

test('a pasted script finds that it is the one that was started', async () => {
  const { run } = inFolder()
  expect(
    await run('let ran = false; if (require.main === module) ran = true; exports.ran = ran; module.exports'),
  ).toEqual({
    ran: true,
  })
  expect(await run('const module = 1, exports = 2; [module, exports, { module }]')).toEqual([
    1,
    2,
    { module: 1 },
  ])
})

test('import.meta.resolve gives addresses, of built-in modules their names', async () => {
  const { run, folder } = inFolder({ 'a.ts': 'export const at = import.meta.resolve("node:fs")' })
  const resolved =
    '["fs", "node:fs/promises", "./a.ts", "data:text/plain,x"].map((one) => import.meta.resolve(one))'
  expect(await run(resolved)).toEqual([
    'node:fs',
    'node:fs/promises',
    pathToFileURL(join(folder, 'a.ts')).href,
    'data:text/plain,x',
  ])
  expect(await run('import { at } from "./a"; at')).toBe('node:fs')
})

test('tslab displays', async () => {
  const { run } = inFolder()
  expect(
    await run(
      'import * as tslab from "tslab"; [Object.keys(tslab.display).length, typeof tslab.newDisplay().html, tslab.versions.node]',
    ),
  ).toEqual([11, 'function', process.version])
})

test('require of TypeScript beside the notebook, with what it requires, anew after an edit', async () => {
  const { run, write, folder } = inFolder({
    'a.ts':
      'import { two } from "./b"; import path from "node:path"; export const four: number = two + 2; export const sep = path.sep',
    'b.ts': 'export const two = 2 as const; export default class B<T> { constructor(readonly value: T) {} }',
    'late.ts': 'export const a = 1\nexport const b = await 2',
  })
  expect(await run('require("./a.ts").four')).toBe(4)
  expect(await run('new (require("./b").default)(5).value')).toBe(5)
  write('b.ts', 'export const two = 20')
  expect(await run('require("./a").four')).toBe(22)
  expect(await run(`require(${JSON.stringify(join(folder, 'a.ts'))}).sep`)).toBe(sep)
  await expect(run('require("./late.ts")')).rejects.toThrow(/await/)
})
