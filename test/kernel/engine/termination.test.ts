import { expect, test } from 'vitest'
import { isTermination } from '../../../kernel/engine/running/termination.js'

test('nothing that a program can throw is taken for the end that Stop makes', () => {
  for (const thrown of [
    undefined,
    null,
    0,
    NaN,
    '',
    'text',
    true,
    false,
    1n,
    Symbol('s'),
    {},
    [],
    () => {},
    new Error('e'),
  ])
    expect(isTermination(thrown)).toBe(false)
})
