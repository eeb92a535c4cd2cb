import type { Adjustment } from '../../../views.js'
import { adjustmentText, togetherText } from './adjustment-text.js'

/** What is one thing to read: a change, or many of one kind and reason at one place. */
export interface AdjustmentGroup {
  at: number
  /** Where the last of them was made, if not at the same iteration. */
  until?: number
  text: string
  why?: string
  records: readonly Adjustment[]
}

/** More of one kind and reason at one iteration are one. */
const mostAlike = 5
/** More of one kind and reason at different iterations, a rate set after each, are one. */
const mostApart = 60

const grouped = new WeakMap<readonly Adjustment[], AdjustmentGroup[]>()

/**
 * Adjustments as they are read: a loop that relabels 779 examples is one, with its true count.
 *
 * @example groupAdjustments(run.adjustments).map(({ at, text }) => `${at} ${text}`)
 */
export function groupAdjustments(adjustments: readonly Adjustment[]): readonly AdjustmentGroup[] {
  // A run has another list after each change.
  let groups = grouped.get(adjustments)
  if (!groups) grouped.set(adjustments, (groups = groupsOf(adjustments)))
  return groups
}

function groupsOf(adjustments: readonly Adjustment[]): AdjustmentGroup[] {
  const here = joined(
    adjustments.map((one) => [one]),
    ({ at, what, why }) => JSON.stringify([at, what, why]),
    (alike) => alike.length > mostAlike,
  )
  const far = joined(
    here,
    ({ what, why }) => JSON.stringify([what, why]),
    (alike) => alike.length > mostApart,
  )
  return far.map(groupOf)
}

/** Lists of records joined where they are alike and `isMany`; in the order of the first of each. */
function joined(
  lists: readonly (readonly Adjustment[])[],
  keyOf: (one: Adjustment) => string,
  isMany: (alike: readonly (readonly Adjustment[])[]) => boolean,
): (readonly Adjustment[])[] {
  const alike = new Map<string, (readonly Adjustment[])[]>()
  for (const list of lists) {
    const key = keyOf(list[0]!)
    const known = alike.get(key)
    if (known) known.push(list)
    else alike.set(key, [list])
  }
  const done = new Set<string>()
  return lists.flatMap((list) => {
    const key = keyOf(list[0]!)
    const all = alike.get(key)!
    if (!isMany(all)) return [list]
    if (done.has(key)) return []
    done.add(key)
    return [all.flat()]
  })
}

function groupOf(records: readonly Adjustment[]): AdjustmentGroup {
  const [{ at, why }] = records as readonly [Adjustment]
  const until = Math.max(...new Set(records.map((one) => one.at)))
  const text = records.length === 1 ? adjustmentText(records[0]!) : togetherText(records)
  return {
    at,
    ...(until > at && { until }),
    text: until > at ? `${text} until ${until}` : text,
    ...(why && { why }),
    records,
  }
}
