/** Widgets that choose among options. Front ends know labels and indices; values never leave the kernel. */
import { InputError } from '../errors.js'
import type { Attributes } from './generated.js'
import type { State } from './packing.js'
import { createWidget, Widget, type Change, type Given } from './widget.js'

/** Options as labels, as `{ label: value }`, or as `[label, value]` pairs. A value that is no text is labelled by its text. */
export type Options<Value> =
  | readonly Value[]
  | { readonly [label: string]: Value }
  | readonly (readonly [label: string, value: Value])[]

type Single = 'Dropdown' | 'RadioButtons' | 'Select' | 'SelectionSlider' | 'ToggleButtons'
type Several = 'SelectMultiple' | 'SelectionRangeSlider'
type Rest<Kind extends keyof Attributes> = Given<Omit<Attributes[Kind], 'index'>>

const isPair = (option: unknown): option is readonly [string, unknown] =>
  Array.isArray(option) && option.length === 2 && typeof option[0] === 'string'

function pairsOf(options: Options<unknown>): [string, unknown][] {
  if (!Array.isArray(options)) return Object.entries(options)
  if (options.length > 0 && options.every(isPair)) return options.map(([label, value]) => [label, value])
  return options.map((value) => [String(value), value])
}

class Selection extends Widget<any> {
  #values: readonly unknown[] = []

  get options(): readonly unknown[] {
    return this.#values
  }
  set options(options: Options<unknown>) {
    const pairs = pairsOf(options)
    const before = this.value
    const many = Array.isArray(this.get('index'))
    this.#values = pairs.map(([, value]) => value)
    const kept = many ? [] : this.#values.indexOf(before)
    const index = many ? kept : (kept as number) >= 0 ? kept : this.#values.length > 0 ? 0 : null
    this.set({ _options_labels: pairs.map(([label]) => label), index })
  }

  get value(): unknown {
    return this.#valueAt(this.get('index'))
  }
  set value(value: unknown) {
    this.set({ index: Array.isArray(this.get('index')) ? this.#indicesOf(value) : this.#indexOf(value) })
  }
  get label(): string | null {
    return this.get('_options_labels')[this.get('index')] ?? null
  }

  /** @internal */
  choose(values: readonly unknown[], value: unknown): void {
    this.#values = values
    if (value !== undefined) this.value = value
  }

  protected override derive(old: State): Change[] {
    if (!('index' in old)) return []
    return [{ name: 'value', old: this.#valueAt(old['index']), value: this.value }]
  }

  #valueAt(index: unknown): unknown {
    if (Array.isArray(index)) return index.map((one) => this.#values[one])
    return typeof index === 'number' ? this.#values[index] : null
  }
  #indexOf(value: unknown): number | null {
    if (value === null) return null
    const index = this.#values.indexOf(value)
    if (index >= 0) return index
    throw new InputError({
      where: this.kind,
      received: `the value ${JSON.stringify(value)}`,
      expected: `one of the options ${JSON.stringify(this.#values)}`,
    })
  }
  #indicesOf(values: unknown): (number | null)[] {
    return (values as unknown[]).map((value) => this.#indexOf(value))
  }
}

type SelectionWidget<Kind extends keyof Attributes, Value, Chosen> = Widget<
  Omit<Attributes[Kind], 'index'> & { value: Chosen; index: any }
> &
  Omit<Attributes[Kind], 'index'> & {
    /** What is chosen, one of the options' values. */
    value: Chosen
    /** The values to choose from. Assign options of any of the three forms to change them. */
    options: Options<Value>
    readonly label: string | null
  }

function createSelection(kind: keyof Attributes, first: unknown, given: any = {}): any {
  const { options = [], value, ...rest } = given
  const pairs = pairsOf(options)
  const attributes = { _options_labels: pairs.map(([label]) => label), index: first, ...rest }
  if (pairs.length === 0 && typeof first === 'number') attributes.index = null
  const widget = createWidget(kind, attributes as object, Selection) as unknown as Selection
  widget.choose(
    pairs.map(([, one]) => one),
    value,
  )
  return widget
}

const one =
  <Kind extends Single>(kind: Kind) =>
  <Value>(
    given?: Rest<Kind> & { options?: Options<Value>; value?: NoInfer<Value> },
  ): SelectionWidget<Kind, Value, Value> =>
    createSelection(kind, 0, given)
const several =
  <Kind extends Several>(kind: Kind, first: readonly number[]) =>
  <Value>(
    given?: Rest<Kind> & { options?: Options<Value>; value?: readonly NoInfer<Value>[] },
  ): SelectionWidget<Kind, Value, readonly Value[]> =>
    createSelection(kind, first, given)

/** A list that folds out: `Dropdown({ options: ['adam', 'sgd'], value: 'adam' })`. The first option is chosen if no value is given. */
export const Dropdown = one('Dropdown')
/** All options with a dot before the chosen one. */
export const RadioButtons = one('RadioButtons')
/** A list of `rows` lines. */
export const Select = one('Select')
/** A slider over options. */
export const SelectionSlider = one('SelectionSlider')
/** A row of buttons of which one is down. */
export const ToggleButtons = one('ToggleButtons')
/** A list of which several can be chosen; `value` is an array. */
export const SelectMultiple = several('SelectMultiple', [])
/** A slider with two ends over options; `value` is `[first, last]`. */
export const SelectionRangeSlider = several('SelectionRangeSlider', [0, 0])
