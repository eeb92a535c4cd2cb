import { permutation, type Random } from './random.js'

/**
 * Deals whole groups out to the splits so that each split has its share of the examples and of every class, as nearly as
 * groups allow. The idea of scikit-learn's StratifiedGroupKFold for shares that differ: those that are hardest to place come
 * first, each goes where it brings the counts nearest to what was asked, and then single ones move while that helps.
 *
 * @param groups positions of the examples of each group. @param parts the share of each split.
 * @returns the positions of each split.
 */
export function dealGroups(
  groups: readonly (readonly number[])[],
  classOf: (position: number) => number,
  parts: readonly number[],
  random: Random,
): number[][] {
  const rows = new Map<number, number>()
  for (const group of groups)
    for (const position of group) {
      const one = classOf(position)
      if (!rows.has(one)) rows.set(one, rows.size + 1)
    }
  const width = rows.size + 1
  // Of each group, split and altogether: how many examples, then how many of each class.
  const counts = groups.map((group) => {
    const count = new Float64Array(width)
    for (const position of group) {
      count[0]!++
      count[rows.get(classOf(position))!]!++
    }
    return count
  })
  const totals = new Float64Array(width)
  for (const count of counts) add(totals, count, 1)
  const rest = Math.max(0, 1 - parts.reduce((sum, part) => sum + part, 0))
  // What no split asks for is a place to go as well.
  const shares = [...parts, rest < 1e-9 ? 0 : rest]
  const held = shares.map(() => new Float64Array(width))
  /** How far a split is from its share, the number of examples weighing as much as all classes together. */
  const miss = (part: number, change?: Float64Array, sign = 1): number => {
    let sum = 0
    for (let i = 0; i < width; i++) {
      const wanted = totals[i]! * shares[part]!
      const off = held[part]![i]! + (change ? sign * change[i]! : 0) - wanted
      sum += ((off * off) / wanted) * ((i === 0 ? width - 1 : 1) / totals[i]!)
    }
    return sum
  }
  const places = shares.flatMap((share, part) => (share > 0 ? [part] : []))
  const best = (count: Float64Array): number => {
    const cost = (part: number) => miss(part, count) - miss(part)
    return places.reduce((least, part) => (cost(part) < cost(least) - 1e-12 ? part : least))
  }
  const order = Array.from(permutation(groups.length, random)).toSorted(
    (a, b) => spread(counts[b]!) - spread(counts[a]!),
  )
  const placed = new Int32Array(groups.length)
  for (const group of order) {
    placed[group] = best(counts[group]!)
    add(held[placed[group]!]!, counts[group]!, 1)
  }
  // Each pass that moves one lowers the sum of misses, so it comes to an end; a few are enough.
  for (let pass = 0, moved = true; moved && pass < 20; pass++) {
    moved = false
    for (const group of order) {
      const from = placed[group]!
      add(held[from]!, counts[group]!, -1)
      const to = best(counts[group]!)
      const gain = miss(from, counts[group]) - miss(from) - (miss(to, counts[group]) - miss(to))
      if (to !== from && gain > 1e-9) {
        placed[group] = to
        moved = true
      }
      add(held[placed[group]!]!, counts[group]!, 1)
    }
  }
  fillEmpty(parts, placed, (group, to) => {
    const from = placed[group]!
    return miss(to, counts[group]) - miss(to) + miss(from, counts[group], -1) - miss(from)
  })
  const dealt = parts.map((): number[] => [])
  for (const group of order) dealt[placed[group]!]?.push(...groups[group]!)
  return dealt
}

/** Where a share is asked for and got no group, the one comes that costs least, from a split that has several. */
function fillEmpty(
  parts: readonly number[],
  placed: Int32Array,
  costOf: (group: number, to: number) => number,
): void {
  for (const [part, share] of parts.entries()) {
    if (share === 0 || placed.includes(part)) continue
    let least = Infinity
    let chosen = -1
    for (let group = 0; group < placed.length; group++) {
      if (placed.indexOf(placed[group]!) === placed.lastIndexOf(placed[group]!)) continue
      const cost = costOf(group, part)
      if (cost < least) [least, chosen] = [cost, group]
    }
    if (chosen >= 0) placed[chosen] = part
  }
}

function add(into: Float64Array, count: Float64Array, sign: number): void {
  for (let i = 0; i < into.length; i++) into[i]! += sign * count[i]!
}

/** How hard a group is to place: many examples, of one class. */
function spread(count: Float64Array): number {
  let squares = 0
  for (let i = 1; i < count.length; i++) squares += count[i]! * count[i]!
  return squares
}
