import { expect, it } from 'vitest'
import { toBundle } from '../../src/show/values.js'

it('shows the adjustments of a run as a table of what changed and why', () => {
  const bundle = toBundle([
    { at: 200, what: 'learningRate', from: 0.002, to: 0.001, why: 'finer steps' },
    { at: 200, what: 'exclude', from: 8000, to: { ids: [4, 7], left: 7998 } },
  ])!
  expect(bundle['text/html']).toContain('learning rate 0.002 → 0.001')
  expect(bundle['text/plain']).toMatch(/200 +exclude 2 examples, 7,998 left/)
  expect(bundle['text/plain']).toContain('finer steps')
})
