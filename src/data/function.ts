import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import { asClasses } from './table/classes.js'
import { columnFrom, emptyColumn, type Column } from './table/column.js'
import type { Dataset, FieldSpec, Parted } from './dataset.js'
import {
  checkField,
  oneSplit,
  partsBeside,
  type OtherFields,
  type PartsOf,
  type SourceOptions,
} from './from.js'
import { checkParts } from './table/parts.js'
import { checkSeed, createRandom, stateOf, type Random } from './random.js'
import { Rounding } from './table/rounding.js'

interface Made {
  x: unknown
  y?: unknown
  [field: string]: unknown
}

/**
 * A dataset that is computed: example `i` is whatever `make(i, random)` returns, with a source of randomness of its own,
 * so that it is the same whenever and wherever it is asked for. Nothing is kept; `make` is called once for each time that an
 * example is asked for.
 *
 * @example fromFunction(1_000_000, (_, random) => { const x = random.next(); return { x, y: Math.sin(x) } })
 */
export function fromFunction<One extends { x: unknown; y?: unknown }>(
  length: number,
  make: (i: number, random: Random) => One,
  options: Omit<SourceOptions, 'ids'> & { seed?: number } = {},
): Dataset<OtherFields<One>, PartsOf<One['x']>, PartsOf<One['y']>> {
  if (!Number.isInteger(length) || length < 1)
    throw new InputError({
      where: 'fromFunction(length, make)',
      received: describe(length),
      expected: 'a whole number of examples, at least 1',
    })
  if (typeof make !== 'function')
    throw new InputError({
      where: 'fromFunction(length, make)',
      received: describe(make),
      expected: '(i, random) => ({ x, y })',
    })
  const known = ['name', 'split', 'classes', 'picture', 'seed']
  const {
    name = 'data',
    seed = 0,
    classes,
    picture,
  } = named(options, known, 'fromFunction(length, make, options)')
  checkSeed(seed, 'fromFunction(length, make, { seed })')
  const at = (i: number): Made => {
    const random = createRandom(stateOf(seed, i, 0x51ed27, 1))
    // Neighbours differ in a few bits only: some rounds spread them over the whole state, as for a seed.
    for (let round = 0; round < 12; round++) random.next()
    return make(i, random) as Made
  }
  const first = at(0)
  if (first?.x === undefined)
    throw new InputError({
      where: 'fromFunction(length, make)',
      received: `${describe(first)} from make`,
      expected: '{ x, y }',
    })
  const rounding = new Rounding(name)
  /** Texts are classes only where all of these are named: what is made later is not known yet. */
  const classesOf = (column: Column): Column => {
    const unnamed = Object.entries(column.spec.parts ?? {}).find(
      ([part, { dtype }]) =>
        dtype === 'string' && !(classes as { [part: string]: unknown } | undefined)?.[part],
    )
    if (unnamed)
      throw needsClasses(`${name}.y.${unnamed[0]}`, column.parts![unnamed[0]]!.read(0)[0], unnamed[0])
    return asClasses(column, classes, name).column
  }
  /** One field of some examples, as a column of them. */
  const layOut = (field: string, made: readonly Made[]): Column => {
    const column = columnFrom(
      made.map((one) => one[field]),
      { where: `${name}.${field}`, rounding },
    )
    if (field === 'y' && (classes || column.parts)) return classesOf(column)
    if (field === 'x') checkParts(column, `${name}.x`)
    else if (column.parts) throw partsBeside(`${name}.${field}`)
    return column
  }
  const specOf = (field: string): FieldSpec =>
    field === 'y' && first.y === undefined ? { shape: [0], dtype: 'float32' } : layOut(field, [first]).spec
  const others = Object.keys(first).filter((field) => field !== 'x' && field !== 'y')
  for (const field of others) checkField(field, `make(0) of ${name}`)
  const specs: { [field: string]: FieldSpec } = { x: specOf('x'), y: specOf('y') }
  for (const field of others) specs[field] = specOf(field)
  if (specs.y!.dtype === 'string') throw needsClasses(`${name}.y`, first.y)
  const build = (field: string, rows: ArrayLike<number>, made: readonly Made[]): Column => {
    const { shape, dtype } = specs[field]!
    if (shape[0] === 0) return emptyColumn(rows.length)
    const column = layOut(field, made)
    const text = (spec: FieldSpec): string =>
      spec.parts
        ? Object.entries(spec.parts)
            .map(([part, one]) => `${part} ${text(one)}`)
            .join(', ')
        : `${spec.dtype} of shape [${spec.shape.join(', ')}]`
    if (text(column.spec) === text({ ...specs[field]!, shape, dtype })) return column
    throw new InputError({
      where: `${name}.${field}`,
      received: `${text(column.spec)} from make(${rows[0]})`,
      expected: `${text(specs[field]!)}, as from make(0)`,
    })
  }
  const eachField = <T>(of: (field: string) => T) =>
    Object.fromEntries(Object.keys(specs).map((field) => [field, of(field)])) as {
      x: T
      y: T
      [field: string]: T
    }
  const makeAll = (rows: ArrayLike<number>) => Array.from(rows, at)
  const gather = (rows: ArrayLike<number>) => {
    const made = makeAll(rows)
    const all = Array.from({ length: rows.length }, (_, i) => i)
    const columns = eachField((field) => build(field, rows, made))
    rounding.say()
    return eachField((field): Parted => columns[field]!.gather(all))
  }
  const read = (row: number) => {
    const made = makeAll([row])
    return eachField((field) => build(field, [row], made).read(0))
  }
  const part = (field: string): Column => ({
    spec: specs[field]!,
    length,
    gather: (rows) => build(field, rows, makeAll(rows)).gather(Array.from(rows, (_, i) => i)),
    read: (row) => read(row)[field]!,
  })
  return oneSplit(
    {
      name,
      x: part('x'),
      y: part('y'),
      ...(others.length > 0 && { more: Object.fromEntries(others.map((field) => [field, part(field)])) }),
      whole: { gather, read },
      computed: true,
      ...(Array.isArray(classes) && { classes: classes as readonly string[] }),
      ...(picture && { picture }),
    },
    options,
  ) as unknown as Dataset<OtherFields<One>, PartsOf<One['x']>, PartsOf<One['y']>>
}

function needsClasses(where: string, value: unknown, part?: string): InputError {
  return new InputError({
    where,
    received: `texts such as ${describe(value)}`,
    expected: 'the names of all classes, since what is made later is not known yet',
    fix: part ? `E.g. { classes: { ${part}: ['cat', 'dog'] } }.` : "E.g. { classes: ['cat', 'dog'] }.",
  })
}
