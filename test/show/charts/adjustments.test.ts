import { expect, it } from 'vitest'
import { inRows } from '../../../src/show/charts/run/label-rows.js'
import { groupAdjustments } from '../../../src/show/charts/run/adjustment-groups.js'
import { adjustmentLabels, adjustmentLines } from '../../../src/show/charts/run/adjustment-marks.js'
import { runData } from '../../../src/show/values/run-data.js'
import { toBundle } from '../../../src/show/values/values.js'
import { runView } from '../sample-views.js'

it('shows the adjustments of a run as a table of what changed and why', () => {
  const bundle = toBundle([
    { at: 200, what: 'learningRate', from: 0.002, to: 0.001, why: 'finer steps' },
    { at: 200, what: 'exclude', from: 8000, to: { ids: [4, 7], left: 7998 } },
  ])!
  expect(bundle['text/html']).toContain('learning rate 0.002 → 0.001')
  expect(bundle['text/plain']).toMatch(/200 +exclude 2 examples, 7,998 left/)
  expect(bundle['text/plain']).toContain('finer steps')
})

it('marks many changes of one kind at one iteration as one', () => {
  const relabel = (id: number) => ({ at: 400, what: 'relabel', from: '5', to: { id, label: '3' } })
  const few = adjustmentLines([1, 2].map(relabel)) as { data: { values: unknown[] } }
  expect(few.data.values).toHaveLength(2)
  const many = adjustmentLines(Array.from({ length: 779 }, (_, id) => relabel(id)))
  expect(many).toMatchObject({ data: { values: [{ x: 400, adjustment: 'relabel 779 examples: 5 → 3' }] } })
})

it('counts what a loop of one kind and reason changed, in chart, table and data alike', () => {
  const exclude = (id: number) => ({ at: 10, what: 'exclude', from: 900, to: { ids: [id], left: 899 - id } })
  const many = [
    ...Array.from({ length: 400 }, (_, id) => exclude(id)),
    { at: 10, what: 'relabel', from: '5', to: { id: 3, label: '4' }, why: 'blurred' },
    ...Array.from({ length: 90 }, (_, i) => ({
      at: 20 + i,
      what: 'learningRate',
      from: 1 / (i + 1),
      to: 1 / (i + 2),
    })),
  ]
  const texts = [
    'exclude 400 examples, 500 left',
    'relabel 3: 5 → 4',
    'learning rate 1 → 0.01099, 90 times until 109',
  ]
  expect(groupAdjustments(many).map(({ text }) => text)).toEqual(texts)
  const table = toBundle(many)!
  for (const text of texts) expect(table['text/plain']).toContain(text)
  const data = runData(runView(200, { adjustments: many }))
  expect(data.adjustments.map(({ text, count }) => [text, count])).toEqual([
    [texts[0], 400],
    [texts[1], undefined],
    [texts[2], 90],
  ])
  expect(data.adjustments[0]!.each).toHaveLength(12)
  // Changes back and forth are no more than they were.
  const twice = groupAdjustments(Array.from({ length: 10 }, (_, i) => exclude(i % 5)))
  expect(twice.map(({ text }) => text)).toEqual(['exclude 5 examples, 895 left'])
})

it('draws one line for all that was changed at an iteration, from the highest text down', () => {
  const change = (at: number) => ({ at, what: 'learningRate', from: 1, to: 2 })
  const part = adjustmentLabels([change(9), change(9), change(50)], 100, {}, { gap: 18, width: 640 }) as any
  expect(part.layer[0].data.values).toHaveLength(2)
  expect(part.layer[0].data.values).toContainEqual({
    x: 9,
    top: Math.min(...part.data.values.filter((row: any) => row.x === 9).map((row: any) => row.top)),
  })
})

it('marks a note with its text', () => {
  const note = { at: 3, what: 'note', from: null, to: 'flat since the second epoch, try a smaller rate' }
  expect(adjustmentLines([note])).toMatchObject({
    data: { values: [{ x: 3, adjustment: 'flat since the second epoch, try a smaller rate' }] },
  })
})

it('writes beside each line what it means: no two texts meet, and no line runs through one', () => {
  const end = 800
  const crowds = [
    [200, 200, 500, 700, 700, 750],
    [0, 10, 20, 790, 795, 800],
    [100, 300, 500, 700],
    [640, 660, 680, 700, 720],
    [400],
  ]
  for (const at of crowds) {
    const marks = at.map((one, i) => ({ at: one, text: `learning rate 0.00${i} → 0.001` }))
    const labels = inRows(marks, end).map(({ x, text, row, left }) => {
      const line = (x / end) * 640
      const length = text.length * 5.6
      return { row, line, from: left ? line : line - length, to: left ? line + length : line }
    })
    expect(labels).toHaveLength(at.length)
    for (const one of labels)
      for (const other of labels) {
        if (one === other) continue
        if (one.row === other.row) expect(one.to <= other.from || other.to <= one.from).toBe(true)
        if (one.row > other.row) expect(one.line <= other.from || one.line >= other.to).toBe(true)
      }
  }
})
