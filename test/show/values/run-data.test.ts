import { expect, test } from 'vitest'
import { runData } from '../../../src/show/values/run-data.js'
import { mistakesView, runView } from '../sample-views.js'

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

test('a spike comes with the examples of its batch, the worst examples with their pictures', () => {
  const spikes = [{ iteration: 7, loss: 9, expected: 0.5, ids: Array.from({ length: 64 }, (_, i) => i) }]
  const data = runData(runView(100, { spikes, mistakes: mistakesView(3) }))
  expect(data.spikes).toEqual([
    { at: 7, loss: 9, expected: 0.5, count: 64, ids: Array.from({ length: 32 }, (_, i) => i) },
  ])
  expect(data.mistakes!.rows.map(({ id }) => id)).toEqual([100, 101, 102])
  const { picture } = data.mistakes!.rows[0]!
  expect([picture!.height, picture!.width, picture!.channels]).toEqual([8, 8, 1])
  expect(Buffer.from(picture!.pixels, 'base64')).toHaveLength(64)
  expect(JSON.parse(JSON.stringify(data))).toEqual(data)
})
