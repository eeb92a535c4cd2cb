import { expect, test } from 'vitest'
import { runData } from '../../src/show/run-data.js'
import { runView } from './sample-views.js'

test('a run as data keeps every spike of a long history within its points', () => {
  const view = runView(50_000)
  ;(view.history.loss as Float32Array)[31_234] = 99
  const data = runData(view, 500)
  expect(data.loss.x.length).toBeLessThanOrEqual(500)
  expect(Math.max(...data.loss.y)).toBe(99)
  expect(data.loss.x[data.loss.y.indexOf(99)]).toBe(31_235)
})

test('a rate that changes once takes four points, and its values are those of the run', () => {
  const { learningRate } = runData(runView(1000))
  expect(learningRate.x.length).toBeLessThanOrEqual(4)
  expect(new Set(learningRate.y)).toEqual(new Set([0.001, 0.0003]))
})

test('an adjustment is a line of text at its iteration, with its reason', () => {
  const adjustments = [{ at: 900, what: 'learningRate', from: 1e-3, to: 3e-4, why: 'flat' }]
  expect(runData(runView(1000, { adjustments })).adjustments).toEqual([
    { at: 900, text: 'learning rate 0.001 → 0.0003', why: 'flat' },
  ])
})

test('text is cut and freed of control characters, and the whole is JSON', () => {
  const data = runData(runView(100, { name: `\u001b[31m${'x'.repeat(1e6)}` }))
  expect(data.name.length).toBeLessThanOrEqual(80)
  expect(JSON.parse(JSON.stringify(data))).toEqual(data)
})

test('adjustments of the data name their examples', () => {
  const textOf = (what: string, to: unknown) =>
    runData(runView(10, { adjustments: [{ at: 1, what, from: 8000, to }] })).adjustments[0]!.text
  expect(textOf('exclude', { ids: [17], left: 7999 })).toBe('exclude example 17')
  expect(textOf('reweight', { ids: [1, 2, 3, 4], factor: 0.5 })).toBe(
    'reweight 4 examples (1, 2, 3, …) × 0.5',
  )
  expect(textOf('relabel', { id: 5, label: '9' })).toBe('relabel example 5 as 9')
})
