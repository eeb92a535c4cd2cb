import { describe, expect, test } from 'vitest'
import { compileCell } from '../../../kernel/cell/index.js'
import { CellSyntaxError } from '../../../kernel/cell/syntax-error.js'

/** Where the first problem of a text is told, and what. */
function problemOf(text: string): { line: number; column: number; message: string } {
  try {
    compileCell({ number: 1, text })
  } catch (error) {
    const [{ place, message }] = (error as CellSyntaxError).diagnostics as [
      CellSyntaxError['diagnostics'][number],
    ]
    return { line: place.line, column: place.column, message }
  }
  throw new Error('it is no mistake')
}

/** A call over 40 lines in which one has no comma at its end. */
const long = (without: number): string =>
  `train(model, {\n${Array.from({ length: 38 }, (_, line) => `  key${line}: ${line}${line + 2 === without ? '' : ','}`).join('\n')}\n})`

/** Slips of the keyboard, with the line at which TypeScript 7's own parser tells each (the column where ours is the same). */
const slips: [text: string, line: number, column?: number][] = [
  ['foo({\n  a: 1,\n  b: 2\n  c: 3,\n})', 4, 3],
  [long(4), 5, 3],
  [long(33), 34, 3],
  ['const a = [1, 2\n  3, 4]', 2, 3],
  ['f(1\n 2)', 2, 2],
  ['const o = {\n a: 1,\n b: 2\n c: 3\n}', 4, 2],
  ['const o = {\n a: 1;\n b: 2 }', 2, 6],
  ['const o = {\n a = 1\n}', 2],
  ['function f() {\n  return 1\n', 3, 1],
  ['if (true) {\n  1\n', 3, 1],
  ['const x = (1 +\n 2', 2, 3],
  ['f(1,\n 2', 2, 3],
  ['const a = 1\nconst s = "abc\nconst t = 1', 2],
  ["const s = 'abc", 1],
  ['const a = 1\nconst f = (a, b) {\n  return a\n}', 2],
  ['const f = (a) > a + 1\n)', 2, 1],
  ['1 + 2)', 1, 6],
  ['const a = 1\n}\nconst b = 2', 2, 1],
  ['else { 1 }', 1, 1],
  ['if (true) 1\nelse else 2', 2, 6],
  ['function f() {\n await g() }', 2, 2],
  ['const f = () =>\n await g()', 2, 2],
  ['let x: = 1', 1, 8],
  ['const = 5', 1, 7],
  ['for (let i = 0, i < 3, i++) {}', 1, 19],
  ['for (const x on [1]) {}', 1, 14],
  ['while true {}', 1, 7],
  ['switch (1) {\n case 1 console.log(1) }', 2, 9],
  ['class A {\n a: 1,\n b: 2 }', 2, 6],
  ['class A {\n constructor() { }\n method( { } }', 3],
  ['import {\n a from "x"', 2, 4],
  ['const x =\n ;', 2, 2],
  ['const a = 1\na.b.', 2, 5],
  ['try {\n 1 }', 2],
  ['const a = 1,\n\nb = ', 3, 5],
  ['enum A {\n a = 1\n b }', 3, 2],
  ['console.log("a"\n "b")', 2, 2],
  ['f(a,\n , b)', 2, 2],
  ['const a = { b: { c: 1 },\n d: [1, 2 }', 2, 11],
  ['if (a) { }\n }', 2, 2],
  ['const e = <div>\n</span>', 2],
]

describe('a slip is told where it is', () => {
  test.each(slips)('%j', (text, line, column) => {
    const found = problemOf(text)
    expect(found.line, found.message).toBe(line)
    if (column !== undefined) expect(found.column, found.message).toBe(column)
  })
})

test('a template that is not closed is told where it begins, since it goes on to the end', () => {
  expect(problemOf('const a = 1\nconst s = `abc\nconst t = 1')).toMatchObject({ line: 2, column: 11 })
})

test('what is missing says in what, and what stands there', () => {
  expect(problemOf(long(4)).message).toBe(
    'Expected `,` or `}` but found `key3`. `{` was opened at line 1, column 14',
  )
  expect(problemOf('function f() {\n  return 1\n').message).toBe(
    'Expected `}` but found the end. `{` was opened at line 1, column 14',
  )
})

test('of a name that is declared twice the second place is told', () => {
  expect(problemOf('let a = 1\nlet a = 2')).toMatchObject({ line: 2, column: 5 })
})
