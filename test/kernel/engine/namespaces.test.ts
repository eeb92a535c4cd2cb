import { expect, test } from 'vitest'
import { result, useKernel } from '../../kit/index.js'

const kernel = useKernel()

/** The value of the last of some cells, types checked. */
async function valueOf(...cells: string[]): Promise<string | undefined> {
  let value: string | undefined
  for (const cell of cells) {
    const { outputs, status, reply } = await kernel.run(cell)
    expect([cell, status, reply.evalue]).toEqual([cell, 'ok', undefined])
    value = result(outputs)
  }
  return value
}

// The right values are those of the same text as one file, compiled by TypeScript.
const live = 'namespace Live { export let n = 1; export function inc() { n++ } }\n'
for (const [title, cells, value] of [
  ['an exported let is live from within', [`${live}Live.inc(); Live.inc(); Live.n`], '3'],
  ['and from without', ['Live.n = 10; Live.inc(); Live.n'], '11'],
  [
    'a later block sees and changes what an earlier one exports',
    [
      'namespace B { export let n = 0; export const f = () => 5 }\nnamespace B { export const inc = () => { n++; ({ n } = { n: n + 1 }); return [n, f()] } }\n[...B.inc(), B.n]',
    ],
    '[ 2, 5, 2 ]',
  ],
  [
    'also in a later cell',
    [
      'namespace C { export let a = 1; export const c = 2; export interface I { q: number } export class K { r = 1 } }',
      'namespace C { export function set(to: number) { a = to; a++; return { a, c } } export const i: I = { q: c }; export class L extends K {} }\n[C.set(5), C.a, C.i, new C.L().r]',
    ],
    '[ { a: 6, c: 2 }, 6, { q: 2 }, 1 ]',
  ],
  [
    'and in the one after that',
    ['namespace C { export const sum = () => a + c }', 'C.a = 40; [C.sum(), C.set(1).a]'],
    '[ 42, 2 ]',
  ],
  [
    'what is exported anew is of its new type',
    ['namespace C { export let a = "text" }', 'C.a.toUpperCase()'],
    `'TEXT'`,
  ],
  [
    'nested and dotted ones, with classes and enums',
    [
      'namespace A.B.C { export let deep = 1; export enum E { P, Q } export class K { m() { return deep } } export const enum F { R = 7 } }\nimport D = A.B.C\nD.deep = 5; [D.deep, new D.K().m(), D.E.Q, D.F.R]',
    ],
    '[ 5, 5, 1, 7 ]',
  ],
  ['the same from a later cell', ['[new D.K().m(), A.B.C.E[0], A.B.C.deep]'], `[ 5, 'P', 5 ]`],
  [
    'a block within one of an earlier cell',
    [
      'namespace A.B { export const beside = C.deep + 1 }',
      'namespace A.B.C { export const twice = () => 2 * deep }',
      '[A.B.beside, A.B.C.twice(), A.B.C.E.Q]',
    ],
    '[ 6, 10, 1 ]',
  ],
  [
    'those that extend a function, a class and an enum',
    [
      'function f() { return f.n++ }\nnamespace f { export let n = 0 }\nclass G { static get() { return G.n } }\nnamespace G { export let n = 3 }\nenum H { P, Q }\nnamespace H { export const parse = (s: "P" | "Q") => H[s] }\nf(); [f.n, G.get(), H.parse("Q")]',
    ],
    '[ 1, 3, 1 ]',
  ],
  [
    'an exported one, of types too',
    [
      'export namespace Ex { export let v = 1; export type T = { v: number } }',
      'namespace Ex { export const t: T = { v } }',
      'Ex.t',
    ],
    '{ v: 1 }',
  ],
  [
    'names of the notebook, live',
    ['let outer = 1; namespace O { export const get = () => outer }', 'outer = 9; O.get()'],
    '9',
  ],
  [
    'a name that became something else begins anew',
    ['namespace S { export const a = 1 }', 'let S = 5', 'namespace S { export const b = 2 }', 'S'],
    '{ b: 2 }',
  ],
] as [string, string[], string][])
  test(title, async () => expect(await valueOf(...cells)).toBe(value))
