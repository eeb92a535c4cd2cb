/** The controls of a run, made of standard widgets: they work wherever widgets do, with nothing of ours in the front end. */
import { InputError, Interrupted } from '../errors.js'
import { currentHost, maybeHost } from '../host.js'
import { onRuns } from '../train/announce.js'
import { escapeHtml } from '../show/clean.js'
import type { Run } from '../train/run.js'
import { targetReached } from '../train/stops.js'
import { HBox, VBox } from './boxes.js'
import { Button, Text } from './buttons.js'
import { Dropdown } from './selection.js'
import {
  BoundedIntText,
  FloatLogSlider,
  FloatProgress,
  FloatSlider,
  FloatText,
  HTML,
  ToggleButton,
} from './simple.js'
import type { Widget } from './widget.js'

export interface ControlsOptions {
  /** Powers of ten between which the learning rate can be dragged. Default: -6 to 0. */
  learningRate?: readonly [least: number, most: number]
  /** Iterations of one press of Step. Default: 100. */
  step?: number
  /** Shows a chart above the controls, which moves while they train. Default: true. */
  chart?: boolean
}

const wide = { width: '34em' }
const described = { description_width: '9em' }
const button = { width: 'auto' }

const number = (value: number): string => String(Number(value.toPrecision(4)))

function statusOf(run: Run): string {
  const parts = [
    `iteration ${run.iteration.toLocaleString('en-US')}`,
    `learning rate ${number(run.learningRate)}`,
  ]
  const last = run.history.at(-1)
  if (last) parts.push(`loss ${number(last.loss)}`)
  const { iteration: _, ...measured } = run.evaluations.at(-1) ?? { iteration: 0 }
  for (const [name, value] of Object.entries(measured))
    parts.push(`evaluation ${name} ${number(value as number)}`)
  if (run.stopReason) parts.push(run.stopReason.message)
  return parts.join(' · ')
}

/** One slider for all dropouts of the model where their rates are alike, else one for each; none where it has none. */
function dropoutSliders(run: Run) {
  const rates = run.dropout
  const names = Object.keys(rates)
  const alike = new Set(Object.values(rates)).size === 1
  const groups = alike ? [names] : names.map((name) => [name])
  return groups.map((group) => ({
    names: group,
    change: (rate: number) => (alike ? rate : { [group[0]!]: rate }),
    slider: FloatSlider({
      description: alike ? 'dropout' : group[0]!,
      value: rates[group[0]!]!,
      min: 0,
      max: 0.95,
      step: 0.05,
      continuous_update: false,
      layout: wide,
      style: described,
    }),
  }))
}

/** The numbers in a text: '4007, 12 13' -> [4007, 12, 13]. */
const idsOf = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number)

/**
 * Train, pause, step, undo, learning rate, batch size, dropout where the model has some, target, examples to leave out,
 * notes, and the reasons for all of it, for one run. Every touch is recorded as `run.set`, `run.exclude`, … record it, with what stands in the field "why".
 */
export function controls(
  run: Run,
  { learningRate = [-6, 0], step = 100, chart = true }: ControlsOptions = {},
): Widget {
  const goOnButton = ToggleButton({
    description: 'Train',
    icon: 'play',
    tooltip: 'trains until it is pressed again',
    layout: button,
  })
  const stepButton = Button({ description: 'Step', icon: 'step-forward', layout: button })
  const count = BoundedIntText({
    value: step,
    min: 1,
    max: 1e9,
    description: 'iterations',
    style: { description_width: 'auto' },
    layout: { width: '11em' },
  })
  const undo = Button({
    description: 'Undo',
    icon: 'undo',
    tooltip: 'takes back the last call',
    layout: button,
  })
  const redo = Button({ description: 'Redo', icon: 'repeat', layout: button })
  const progress = FloatProgress({
    value: 0,
    min: 0,
    max: 1,
    layout: { ...wide, height: '6px', margin: '4px 2px', visibility: 'hidden' },
  })
  // A label would cut them off; text is escaped.
  const status = HTML({ value: escapeHtml(statusOf(run)) })
  const message = HTML({ layout: { display: 'none' } })
  const [min, max] = learningRate
  const several = Object.keys(run.learningRates).length > 1
  const rates = (several ? Object.keys(run.learningRates) : [undefined]).map((optimizer) => {
    const now = () => (optimizer === undefined ? run.learningRate : run.learningRates[optimizer]!)
    const slider = FloatLogSlider({
      description: optimizer === undefined ? 'learning rate' : `learning rate ${optimizer}`,
      value: now(),
      min: Math.min(min, Math.floor(Math.log10(now()))),
      max: Math.max(max, Math.ceil(Math.log10(now()))),
      step: 0.05,
      readout_format: '.2e',
      continuous_update: false,
      layout: wide,
      style: described,
    })
    const change = () => (optimizer === undefined ? slider.value : { [optimizer]: slider.value })
    return { slider, now, change }
  })
  const batchSize = BoundedIntText({
    description: 'batch size',
    value: run.batchSize,
    min: 1,
    max: 1e6,
    style: described,
  })
  const dropouts = dropoutSliders(run)
  const metrics = ['loss', ...run.view().metrics]
  const metric = Dropdown({
    description: 'stop when',
    options: metrics,
    value: metrics.at(-1)!,
    style: described,
  })
  const target = FloatText({
    value: 0,
    description: 'reaches',
    style: { description_width: 'auto' },
    layout: { width: '11em' },
  })
  const setTarget = Button({ description: 'Set target', layout: button })
  const ids = Text({ description: 'leave out', placeholder: 'ids of training examples', style: described })
  const exclude = Button({ description: 'Exclude', layout: button })
  const note = Text({
    description: 'note',
    placeholder: 'what you see or plan: a mark on the chart',
    layout: wide,
    style: described,
  })
  const write = Button({ description: 'Write down', layout: button })
  const why = Text({
    description: 'why',
    placeholder: 'a reason, kept with what you change',
    layout: wide,
    style: described,
  })

  const view = chart && maybeHost()?.kind === 'notebook' ? currentHost().display(run.view()) : undefined
  /** Whether the training was begun here, so that the chart here shows it. */
  let ours = false

  function say(text: string): void {
    message.value =
      text && `<span role="alert" style="color: var(--jp-error-color1)">${escapeHtml(text)}</span>`
    message.layout.display = text ? null : 'none'
  }

  /** Does something to the run; what cannot be done says why, in place of an error under another cell. */
  async function attempt(work: () => unknown): Promise<void> {
    say('')
    try {
      await work()
    } catch (error) {
      if (!(error instanceof Interrupted)) say(error instanceof Error ? error.message : String(error))
    }
    refresh()
  }
  const reason = () => (why.value ? { why: why.value } : {})

  async function train(work: () => Promise<unknown>): Promise<void> {
    ours = true
    await attempt(async () => {
      const done = work()
      refresh()
      await done
    })
    ours = false
    view?.update(run.view())
  }
  const goOn = () =>
    train(() => {
      if (run.state === 'paused') run.resume()
      else run.start()
      return run.finished()
    })
  const pause = () =>
    attempt(async () => {
      await run.pause()
      if (run.state === 'training') say('A cell trains this run: Stop in the toolbar ends it.')
    })

  function refresh(): void {
    const busy = run.state === 'training'
    status.value = escapeHtml(statusOf(run))
    for (const one of [stepButton, undo, redo]) one.disabled = busy
    // Without their listeners hearing of it as a touch.
    quiet = true
    goOnButton.set({
      value: busy,
      description: busy ? 'Pause' : run.state === 'paused' ? 'Resume' : 'Train',
      icon: busy ? 'pause' : 'play',
    })
    for (const { slider, now } of rates) {
      const power = Math.log10(now())
      if (!Number.isFinite(power)) continue
      slider.set({
        min: Math.min(slider.min, Math.floor(power)),
        max: Math.max(slider.max, Math.ceil(power)),
        value: now(),
      })
    }
    batchSize.value = run.batchSize
    const { dropout } = run
    for (const { slider, names } of dropouts) slider.value = dropout[names[0]!]!
    quiet = false
  }
  let quiet = false
  const touched = (work: () => unknown) => () => {
    if (!quiet) void attempt(work)
  }

  goOnButton.observe(({ value }) => {
    if (!quiet) void (value ? goOn() : pause())
  })
  stepButton.onClick(() => void train(() => run.iterate(count.value)))
  undo.onClick(() => void attempt(() => run.undo()))
  redo.onClick(() => void attempt(() => run.redo()))
  for (const { slider, change } of rates)
    slider.observe(touched(() => run.set({ learningRate: change() }, reason())))
  batchSize.observe(touched(() => run.set({ batchSize: batchSize.value }, reason())))
  for (const { slider, change } of dropouts)
    slider.observe(touched(() => run.set({ dropout: change(slider.value) }, reason())))
  write.onClick(
    () =>
      void attempt(() => {
        run.note(note.value)
        note.value = ''
      }),
  )
  setTarget.onClick(
    () => void attempt(() => run.set({ stop: targetReached(metric.value, target.value) }, reason())),
  )
  exclude.onClick(
    () =>
      void attempt(() => {
        const numbers = idsOf(ids.value)
        if (numbers.length === 0)
          throw new InputError({
            where: 'leave out',
            received: JSON.stringify(ids.value),
            expected: 'ids of training examples, as in 12, 407',
          })
        run.exclude(numbers, reason())
        ids.value = ''
      }),
  )

  const stop = onRuns((other, news) => {
    if (other !== run) return
    const ends = news?.live && news.to !== undefined
    progress.layout.visibility = ends ? 'visible' : 'hidden'
    if (ends) progress.set({ min: news.from, max: Math.max(news.to!, news.from + 1), value: news.iteration })
    if (ours && news) view?.update(news)
    refresh()
  })
  const box = VBox([
    HBox([goOnButton, stepButton, count, undo, redo]),
    progress,
    status,
    message,
    ...rates.map(({ slider }) => slider),
    batchSize,
    ...dropouts.map(({ slider }) => slider),
    HBox([metric, target, setTarget]),
    HBox([ids, exclude]),
    HBox([note, write]),
    why,
  ])
  return box.onClose(stop)
}
