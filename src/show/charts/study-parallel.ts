import type { StudyView } from '../../views.js'
import { cleanTitle } from '../clean.js'
import { formatNumber } from '../format.js'
import { colours } from '../look.js'
import type { Part } from '../spec.js'
import { short } from './downsample.js'

/** Axes beside each other in the width of a page. */
const mostAxes = 9

interface Axis {
  readonly name: string
  /** Of each trial, 0 below and 1 above; null where it has none. */
  readonly places: readonly (number | null)[]
  readonly low: string
  readonly high: string
}

/**
 * Parallel coordinates: an axis for each parameter, the objective last, a line for each trial. What is drawn with the mouse over a part of
 * an axis leaves the trials that pass there.
 *
 * @returns undefined where there are fewer than two trials to be told apart.
 */
export function studyParallel(view: StudyView): Part | undefined {
  const [objective] = view.objectives
  const trials = view.trials.filter(({ values }) => Number.isFinite(values[objective!.name]))
  if (trials.length < 2) return undefined
  const parameters = view.parameters.slice(0, mostAxes - 1)
  const axes = [
    ...parameters.map(({ name, kind, log }) =>
      axisOf(
        name,
        trials.map((trial) => trial.parameters[name]),
        kind === 'choice',
        log,
      ),
    ),
    axisOf(
      objective!.name,
      trials.map(({ values }) => values[objective!.name]),
      false,
      false,
    ),
  ]
  // The colour says how good it is by rank: one that went astray must not make the others look alike.
  const sign = objective!.larger ? -1 : 1
  const order = [...trials.keys()].toSorted(
    (a, b) => sign * (trials[a]!.values[objective!.name]! - trials[b]!.values[objective!.name]!),
  )
  const ranks = new Map(order.map((at, rank) => [at, trials.length > 1 ? rank / (trials.length - 1) : 0]))
  const values = trials.map(({ number }, at) => ({
    t: number,
    r: short(ranks.get(at)!),
    ...Object.fromEntries(axes.map(({ places }, axis) => [`a${axis}`, places[at]])),
  }))
  const names = axes.map((_, axis) => `a${axis}`)
  const folded = [
    { fold: names, as: ['axis', 'place'] },
    { calculate: 'toNumber(slice(datum.axis, 1))', as: 'x' },
    { filter: 'isValid(datum.place)' },
  ]
  const x = {
    field: 'x',
    type: 'quantitative',
    scale: { domain: [-0.2, axes.length - 0.8], nice: false, zero: false },
    axis: null,
  }
  const y = {
    field: 'place',
    type: 'quantitative',
    scale: { domain: [-0.02, 1.02], nice: false },
    axis: null,
  }
  const line = { mark: { type: 'line', strokeWidth: 1, clip: true } }
  const label = (text: string, at: number, place: number, baseline: string, weight: number): Part => ({
    data: { values: [{ x: at, place, text }] },
    mark: {
      type: 'text',
      baseline,
      fontSize: 11,
      fontWeight: weight,
      color: colours.ink,
      limit: 84,
      clip: false,
    },
    encoding: { x, y, text: { field: 'text' } },
  })
  return {
    title: { text: 'All settings at once', fontSize: 12, fontWeight: 600, offset: 22 },
    width: 600,
    height: 200,
    data: { values },
    layer: [
      {
        ...line,
        transform: folded,
        encoding: { x, y, detail: { field: 't' }, color: { value: colours.line }, opacity: { value: 0.5 } },
      },
      {
        ...line,
        transform: [
          ...folded,
          {
            calculate: "!length(data('brush_store')) || vlSelectionTest('brush_store', datum) ? 1 : 0",
            as: 'hit',
          },
          { joinaggregate: [{ op: 'max', field: 'hit', as: 'hits' }], groupby: ['t'] },
          { filter: 'datum.hits > 0' },
        ],
        encoding: {
          x,
          y,
          detail: { field: 't' },
          color: {
            field: 'r',
            type: 'quantitative',
            scale: {
              domain: [0, 0.5, 1],
              interpolate: 'rgb',
              range: [colours.evaluation, colours.training, '#c9d3dd'],
            },
            legend: null,
          },
          order: { field: 'x' },
          opacity: { value: 0.7 },
        },
      },
      {
        data: { values: axes.map((_, at) => ({ x: at })) },
        mark: { type: 'rule', color: colours.quiet },
        encoding: { x },
      },
      {
        transform: folded,
        params: [{ name: 'brush', select: { type: 'interval', encodings: ['x', 'y'] } }],
        mark: { type: 'point', opacity: 0.001, size: 12 },
        encoding: { x, y, tooltip: [{ field: 't', title: 'trial' }] },
      },
      ...axes.flatMap(({ name, low, high }, at) => [
        label(cleanTitle(name, 24), at, 1.14, 'bottom', 600),
        label(high, at, 1.03, 'bottom', 400),
        label(low, at, -0.04, 'top', 400),
      ]),
    ],
    resolve: { scale: { color: 'independent' } },
  }
}

function axisOf(name: string, values: readonly unknown[], isChoice: boolean, log: boolean): Axis {
  const there = values.filter((value) => value !== undefined)
  if (isChoice || there.some((value) => typeof value !== 'number')) {
    const options = [...new Set(there)].toSorted((a, b) => (a! < b! ? -1 : 1))
    const places = values.map((value) => {
      if (value === undefined) return null
      return options.length < 2 ? 0.5 : short(options.indexOf(value) / (options.length - 1))
    })
    const text = (value: unknown) => cleanTitle(String(value), 16)
    return { name, places, low: text(options[0] ?? ''), high: options.length < 2 ? '' : text(options.at(-1)) }
  }
  const numbers = there as number[]
  const scale = log ? Math.log : (value: number) => value
  // Not spread: a thousand trials and more.
  const low = numbers.reduce((a, b) => Math.min(a, b), Infinity)
  const high = numbers.reduce((a, b) => Math.max(a, b), -Infinity)
  const width = scale(high) - scale(low)
  return {
    name,
    places: values.map((value) =>
      value === undefined ? null : width > 0 ? short((scale(value as number) - scale(low)) / width) : 0.5,
    ),
    low: Number.isFinite(low) ? formatNumber(low, 3) : '',
    high: high > low ? formatNumber(high, 3) : '',
  }
}
