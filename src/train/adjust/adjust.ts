import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import type { Adjustment } from '../../views.js'
import type { Dataset } from '../../data/dataset.js'
import { valuesOfParts } from '../../data/table/parts.js'
import { ofTarget } from '../../data/table/target-part.js'
import type { OutputKind } from '../model/trainee.js'
import type { Core } from '../state/core.js'
import { idsRecord, trainingPositions, type Ids } from '../order/ids.js'

export interface Why {
  /** The reason, shown where the adjustment is. */
  why?: string
}

export function whyOf(options: Why, where: string): string | undefined {
  const { why } = named(options, ['why'], where)
  if (why === undefined || typeof why === 'string') return why
  throw new InputError({ where, received: describe(why), expected: "a text, e.g. { why: 'loss is flat' }" })
}

/** Writes an adjustment down. */
export function note(core: Core, { what, from, to, why }: Omit<Adjustment, 'at'>): void {
  const adjustment: Adjustment = {
    at: core.state.iteration,
    what,
    from,
    to,
    ...(why !== undefined && { why }),
  }
  core.state.adjustments = [...core.state.adjustments, adjustment]
}

/** Gives an adjustment that was made its reason: wherever it is written down in memory, also in the points before and after. */
export function explain(core: Core, adjustment: Adjustment | undefined, why: string): Adjustment {
  const where = 'run.explain(why)'
  if (typeof why !== 'string' || !why.trim())
    throw new InputError({ where, received: describe(why), expected: 'some text' })
  if (!adjustment || !core.state.adjustments.includes(adjustment))
    throw new InputError({
      where,
      received: adjustment ? 'an adjustment that the run has not' : 'a run without adjustments',
      expected: 'one of run.adjustments; the newest unless another is given',
    })
  const explained = Object.assign(adjustment, { why: why.trim() })
  // Who keeps what was made of the list knows by it that it is another.
  core.state.adjustments = [...core.state.adjustments]
  return explained
}

/** A note of the user's. */
export function noteText(core: Core, text: string): void {
  if (typeof text !== 'string' || !text.trim())
    throw new InputError({ where: 'run.note(text)', received: describe(text), expected: 'some text' })
  note(core, { what: 'note', from: null, to: text.trim() })
}

/** Leaves examples out of what is drawn, or takes them back in. */
export function exclude(core: Core, ids: Ids, why: string | undefined, out: boolean): void {
  const what = out ? 'exclude' : 'include'
  const positions = trainingPositions(core, ids, `run.${what}(ids)`)
  const before = core.state.order.state()
  const left = core.state.order.included
  core.state.order.exclude(positions, out)
  const now = core.state.order.included
  if (now === 0) {
    core.state.order.restore(before)
    throw new InputError({
      where: 'run.exclude(ids)',
      received: 'ids of all examples that were left',
      expected: 'at least one example to train on',
    })
  }
  note(core, { what, from: left, to: { ids: idsRecord(core, positions), left: now }, why })
}

/** Multiplies the weight of these examples' losses. */
export function reweight(core: Core, ids: Ids, factor: number, why?: string): void {
  if (typeof factor !== 'number' || !Number.isFinite(factor) || factor < 0)
    throw new InputError({
      where: 'run.reweight(ids, factor)',
      received: describe(factor),
      expected: 'a factor, 0 or more',
      fix: 'run.exclude(ids) leaves examples out altogether.',
    })
  const positions = trainingPositions(core, ids, 'run.reweight(ids, factor)')
  const weights = core.state.weights?.slice() ?? new Float32Array(core.data.length).fill(1)
  for (const position of positions) weights[position]! *= factor
  if (factor === 0 && weights.every((weight) => weight === 0))
    throw new InputError({
      where: 'run.reweight(ids, factor)',
      received: 'a weight of 0 for all examples',
      expected: 'at least one that counts: of nothing, nothing is learned',
    })
  // All of them are looked at only where this may have set the last one back.
  const isPlain = positions.every((position) => weights[position] === 1)
  core.state.weights = isPlain && weights.every((weight) => weight === 1) ? undefined : weights
  note(core, { what: 'reweight', from: 1, to: { ids: idsRecord(core, positions), factor }, why })
}

/** Corrects the label of one example: a class name or index, a number, or the values of y; of several targets some by name. */
export function relabel(core: Core, id: number, label: unknown, why?: string): void {
  const [position] = trainingPositions(core, id, 'run.relabel(id, label)')
  const { data, trainee } = core
  const before = Array.from(
    core.state.labels.get(position!) ?? (data.valuesAt(position!).y as ArrayLike<number>),
  )
  const where = 'run.relabel(id, label)'
  const { parts } = data.y
  if (!parts) {
    const { values, name } = labelFrom(label, data, trainee, where)
    core.state.labels = new Map([...core.state.labels, [position!, values]])
    note(core, { what: 'relabel', from: name(before), to: { id, label: name(values) }, why })
    return
  }
  const isByName =
    typeof label === 'object' && label !== null && Object.getPrototypeOf(label) === Object.prototype
  if (!isByName || Object.keys(label).length === 0)
    throw new InputError({
      where,
      received: describe(label),
      expected: `labels by target: { ${Object.keys(parts)[0]}: … }, of ${Object.keys(parts).join(', ')}`,
    })
  const given = named(label as { readonly [part: string]: unknown }, Object.keys(parts), where)
  const old = valuesOfParts(data.y, before)
  const next = { ...old }
  const [from, to]: { [part: string]: unknown }[] = [{}, {}]
  for (const [part, one] of Object.entries(given)) {
    const output = trainee.several?.find((each) => each.partIn(Object.keys(parts)) === part)
    const kind = output ?? trainee.kindOf?.(part) ?? {}
    const { values, name } = labelFrom(one, ofTarget(data, part), kind, `${where}: ${part}`)
    next[part] = values
    from![part] = name(Array.from(old[part]!))
    to![part] = name(values)
  }
  const values = Object.keys(parts).flatMap((part) => Array.from(next[part]!))
  core.state.labels = new Map([...core.state.labels, [position!, values]])
  note(core, { what: 'relabel', from, to: { id, label: to }, why })
}

/** What `relabel` takes for an example: a class by its name (or its index), or a number; undefined where a label is more than one value. */
export function labelsOf({ data, trainee }: Core): readonly string[] | 'number' | undefined {
  const { classes, y } = data
  if (!y || y.parts || y.shape.reduce((a, b) => a * b, 1) !== 1) return undefined
  const count = classes?.length ?? trainee.classes
  if (classes) return classes
  return count === undefined ? 'number' : Array.from({ length: count }, (_, i) => String(i))
}

/** The values of a label, and how values of its kind read. */
function labelFrom(
  label: unknown,
  { classes, y }: Pick<Dataset, 'classes' | 'y'>,
  { classes: ofModel, binary }: OutputKind,
  where: string,
): { values: number[]; name(entry: readonly number[]): unknown } {
  const size = y.shape.reduce((a, b) => a * b, 1)
  const count = size === 1 ? (classes?.length ?? ofModel) : undefined
  const value = classes && size === 1 && typeof label === 'string' ? classes.indexOf(label) : label
  const values =
    typeof value === 'number'
      ? [value]
      : Array.isArray(value) || ArrayBuffer.isView(value)
        ? Array.from(value as ArrayLike<number>)
        : []
  const fits =
    values.length === size &&
    values.every((entry) => typeof entry === 'number' && Number.isFinite(entry)) &&
    (count === undefined || (Number.isInteger(values[0]) && values[0]! >= 0 && values[0]! < count)) &&
    (!binary || values.every((entry) => entry >= 0 && entry <= 1))
  if (!fits)
    throw new InputError({
      where,
      received: describe(label),
      expected:
        count !== undefined
          ? classes
            ? `a class: ${classes.slice(0, 20).join(', ')}, or its index`
            : `a class index from 0 to ${count - 1}`
          : `${size === 1 ? 'a number' : `${size} numbers`}${binary ? ' from 0 to 1' : ''}`,
    })
  return {
    values,
    name: (entry) => (entry.length === 1 ? (count !== undefined && classes?.[entry[0]!]) || entry[0] : entry),
  }
}
