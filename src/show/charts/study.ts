import type { MimeBundle } from '../../host.js'
import type { StudyTrialView, StudyView } from '../../views.js'
import { cleanLine, cleanTitle } from '../clean.js'
import { formatCount, formatDuration, formatNumber, formatValue } from '../format.js'
import { colours } from '../look.js'
import { chart, vegaLite, type Part, type Spec } from '../spec.js'
import { tableText } from '../table.js'
import { short } from './downsample.js'
import { studyImportance } from './study-importance.js'
import { studyLines } from './study-lines.js'
import { studyParallel } from './study-parallel.js'

/** Parameters that get a panel of their own; a study of more is looked at through `study.trials`. */
const mostPanels = 9
const bestRows = 10

/** Those that have a value, and where the axis of an objective ends: one that went astray must not flatten the others. */
function robustDomain(values: readonly number[], larger: boolean): [number, number] | undefined {
  const sorted = values.map((value) => (larger ? -value : value)).toSorted((a, b) => a - b)
  if (sorted.length === 0) return undefined
  const [best, worst] = [sorted[0]!, sorted.at(-1)!]
  const quartile = sorted[Math.floor((sorted.length - 1) * 0.75)]!
  const far = quartile + 2 * (quartile - best)
  const end = sorted.length > 4 && worst > far && far > best ? far : worst
  const margin = 0.03 * (end - best || Math.abs(best) || 1)
  const [low, high] = [best - margin, end + margin]
  return larger ? [-high, -low] : [low, high]
}

const stateColours: { readonly [State in StudyTrialView['state']]: string } = {
  complete: colours.training,
  pruned: '#afb8c1',
  running: colours.gradient,
  waiting: colours.quiet,
  failed: colours.wrong,
}
const stateNames = Object.keys(stateColours) as StudyTrialView['state'][]

/**
 * What a study has tried: its objective by trial with the best so far, and by each parameter; of two objectives one against the
 * other.
 *
 * @example
 * const study = sweep({ space: { rate: logUniform(1e-3, 1) }, trial: ({ rate }) => rate })
 * const spec = studyChart(study.view())
 */
export function studyChart(view: StudyView, options: { title?: string } = {}): Spec {
  const [first, second] = view.objectives as [
    StudyView['objectives'][number],
    StudyView['objectives'][number]?,
  ]
  const seen = view.trials.filter(({ values }) => Number.isFinite(values[first.name]))
  let best: number | undefined
  const rows = seen.map((trial) => {
    const value = trial.values[first.name]!
    if (trial.state === 'complete' && (best === undefined || (first.larger ? value > best : value < best)))
      best = value
    const { from, to } = trial.spread?.[first.name] ?? {}
    return {
      trial: trial.number,
      state: trial.state,
      value: short(value),
      ...(best !== undefined && { best: short(best) }),
      ...(second && { second: short(trial.values[second.name] ?? NaN) }),
      ...(from !== undefined && Number.isFinite(from) && { from: short(from), to: short(to!) }),
      isBest: trial.best,
      ...Object.fromEntries(
        view.parameters.map(({ name }, at) => [`p${at}`, plotted(trial.parameters[name])]),
      ),
    }
  })
  const axisOf = (
    objective: StudyView['objectives'][number],
    field: string,
    values: readonly number[],
  ): Part => {
    const domain = robustDomain(values, objective.larger)
    return {
      field,
      type: 'quantitative',
      title: cleanTitle(objective.name, 30),
      scale: { zero: false, nice: false, clamp: true, ...(domain && { domain: domain.map(short) }) },
      axis: { tickCount: 5 },
    }
  }
  const y = axisOf(
    first,
    'value',
    rows.map(({ value }) => value),
  )
  const states = stateNames.filter((name) => rows.some(({ state }) => state === name))
  const colour = {
    field: 'state',
    type: 'nominal',
    title: null,
    scale: { domain: states, range: states.map((state) => stateColours[state]) },
    legend: states.length > 1 ? { orient: 'top', direction: 'horizontal', offset: 4 } : null,
  }
  const tooltip = [
    { field: 'trial' },
    { field: 'value', title: cleanTitle(first.name, 30), format: '.4~g' },
    ...(second ? [{ field: 'second', title: cleanTitle(second.name, 30), format: '.4~g' }] : []),
    ...view.parameters.map(({ name }, at) => ({ field: `p${at}`, title: cleanTitle(name, 30) })),
  ]
  const points = (size: number): Part => ({
    mark: { type: 'circle', size, opacity: 0.8 },
  })
  const marked: Part = {
    transform: [{ filter: 'datum.isBest' }],
    mark: { type: 'point', shape: 'circle', size: 130, color: colours.evaluation, strokeWidth: 2 },
  }
  const main: Part = second
    ? {
        width: 600,
        height: 260,
        layer: [points(40), marked].map((layer) => ({
          ...layer,
          encoding: {
            x: axisOf(
              second,
              'second',
              rows.flatMap((row) => row.second ?? []),
            ),
            y,
            tooltip,
            ...(layer !== marked && { color: colour }),
          },
        })),
      }
    : {
        width: 600,
        height: 220,
        layer: [
          {
            mark: { type: 'line', interpolate: 'step-after', color: colours.evaluation, strokeWidth: 1.5 },
            encoding: { x: trialAxis, y: { ...y, field: 'best' } },
          },
          ...(rows.some((row) => 'from' in row)
            ? [
                {
                  mark: { type: 'rule', color: colours.training, opacity: 0.5 },
                  encoding: { x: trialAxis, y: { ...y, field: 'from' }, y2: { field: 'to' } },
                },
              ]
            : []),
          { ...points(40), encoding: { x: trialAxis, y, color: colour, tooltip } },
          { ...marked, encoding: { x: trialAxis, y, tooltip } },
        ],
      }
  const small = { ...y, axis: { tickCount: 3 } }
  const panels = view.parameters.slice(0, mostPanels).map(({ name, kind, log }, at) => {
    const x = {
      field: `p${at}`,
      type: kind === 'choice' ? 'nominal' : 'quantitative',
      title: cleanTitle(name, 30),
      ...(kind === 'choice'
        ? { axis: { labelAngle: 0, labelLimit: 80 } }
        : {
            scale: { nice: false, ...(log ? { type: 'log' } : { zero: false }) },
            axis: { tickCount: 3, grid: false, ...(log && { format: '~g' }) },
          }),
    }
    return {
      width: 170,
      height: 120,
      transform: [{ filter: `isValid(datum.p${at})` }],
      layer: [
        {
          ...points(24),
          encoding: { x, y: small, color: { ...colour, legend: null }, tooltip },
        },
        { ...marked, mark: { ...(marked.mark as Part), size: 70 }, encoding: { x, y: small, tooltip } },
      ],
    }
  })
  return chart({
    title: { text: cleanTitle(options.title ?? titleOf(view), 80), subtitle: said(view) },
    data: { values: rows },
    spacing: 18,
    vconcat: [
      main,
      ...[studyLines(view, y), studyParallel(view), studyImportance(view)].filter(
        (part) => part !== undefined,
      ),
      ...(rows.length > 0 && panels.length > 0 ? [{ columns: 3, spacing: 14, concat: panels }] : []),
    ],
    resolve: { scale: { color: 'independent' } },
  })
}

const trialAxis: Part = {
  field: 'trial',
  type: 'quantitative',
  title: 'trial',
  scale: { nice: false },
  axis: { tickMinStep: 1, format: 'd' },
}

/** A parameter as a chart takes it. */
function plotted(value: unknown): number | string | null {
  if (typeof value === 'number') return short(value)
  return value === undefined ? null : cleanLine(String(value), 40)
}

const titleOf = ({ name }: StudyView): string => (name === '' ? 'Study' : `Study ${name}`)

/** How it stands, in a line. */
function said(view: StudyView): string {
  const counts = stateNames.flatMap((state) => {
    const count = view.trials.filter((trial) => trial.state === state).length
    return count > 0 ? [`${formatCount(count)} ${state}`] : []
  })
  const spent = view.trials.reduce((sum, { milliseconds }) => sum + milliseconds, 0)
  const best = view.objectives.length === 1 ? view.trials.find((trial) => trial.best) : undefined
  const name = view.objectives[0]!.name
  return cleanLine(
    [
      counts.join(', ') || 'no trial yet',
      ...(spent > 0 ? [formatDuration(spent)] : []),
      ...(best
        ? [`best ${name} ${formatNumber(best.values[name]!)} (trial ${best.number}: ${parametersText(best)})`]
        : []),
    ].join(' · '),
    200,
  )
}

const parametersText = ({ parameters }: StudyTrialView): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? formatNumber(value) : formatValue(value)}`)
    .join(', ')

/** The best of it as text. */
export function studyText(view: StudyView): string {
  const [first] = view.objectives as [StudyView['objectives'][number]]
  const names = view.objectives.map(({ name }) => name)
  const known = view.trials.filter(({ values }) => Number.isFinite(values[first.name]))
  const sign = first.larger ? -1 : 1
  const best = known
    .toSorted(
      (a, b) =>
        Number(b.state === 'complete') - Number(a.state === 'complete') ||
        sign * (a.values[first.name]! - b.values[first.name]!),
    )
    .slice(0, bestRows)
  const failed = view.trials.findLast(({ state }) => state === 'failed')
  return tableText({
    title: `${titleOf(view)}: ${said(view)}`,
    columns: ['trial', ...names, ...view.parameters.map(({ name }) => name), 'state'],
    rows: best.map(({ number, values, parameters, state }) => [
      number,
      ...names.map((name) => values[name]),
      ...view.parameters.map(({ name }) => parameters[name]),
      state,
    ]),
    ...(known.length > best.length && { note: `the best ${best.length} of ${known.length}` }),
    ...(failed?.message && { note: `trial ${failed.number} failed: ${failed.message}` }),
  })
}

export function studyBundle(view: StudyView): MimeBundle {
  return { [vegaLite]: studyChart(view), 'text/plain': studyText(view) }
}
