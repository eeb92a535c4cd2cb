/** Runs what it is given one after the other, whether or not something before has failed. */
export function inOrder(): <T>(work: () => Promise<T>) => Promise<T> {
  let queue: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = queue.then(work)
    queue = result.catch(() => {})
    return result
  }
}
