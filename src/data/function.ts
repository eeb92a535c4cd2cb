import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import { columnFrom, emptyColumn, type Column } from './column.js'
import type { Dataset } from './dataset.js'
import { oneSplit, type SourceOptions } from './from.js'
import { createRandom, type Random } from './random.js'

/**
 * A dataset that is computed: example `i` is whatever `make(i, random)` returns, with a source of randomness of its own,
 * so that it is the same whenever and wherever it is asked for. Nothing is kept.
 *
 * @example fromFunction(1_000_000, (_, random) => { const x = random.next(); return { x, y: Math.sin(x) } })
 */
export function fromFunction(
  length: number,
  make: (i: number, random: Random) => { x: unknown; y?: unknown },
  options: Omit<SourceOptions, 'ids'> & { seed?: number } = {},
): Dataset {
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
  const at = (i: number) => {
    const random = createRandom([seed | 0, Math.floor(seed / 4294967296) ^ 0x51ed27, i | 0, 1])
    // Neighbours differ in a few bits only: some rounds spread them over the whole state, as for a seed.
    for (let round = 0; round < 12; round++) random.next()
    return make(i, random)
  }
  const first = at(0)
  if (first?.x === undefined)
    throw new InputError({
      where: 'fromFunction(length, make)',
      received: `${describe(first)} from make`,
      expected: '{ x, y }',
    })
  const part = (field: 'x' | 'y'): Column => {
    if (field === 'y' && first.y === undefined) return emptyColumn(length)
    const build = (rows: ArrayLike<number>) =>
      columnFrom(
        Array.from(rows, (row) => at(row)[field]),
        { where: `${name}.${field}` },
      )
    const { spec } = build([0])
    const dtype = field === 'y' && classes ? 'int32' : spec.dtype
    return {
      spec: { shape: spec.shape, dtype },
      length,
      gather(rows) {
        const tensor = build(rows).gather(Array.from({ length: rows.length }, (_, i) => i))
        if (dtype === tensor.dtype) return tensor
        const cast = tensor.cast(dtype)
        tensor.dispose()
        return cast
      },
      read: (row) => build([row]).read(0),
    }
  }
  return oneSplit(
    { name, x: part('x'), y: part('y'), ...(classes && { classes }), ...(picture && { picture }) },
    options,
  )
}
