/** The controls of a run, made of standard widgets: they work wherever widgets do, with nothing of ours in the front end. */
import { InputError } from '../errors.js'
import { currentHost, maybeHost } from '../host.js'
import { escapeHtml } from '../show/clean.js'
import { named } from '../suggest.js'
import { onRuns } from '../train/run/announce.js'
import type { AnyRun, Run } from '../train/run/run.js'
import { targetReached } from '../train/rules/stops.js'
import type { RunView } from '../views.js'
import { HBox, VBox } from './boxes.js'
import { Button, Text } from './buttons.js'
import { described, Desk, fitting, shortField, wide } from './desk.js'
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
  /** Powers of ten between which the learning rate can be dragged. Default: -6 to 0. `learningRate: [-5, -1]` */
  learningRate?: readonly [least: number, most: number]
  /** Iterations of one press of Train. Default: 100. `step: 10` */
  step?: number
  /** Shows a chart above the controls, which moves while they train. Default: true. `chart: false` */
  chart?: boolean
}

/**
 * Train, stop, undo, learning rate, batch size, dropout where the model has some, target, examples to leave out,
 * notes, and the reasons for all of it, for one run. Every touch is recorded as `run.set`, `run.exclude`, … record it, with
 * what stands in the field "why".
 *
 *     controls(run, { step: 10 })
 */
export function controls(given: AnyRun, options: ControlsOptions = {}): Widget {
  const run = given as unknown as Run
  const {
    learningRate = [-6, 0],
    step = 100,
    chart = true,
  } = named(options, ['learningRate', 'step', 'chart'], 'controls(run, options)')
  const desk = new Desk(run)
  const progress = FloatProgress({
    value: 0,
    min: 0,
    max: 1,
    layout: { ...wide, height: '6px', margin: '4px 2px', visibility: 'hidden' },
  })
  const view = chart && maybeHost()?.kind === 'notebook' ? currentHost().display(run.view()) : undefined
  const training = trainingButtons(desk, step, () => view?.update(run.view()))
  const box = VBox([
    training.row,
    progress,
    statusLine(desk),
    desk.message,
    ...rateSliders(desk, learningRate),
    batchSizeField(desk),
    ...dropoutSliders(desk),
    targetFields(desk),
    leaveOutField(desk),
    noteField(desk),
    desk.why,
  ])
  const stop = onRuns((other, news) => {
    if (other !== run) return
    showProgress(progress, news)
    if (training.isOurs() && news) view?.update(news)
    desk.refresh()
  })
  return box.onClose(stop)
}

/** The bar of a call that has an end. */
function showProgress(progress: ReturnType<typeof FloatProgress>, news: RunView | undefined): void {
  const ends = news?.live && news.to !== undefined
  progress.layout.visibility = ends ? 'visible' : 'hidden'
  if (ends) progress.set({ min: news.from, max: Math.max(news.to!, news.from + 1), value: news.iteration })
}

/** Train and Stop, in the panel's words, Train on, Undo, Redo. `isOurs`: whether the training was begun here, so that the chart here shows it. */
function trainingButtons(desk: Desk, iterations: number, onEnd: () => void) {
  const { run } = desk
  const goOnButton = ToggleButton({
    description: 'Train on',
    icon: 'forward',
    tooltip: 'trains until it is stopped',
    layout: fitting,
  })
  const step = Button({
    description: 'Train',
    icon: 'play',
    tooltip: 'trains for so many iterations',
    layout: fitting,
  })
  const count = BoundedIntText({
    value: iterations,
    min: 1,
    max: 1e9,
    description: 'iterations',
    ...shortField,
  })
  const undo = Button({
    description: 'Undo',
    icon: 'undo',
    tooltip: 'takes back the last call',
    layout: fitting,
  })
  const redo = Button({ description: 'Redo', icon: 'repeat', layout: fitting })
  let ours = false

  async function train(work: () => Promise<unknown>): Promise<void> {
    ours = true
    await desk.attempt(async () => {
      const done = work()
      desk.refresh()
      await done
    })
    ours = false
    onEnd()
  }
  const goOn = () =>
    train(() => {
      if (run.state === 'paused') run.resume()
      else run.start()
      return run.finished()
    })
  const pause = () =>
    desk.attempt(async () => {
      await run.pause()
      if (run.state === 'training') desk.say('A cell trains this run: Stop in the toolbar ends it.')
    })

  desk.onTouch(goOnButton, (value) => void (value ? goOn() : pause()))
  step.onClick(() => void train(() => run.iterate(count.value)))
  undo.onClick(() => void desk.attempt(() => run.undo()))
  redo.onClick(() => void desk.attempt(() => run.redo()))
  desk.follow(() => {
    const busy = run.state === 'training'
    for (const one of [step, undo, redo]) one.disabled = busy
    goOnButton.set({
      value: busy,
      description: busy ? 'Stop' : 'Train on',
      icon: busy ? 'stop' : 'forward',
    })
  })
  return { row: HBox([step, count, goOnButton, undo, redo]), isOurs: () => ours }
}

const short = (value: number): string => String(Number(value.toPrecision(4)))

function statusOf(run: Run): string {
  const parts = [
    `iteration ${run.iteration.toLocaleString('en-US')}`,
    `learning rate ${short(run.learningRate)}`,
  ]
  const last = run.history.at(-1)
  if (last) parts.push(`loss ${short(last.loss)}`)
  const { iteration: _, ...measured } = run.evaluations.at(-1) ?? { iteration: 0 }
  for (const [name, value] of Object.entries(measured))
    parts.push(`evaluation ${name} ${short(value as number)}`)
  if (run.stopReason) parts.push(run.stopReason.message)
  return parts.join(' · ')
}

/** Where the run stands, in words. A label would cut them off; text is escaped. */
function statusLine(desk: Desk): Widget {
  const text = () => escapeHtml(statusOf(desk.run))
  const status = HTML({ value: text() })
  desk.follow(() => void (status.value = text()))
  return status
}

/** A slider for the rate of each optimizer, where an own iteration has several; else one. */
function rateSliders(desk: Desk, [least, most]: readonly [number, number]): Widget[] {
  const { run } = desk
  const names = Object.keys(run.learningRates)
  return (names.length > 1 ? names : [undefined]).map((optimizer) => {
    const now = () => (optimizer === undefined ? run.learningRate : run.learningRates[optimizer]!)
    const slider = FloatLogSlider({
      description: optimizer === undefined ? 'learning rate' : `learning rate ${optimizer}`,
      value: now(),
      min: Math.min(least, Math.floor(Math.log10(now()))),
      max: Math.max(most, Math.ceil(Math.log10(now()))),
      step: 0.05,
      readout_format: '.2e',
      continuous_update: false,
      layout: wide,
      style: described,
    })
    desk.onTouch(slider, (value) =>
      desk.attempt(() =>
        run.set({ learningRate: optimizer === undefined ? value : { [optimizer]: value } }, desk.reason),
      ),
    )
    desk.follow(() => {
      const power = Math.log10(now())
      if (!Number.isFinite(power)) return
      slider.set({
        min: Math.min(slider.min, Math.floor(power)),
        max: Math.max(slider.max, Math.ceil(power)),
        value: now(),
      })
    })
    return slider
  })
}

function batchSizeField(desk: Desk): Widget {
  const { run } = desk
  const field = BoundedIntText({
    description: 'batch size',
    value: run.batchSize,
    min: 1,
    max: 1e6,
    style: described,
  })
  desk.onTouch(field, (batchSize) => desk.attempt(() => run.set({ batchSize }, desk.reason)))
  desk.follow(() => void (field.value = run.batchSize))
  return field
}

/** One slider for all dropouts of the model where their rates are alike, else one for each; none where it has none. */
function dropoutSliders(desk: Desk): Widget[] {
  const { run } = desk
  const rates = run.dropout
  const names = Object.keys(rates)
  const alike = new Set(Object.values(rates)).size === 1
  return (alike ? names.slice(0, 1) : names).map((name) => {
    const slider = FloatSlider({
      description: alike ? 'dropout' : name,
      value: rates[name]!,
      min: 0,
      max: 0.95,
      step: 0.05,
      continuous_update: false,
      layout: wide,
      style: described,
    })
    desk.onTouch(slider, (rate) =>
      desk.attempt(() => run.set({ dropout: alike ? rate : { [name]: rate } }, desk.reason)),
    )
    desk.follow(() => void (slider.value = run.dropout[name]!))
    return slider
  })
}

/** A metric, and the value at which training ends. */
function targetFields(desk: Desk): Widget {
  const { run } = desk
  const metrics = ['loss', ...run.view().metrics]
  const metric = Dropdown({
    description: 'stop when',
    options: metrics,
    value: metrics.at(-1)!,
    style: described,
  })
  const target = FloatText({ value: 0, description: 'reaches', ...shortField })
  const set = Button({ description: 'Set target', layout: fitting })
  set.onClick(
    () => void desk.attempt(() => run.set({ stop: targetReached(metric.value, target.value) }, desk.reason)),
  )
  return HBox([metric, target, set])
}

/** The numbers in a text: '4007, 12 13' -> [4007, 12, 13]. */
const idsOf = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number)

function leaveOutField(desk: Desk): Widget {
  const ids = Text({ description: 'leave out', placeholder: 'ids of training examples', style: described })
  const exclude = Button({ description: 'Exclude', layout: fitting })
  function leaveOut(): void {
    const numbers = idsOf(ids.value)
    if (numbers.length === 0)
      throw new InputError({
        where: 'leave out',
        received: JSON.stringify(ids.value),
        expected: 'ids of training examples, as in 12, 407',
      })
    desk.run.exclude(numbers, desk.reason)
    ids.value = ''
  }
  exclude.onClick(() => void desk.attempt(leaveOut))
  return HBox([ids, exclude])
}

function noteField(desk: Desk): Widget {
  const note = Text({
    description: 'note',
    placeholder: 'what you see or plan: a mark on the chart',
    layout: wide,
    style: described,
  })
  const write = Button({ description: 'Write down', layout: fitting })
  function writeDown(): void {
    desk.run.note(note.value)
    note.value = ''
  }
  write.onClick(() => void desk.attempt(writeDown))
  return HBox([note, write])
}
