import { expect, test } from 'vitest'
import { isComplete } from '../../kernel/language/is-complete.js'

const says = (text: string, status: string, indent = '') =>
  test(`${JSON.stringify(text)} is ${status}`, () => expect(isComplete(text)).toEqual({ status, indent }))

says('1 + 1', 'complete')
says('', 'complete')
says('for (const a of [1]) {', 'incomplete', '  ')
says('function f() {\n  if (true) {', 'incomplete', '    ')
says('f(1,', 'incomplete', '  ')
says('const a =', 'incomplete')
says('1 +', 'incomplete')
says('`a template', 'incomplete')
says('`a ${1 +', 'incomplete', '  ')
says('/* a comment', 'incomplete')
says('const a = [1, 2].', 'incomplete')
says('{ a: 1, b: 2 }', 'complete')
says('{ a: 1,', 'incomplete', '  ')
says('const = 3', 'invalid')
says('foo bar baz', 'invalid')
says('a)', 'invalid')
says('if (x) {}}', 'invalid')
says('const s = "unclosed', 'invalid')
says('class A { @dec m() {} }', 'complete')
says('const a = <T,>(x: T) => x', 'complete')
