/** A function with a control for each of its inputs, called anew whenever one is touched. */
import { currentHost, type Display } from '../host.js'
import { InputError } from '../errors.js'
import { during, whileWaiting } from '../settle.js'
import { VBox } from './boxes.js'
import { Text } from './buttons.js'
import { Output } from './output.js'
import { Dropdown, type Options } from './selection.js'
import { Checkbox, FloatSlider, IntSlider } from './simple.js'
import { Widget } from './widget.js'

/** A slider from `min` to `max`; whole numbers when all are whole. `value` is the middle unless given. */
export interface Range {
  min: number
  max: number
  step?: number
  value?: number
}

/** What an input may be given as: a value, a range, options (alone or by label), or a widget of your own. */
export type Input =
  | number
  | boolean
  | string
  | Range
  | readonly unknown[]
  | { readonly [label: string]: unknown }
  | Widget

type ValueOf<I> = I extends number | Range
  ? number
  : I extends boolean
    ? boolean
    : I extends string
      ? string
      : I extends readonly (infer Option)[]
        ? Option
        : I extends Widget
          ? I extends { value: infer Value }
            ? Value
            : unknown
          : I extends { readonly [label: string]: infer Option }
            ? Option
            : unknown

const isObject = (input: unknown): input is object => typeof input === 'object' && input !== null
const isRange = (input: unknown): input is Range => isObject(input) && 'min' in input && 'max' in input

function sliderOf(description: string, { min, max, step, value = (min + max) / 2 }: Range): Widget {
  const whole = [min, max, step ?? 1].every(Number.isInteger) && (step !== undefined || max - min > 1)
  return whole
    ? IntSlider({ description, min, max, step: step ?? 1, value: Math.round(value) })
    : FloatSlider({ description, min, max, step: step ?? (max - min) / 100, value, readout_format: '.3g' })
}

/** As ipywidgets does: a number x gets a slider from -x to 3x. */
const rangeAround = (x: number): Range => ({
  min: x === 0 ? 0 : Math.min(-x, 3 * x),
  max: x === 0 ? (Number.isInteger(x) ? 10 : 1) : Math.max(-x, 3 * x),
  value: x,
})

/** The control for an input. */
export function controlFor(name: string, input: Input): Widget {
  if (input instanceof Widget) return input
  if (typeof input === 'number') return sliderOf(name, rangeAround(input))
  if (typeof input === 'boolean') return Checkbox({ description: name, value: input })
  if (typeof input === 'string') return Text({ description: name, value: input })
  if (Array.isArray(input)) return Dropdown({ description: name, options: input }) as unknown as Widget
  if (isRange(input)) return sliderOf(name, input)
  if (isObject(input))
    return Dropdown({ description: name, options: input as Options<unknown> }) as unknown as Widget
  throw new InputError({
    where: `interact(…, { ${name} })`,
    received: String(input),
    expected:
      'a number, a boolean, a text, a list of options, { label: option }, { min, max, step } or a widget',
  })
}

/** What `interact` has shown. As the last expression of a cell it adds nothing; awaited, it waits for the first call of `f`. */
export interface Interaction extends Display, PromiseLike<void> {}

/**
 * Shows a control for each input and, below, what `f` prints and returns; touching a control calls `f` again and replaces
 * that. Its first error ends the cell, later ones are shown there. While an asynchronous `f` runs, touches are gathered: it
 * is called once more with the newest values.
 *
 * `interact(({ rate, name }) => …, { rate: { min: 0, max: 1 }, name: ['adam', 'sgd'] })`
 */
export function interact<const Inputs extends { [name: string]: Input }>(
  f: (values: { [name in keyof Inputs]: ValueOf<Inputs[name]> }) => unknown,
  inputs: Inputs,
): Interaction {
  const controls = Object.entries(inputs).map(([name, input]) => [name, controlFor(name, input)] as const)
  const host = currentHost()
  const printed = Output()
  const shown = host.display(VBox([...controls.map(([, control]) => control), printed]))
  let result: Display | undefined
  let running = false
  let again = false

  let touched = false
  let failure: { error: unknown } | undefined

  async function attempt(values: object): Promise<unknown> {
    try {
      return await f(values as never)
    } catch (error) {
      if (touched) throw error
      failure = { error }
      return undefined
    }
  }
  async function call(): Promise<void> {
    const values = Object.fromEntries(controls.map(([name, control]) => [name, (control as any).value]))
    const before = printed.outputs
    printed.clear({ wait: true })
    const value = await printed.capture(() => attempt(values))
    if (printed.outputs === before) printed.clear()
    if (failure) throw failure.error
    touched = true
    if (value === undefined) return
    if (result) result.update(value)
    else result = host.display(value)
  }
  async function onTouch(): Promise<void> {
    again = true
    if (running) return
    running = true
    const rest = () => void (running = false)
    // Whether Stop ends f or gives up what it waits for, the next touch calls it again.
    const isOver = whileWaiting(rest)
    try {
      while (again) {
        again = false
        await during((left) => {
          if (left) rest()
        }, call)
      }
    } finally {
      if (isOver()) rest()
    }
  }
  for (const [, control] of controls) control.observe(() => void onTouch())
  const first = onTouch()
  // Displays as they come are known to the host as shown already: of another object the cell would show that it is one.
  // oxlint-disable-next-line unicorn/no-thenable
  return Object.assign(shown, { then: first.then.bind(first) }) as Interaction
}
