import { expect, test } from 'vitest'
import { valueOf } from './run.js'

const shows = (title: string, cell: string, expected: unknown) =>
  test(title, async () => expect(await valueOf(cell)).toEqual(expected))

shows('the last expression', '1; 2', 2)
shows('the last expression with a semicolon and a comment', '1 + 1; // two\n', 2)
shows('nothing after a declaration', 'const a = 1', 'nothing')
shows('nothing for an empty cell', '', 'nothing')
shows('nothing for a comment', '// hello', 'nothing')
shows('null', 'null', null)
shows('a string that could be a directive', '"use strict"', 'use strict')
shows('an object alone', '{ a: 1, b: 2 }', { a: 1, b: 2 })
shows('an object with a comment before and a semicolon behind', '// point\n{ x: 1 };\n', { x: 1 })
shows('an empty object', '{}', {})
shows('an object of a method and a spread', '{ ...{ a: 1 }, get b() { return 2 } }', { a: 1, b: 2 })
shows('a block is a block', '{ let a = 1; a }', 'nothing')
shows('an awaited value', 'await Promise.resolve(3)', 3)
shows('a value with its type cast away', '(3 as unknown) as string', 3)
shows('an angle bracket cast', '<number>(<unknown>3)', 3)
shows('a sequence', '1, 2', 2)
shows('a default export', 'export default 7', 7)
shows('a template over lines', '`a\n${1 + 1}\n`', 'a\n2\n')
shows('a function without a name', '(() => 1)', expect.objectContaining({ name: '' }))
shows('the value of an assignment', 'let x; x = 4', 4)
shows('what starts with an object and is no block', '{ a: { b: 2 } }.a.b', 2)
shows('an object with its type', '{ a: 1 } as const;', { a: 1 })
