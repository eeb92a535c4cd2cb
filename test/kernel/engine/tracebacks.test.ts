import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { runInThisContext } from 'node:vm'
import { expect, test } from 'vitest'
import { cellFile, compileCell, createScope } from '../../../kernel/cell/index.js'
import { createModules } from '../../../kernel/engine/modules/modules.js'
import type { CellText } from '../../../kernel/errors/locate.js'
import { formatDiagnostics } from '../../../kernel/errors/problems.js'
import { formatError } from '../../../kernel/errors/tracebacks.js'
import { temporaryFolder } from '../../kit/files.js'

const home = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')

/** What a user reads when the last of these cells fails. */
async function failure(cells: string[], files: { [name: string]: string } = {}) {
  const folder = temporaryFolder()
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const modules = createModules({ folder, home })
  const scope = createScope()
  const known = new Map<number, CellText>()
  for (const [index, text] of cells.entries()) {
    const number = index + 1
    const { program, map } = compileCell({ number, text })
    known.set(number, { number, text, map })
    try {
      await runInThisContext(program, { filename: cellFile(number) })(scope, modules)
    } catch (error) {
      const { traceback, ...rest } = formatError(error, {
        cell: (n) => known.get(n),
        file: (path) => modules.sourceOf(path),
      })
      return { ...rest, folder, text: stripVTControlCharacters(traceback.join('\n')) }
    }
  }
  throw new Error('no cell failed')
}

test('an error names the cell, the line and the column, with the code', async () => {
  const { ename, evalue, text } = await failure([
    'const a = 1',
    'const b: number = 2\nthrow new RangeError("too far")',
  ])
  expect([ename, evalue]).toEqual(['RangeError', 'too far'])
  expect(text).toBe(
    [
      'RangeError: too far',
      '    at Cell [2], line 2, column 7',
      '',
      '  1 | const b: number = 2',
      '> 2 | throw new RangeError("too far")',
      '    |       ^',
    ].join('\n'),
  )
})

test('frames of several cells, with the names of their functions, and no others', async () => {
  const { text } = await failure([
    'const inner = (n: number) => {\n  throw new Error(`no ${n}`)\n}',
    'class A { run() { inner(3) } }',
    'await Promise.resolve()\nnew A().run()',
  ])
  expect(text.split('\n').filter((line) => line.includes(' at '))).toEqual([
    '    at inner Cell [1], line 2, column 9',
    '    at A.run Cell [2], line 1, column 19',
    '    at Cell [3], line 2, column 9',
  ])
})

test('V8 messages speak of the names that the user wrote', async () => {
  expect((await failure(['const x: any = 1', 'x()'])).evalue).toBe('x is not a function')
  expect((await failure(['const x: any = undefined; x.y.z'])).evalue).toBe(
    "Cannot read properties of undefined (reading 'y')",
  )
  expect((await failure(['nobody'])).evalue).toBe('nobody is not defined')
})

test('an import that fails points at the import', async () => {
  const { ename, text } = await failure(['const a = 1\nimport x from "not-there"'])
  expect(ename).toBe('MissingPackage')
  expect(text).toContain('Cell [1], line 2, column 1')
})

test('errors in imported TypeScript have its own lines', async () => {
  const { text, folder } = await failure(['import { f } from "./lib"\nf()'], {
    'lib.ts':
      'interface A { a: number }\ntype B = A\n\nexport function f(): B {\n  throw new Error("in lib")\n}\n',
  })
  expect(text).toContain(`at f ${join(folder, 'lib.ts')}, line 5, column 9`)
  expect(text).toContain('> 5 |   throw new Error("in lib")')
  expect(text).toContain('Cell [1], line 2, column 1')
})

test('a syntax error in an imported file names the file and the place', async () => {
  const { ename, text, folder } = await failure(['import "./lib"'], {
    'lib.ts': 'export const a = 1\nconst b = ;\n',
  })
  expect(ename).toBe('SyntaxError')
  expect(text).toContain(`${join(folder, 'lib.ts')}, line 2, column 11`)
  expect(text).toContain('> 2 | const b = ;')
})

test('the chain of causes and the parts of an AggregateError', async () => {
  const { text } = await failure([
    'throw new AggregateError([new TypeError("one"), new Error("two", { cause: new Error("three") })], "many", { cause: "why" })',
  ])
  for (const part of [
    'AggregateError: many',
    '1 of 2:',
    'TypeError: one',
    '2 of 2:',
    'Error: two',
    'Caused by:',
    'Error: three',
    'why',
  ])
    expect(text).toContain(part)
})

test('an error while disposing, and the one before it', async () => {
  const { text } = await failure([
    'using r = { [Symbol.dispose]() { throw new Error("in dispose") } }\nthrow new TypeError("in the cell")',
  ])
  for (const part of [
    'While disposing:',
    'Error: in dispose',
    'After:',
    'TypeError: in the cell',
    'Cell [1], line 2, column 7',
  ])
    expect(text).toContain(part)
})

test('a circle of causes ends', async () => {
  const { text } = await failure([
    'const a = new Error("a"); const b = new Error("b", { cause: a }); a.cause = b; throw a',
  ])
  expect(text.match(/Error: a/g)).toHaveLength(1)
})

test('of a long line the part around the place is shown', async () => {
  const { text } = await failure([
    `const a = [${'1, '.repeat(60)}2].map((n) => { if (n > 1) throw new Error() })\n// more`,
  ])
  const [line, caret] = text.split('\n').filter((part) => /^> 1|^ {4}\|/.test(part))
  expect(line!.length).toBeLessThan(130)
  expect(line!.slice(caret!.indexOf('^'))).toMatch(/^Error\(\) \}\)$|^new Error\(\) \}\)$/)
  expect(text).toContain(' line 1, column')
})

test('a recursion is one frame, with how often', async () => {
  const { text } = await failure(['const down = (n: number): number => down(n + 1) + 1', 'down(0)'])
  expect(text).toMatch(/ {4}at down Cell \[1\], line 1, column 37\n {4}… \d+ more of the same\n/)
})

test('what an error carries beside its message is shown, that of gradbook says all in it', async () => {
  const { text } = await failure(['import fs from "node:fs"', 'fs.readFileSync("/no/such")'])
  expect(text).toMatch(/\n\{ errno: -?\d+, code: 'ENOENT', syscall: 'open', path: '\/no\/such' \}$/)
  const own = 'class E extends Error { constructor(readonly code: number) { super("m") } }\nthrow new E(3)'
  expect((await failure([own])).text).toContain('\n{ code: 3 }')
  expect(
    (await failure(['import { train } from "gradbook"\ntrain({} as any, {} as any)'])).text,
  ).not.toContain('problem:')
})

test('functions without a name and getters are called nothing else', async () => {
  const { text } = await failure([
    'const o = { get x(): number { throw new Error() } }; [1].forEach(() => o.x)',
  ])
  expect(text.split('\n').filter((line) => line.includes(' at '))).toEqual([
    '    at get x Cell [1], line 1, column 37',
    '    at Cell [1], line 1, column 74',
    '    at Cell [1], line 1, column 58',
  ])
})

test('anything can be thrown', async () => {
  expect(await failure(['throw "plain"'])).toMatchObject({ evalue: 'plain' })
  expect(await failure(['throw undefined'])).toMatchObject({ evalue: 'undefined' })
  expect(await failure(['throw { code: 3 }'])).toMatchObject({ evalue: '{ code: 3 }' })
})

test('places are those of the user in every kind of syntax', async () => {
  const places: [string, string][] = [
    ['enum E { A }\nfunction f(this: any): void {\n  null!.x\n}; f()', 'line 3, column 9'],
    ['{ a: 1,\n  b: nobody }', 'line 2, column 6'],
    ['const a = 1;\na; nobody.x', 'line 2, column 4'],
    ['const { a, b } = { a: 1, get b(): number { throw new Error() } }', 'line 1, column 50'],
    [
      'const deco = (f: any, _: any) => f\nclass A {\n  @deco m() { throw new Error() }\n}\nnew A().m()',
      'line 3, column 21',
    ],
  ]
  for (const [cell, place] of places) expect((await failure([cell])).text.split('\n')[1]).toContain(place)
})

test('type errors are one error with their code and frame', () => {
  const text = 'const a: number = "x"'
  const place = { line: 1, column: 7, start: 6, end: 7 }
  const report = formatDiagnostics(
    [
      {
        code: 'TS2322',
        severity: 'error',
        message: "Type 'string' is not assignable to type 'number'.",
        place,
      },
    ],
    { number: 4, text },
  )
  expect(report.evalue).toBe("TS2322: Type 'string' is not assignable to type 'number'.")
  expect(stripVTControlCharacters(report.traceback.join('\n'))).toBe(
    [
      "TS2322: Type 'string' is not assignable to type 'number'.",
      '    at Cell [4], line 1, column 7',
      '',
      '> 1 | const a: number = "x"',
      '    |       ^',
    ].join('\n'),
  )
})

test('frames inside of packages are one line, an error in a required TypeScript file has its line', async () => {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 50
  const { text } = await failure([
    `import * as tf from '@tensorflow/tfjs'\ntf.tensor2d([[1, 2]]).matMul(tf.tensor2d([[1, 2]]))`,
  ])
  Error.stackTraceLimit = stackTraceLimit
  expect(text).toMatch(/\n {4}… \d+ frames in @tensorflow\/tfjs-core.*\n/)
  expect(text).not.toContain('node_modules')
  expect(text).toContain('at Cell [1], line 2, column')
  const required = await failure(['require("./broken.ts").go()'], {
    'broken.ts':
      'interface A { a: number }\nexport function go(): A {\n  throw new Error("from a file")\n}\n',
  })
  expect(required.text).toContain('broken.ts, line 3, column 9')
  expect(required.text).toContain('> 3 |   throw new Error("from a file")')
})
