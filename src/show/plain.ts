import { isTensor } from './values/tensor.js'
import { isColumnTable } from './values/tabular.js'

/**
 * A specification as the plain data that JSON has forms for: what people put into `data.values` comes as dates, typed
 * arrays, tensors, tables. Dates become texts in ISO 8601, as JSON has them; what is not finite becomes `null`, which
 * charts leave out.
 *
 * @throws TypeError that names the place of a function, or of an object that contains itself.
 */
export function plainData(value: unknown, path = '', above: readonly object[] = []): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new TypeError(
      `a ${typeof value} at ${path || 'the top'}: a specification is plain data, give the value itself`,
    )
  if (typeof value !== 'object' || value === null) return value
  if (above.includes(value)) throw new TypeError(`what stands at ${path} contains itself`)
  const inside = [...above, value]
  if (isTensor(value)) return plainData(maybeArray(value), path, inside)
  const rows = maybeRows(value)
  if (rows) return Array.from(rows, (item, i) => plainData(item ?? null, `${path}[${i}]`, inside))
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
    return plainData((value as { toJSON(): unknown }).toJSON(), path, inside)
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([name, item]) => [name, plainData(item, path ? `${path}.${name}` : name, inside)]),
  )
}

const maybeArray = (tensor: object): unknown => (tensor as { arraySync?(): unknown }).arraySync?.()

/** What becomes an array. */
function maybeRows(value: object): Iterable<unknown> | undefined {
  if (isColumnTable(value)) return value.objects()
  if (ArrayBuffer.isView(value) && 'length' in value) return value as unknown as Iterable<unknown>
  return Array.isArray(value) || value instanceof Set || value instanceof Map
    ? (value as Iterable<unknown>)
    : undefined
}
