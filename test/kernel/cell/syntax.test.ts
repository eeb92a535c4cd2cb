import { expect, test } from 'vitest'
import { compileCell } from '../../../kernel/cell/index.js'
import { valueOf } from './run.js'

const runs = (title: string, cells: string[], expected: unknown) =>
  test(title, async () => expect(await valueOf(...cells)).toEqual(expected))

runs(
  'decorators',
  [
    'function twice(f: any, _: any) { return function (this: any, ...a: any[]) { return 2 * f.apply(this, a) } }; class A { @twice n() { return 4 } }',
    'class B { @twice n() { return 5 } }',
    '[new A().n(), new B().n()]',
  ],
  [8, 10],
)
runs(
  'class decorators',
  ['const tag = (c: any, _: any) => { c.tag = 1 }', '@tag class A { x = 2 }', '[(A as any).tag, new A().x]'],
  [1, 2],
)
runs('accessor fields', ['class A { accessor x = 1; static accessor y = 2 }', 'new A().x + A.y'], 3)
runs('a script that was pasted with its first line', ['#!/usr/bin/env node\nconst a = 1', 'a'], 1)
runs(
  'options for Quarto, at the head of a cell, are comments',
  ['#| echo: false\n# | label: a\nconst a = 1', '#|x', 'a'],
  1,
)
runs(
  'using disposes when the cell ends, and the value is kept',
  [
    'const log: string[] = []',
    'using r = { n: 3, [Symbol.dispose]() { log.push("closed") } }; log.push("used"); const kept = r.n; kept',
    '[kept, log]',
  ],
  [3, ['used', 'closed']],
)
runs(
  'using in a function',
  [
    'const log: string[] = []; function f() { using r = { [Symbol.dispose]() { log.push("closed") } }; return log.length }',
    'f(); log',
  ],
  ['closed'],
)
runs(
  'JSX by pragma',
  [
    'const h = (tag: string, props: any, ...kids: any[]) => ({ tag, props, kids })',
    '/** @jsx h */\nconst name = "x"; <div id={name}>hi {name}</div>',
  ],
  { tag: 'div', props: { id: 'x' }, kids: ['hi ', 'x'] },
)
runs(
  'private members and parameter properties',
  [
    'class A { #n = 1; constructor(public m: number) {} sum() { return this.#n + this.m } }',
    'new A(2).sum()',
  ],
  3,
)
runs(
  'an abstract class and an overload',
  [
    'abstract class A { abstract n(): number }; class B extends A { n() { return 1 } }; function f(a: number): number; function f(a: string): string; function f(a: any) { return a }',
    '[new B().n(), f("a")]',
  ],
  [1, 'a'],
)
runs('const assertion and satisfies', ['const a = [1, 2] as const satisfies readonly number[]', 'a'], [1, 2])
runs(
  'optional calls and chains',
  ['const f: (() => number) | undefined = undefined; const g = () => 1', '[f?.(), g?.(), (f as any)?.x.y]'],
  [undefined, 1, undefined],
)

test('a syntax error says its place', () => {
  const problem = (() => {
    try {
      compileCell({ number: 1, text: 'const a = 1\nconst b = ;' })
    } catch (error) {
      return (error as any).diagnostics[0]
    }
  })()
  expect(problem).toMatchObject({ code: 'syntax', place: { line: 2, column: 11 } })
})

test('a line command of other kernels names the one there is', () => {
  expect(() => compileCell({ number: 1, text: 'const a = 1\n%time a' })).toThrow('`%npm')
  expect(() => compileCell({ number: 1, text: '%time f()' })).toThrow('`%npm')
  expect(() => compileCell({ number: 1, text: 'const a = ;' })).not.toThrow('`%npm')
})

test('what is refused beyond the grammar has its place too', () => {
  const places: [string, string, number, number][] = [
    ['const é = "👍"; let dup = 1\n  let dup = 2', 'already been declared', 2, 7],
    ['1\nclass {}', 'class name', 2, 1],
    ['if (1) { break }', 'break', 1, 10],
    ['{ a: 1, b() { break } }', 'break', 1, 15],
  ]
  for (const [text, message, line, column] of places)
    try {
      compileCell({ number: 1, text })
      expect.unreachable(text)
    } catch (error) {
      const [problem] = (error as any).diagnostics
      expect(problem).toMatchObject({ message: expect.stringContaining(message), place: { line, column } })
    }
})
