/**
 * How long a test waits for what has to come, in milliseconds. Far above what it takes, since a limit that a busy machine
 * passes tells nothing of the code; what never comes is found all the same. Only what is expected not to come, or what is
 * itself a promise of time, has limits of its own.
 */
export const patience = 90_000

/**
 * The least milliseconds of several tries: what is slow by itself is so each time, what waited for a busy machine is not.
 * For promises of time: `expect(await fastest(5, limit, work)).toBeLessThan(limit)`. Ends with the first try below `limit`.
 */
export async function fastest(tries: number, limit: number, work: () => unknown): Promise<number> {
  let least = Infinity
  for (let time = 0; time < tries && least >= limit; time++) {
    const began = performance.now()
    await work()
    least = Math.min(least, performance.now() - began)
  }
  return least
}
