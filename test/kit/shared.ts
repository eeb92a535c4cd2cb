import { afterAll, beforeAll } from 'vitest'

/**
 * One thing for all tests of a `describe` or a file: made before them, ended after them, as `useKernel`. It is written as a
 * value and not as a fixture of `test.extend`, so that functions beside the tests and hooks can use it too.
 */
export function shared<T extends object>(
  name: string,
  start: () => Promise<T>,
  end: (made: T) => Promise<unknown>,
): T {
  let made: T | undefined
  beforeAll(async () => {
    made = await start()
  })
  afterAll(async () => {
    if (made) await end(made)
  })
  return new Proxy({} as T, {
    get(_, key) {
      if (!made) throw new Error(`${name} is there only inside tests`)
      const value = Reflect.get(made, key, made)
      return typeof value === 'function' ? value.bind(made) : value
    },
  })
}
