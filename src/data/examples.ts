import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import type { ExampleRow, ExamplesView, InputView } from '../views.js'
import type { AnyDataset, FieldSpec } from './dataset.js'
import { valuesOfParts } from './table/parts.js'
import { checkSeed, choose, createRandom } from './random.js'

/**
 * `k` examples of a dataset, drawn with `seed`, to look at: shown as a grid of images, a table or texts.
 *
 * @example sample(data.train, 16, { seed: 1 })
 */
export function sample(
  dataset: AnyDataset,
  k = 16,
  options: { seed?: number; title?: string } = {},
): ExamplesView {
  const { seed = 0, title } = named(options, ['seed', 'title'], 'sample(dataset, k, options)')
  if (!Number.isInteger(k) || k < 1)
    throw new InputError({
      where: 'sample(dataset, k)',
      received: describe(k),
      expected: 'a whole number of examples, at least 1',
    })
  const positions = choose(
    dataset.length,
    Math.min(k, dataset.length),
    createRandom(checkSeed(seed, 'sample(dataset, k, { seed })')),
  )
  return {
    kind: 'examples',
    title: title ?? `${dataset.name}: ${positions.length} of ${dataset.length} (${dataset.split})`,
    rows: Array.from(positions, (position) => exampleRow(dataset, position)),
  }
}

/**
 * The examples with these ids, to look at.
 *
 * @example examples(data.train, [4007, 12])
 */
export function examples(
  dataset: AnyDataset,
  ids: readonly number[],
  options: { title?: string } = {},
): ExamplesView {
  const { title } = named(options, ['title'], 'examples(dataset, ids, options)')
  const rows = ids.map((id) => {
    const position = dataset.positionOf(id)
    if (position !== undefined) return exampleRow(dataset, position)
    const other = dataset.splitOf(id)
    throw new InputError({
      where: `examples(${dataset.name} ${dataset.split}, ids)`,
      received: `the id ${id}${other ? `, which is in ${other}` : ''}`,
      expected: `ids of the ${dataset.split} split`,
    })
  })
  return { kind: 'examples', title, rows }
}

/**
 * One example as it can be shown.
 *
 * @example const { id, expected } = exampleRow(data.train, 0)
 */
export function exampleRow(dataset: AnyDataset, position: number): ExampleRow {
  const at = { id: dataset.ids[position]!, split: dataset.split }
  const text = dataset.textAt?.(position)
  if (text) return { ...at, input: { text: text.x }, expected: text.y }
  const { x, y } = dataset.valuesAt(position)
  return { ...at, input: inputView(dataset, x), expected: nameTarget(dataset, y) }
}

type Shown = Pick<AnyDataset, 'x' | 'y' | 'picture' | 'classes'>

function inputView(dataset: Shown, x: ArrayLike<number> | readonly string[]): InputView {
  if (dataset.x.parts) return partsView(dataset, x as ArrayLike<number>)
  if (dataset.x.dtype === 'string') return { text: String(x[0]) }
  const { shape, ragged } = dataset.x
  const places = shape.slice(1).reduce((product, axis) => product * axis, 1)
  const view: InputView = {
    values: x as ArrayLike<number>,
    shape: ragged ? [x.length / places, ...shape.slice(1)] : shape,
  }
  return dataset.picture ? { ...view, picture: dataset.picture } : view
}

/** The part of x that the picture is of; '' where x is one tensor, undefined where none has as many values. */
export function picturePart(x: FieldSpec, picture: readonly number[]): string | undefined {
  const size = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1)
  if (!x.parts) return size(x.shape) === size(picture) ? '' : undefined
  return Object.entries(x.parts).find(([, { shape }]) => size(shape) === size(picture))?.[0]
}

/** All parts as numbers; the picture, where one of them is one; else what they read as. */
function partsView({ x: spec, picture }: Shown, x: ArrayLike<number>): InputView {
  const values = valuesOfParts(spec, x)
  const parts = Object.fromEntries(
    Object.entries(spec.parts!).map(([part, { shape }]) => [part, { values: values[part]!, shape }]),
  )
  const drawn = picture && picturePart(spec, picture)
  if (drawn) return { ...parts[drawn]!, picture, parts }
  const text = Object.entries(values).map(([part, own]) => `${part} ${nameTarget({}, own)}`)
  return { text: text.join(', '), parts }
}

/**
 * How a target or a prediction of this dataset reads: the class (of an index, or of the largest of as many values as
 * there are classes), a number, or the first of several numbers; of a y of parts each of them.
 *
 * @param part of y, which the values are of.
 * @example nameTarget(data.train, [3])
 */
export function nameTarget(
  dataset: Partial<Pick<AnyDataset, 'y' | 'classes'>>,
  y: ArrayLike<number> | readonly string[],
  part?: string,
): string | number {
  if (y.length === 0) return ''
  if (typeof y[0] === 'string') return y[0]
  const values = y as ArrayLike<number>
  const parts = dataset.y?.parts
  if (parts && part === undefined && values.length === dataset.y!.shape[0])
    return Object.entries(valuesOfParts(dataset.y!, values))
      .map(([name, own]) => `${name} ${nameTarget(dataset, own, name)}`)
      .join(', ')
  const classes = part === undefined ? dataset.classes : parts?.[part]?.classes
  if (classes && values.length === 1) return classes[values[0]!] ?? values[0]!
  if (classes && values.length === classes.length) return classes[indexOfLargest(values)]!
  if (values.length === 1) return values[0]!
  const first = Array.from({ length: Math.min(4, values.length) }, (_, i) =>
    Number(values[i]!.toPrecision(4)),
  )
  return `[${first.join(', ')}${values.length > 4 ? ', …' : ''}]`
}

function indexOfLargest(values: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
