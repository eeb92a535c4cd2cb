/** Names nearest to what was typed first: for messages that list what is known. */
export function nearestFirst(typed: string, known: readonly string[]): string[] {
  const wanted = typed.toLowerCase()
  return known
    .map((name) => ({ name, away: distance(wanted, name.toLowerCase()) }))
    .toSorted((a, b) => a.away - b.away)
    .map(({ name }) => name)
}

/** `known`, nearest first, as it reads in a sentence. */
export function listNearest(typed: string, known: readonly string[]): string {
  return nearestFirst(typed, known)
    .map((name) => `'${name}'`)
    .join(', ')
}

/** Levenshtein's distance, with nothing to pay for what follows a name that was typed only in part. */
function distance(from: string, to: string): number {
  if (from && (to.startsWith(from) || from.startsWith(to))) return Math.abs(from.length - to.length) / 100
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++)
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1))
    row = next
  }
  return row[to.length]!
}
