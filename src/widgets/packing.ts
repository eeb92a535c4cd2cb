/**
 * State as it travels: widgets become `IPY_MODEL_<id>`, binary values leave the JSON and follow as buffers with their
 * paths (widget messaging protocol 2: a key that held bytes is absent, a list place is null).
 */
export type State = { [attribute: string]: unknown }
type Path = (string | number)[]

export interface Packed {
  state: State
  buffer_paths: Path[]
  buffers: ArrayBufferView[]
}

/** A value that stands for itself by reference in other widgets' state. */
export const reference: unique symbol = Symbol.for('gradbook.widgets.reference')

const prefix = 'IPY_MODEL_'

function toView(value: unknown): ArrayBufferView | undefined {
  if (ArrayBuffer.isView(value)) return value
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined
}

/** Splits `state` into JSON and buffers. */
export function packState(state: State): Packed {
  const paths: Path[] = []
  const buffers: ArrayBufferView[] = []
  const pack = (value: unknown, path: Path): unknown => {
    const view = toView(value)
    if (view) {
      paths.push(path)
      buffers.push(view)
      return undefined
    }
    if (value === null || typeof value !== 'object') return value
    const id = (value as { [reference]?: string })[reference]
    if (id !== undefined) return prefix + id
    if (Array.isArray(value)) return value.map((item, index) => pack(item, [...path, index]) ?? null)
    const entries = Object.entries(value).map(([key, item]) => [key, pack(item, [...path, key])] as const)
    return Object.fromEntries(entries.filter(([, item]) => item !== undefined))
  }
  return { state: pack(state, []) as State, buffer_paths: paths, buffers }
}

/** Puts buffers and widgets back into a state that arrived. What `find` does not know stays as it came. */
export function unpackState(
  state: State,
  paths: readonly Path[] = [],
  buffers: readonly Uint8Array[] = [],
  find: (id: string) => unknown,
): State {
  const unpack = (value: unknown): unknown => {
    if (typeof value === 'string' && value.startsWith(prefix))
      return find(value.slice(prefix.length)) ?? value
    if (Array.isArray(value)) return value.map(unpack)
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unpack(item)]))
  }
  const whole = unpack(state) as State
  paths.forEach((path, index) => {
    let at: any = whole
    for (const key of path.slice(0, -1)) at = at?.[key]
    const last = path.at(-1)
    if (at && last !== undefined) at[last] = buffers[index]
  })
  return whole
}

/** Whether two values would travel as the same message. Bytes count as changed unless they are the same array. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (toView(a) || toView(b) || reference in a || reference in b) return false
  const keys = Object.keys(a)
  if (Array.isArray(a) !== Array.isArray(b) || keys.length !== Object.keys(b).length) return false
  return keys.every((key) => key in b && isSame((a as State)[key], (b as State)[key]))
}
