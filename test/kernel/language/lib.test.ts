import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { isThere, libOf, writeLib } from '../../../kernel/language/typescript/lib.js'
import { home, session } from './session.js'
import { temporaryFolder } from '../../kit/files.js'

const notebook = session()
afterAll(() => notebook.language.close())

/** Expressions by what they are of the language: all of them came in the last years, so that each Node has some. */
const newer: { [expression: string]: () => unknown } = {
  'Object.groupBy([1], (n) => n)': () => (Object as any).groupBy,
  'Map.groupBy([1], (n) => n)': () => (Map as any).groupBy,
  'Promise.withResolvers()': () => (Promise as any).withResolvers,
  'Promise.try(() => 1)': () => (Promise as any).try,
  'Array.fromAsync([1])': () => (Array as any).fromAsync,
  'new Set([1]).union(new Set([2]))': () => (Set.prototype as any).union,
  '[1].values().map((n) => n)': () => ([].values() as any).map,
  'Iterator.from([1])': () => (globalThis as any).Iterator,
  'new ArrayBuffer(1).transfer()': () => (ArrayBuffer.prototype as any).transfer,
  'new ArrayBuffer(1).resizable': () => 'resizable' in ArrayBuffer.prototype,
  'RegExp.escape("a")': () => (RegExp as any).escape,
  'Error.isError(1)': () => (Error as any).isError,
  'Math.f16round(1)': () => (Math as any).f16round,
  'new Float16Array(1)': () => (globalThis as any).Float16Array,
  'new DisposableStack()': () => (globalThis as any).DisposableStack,
  'new Uint8Array(1).toBase64()': () => (Uint8Array.prototype as any).toBase64,
  'Temporal.Now.instant()': () => (globalThis as any).Temporal,
  'new Intl.DurationFormat("en")': () => (Intl as any).DurationFormat,
  'new Map([[1, 1]]).getOrInsert(1, 1)': () => (Map.prototype as any).getOrInsert,
  'Symbol.dispose': () => Symbol.dispose,
  '"a".isWellFormed()': () => (String.prototype as any).isWellFormed,
  '[1].findLast((n) => n > 0)': () => [].findLast,
  'Atomics.waitAsync': () => (Atomics as any).waitAsync,
  'URL.parse("a:b")': () => (URL as any).parse,
  'AbortSignal.any([])': () => AbortSignal.any,
}

describe('what type-checks is there in the Node that runs', () => {
  test.each(Object.entries(newer))('%s', async (expression, find) => {
    const problems = await notebook.check(expression)
    expect(problems.length > 0, problems.join()).toBe(!find())
  })
  test('what is not is told by the version of Node, not by an option', async () => {
    const [problem] = await notebook.language.check({ number: 1, text: 'Temporal.Now; [1].notYet()' })
    expect(problem!.message).not.toContain('lib')
    const problems = await notebook.language.check({ number: 1, text: 'Object.groupBy([1], (n) => n)' })
    for (const { message } of problems)
      expect(message).toBe(
        `Property 'groupBy' does not exist on type 'ObjectConstructor' in Node ${process.versions.node}, which runs this notebook.`,
      )
  })
})

test('a member is there or not where its value is; a type without one stays', () => {
  expect(isThere('?Array.prototype.map')).toBe(true)
  expect(isThere('?Array.prototype.nothing')).toBe(false)
  expect(isThere('?IteratorObject.prototype.next')).toBe(false)
  expect(isThere('?OnlyAType.prototype.map')).toBe(true)
  expect(isThere('OnlyANamespace.map')).toBe(false)
  expect(isThere('dom:?URL.canParse')).toBe(true)
})

test('a Node that the build did not run on gets the same declarations at its start', () => {
  const built = join(home, 'dist', 'kernel', 'language')
  const to = temporaryFolder()
  const files = writeLib(join(built, 'lib'), to, isThere)
  expect(files.map((file) => basename(file))).toContain('lib.es.d.ts')
  for (const file of files)
    expect(readFileSync(file, 'utf8')).toBe(
      readFileSync(join(built, libOf(process.version), basename(file)), 'utf8'),
    )
  // Nothing of it is there in a Node that has nothing new.
  writeLib(join(built, 'lib'), to, () => false)
  const least = readFileSync(join(to, 'lib.es.d.ts'), 'utf8')
  const declares = (name: string) => new RegExp(`^ +${name}[<(]`, 'm').test(least)
  for (const name of ['groupBy', 'withResolvers', 'symmetricDifference', 'toBase64'])
    expect(declares(name), name).toBe(false)
  expect(declares('toSorted')).toBe(true)
  // What is whole is read where it lies.
  const [whole] = writeLib(join(built, 'lib'), join(to, 'none'), () => true, false)
  expect(whole).toBe(join(built, 'lib', basename(whole!)))
})
