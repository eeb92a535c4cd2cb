import { expect, test } from 'vitest'
import { notebook, valueOf } from './run.js'

// The right names are those that the same text has as a module in Node.
for (const [cell, names] of [
  ['let f; f = () => 1; f.name', 'f'],
  ['let f; f = function () {}; f.name', 'f'],
  ['let f; f = (async () => 1); f.name', 'f'],
  ['let f; f = function named() {}; f.name', 'named'],
  ['let K; K = class {}; K.name', 'K'],
  ['let f; f ??= () => 1; f.name', 'f'],
  ['let f = 1; f &&= () => 1; f.name', 'f'],
  ['let f; f ||= function* () {}; f.name', 'f'],
  ['const f = () => 1, g = class {}; [f.name, g.name]', ['f', 'g']],
  ['export const f = () => 1; f.name', 'f'],
  ['const { f = () => 1, a: g = class {} } = {}; [f.name, g.name]', ['f', 'g']],
  ['const [f = () => 1] = []; f.name', 'f'],
  ['let f; ({ f = () => 1 } = {}); f.name', 'f'],
  ['let f; ({ a: f = () => 1 } = {}); f.name', 'f'],
  ['let f; [f = () => 1] = []; f.name', 'f'],
  ['let f; for (const [x = () => 1] of [[]]) f = x; f.name', 'x'],
  ['const inner = (f = () => 1) => { let g; g = () => 2; return [f.name, g.name] }; inner()', ['f', 'g']],
  ['class A { f = () => 1; static g = class {} }; [new A().f.name, A.g.name]', ['f', 'g']],
  ['const f = 1 ? () => 1 : 0; f.name', ''],
] as [string, string | string[]][])
  test(cell, async () => expect(await valueOf(cell)).toEqual(names))

test('what a later cell assigns takes the name too, and an assignment is worth what it was given', async () => {
  const { run } = notebook()
  await run('let f = null')
  expect(await run('f = () => 1; [f.name, (f = () => 2)(), f.name]')).toEqual(['f', 2, 'f'])
})
