import { afterAll, describe, expect, test } from 'vitest'
import { writerIn } from '../../kit/files.js'
import { sources, tsconfigs, type Files } from '../../kit/tsconfigs.js'
import { temporaryFolder } from '../../kit/files.js'
import { session } from './session.js'

const sessions: ReturnType<typeof session>[] = []
afterAll(() => Promise.all(sessions.map(({ language }) => language.close())))

function inFolder(files: Files) {
  const folder = temporaryFolder()
  const write = writerIn(folder)
  for (const [name, text] of Object.entries(files)) write(name, text)
  const notebook = session(folder)
  sessions.push(notebook)
  return { ...notebook, write }
}

/** Cells that hold whatever a project has written down for its build, in one notebook. */
const cells = [
  'await Promise.resolve(1); for await (const n of [Promise.resolve(1)]) n.toFixed()',
  'import { readFileSync } from "node:fs"; import path from "path"; path.join("a", "b") + typeof readFileSync',
  'process.env["HOME"]; process.version.slice(1); const bytes: Uint8Array = Buffer.from("a")',
  'const answer = fetch; typeof answer; [3, 1].toSorted().at(-1); "a".replaceAll("a", "b")',
  'import { lib, Level } from "./lib"; lib.toFixed() + Level.High',
  'import { part } from "./src/part.js"; part.map((text) => text.toUpperCase())',
  'import { core } from "./src/core.ts"; core.toUpperCase()',
  'import { train, adam } from "gradbook"; const optimizer = adam({ learningRate: 1e-3 }); typeof train',
  'import * as tf from "@tensorflow/tfjs"; tf.tensor1d([1, 2]).dataSync().length',
  'const unused = 1; function also(unused: number) {}',
  'enum Mode { A = 1, B }; namespace Inner { export const a = Mode.B }; class P { constructor(private p = 1) {} }',
  'import fs = require("fs"); type T = typeof fs; import { Stats } from "node:fs"; let s: Stats | undefined',
]

describe.each(Object.entries(tsconfigs))('beside a tsconfig.json: %s', (_, files) => {
  test('cells are what they are elsewhere', async () => {
    const { language } = inFolder({ ...sources, ...files })
    for (const [index, text] of cells.entries()) {
      const problems = await language.check({ number: index + 1, text })
      expect(problems, text).toEqual([])
      language.commit({ number: index + 1, text })
    }
  })
})

const wrong = (title: string, options: object, cell: string, found: string[]) =>
  test(title, async () => {
    const { check } = inFolder({ ...sources, 'tsconfig.json': JSON.stringify({ compilerOptions: options }) })
    expect(await check(cell)).toEqual(found)
  })

describe('what it says of types holds', () => {
  wrong('strict', { strict: false }, 'const f = (a?: string) => a.length', [])
  wrong('strictNullChecks', { strictNullChecks: false }, 'const a: string = null', [])
  wrong('noImplicitAny', { noImplicitAny: true }, 'const f = (a) => a', ['TS7006 1:12'])
  wrong('noUncheckedIndexedAccess', { noUncheckedIndexedAccess: true }, '[1][0].toFixed()', ['TS2532 1:1'])
  wrong(
    'exactOptionalPropertyTypes',
    { exactOptionalPropertyTypes: true },
    'const a: { b?: 1 } = { b: undefined }',
    ['TS2375 1:7'],
  )
  wrong(
    'noImplicitOverride',
    { noImplicitOverride: true },
    'class A { a() {} }; class B extends A { a() {} }',
    ['TS4114 1:41'],
  )
  wrong('noImplicitReturns', { noImplicitReturns: true }, 'function f(a: number) { if (a) return 1 }', [
    'TS7030 1:10',
  ])
  wrong(
    'noFallthroughCasesInSwitch',
    { noFallthroughCasesInSwitch: true },
    'switch (Math.random()) { case 1: 1; case 2: }',
    ['TS7029 1:26'],
  )
  wrong(
    'noPropertyAccessFromIndexSignature',
    { noPropertyAccessFromIndexSignature: true },
    'process.env.HOME',
    ['TS4111 1:13'],
  )
  wrong(
    'useUnknownInCatchVariables',
    { useUnknownInCatchVariables: false },
    'try { 1 } catch (e) { e.message }',
    [],
  )
  wrong(
    'paths',
    { paths: { '@/*': ['./src/*'], exact: ['./lib'] } },
    'import { core } from "@/core"; import { lib } from "exact"; core.toFixed(); lib.trim()',
    ['TS2551 1:66', 'TS2339 1:81'],
  )
  wrong('baseUrl', { baseUrl: './src' }, 'import { core } from "core"; core.toFixed()', ['TS2551 1:35'])
  wrong('jsxFactory', { jsx: 'react', jsxFactory: 'h' }, '<b/>', ['TS2874 1:2'])
})

test('the one of a package that another folder extends has its paths from there', async () => {
  const { check } = inFolder({
    ...sources,
    'tsconfig.json': '{ "extends": "./configs/base.json" }',
    'configs/base.json':
      '{ "compilerOptions": { "paths": { "@/*": ["../src/*"], "~/*": ["${configDir}/src/*"] } } }',
  })
  expect(
    await check('import { core } from "@/core"; import { part } from "~/part"; core.nothing + part.nothing'),
  ).toEqual(['TS2339 1:68', 'TS2339 1:83'])
})

test('what it names as types is there beside those of Node', async () => {
  const types = { 'package.json': '{ "name": "x", "version": "1.0.0" }' }
  const { check } = inFolder({
    'tsconfig.json': '{ "compilerOptions": { "types": ["mine", "tool/client", "./own", "not-there"] } }',
    'node_modules/mine/package.json': types['package.json'],
    'node_modules/mine/index.d.ts': 'declare const MINE: number',
    'node_modules/tool/package.json': types['package.json'],
    'node_modules/tool/client.d.ts': 'declare const CLIENT: string',
    'own.d.ts': 'declare const OWN: 1',
  })
  expect(await check('MINE.toFixed() + CLIENT.trim() + OWN + process.pid + Buffer.from("a").length')).toEqual(
    [],
  )
})

test('an alias of what is not there says which file it is', async () => {
  const { language, folder } = inFolder({
    'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }',
  })
  const [problem] = await language.check({ number: 1, text: 'import "@/nope"' })
  expect(problem!.message).toContain(`it is ${folder}/src/nope, which is not there`)
  expect(problem!.message).not.toContain('npm')
})

describe('a broken one', () => {
  const told = (title: string, files: Files, said: object) =>
    test(title, async () => {
      const { language } = inFolder(files)
      const problems = await language.check({ number: 1, text: '1' })
      expect(problems).toMatchObject([{ severity: 'warning', ...said }])
      expect(await language.check({ number: 2, text: '2' })).toEqual([])
    })
  told(
    'that is no JSON',
    { 'tsconfig.json': '{\n  "compilerOptions": {\n    "strict" true\n  }\n}' },
    {
      code: 'tsconfig.json',
      message: "expected ':', received 'true'",
      place: { line: 3, column: 14 },
      file: expect.stringMatching(/tsconfig\.json$/),
    },
  )
  told(
    'that ends too early',
    { 'tsconfig.json': '{ "compilerOptions": { "strict": ' },
    {
      message: 'expected a value, received the end',
    },
  )
  told(
    'that extends what is not there',
    { 'tsconfig.json': '{\n "extends": "@tsconfig/gone/tsconfig.json" }' },
    {
      message: `'extends': "@tsconfig/gone/tsconfig.json" was not found`,
      place: { line: 2, column: 2 },
    },
  )
  told(
    'whose base is broken',
    { 'tsconfig.json': '{ "extends": "./b.json" }', 'b.json': '{ "compilerOptions": [ }' },
    {
      code: 'b.json',
      message: "expected a value, received '}'",
      place: { line: 1, column: 24 },
    },
  )
  told(
    'that extends itself',
    { 'tsconfig.json': '{ "extends": "./b" }', 'b.json': '{ "extends": "./tsconfig.json" }' },
    {
      message: `'extends': './tsconfig.json' builds on this file itself`,
    },
  )
  told(
    'with a value that an option cannot have',
    { 'tsconfig.json': '{ "compilerOptions": { "strict": "yes" } }' },
    {
      message: `'strict': expected true or false, received "yes"`,
      place: { line: 1, column: 24 },
    },
  )
  told(
    'with paths that are none',
    { 'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": "./src/*" } } }' },
    {
      message: expect.stringContaining(`'paths': expected an object of lists of paths`),
    },
  )
})

test('one that comes to be, is edited, broken, mended and removed is followed', async () => {
  const { check, write, folder } = inFolder({})
  const cell = 'const at = (list: number[]) => list[0].toFixed()'
  expect(await check(cell)).toEqual([])
  write('tsconfig.json', '{ "compilerOptions": { "noUncheckedIndexedAccess": true } }')
  expect(await check(cell)).toEqual(['TS2532 1:32'])
  write('tsconfig.json', '{ "compilerOptions": { "noUncheckedIndexedAccess": false } }')
  expect(await check(cell)).toEqual([])
  write('tsconfig.json', '{ "compilerOptions": { "noUncheckedIndexedAccess": true, "extends }')
  expect(await check(cell)).toEqual(['tsconfig.json 1:58'])
  write('base.json', '{ "compilerOptions": { "noUncheckedIndexedAccess": true } }')
  write('tsconfig.json', '{ "extends": "./base" }')
  expect(await check(cell)).toEqual(['TS2532 1:32'])
  write('base.json', '{ }')
  expect(await check(cell)).toEqual([])
  write('base.json', '{ "compilerOptions": { "noUncheckedIndexedAccess": true } }')
  expect(await check(cell)).toEqual(['TS2532 1:32'])
  const { rmSync } = await import('node:fs')
  rmSync(`${folder}/tsconfig.json`)
  expect(await check(cell)).toEqual([])
})

const oldNode = (version: string) => ({
  'node_modules/@types/node/package.json': `{ "name": "@types/node", "version": "${version}", "types": "index.d.ts" }`,
  'node_modules/@types/node/index.d.ts':
    'declare class Buffer extends Uint8Array { static from(text: string): Buffer; old: 1 }\ndeclare var process: { old: 1 }\ndeclare module "fs" { export const old: 1 }',
  'node_modules/uses-node/package.json': '{ "name": "uses-node", "version": "1.0.0", "types": "i.d.ts" }',
  'node_modules/uses-node/i.d.ts': '/// <reference types="node" />\nexport const bytes: Buffer',
})

test.each(['12.20.55', '16.18.126', '18.19.130', '99.0.0'])(
  'types of Node %s beside the notebook do not stand in for those of the Node that runs',
  async (version) => {
    const { check } = inFolder(oldNode(version))
    expect(await check('const bytes: Uint8Array = Buffer.from("a"); bytes.toHex')).toEqual(['TS2339 1:51'])
    expect(await check('import { bytes as b } from "uses-node"; const c: Uint8Array = b; b.old')).toEqual([
      'TS2339 1:68',
    ])
    expect(await check('process.versions.node; import { readFileSync } from "fs"')).toEqual([])
  },
)
