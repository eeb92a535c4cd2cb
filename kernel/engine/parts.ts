import type { EngineParts } from './engine.js'
import { inspect } from 'node:util'
export function createParts(_folder: string): EngineParts {
  return {
    runtime: { import: (specifier) => import(specifier) },
    fileOf: (n) => `cell-${n}.ts`,
    remember() {},
    formatError: (error) => ({
      ename: (error as Error)?.name ?? 'Error',
      evalue: (error as Error)?.message ?? inspect(error),
      traceback: [inspect(error)],
    }),
  }
}
