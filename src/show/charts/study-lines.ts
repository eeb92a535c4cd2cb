import type { StudyTrialView, StudyView } from '../../views.js'
import { cleanTitle } from '../clean.js'
import { colours } from '../look.js'
import type { Part } from '../spec.js'
import { downsample } from './downsample.js'

/** Points of all lines together: more is not seen, and a thousand trials must stay light. */
const mostPoints = 9_000

/** One line a trial, its objective over iterations; undefined where no trial has two points. */
export function studyLines(view: StudyView, y: Part): Part | undefined {
  const lines = view.trials.filter(({ reports = [], from }) => reports.length > (from === undefined ? 1 : 0))
  if (lines.length === 0) return undefined
  const each = Math.max(4, Math.floor(mostPoints / lines.length))
  const values = lines.flatMap((trial) => {
    const reports = pointsOf(trial, view)
    const points = downsample(
      reports.map(({ iteration }) => iteration),
      reports.map(({ value }) => value),
      each,
    )
    return points.map(({ x, y: value }) => ({ t: trial.number, s: kindOf(trial), i: x, v: value }))
  })
  return {
    title: { text: 'Trials by iteration', fontSize: 12, fontWeight: 600, offset: 6 },
    width: 600,
    height: 200,
    data: { values },
    mark: { type: 'line', strokeWidth: 1.2, clip: true },
    encoding: {
      x: {
        field: 'i',
        type: 'quantitative',
        title: 'iteration',
        axis: { tickMinStep: 1 },
        scale: { nice: false },
      },
      y: { ...y, field: 'v' },
      detail: { field: 't' },
      color: {
        field: 's',
        type: 'nominal',
        title: null,
        scale: {
          domain: ['best', 'complete', 'ended early', 'other'],
          range: [colours.evaluation, colours.training, '#b6bec8', colours.gradient],
        },
        legend: null,
      },
      opacity: { condition: { test: "datum.s === 'best'", value: 1 }, value: 0.55 },
      strokeWidth: { condition: { test: "datum.s === 'best'", value: 2.5 }, value: 1.2 },
      tooltip: [
        { field: 't', title: 'trial' },
        { field: 'i', title: 'iteration' },
        { field: 'v', title: cleanTitle(view.objectives[0]!.name, 30), format: '.4~g' },
      ],
    },
  }
}

const kindOf = ({ best, state }: StudyTrialView): string =>
  best ? 'best' : state === 'complete' ? 'complete' : state === 'pruned' ? 'ended early' : 'other'

/** Its own, after the point at which the trial ended that it goes on from. */
function pointsOf({ from, reports = [] }: StudyTrialView, { trials }: StudyView) {
  const before =
    from === undefined ? undefined : trials.find(({ number }) => number === from)?.reports?.at(-1)
  const own = before ? reports.filter(({ iteration }) => iteration > before.iteration) : reports
  return before ? [before, ...own] : [...own]
}
