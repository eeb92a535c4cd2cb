import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  error,
  result,
  startKernel,
  stream,
  temporaryFolder,
  text,
  useKernel,
  writerIn,
} from '../../kit/index.js'

/** An installed package. */
const pack = (name: string, description: object, files: { [name: string]: string } = {}) =>
  Object.fromEntries(
    Object.entries({
      'package.json': JSON.stringify({ name, version: '1.0.0', ...description }),
      ...files,
    }).map(([file, content]) => [`node_modules/${name}/${file}`, content]),
  )

const files: { [name: string]: string } = {
  'package.json': JSON.stringify({
    imports: {
      '#config': './config.ts',
      '#lib/*': './lib/*.ts',
      '#dep': 'plain',
      '#where': { browser: './browser.js', node: './node.js' },
      '#gone': './gone.ts',
    },
  }),
  'config.ts': 'export const config = { a: 1 }',
  'browser.js': 'export const where = "browser"',
  'node.js': 'export const where = "node"',
  'lib/x.ts': 'export const x: number = 2',
  'uses-names.ts': 'import { config } from "#config"\nexport const a = config.a',
  'assigned.ts': 'class Foo { static made = 3; a = 1 }\nexport = Foo',
  'object.ts': 'const object = { a: 1, b: "x" }\nexport = object',
  'mixed.ts':
    'import { sep } from "node:path"\nimport fs = require("node:fs")\nexport = { sep, read: typeof fs.readFileSync }',
  'required.ts': 'import Foo = require("./assigned")\nexport const n: number = new Foo().a',
  'types.d.ts': 'export interface Row { a: number }\nexport declare const value: number',
  'uses-types.ts': 'import { Row } from "./types"\nexport const row: Row = { a: 1 }',
  'bad.json': '{\n  "a": 1,\n  "b": }\n',
  'good.json': '\uFEFF{ "a": 1 }',
  'worker.ts':
    'import { parentPort, workerData } from "node:worker_threads"\nimport { x } from "./lib/x"\nimport { config } from "#config"\nenum E { A = 10 }\nconst more = await Promise.resolve(workerData as number)\nparentPort!.postMessage([x, config.a, E.A, more, import.meta.url.slice(-9)])',
  'failing.ts':
    'interface A {\n  a: 1\n}\nexport function fail(a: A) {\n  throw new Error("in a worker")\n}\nfail({ a: 1 })',
  ...pack(
    'plain',
    { type: 'module', exports: { types: './i.d.ts', default: './i.js' } },
    {
      'i.js': 'export const p = 1',
      'i.d.ts': 'export const p: number',
    },
  ),
  ...pack(
    'closed',
    {
      type: 'module',
      exports: { '.': './i.js', './feature/*': './feature/*.js', './browser': { browser: './i.js' } },
    },
    {
      'i.js': 'export const c = 1',
      'hidden.js': 'export const h = 1',
    },
  ),
  ...pack('only-import', { exports: { import: './i.mjs' } }, { 'i.mjs': 'export const a = 1' }),
  'node_modules/torn/package.json': '{ "name": "torn",, }',
  ...pack('no-entry', { main: './gone.js' }),
  ...pack('shapes', { types: './i.d.ts' }, { 'i.d.ts': 'export interface Shape { a: number }' }),
  ...pack(
    '@types/estree',
    { types: 'index.d.ts' },
    { 'index.d.ts': 'export interface Node { type: string }\nexport const made: number' },
  ),
}

const folder = temporaryFolder()
const write = writerIn(folder)
for (const [name, content] of Object.entries(files)) write(name, content)
const kernel = useKernel({ folder })
const worth = (title: string, cell: string, value: string) =>
  test(title, async () => {
    const { outputs } = await kernel.run(cell)
    expect(result(outputs) ?? text(outputs)).toBe(value)
  })
const fails = (title: string, cell: string, ...said: string[]) =>
  test(title, async () => {
    const { outputs } = await kernel.run(cell)
    const problem = error(outputs)?.text ?? ''
    for (const part of said) expect(problem).toContain(part)
    expect(problem).not.toContain('npm install')
  })

describe('a local file with export =', () => {
  worth('is the default', 'import Foo from "./assigned"; [new Foo().a, Foo.made]', '[ 1, 3 ]')
  worth('is required', 'import Bar = require("./assigned"); new Bar().a', '1')
  worth('has its names', 'import { b } from "./object"; b.toUpperCase()', "'X'")
  worth(
    'beside imports of both kinds',
    'import mixed from "./mixed"; mixed',
    "{ sep: '/', read: 'function' }",
  )
  worth('is required by a file', 'import { n } from "./required"; n.toFixed()', "'1'")
})

describe('imports of package.json', () => {
  worth('a file', 'import { config } from "#config"; config.a.toFixed()', "'1'")
  worth('a pattern', 'import { x } from "#lib/x"; x.toFixed()', "'2'")
  worth('conditions', 'import { where } from "#where"; where', "'node'")
  worth('a package', 'import { p } from "#dep"; p.toFixed()', "'1'")
  worth('in a file', 'import { a } from "./uses-names"; a', '1')
  worth('required', 'require("#config").config', '{ a: 1 }')
  worth('dynamic', '(await import("#lib/x")).x', '2')
  fails('a name that is none', 'import "#none"', "has no such name in 'imports'", "'#config', '#lib/*'")
  fails('a file that is not there', 'import "#gone"', 'gone.ts, which is not there')
})

describe('import.meta of a cell', () => {
  const url = (name: string) => `'file://${join(folder, name)}'`
  worth(
    'says where the notebook is',
    '[import.meta.dirname, import.meta.filename]',
    `[ '${folder}', '${join(folder, 'notebook.ts')}' ]`,
  )
  for (const [specifier, file] of [
    ['./lib/x.ts', 'lib/x.ts'],
    ['./lib/x', 'lib/x.ts'],
    ['#config', 'config.ts'],
    ['./not-there.ts', 'not-there.ts'],
    ['plain', 'node_modules/plain/i.js'],
    ['only-import', 'node_modules/only-import/i.mjs'],
    ['closed/feature/one', 'node_modules/closed/feature/one.js'],
  ] as const)
    worth(`resolves ${specifier}`, `import.meta.resolve("${specifier}")`, url(file))
  worth(
    "resolves Node's own",
    'import.meta.resolve("fs") + import.meta.resolve("node:os")',
    "'node:fsnode:os'",
  )
  fails('resolves nothing that is not exported', 'import.meta.resolve("closed/hidden")', 'does not export')
})

describe('a package that is there and does not offer what is asked says what it offers', () => {
  const said = [
    "'closed' is installed in",
    "does not export './hidden.js' to Node",
    "'closed', 'closed/feature/*'",
  ]
  fails('at its check', 'import { h } from "closed/hidden.js"', ...said)
  fails('imported', '// @check off\nawait import("closed/hidden.js")', ...said)
  fails('required', 'require("closed/hidden.js")', ...said)
  fails('for browsers alone', 'import "closed/browser"', "does not export './browser' to Node")
  fails('for import alone', 'require("only-import")', "offers '.' only to `import`")
  fails(
    'with a package.json that is none',
    'import "torn"',
    "'torn' is installed, but",
    'package.json is no JSON',
  )
  fails('without its entry', 'import "no-entry"', 'gone.js is not there')
  fails('without a file of it', 'import "closed/feature/none"', 'has no file', 'none.js')
  fails(
    'one that the kernel brings',
    'import "gradbook/none"',
    "does not export './none' to Node",
    "'gradbook/data'",
  )
  fails(
    'and Node, which has no such module',
    'import "node:none"',
    `Node ${process.versions.node} has no such module`,
  )
})

describe('types that are imported plainly', () => {
  worth(
    'of a package with nothing else',
    'import { Shape } from "shapes"; const s: Shape = { a: 1 }; s',
    '{ a: 1 }',
  )
  worth(
    'of a package whose types alone are installed',
    'import { Node } from "estree"; const n: Node = { type: "x" }; n.type',
    "'x'",
  )
  worth('of a file of declarations', 'import { Row } from "./types"; const r: Row = { a: 1 }; r', '{ a: 1 }')
  worth('in a file', 'import { row } from "./uses-types"; row.a', '1')
  test('are missing where they are used as values', async () => {
    const { outputs } = await kernel.run('import { made } from "estree"; made + 1')
    expect(error(outputs)!.text).toContain("the package 'estree' was not found")
    const declared = await kernel.run('import { value } from "./types"; value + 1')
    expect(error(declared.outputs)!.text).toContain("'./types' has declarations and no code")
  })
})

describe('JSON', () => {
  const broken = [
    'bad.json is broken at line 3, column 8',
    "expected a value, received '}'",
    `${folder}/bad.json, line 3, column 8`,
  ]
  fails('that is broken, imported', 'import bad from "./bad.json"; bad', ...broken)
  fails('with an attribute', 'import b from "./bad.json" with { type: "json" }; b', ...broken)
  fails('required', 'require("./bad.json")', ...broken)
  worth('with an attribute', 'import good from "./good.json" with { type: "json" }; good.a', '1')
  worth('with one, later', '(await import("./good.json", { with: { type: "json" } })).default.a', '1')
  worth('required', 'require("./good.json") === require("./good.json") && require("./good.json").a', '1')
})

describe('a Worker whose file is TypeScript', () => {
  const answer = "[ 2, 1, 10, 5, 'worker.ts' ]"
  const open =
    'import { Worker } from "node:worker_threads"; const ask = (w: Worker) => new Promise((resolve, reject) => w.on("message", resolve).on("error", reject));'
  worth(
    'by address',
    `${open} await ask(new Worker(new URL("./worker.ts", import.meta.url), { workerData: 5 }))`,
    answer,
  )
  worth('by path', `${open} await ask(new Worker("./worker.ts", { workerData: 5 }))`, answer)
  worth(
    'by the name that it is compiled to',
    `${open} await ask(new Worker("./worker.js", { workerData: 5 }))`,
    answer,
  )
  worth(
    'is a Worker as others are',
    `${open} const e = new Worker("require('node:worker_threads').parentPort.postMessage(1)", { eval: true }); [await ask(e), e instanceof Worker, Worker.name]`,
    "[ 1, true, 'Worker' ]",
  )
  fails(
    'fails at its own line',
    `${open} await ask(new Worker("./failing.ts"))`,
    'Error: in a worker',
    'failing.ts, line 5, column 9',
  )
})

test('a file that was removed says so once, and what was imported from it stays', async () => {
  write('gone-later.ts', 'export const g = 1')
  write('of-gone.ts', 'import { g } from "./gone-later"\nexport const u = g + 1')
  await kernel.run('import { g } from "./gone-later"; import { u } from "./of-gone"')
  rmSync(join(folder, 'gone-later.ts'))
  const first = await kernel.run('g + u')
  expect(stream(first.outputs)).toContain('gone-later.ts is not there any more')
  expect(result(first.outputs)).toBe('3')
  expect(text((await kernel.run('g + u')).outputs)).toBe('3')
  const { outputs } = await kernel.run('await import("./gone-later")')
  expect(error(outputs)!.text).toContain(`There is no such file in ${folder}`)
  write('gone-later.ts', 'export const g = 10')
  const back = await kernel.run('g + u')
  expect(stream(back.outputs)).toContain('re-loaded gone-later.ts, of-gone.ts')
  expect(result(back.outputs)).toBe('21')
})

test('a linked file and one of a linked folder are the module that they are, where that lies', async () => {
  const shared = temporaryFolder()
  mkdirSync(join(shared, 'lib'))
  writeFileSync(
    join(shared, 'lib/a.ts'),
    'import { other } from "../other"\nexport const counts = { n: other.length }',
  )
  writeFileSync(join(shared, 'other.ts'), 'export const other = "abc"')
  symlinkSync(join(shared, 'lib'), join(folder, 'linked'))
  symlinkSync(join(shared, 'lib/a.ts'), join(folder, 'a-link.ts'))
  const { outputs } = await kernel.run(
    'import { counts } from "./linked/a"; import { counts as same } from "./a-link"; [counts === same, counts.n.toFixed()]',
  )
  expect(result(outputs) ?? text(outputs)).toBe("[ true, '3' ]")
})

test('a file is required once, as in Node, and anew when it or what it requires was edited', async () => {
  write(
    'kept/counter.ts',
    'import { step } from "./step"\nexport let n = 0\nexport const up = () => (n += step)',
  )
  write('kept/step.ts', 'export const step = 1')
  write('kept/plain.cjs', 'const { inner } = require("./inner.cjs")\nmodule.exports = { inner, list: [] }')
  write('kept/inner.cjs', 'exports.inner = 1')
  const value = async (cell: string) => {
    const { outputs } = await kernel.run(cell)
    return result(outputs) ?? text(outputs)
  }
  expect(
    await value(
      'require("./kept/counter").up(); require("./kept/counter").up(); require("./kept/counter").n',
    ),
  ).toBe('2')
  expect(await value('require("./kept/counter").n')).toBe('2')
  expect(
    await value('const p1 = require("./kept/plain.cjs"); [p1 === require("./kept/plain.cjs"), p1.inner]'),
  ).toBe('[ true, 1 ]')
  write('kept/step.ts', 'export const step = 10')
  write('kept/inner.cjs', 'exports.inner = 2')
  expect(await value('require("./kept/counter").up()')).toBe('10')
  expect(await value('const p2 = require("./kept/plain.cjs"); [p1 === p2, p2.inner]')).toBe('[ false, 2 ]')
})

test('a package of the same workspace may be TypeScript', async () => {
  const shared = temporaryFolder()
  writeFileSync(
    join(shared, 'package.json'),
    '{ "name": "@here/core", "version": "1.0.0", "main": "./index.ts", "type": "module" }',
  )
  writeFileSync(join(shared, 'index.ts'), 'import { two } from "./two"\nexport const three: number = two + 1')
  writeFileSync(join(shared, 'two.ts'), 'export const two = 2')
  mkdirSync(join(folder, 'node_modules/@here'), { recursive: true })
  symlinkSync(shared, join(folder, 'node_modules/@here/core'))
  const { outputs } = await kernel.run('import { three } from "@here/core"; three.toFixed()')
  expect(result(outputs) ?? text(outputs)).toBe("'3'")
})

describe.skipIf(process.platform === 'win32')('a notebook in a folder called', () => {
  test.each([
    "Anna's notebooks",
    'say "hi"',
    'back\\slash',
    'a%20b 100%',
    'c# what?',
    'Übungen 日本 🎉',
    '[x]{y}(z)*',
    '$a`b~;&',
  ])('%s', async (name) => {
    const odd = join(temporaryFolder(), name)
    mkdirSync(odd)
    const beside = writerIn(odd)
    beside('a.ts', 'import { b } from "./sub/b"\nexport const a: number = b.length')
    beside('sub/b.ts', 'import { c } from "../c.js"\nexport const b = c')
    beside('c.ts', 'export const c = "abc"')
    beside('d.json', '{ "d": 1 }')
    beside('package.json', '{ "imports": { "#c": "./c.ts" } }')
    for (const [file, content] of Object.entries(files)) if (file.includes('/plain/')) beside(file, content)
    await using own = await startKernel({ folder: odd })
    const cell = `import { a } from './a'; import d from "./d.json"; import { c } from '#c'; [a.toFixed(), d.d, c, require('./a').a]`
    expect(result((await own.run(cell)).outputs)).toBe("[ '3', 1, 'abc', 3 ]")
    // Node itself refuses packages in a folder with a backslash.
    if (!name.includes('\\'))
      expect(result((await own.run('import { p } from "plain"; p.toFixed()')).outputs)).toBe("'1'")
    const { outputs } = await own.run("import { nope } from './a'; a.nothing")
    expect(error(outputs)!.text).toContain(`Module '"./a"' has no exported member 'nope'`)
    expect(error(outputs)!.text).toContain("Property 'nothing' does not exist on type 'number'")
    beside('c.ts', 'export const c = "abcd"')
    expect(result((await own.run('a.toFixed() + c')).outputs)).toBe("'4abcd'")
  })
})
