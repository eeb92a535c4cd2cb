import * as vega from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { describe, expect, it } from 'vitest'
import { studyChart } from '../../../src/show/charts/study.js'
import { toBundle } from '../../../src/show/index.js'
import type { StudyView } from '../../../src/views.js'
import { studyView } from '../sample-views.js'

/** A study of so many trials, each evaluated 20 times. */
const large = (count: number): StudyView => ({
  ...studyView(),
  trials: Array.from({ length: count }, (_, number) => ({
    number,
    state: number % 3 === 0 ? ('pruned' as const) : ('complete' as const),
    parameters: {
      rate: 10 ** (-4 + ((number * 7) % 100) / 33),
      units: 8 + ((number * 13) % 200),
      kind: ['a', 'b', 'c'][number % 3],
    },
    values: { loss: 1 + Math.sin(number) / 2 },
    best: number === 11,
    iteration: 200,
    milliseconds: 900,
    reports: Array.from({ length: 20 }, (__, i) => ({
      iteration: 10 * (i + 1),
      value: 2 - i / 20 + Math.sin(number) / 4,
    })),
  })),
})

describe('the chart of a study', () => {
  it('of a thousand trials is made within 200 ms and weighs less than a megabyte', () => {
    const view = large(1000)
    toBundle(view)
    const before = process.cpuUsage()
    const bundle = toBundle(view)!
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000).toBeLessThan(200)
    expect(JSON.stringify(bundle).length).toBeLessThan(1_000_000)
  })

  it('has a line for each trial, over iterations, and those that go on from others begin there', () => {
    const view = studyView()
    const lines = (studyChart(view).vconcat as any[]).find(
      ({ title }) => title?.text === 'Trials by iteration',
    )
    const values = lines.data.values as { t: number; i: number; v: number }[]
    expect(new Set(values.map(({ t }) => t))).toEqual(new Set(view.trials.map(({ number }) => number)))
    const branch = view.trials.find(({ from }) => from !== undefined)!
    const last = view.trials[branch.from!]!.reports!.at(-1)!
    expect(values.filter(({ t }) => t === branch.number)[0]).toMatchObject({
      i: last.iteration,
      v: last.value,
    })
  })

  it('leaves, of all settings at once, the trials that pass where the mouse has drawn', async () => {
    const { spec } = compile(studyChart(large(60)) as unknown as TopLevelSpec)
    const view = new vega.View(vega.parse(spec), { renderer: 'none' })
    await view.runAsync()
    const isHit = ({ transform = [] }: vega.Data): boolean => JSON.stringify(transform).includes('"hits"')
    const { name } = spec.data!.find(isHit)!
    const hits = () => new Set(view.data(name).map(({ t }) => t as number))
    expect(hits().size).toBe(60)
    // The middle axis, its upper half.
    view.data('brush_store', [
      {
        unit: '',
        fields: [
          { field: 'x', channel: 'x', type: 'R' },
          { field: 'place', channel: 'y', type: 'R' },
        ],
        values: [
          [0.9, 1.1],
          [0.5, 1],
        ],
      },
    ])
    await view.runAsync()
    const left = hits()
    expect(left.size).toBeGreaterThan(5)
    expect(left.size).toBeLessThan(55)
    const units = large(60).trials.map(({ parameters }) => parameters.units as number)
    const middle = (Math.min(...units) + Math.max(...units)) / 2
    expect([...left].every((t) => units[t]! >= middle - 1)).toBe(true)
  })
})
