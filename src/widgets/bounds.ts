/** Values stay between their widget's bounds, as the front end's slider would put them. */
import type { State } from './packing.js'

function boundsOf(state: State): [number, number] | undefined {
  const { min, max, base } = state
  if (typeof min !== 'number' || typeof max !== 'number') return undefined
  return typeof base === 'number' ? [base ** min, base ** max] : [min, max]
}

/** The value of `state` within its bounds; as it is where there are none. */
export function bounded(state: State): unknown {
  const bounds = boundsOf(state)
  const { value } = state
  if (!bounds) return value
  const clamp = (one: unknown) =>
    typeof one === 'number' ? Math.min(bounds[1], Math.max(bounds[0], one)) : one
  return Array.isArray(value) ? value.map(clamp) : clamp(value)
}
