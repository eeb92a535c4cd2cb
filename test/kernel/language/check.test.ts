import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { session } from './session.js'

const sessions: ReturnType<typeof session>[] = []
afterAll(() => Promise.all(sessions.map(({ language }) => language.close())))

/** The problems of the last of some cells; the others have none. */
const finds = (title: string, cells: string[], expected: string[]) =>
  test(title, async () => {
    const notebook = session()
    sessions.push(notebook)
    for (const cell of cells.slice(0, -1)) expect(await notebook.check(cell)).toEqual([])
    expect(await notebook.check(cells.at(-1)!)).toEqual(expected)
  })

finds('a wrong type, with its place', ['const a = 1\nconst b: string = a'], ['TS2322 2:7'])
finds('types flow from cell to cell', ['const a = [1, 2]', 'const b: string[] = a'], ['TS2322 1:7'])
finds('a let keeps its type and can be assigned', ['let x = 1', 'x = 2', 'x = "no"'], ['TS2322 1:1'])
finds('a const cannot be assigned', ['const x = 1', 'x = 2'], ['TS2588 1:1'])
finds(
  'the latest declaration counts',
  ['const a = 1', 'const a = "s"', 'a.toUpperCase()', 'a.toFixed()'],
  ['TS2551 1:3'],
)
finds(
  'a list that starts empty and a variable that starts as null take what they are given, here and in later cells',
  [
    'const losses = []; for (let i = 0; i < 3; i++) losses.push(i)\nlet best = null\nbest = losses.map((loss) => loss * 2)[0]\nbest.toFixed(1)',
    'losses.push(1); best = "text"; const text: string = best',
    'let none\nnone = [1]\nnone.map((n) => n.toFixed())',
    'export const kept = [], other = null; kept.push(1); export let last = null; last = 3; last.toFixed()',
    'kept.push(2); last = "s"',
    'const n = []; n.push("s"); n[0].toFixed()',
  ],
  ['TS2551 1:33'],
)
finds(
  'what a cell adds to global types and to those of modules stays',
  [
    'declare global { interface String { shout(): string } var loud: number }\nString.prototype.shout = () => "!"',
    'declare module "node:fs" { interface Stats { mood: string } }',
    'declare global { interface String { shout(): string } var loud: number }',
    'import { statSync } from "node:fs"\nconst all = "a".shout() + loud.toFixed() + statSync(".").mood.length',
    '"a".whisper()',
  ],
  ['TS2339 1:5'],
)
finds(
  'elements are made by what an earlier cell declared',
  [
    'const React = { createElement: (tag: string) => tag }; declare global { namespace JSX { interface IntrinsicElements { p: {} } } }',
    'const made: string = <p/>',
    'const wrong = <q/>',
  ],
  ['TS2339 1:15'],
)
finds(
  'a cell that is a file has the options and the globals of cells, and finds what lies beside it',
  [
    '/** @module parts/one */\nexport const one = (n) => { display(n); return 1 }',
    '/** @module parts/two */\nimport { one } from "./one"\nexport const two: number = one(2) + 1',
    'import { two } from "./parts/two"; const s: string = two',
  ],
  ['TS2322 1:42'],
)
finds(
  'what has no type may be anything',
  ['const f = (a, { b }, ...rest) => a; const o = { a: 1 }; o["b"]; const g = (n) => n && g(n - 1)'],
  [],
)
finds(
  'redeclaring anything is no conflict',
  [
    'const a = 1; let b = 1; class C {} function f() {}; enum E { A }; type T = 1; interface I { a: 1 }; namespace N { export const q = 1 }',
    'const a = 2; let b = 2; class C {} function f() {}; enum E { A }; type T = 2; interface I { a: 2 }; namespace N { export const q = 2 }',
    'const i: I = { a: 2 }; const t: T = 2; N.q === 2',
  ],
  [],
)
finds(
  'a cell that runs again does not conflict with itself',
  ['class A { n = 1 }; const a = new A()', 'class A { n = 1 }; const a = new A()', 'const b: A = a'],
  [],
)
finds(
  'classes, enums, generics and namespaces cross cells',
  [
    'class Box<T> { constructor(public v: T) {} }; enum E { A, B }; namespace N { export type Z = string; export const q = 1 }; type F<T> = (x: T) => T',
    'const b = new Box(E.A); const z: N.Z = "a"; const f: F<number> = (x) => x + N.q; b.v = E.B',
    'b.v = "no"',
  ],
  ['TS2322 1:1'],
)
finds(
  'imports of an earlier cell',
  [
    'import * as path from "node:path"; import { readFileSync as read } from "fs"',
    'path.join("a", 1); read(path.sep)',
  ],
  ['TS2345 1:16'],
)
finds('an implicit any is fine', ['const f = (a, b) => a + b'], [])
finds('strict otherwise', ['const f = (a?: string) => a.length'], ['TS18048 1:27'])
finds(
  'top-level await and for await',
  ['const a = await Promise.resolve(1); for await (const x of [a]) { x.toFixed() }'],
  [],
)
finds('an object alone', ['{ a: 1, b: 2 }'], [])
finds('an error inside an object alone', ['{ a: 1, b: nobody }'], ['TS2304 1:12'])
finds(
  'the globals of a cell are typed',
  [
    'display(html("<b>x</b>"), { display_id: 3 }); host.interrupt.aborted; clearOutput({ wait: true }); prompt("a")',
  ],
  ['TS2322 1:29'],
)
finds('a global can be shadowed', ['const display = 3', 'const x: string = display'], ['TS2322 1:7'])
finds('node types', ['process.argv.map((a) => a.length); Buffer.from("a").toStrin()'], ['TS2551 1:53'])
finds(
  'what TensorFlow.js takes of WebGPU is what browsers declare',
  [
    'import * as tf from "@tensorflow/tfjs"; const buffer: GPUBuffer = null!',
    'tf.tensor({ buffer }); buffer.size.toFixed(); tf.tensor({ buffer: 5 })',
  ],
  ['TS2345 1:57'],
)
finds(
  'the libraries that the kernel brings',
  [
    'import * as tf from "@tensorflow/tfjs"; import * as aq from "arquero"',
    'tf.tensor([1, 2]).shape.length; tf.nothing',
  ],
  ['TS2339 1:36'],
)
finds('a missing package', ['import x from "not-there"'], ['TS2307 1:15'])
finds('check off', ['// @check off\nconst a: number = "s"'], [])
finds('@ts-expect-error', ['// @ts-expect-error\nconst a: number = "s"'], [])
finds('@ts-nocheck', ['// @ts-nocheck\nconst a: number = "s"'], [])
finds(
  'JSX by pragma',
  [
    'const h = (tag: string, props: any) => ({ tag, props })',
    '/** @jsx h */\nconst el = <div id="x">hi</div>',
    'el.nothing',
  ],
  [],
)
finds('a syntax error', ['const a = ;'], ['TS1109 1:11'])
finds(
  'a value and a type of one name',
  ['interface A { n: number }; const A = { make: (): A => ({ n: 1 }) }', 'const a: A = A.make(); a.n = "x"'],
  ['TS2322 1:24'],
)
finds(
  'an older function keeps the types that it was written with',
  ['type T = number; const f = (x: T) => x', 'type T = string', 'f("a")'],
  ['TS2345 1:3'],
)
finds(
  'more cells than there is room for at first',
  [
    ...Array.from({ length: 40 }, (_, i) => `const v${i % 20} = ${i}; class K${i % 7} {}`),
    'v19 + v0; new K6(); v3 = 1',
  ],
  ['TS2588 1:21'],
)

finds(
  'a cell that is a file is seen by those that import it, and sees no names of cells',
  [
    'const a = 1',
    '/** @module shapes */\nexport const sides: number = 4; export type Name = "square"',
    'import { sides, type Name } from "./shapes"; const n: Name = "square"; const s: string = sides',
  ],
  ['TS2322 1:78'],
)
finds(
  'a cell that is a file is checked',
  ['const a = 1', '/**\n * @module shapes\n */\nexport const sides: number = a'],
  ['TS2304 4:30'],
)
finds(
  'a cell for the browser stands apart',
  ['const a = 1', '/** @browser */\nconst a: HTMLElement = document.body; a.nothing'],
  ['TS2339 2:41'],
)

test('warn shows problems and does not stop the cell', async () => {
  const notebook = session()
  sessions.push(notebook)
  const problems = await notebook.language.check({ number: 1, text: '// @check warn\nconst a: number = "s"' })
  expect(problems).toMatchObject([{ severity: 'warning', code: 'TS2322' }])
})
test('a missing package names the folder and the command', async () => {
  const notebook = session()
  sessions.push(notebook)
  const [problem] = await notebook.language.check({ number: 1, text: 'import "not-there"' })
  expect(problem!.message).toContain(notebook.folder)
  expect(problem!.message).toContain('npm install not-there')
})

test('the hundredth cell is checked as the first one is', async () => {
  const long = session()
  for (let k = 0; k < 100; k++)
    expect(await long.check(`const name${k} = (a, b) => display(a ?? process.pid)`), `${k}`).toEqual([])
  expect(await long.check('name0(1, 2).id.length; name99(1, 2).nothing; require("node:path")')).toEqual([
    'TS2339 1:37',
  ])
  await long.language.close()
})

test('what cannot be imported says what can be done', async () => {
  const { language, folder } = session()
  writeFileSync(join(folder, 'notes.txt'), 'hi')
  const help = async (specifier: string) => {
    const [problem] = await language.check({ number: 1, text: `import x from '${specifier}'` })
    return problem?.message.split('\n').at(-1)
  }
  expect(await help('npm:lodash@4')).toBe("Install it with `%npm install lodash@4` and import 'lodash'.")
  expect(await help('https://esm.sh/x')).toContain('install the package with `%npm install')
  expect(await help('./notes.txt')).toContain("read it with readFileSync of 'node:fs'")
  expect(await help('./nothing')).toBe(`There is no such file in ${folder}.`)
  expect(await help(pathToFileURL(join(folder, 'nothing.ts')).href)).toBe(
    `There is no such file in ${folder}.`,
  )
  await language.close()
})
