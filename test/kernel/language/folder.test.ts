import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createLanguage } from '../../../kernel/language/language.js'
import { writerIn } from '../../kit/files.js'
import { temporaryFolder } from '../../kit/files.js'
import { session } from './session.js'

const sessions: ReturnType<typeof session>[] = []
afterAll(() => Promise.all(sessions.map(({ language }) => language.close())))

/** A notebook in a folder with these files. */
function inFolder(files: { [name: string]: string } = {}) {
  const folder = temporaryFolder()
  const write = writerIn(folder)
  for (const [name, text] of Object.entries(files)) write(name, text)
  const notebook = session(folder)
  sessions.push(notebook)
  return { ...notebook, write }
}

test('types of files beside the notebook and above it', async () => {
  const { check } = inFolder({
    'lib/a.ts': 'export const a: string = "a"',
    'data.json': '{ "n": 1 }',
    'old.js': 'export const f = (x) => x.length',
  })
  expect(
    await check(
      'import { a } from "./lib/a"; import { a as b } from "./lib/a.ts"; import data from "./data.json"; import { f } from "./old.js"',
    ),
  ).toEqual([])
  expect(await check('const x: number = a; const y: string = data.n; f("a")')).toEqual([
    'TS2322 1:7',
    'TS2322 1:28',
  ])
})

test('a path means what it says, whatever lies in the folders around', async () => {
  const above = temporaryFolder()
  writeFileSync(join(above, 'near.ts'), 'export const a = 1')
  mkdirSync(join(above, 'nb/lib'), { recursive: true })
  writeFileSync(join(above, 'nb/lib.ts'), 'export const lib = "beside"')
  writeFileSync(join(above, 'lib.ts'), 'export const lib = 1')
  const notebook = session(join(above, 'nb'))
  sessions.push(notebook)
  expect(await notebook.check('import { a } from "./near"')).toEqual(['TS2307 1:19'])
  expect(
    await notebook.check(
      'import { lib } from "../lib"; const n: number = lib; (await import("./lib")).lib.length',
    ),
  ).toEqual([])
  const [problem] = await notebook.language.check({
    number: 1,
    text: 'const x = 1; import "./nope"; const y: string = x',
  })
  expect(problem).toMatchObject({ place: { column: 21 }, message: expect.stringContaining("'./nope'") })
})

test('an edited file has its new types, and so has what it imports', async () => {
  const { check, write } = inFolder({ 'a.ts': 'export { b as a } from "./b"', 'b.ts': 'export const b = 1' })
  expect(await check('import { a } from "./a"')).toEqual([])
  expect(await check('a.toFixed()')).toEqual([])
  write('b.ts', 'export const b = "now a string"')
  expect(await check('a.toUpperCase()')).toEqual([])
})

test('files and folders complete, and nothing of ours', async () => {
  const { complete } = inFolder({ 'lib/helper.ts': 'export const h = 1', 'model.ts': '', 'data.json': '{}' })
  const names = async (text: string) => (await complete(text)).items.map((item) => item.text)
  expect(await names('import "./|')).toEqual(['data.json', 'lib', 'model'])
  expect(await complete('import { h } from "./lib/he|lper"')).toMatchObject({
    start: 25,
    end: 31,
    items: [{ text: 'helper', type: 'file' }],
  })
})

test('a file that is made after it was missing', async () => {
  const { check, write } = inFolder()
  expect(await check('import { late } from "./late"')).toEqual(['TS2307 1:22'])
  write('late.ts', 'export const late = 1')
  expect(await check('import { late } from "./late"')).toEqual([])
})

const files = (type: string) => ({
  'node_modules/pack/package.json':
    '{ "name": "pack", "version": "1.0.0", "type": "module", "exports": { ".": { "types": "./i.d.ts", "default": "./i.js" } } }',
  'node_modules/pack/i.d.ts': `export const value: ${type}`,
})

test('types of the packages of the notebook', async () => {
  const { check } = inFolder(files('string'))
  expect(await check('import { value } from "pack"; const n: number = value')).toEqual(['TS2322 1:37'])
})

test('a file that comes to be is news to the cells of the editor, which are as they were', async () => {
  const { language, write } = inFolder()
  const codes = async () =>
    (
      await language.diagnose([{ id: 'a', text: "import { layers } from './model'; layers.toFixed()" }])
    ).flatMap(({ diagnostics }) => diagnostics.map(({ code }) => code))
  expect(await codes()).toEqual(['TS2307'])
  write('model.ts', 'export const layers = 1')
  expect(await codes()).toEqual([])
  write('model.ts', 'export const layers = "one"')
  expect(await codes()).toEqual(['TS2551'])
})

test('a package that is installed after it was missing', async () => {
  const { check, write } = inFolder()
  expect(await check('import { value } from "pack"')).toEqual(['TS2307 1:23'])
  for (const [name, text] of Object.entries(files('number'))) write(name, text)
  expect(await check('import { value } from "pack"; value.toFixed()')).toEqual([])
})

test('a cell that installs a package may import it', async () => {
  const { check } = inFolder()
  expect(await check('%npm install pack\nimport { value } from "pack"')).toEqual([])
  expect(await check('%npm install ./pack\nimport { value } from "pack"')).toEqual([])
  expect(
    await check('%npm i --save-dev @a/b@1 pack@^2.0.0\nimport { value } from "pack"; import "@a/b/c"'),
  ).toEqual([])
  expect(await check('%npm install other\nimport { value } from "pack"')).toEqual(['TS2307 2:23'])
})

test('elements from a package', async () => {
  const { check } = inFolder({
    'node_modules/elements/package.json':
      '{ "name": "elements", "version": "1.0.0", "exports": { "./jsx-runtime": { "types": "./j.d.ts", "default": "./j.js" } } }',
    'node_modules/elements/j.d.ts':
      'export namespace JSX { interface IntrinsicElements { b: { id?: string } } }\nexport function jsx(): 1',
  })
  expect(await check('/** @jsxImportSource elements */\nconst e = <b id="x">hi</b>')).toEqual([])
  expect(await check('/** @jsxImportSource elements */\n<b od="x" />')).toEqual(['TS2322 2:4'])
  expect(
    await check('%npm install other\n/** @jsxImportSource other */\nconst f = <><b id="x">hi</b></>'),
  ).toEqual([])
})

test("the notebook's own tsconfig.json is respected", async () => {
  const loose = inFolder({
    'tsconfig.json': '// mine\n{ "compilerOptions": { "strict": false, "paths": { "@/*": ["./lib/*"] } }, }',
    'lib/a.ts': 'export const a = 1',
  })
  expect(
    await loose.check('const f = (a?: string) => a.length; import { a } from "@/a"; a.toFixed()'),
  ).toEqual([])
  loose.write('lib/a.ts', 'export const a = "text"')
  expect(await loose.check('a.toUpperCase()')).toEqual([])
  const implicit = inFolder({
    'tsconfig.json': '{ "compilerOptions": { "noImplicitAny": true, "noUnusedLocals": true } }',
  })
  expect(await implicit.check('const f = (a) => a')).toEqual(['TS7006 1:12'])
})

test('a tsconfig.json that cannot be read is told once, and changes nothing else', async () => {
  const { check } = inFolder({ 'tsconfig.json': '{ "compilerOptions": { "strict": ' })
  expect(await check('const a: number = "s"')).toEqual(['tsconfig.json 1:34', 'TS2322 1:7'])
  expect(await check('const b: number = "s"')).toEqual(['TS2322 1:7'])
})

test('problems of the whole notebook as it stands, in order', async () => {
  const { language } = inFolder()
  const answer = await language.diagnose([
    { id: 'a', text: 'const a = 1' },
    { id: 'b', text: 'a.toUpperCase()' },
    { id: 'c', text: 'qzxw' },
    { id: 'd', text: 'const qzxw: string = a' },
    { id: 'e', text: '// @check off\nnobody' },
    { id: 'f', text: 'const a = "s"; a.toUpperCase()' },
  ])
  expect(answer.map(({ id, diagnostics }) => [id, ...diagnostics.map(({ code }) => code)])).toEqual([
    ['a'],
    ['b', 'TS2339'],
    ['c', 'TS2304'],
    ['d', 'TS2322'],
    ['e'],
    ['f'],
  ])
  const again = await language.diagnose([
    { id: 'b', text: 'const a = "now"' },
    { id: 'a', text: 'a.toUpperCase()' },
  ])
  expect(again.flatMap(({ diagnostics }) => diagnostics)).toEqual([])
})

test('without TypeScript cells are not checked, and the first one says so', async () => {
  const language = createLanguage({ folder: temporaryFolder(), home: temporaryFolder() })
  sessions.push({ language } as ReturnType<typeof session>)
  const first = await language.check({ number: 1, text: 'const a: number = "s"' })
  expect(first).toMatchObject([{ severity: 'warning', message: expect.stringContaining('were not checked') }])
  language.commit({ number: 1, text: 'const a: number = "s"' })
  expect(await language.check({ number: 2, text: 'a' })).toEqual([])
  expect((await language.complete('a.', 2)).items).toEqual([])
  expect(await language.inspect('a', 0)).toBeUndefined()
})
