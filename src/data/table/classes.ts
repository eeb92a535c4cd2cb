import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { numberColumn, type Column } from './column.js'
import { partsColumn } from './parts.js'

/** Names of the classes; of several parts of y by name. */
export type Classes = readonly string[] | { readonly [part: string]: readonly string[] }

/**
 * y as class indices: text becomes indices into the sorted texts; numbers with `classes` given must be indices. Of parts each
 * by itself, and its classes are part of its spec.
 */
export function asClasses(
  y: Column,
  given: Classes | undefined,
  name: string,
): { column: Column; classes: readonly string[] | undefined } {
  if (!y.parts) {
    if (given === undefined || Array.isArray(given))
      return ofOne(y, given as readonly string[] | undefined, name)
    throw new InputError({
      where: `${name}.classes`,
      received: describe(given),
      expected: "the names of the classes of y, e.g. ['cat', 'dog']",
    })
  }
  if (Array.isArray(given))
    throw new InputError({
      where: `${name}.classes`,
      received: describe(given),
      expected: `names by part of y: { ${Object.keys(y.parts)[0]}: ['cat', 'dog'] }`,
    })
  const byPart = named(
    (given ?? {}) as { readonly [part: string]: readonly string[] },
    Object.keys(y.parts),
    `${name}.classes`,
  )
  const parts = Object.fromEntries(
    Object.entries(y.parts).map(([part, one]) => {
      const { column, classes } = ofOne(one, byPart[part], `${name}.y.${part}`)
      return [part, classes ? { ...column, spec: { ...column.spec, classes } } : column]
    }),
  )
  return { column: partsColumn(parts, `${name}.y`), classes: undefined }
}

function ofOne(
  y: Column,
  classes: readonly string[] | undefined,
  name: string,
): { column: Column; classes: readonly string[] | undefined } {
  if (y.spec.dtype === 'string') {
    const texts = Array.from({ length: y.length }, (_, row) => String(y.read(row)[0]))
    const names = classes ?? [...new Set(texts)].toSorted()
    const index = new Map(names.map((text, at) => [text, at]))
    const unknown = texts.find((text) => !index.has(text))
    if (unknown !== undefined)
      throw new InputError({
        where: name.includes('.y.') ? name : `${name}.y`,
        received: `the class ${describe(unknown)}`,
        expected: `one of ${describe(names)}`,
      })
    const column = numberColumn(
      Int32Array.from(texts, (text) => index.get(text)!),
      { shape: [], dtype: 'int32' },
    )
    return { column, classes: names }
  }
  if (!classes || y.spec.shape.length > 0) return { column: y, classes }
  const indices = new Int32Array(y.length)
  for (let row = 0; row < y.length; row++) {
    const value = Number(y.read(row)[0])
    if (!Number.isInteger(value) || value < 0 || value >= classes.length)
      throw new InputError({
        where: name.includes('.y.') ? name : `${name}.y`,
        received: `${value} for example ${row}`,
        expected: `a class index from 0 to ${classes.length - 1}, because ${classes.length} classes are named`,
      })
    indices[row] = value
  }
  return { column: numberColumn(indices, { shape: [], dtype: 'int32' }), classes }
}
