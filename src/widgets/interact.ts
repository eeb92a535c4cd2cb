/** A function with a control for each of its inputs, called anew whenever one is touched. */
import { currentHost, type Display } from '../host.js'
import { InputError } from '../errors.js'
import { VBox } from './boxes.js'
import { Text } from './buttons.js'
import { Dropdown } from './selection.js'
import { Checkbox, FloatSlider, IntSlider } from './simple.js'
import { Widget } from './widget.js'

/** A slider from `min` to `max`; whole numbers when all are whole. `value` is the middle unless given. */
export interface Range {
  min: number
  max: number
  step?: number
  value?: number
}

/** What an input may be given as: a value, a range, options, or a widget of your own. */
export type Input = number | boolean | string | Range | readonly unknown[] | Widget

type ValueOf<I> = I extends number | Range
  ? number
  : I extends boolean
    ? boolean
    : I extends string
      ? string
      : I extends readonly (infer Option)[]
        ? Option
        : I extends { value: infer Value }
          ? Value
          : unknown

const isRange = (input: unknown): input is Range =>
  typeof input === 'object' && input !== null && 'min' in input && 'max' in input

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
  throw new InputError({
    where: `interact(…, { ${name} })`,
    received: String(input),
    expected: 'a number, a boolean, a text, a list of options, { min, max, step } or a widget',
  })
}

/**
 * Shows a control for each input and, below, what `f` returns; touching a control calls `f` again and replaces the
 * result. While an asynchronous `f` runs, touches are gathered: it is called once more with the newest values.
 *
 * `await interact(({ rate, name }) => …, { rate: { min: 0, max: 1 }, name: ['adam', 'sgd'] })`
 */
export async function interact<const Inputs extends { [name: string]: Input }>(
  f: (values: { [name in keyof Inputs]: ValueOf<Inputs[name]> }) => unknown,
  inputs: Inputs,
): Promise<void> {
  const controls = Object.entries(inputs).map(([name, input]) => [name, controlFor(name, input)] as const)
  const host = currentHost()
  host.display(VBox(controls.map(([, control]) => control)))
  let result: Display | undefined
  let running = false
  let again = false

  async function call(): Promise<void> {
    const values = Object.fromEntries(controls.map(([name, control]) => [name, (control as any).value]))
    const value = await f(values as never)
    if (value === undefined) return
    if (result) result.update(value)
    else result = host.display(value)
  }
  async function onTouch(): Promise<void> {
    again = true
    if (running) return
    running = true
    try {
      while (again) {
        again = false
        await call()
      }
    } finally {
      running = false
    }
  }
  for (const [, control] of controls) control.observe(() => void onTouch())
  await onTouch()
}
