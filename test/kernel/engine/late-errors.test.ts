import { expect, test } from 'vitest'
import { LateErrors } from '../../../kernel/engine/running/late-errors.js'

test('the errors of an interval are told ten times, then ever less often, with how many were not', () => {
  let now = 0
  const errors = new LateErrors(() => now)
  const told: number[] = []
  for (; now < 600_000; now += 10) if (errors.admit(1)) told.push(now)
  expect(told.slice(0, 10)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90])
  const pauses = told.slice(9).map((time, index, all) => (index === 0 ? 0 : time - all[index - 1]!))
  expect(pauses.slice(1, 7)).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000])
  expect(told.length).toBeLessThan(30)
})

test('each cell has its own ten, and one whose errors are rare is told as they come', () => {
  let now = 0
  const errors = new LateErrors(() => now)
  for (let i = 0; i < 100; i++) errors.admit(1)
  expect(errors.admit(2)).toEqual([])
  for (let i = 0; i < 50; i++, now += 5_000) errors.admit(3)
  expect(errors.admit(3)).toBeDefined()
  now += 60_000
  expect(errors.admit(1)?.join('')).toMatch(/^90 more errors came before it/)
})
