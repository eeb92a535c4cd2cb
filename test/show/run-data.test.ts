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
