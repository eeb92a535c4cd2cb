import type { Language } from './types.js'
import { isComplete } from './answers/is-complete.js'
import { placeAt } from '../cell/index.js'

/** The language where TypeScript cannot be started at all: cells run unchecked, and the first one says why. */
export function withoutTypes(reason: unknown): Language {
  let hasTold = false
  const message = `the types of cells are not checked: ${(reason as Error)?.message ?? String(reason)}`
  return {
    ready: () => Promise.resolve(),
    check() {
      if (hasTold) return Promise.resolve([])
      hasTold = true
      return Promise.resolve([
        { code: 'TypeScript', severity: 'warning' as const, message, place: placeAt('', 0, 0) },
      ])
    },
    commit() {},
    complete: (_, offset) => Promise.resolve({ start: offset, end: offset, items: [] }),
    inspect: () => Promise.resolve(undefined),
    diagnose: (cells) => Promise.resolve(cells.map(({ id }) => ({ id, diagnostics: [] }))),
    isComplete,
    close: () => Promise.resolve(),
  }
}
