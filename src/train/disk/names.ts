/**
 * What `take` makes of the first name that it can have: the one that is wanted, else 'first-2', 'first-3', … It gives undefined
 * for a name that is taken.
 */
export function firstFree<T>(wanted: string, take: (name: string) => T | undefined): T {
  for (let number = 1; ; number++) {
    const made = take(number === 1 ? wanted : `${wanted}-${number}`)
    if (made !== undefined) return made
  }
}
