import { expect, test } from 'vitest'
import { notebook, valueOf } from './run.js'

const is = (title: string, cells: string[], expected: unknown) =>
  test(title, async () => expect(await valueOf(...cells)).toEqual(expected))

is('a later cell reads a const', ['const x = 1', 'x + 1'], 2)
is(
  'const, class, function and enum are declared again',
  [
    'const a = 1; class C {}; function f() {}; enum E { A }',
    'const a = 2; class C { n = 3 }; function f() { return 4 }; enum E { B = 5 }',
    '[a, new C().n, f(), E.B, E.A]',
  ],
  [2, 3, 4, 5, undefined],
)
is('a later cell assigns to a let', ['let x = 1', 'x = 5; x += 1; x++; ++x', 'x'], 8)
is(
  'assignments by pattern reach older names',
  ['let a = 1, b = 2, c', '[a, b] = [b, a]; ({ c, d: a = 9 } = { c: 3 } as any)', '[a, b, c]'],
  [9, 1, 3],
)
is(
  'older functions see what was declared anew',
  ['function g() { return 1 }; const f = () => g()', 'function g() { return 2 }', 'f()'],
  2,
)
is(
  'a function may use a name that a later cell declares',
  ['const f = () => later', 'const later = 3', 'f()'],
  3,
)
is('functions are there before the line that declares them', ['f(); function f() { return 1 }', 'f()'], 1)
is(
  'recursion goes through the name',
  ['function fact(n: number): number { return n < 2 ? 1 : n * fact(n - 1) }', 'fact(5)'],
  120,
)
is(
  'declarations by pattern, with defaults and rests',
  ['const { a, b: [c, d = 4], ...rest } = { a: 1, b: [3], x: 5, y: 6 }', '[a, c, d, rest]'],
  [1, 3, 4, { x: 5, y: 6 }],
)
is(
  'inner scopes shadow',
  ['const x = 1; function f(x: number) { { let x = 3; x++ } return x }', '[f(7), ((x) => x)(8), x]'],
  [7, 8, 1],
)
is(
  'a name in a parameter default is the outer one',
  ['const x = 1; const f = (y = x, { z = x } = {}) => [y, z]', 'f()'],
  [1, 1],
)
is(
  'loop variables stay in the loop, one for each turn',
  ['const fs: any[] = []; for (let i = 0; i < 3; i++) fs.push(() => i)', '[fs.map((f) => f()), typeof i]'],
  [[0, 1, 2], 'undefined'],
)
is(
  'var in a block belongs to the cell',
  ['for (var i = 0; i < 3; i++) { var last = i }', '[i, last]'],
  [3, 2],
)
is(
  'var of a loop over values, by pattern too',
  ['for (var [k, v] of Object.entries({ a: 1, b: 2 })); for (var key in { z: 1 });', '[k, v, key]'],
  ['b', 2, 'z'],
)
is(
  'let without a value starts anew, var without one keeps it',
  ['let a = 1; var b = 1', 'let a; var b', '[a, b]'],
  [undefined, 1],
)
is(
  'functions and classes know their names',
  ['const f = () => 1, g = function () {}, C = class {}', '[f.name, g.name, C.name]'],
  ['f', 'g', 'C'],
)
is('shorthand properties', ['const a = 1, b = 2', '({ a, b, c: { a } })'], { a: 1, b: 2, c: { a: 1 } })
is(
  'property names, labels and methods are no references',
  ['const a = 1', 'a: for (;;) { break a }; ({ a: { a: 2 } }).a.a + ({ a() { return 3 } }).a()'],
  5,
)
is('typeof of a name that nobody declared', ['typeof nobody'], 'undefined')
is('typeof of a name of another cell', ['let x = 1', 'typeof x'], 'number')
is('this is not the scope in a plain call', ['function f(this: any) { return this }', 'f()'], undefined)
is(
  'tagged templates are calls too',
  ['function tag(this: any, s: TemplateStringsArray) { return [this, s[0]] }', 'tag`hi`'],
  [undefined, 'hi'],
)
is(
  'generators and async generators',
  [
    'function* g() { yield* [1, 2] }; async function* h() { yield 3 }',
    'const all = [...g()]; for await (const x of h()) all.push(x); all',
  ],
  [1, 2, 3],
)
is(
  'namespaces, and those that extend a function',
  [
    'namespace N { export const q = 2; const hidden = 3; export const sum = () => q + hidden }; function f() { return 1 }; namespace f { export const z = 4 }',
    '[N.sum(), f(), f.z]',
  ],
  [5, 1, 4],
)
is(
  'enums refer to their members and to other names',
  ['const base = 10', 'enum E { A = base, B, C = A + 5 }', '[E.A, E.B, E.C, E[11]]'],
  [10, 11, 15, 'B'],
)
is(
  'a class refers to itself while it is made',
  ['class A { static one = new A(1); constructor(readonly n: number) {} }', 'A.one.n'],
  1,
)
is(
  'classes extend those of other cells',
  [
    'class A { hi() { return "a" } }',
    'class B extends A { hi() { return super.hi() + "b" } }',
    'new B().hi()',
  ],
  'ab',
)
is('a global can be shadowed', ['const console = 3', 'console'], 3)
is(
  'types leave nothing behind',
  ['interface A { a: number }; type B = A; declare const c: number; const a: A = { a: 1 } satisfies B', 'a'],
  { a: 1 },
)
is(
  'export is tolerated',
  [
    'export const a = 1; export function f() { return a }; export { a as b }; export type T = number; export default f',
    'f()',
  ],
  1,
)
is(
  'a name that the program uses itself',
  ['const __scope = 1, __runtime = 2, __value = 3', '[__scope, __runtime, __value]'],
  [1, 2, 3],
)
is(
  'switch, try and catch have scopes of their own',
  [
    'const e = 1, x = 2',
    'switch (x) { case 2: { let e = 5; void e } }; try { throw 3 } catch (e) { void e }; e',
  ],
  1,
)

test('names that were set before an error are kept', async () => {
  const { run } = notebook()
  await expect(run('const a = 1; let b = 2; throw new Error("stop"); const c = 3')).rejects.toThrow('stop')
  expect(await run('[a, b, typeof c]')).toEqual([1, 2, 'undefined'])
})
test('a name that nobody declared is an error', () =>
  expect(valueOf('nobody + 1')).rejects.toThrow('nobody is not defined'))
