/** What the engine needs of the language on this thread: modules, file names of cells, error messages. */
import { fileURLToPath } from 'node:url'
import { cellFile } from '../cell/syntax-error.js'
import type { EngineParts } from './engine.js'
import { createModules } from './modules.js'
import { formatError, type CellRecord } from './tracebacks.js'

const home = fileURLToPath(new URL('../../../', import.meta.url))

export function createParts(folder: string): EngineParts {
  const modules = createModules({ folder, home })
  const cells = new Map<number, CellRecord>()
  return {
    runtime: modules,
    fileOf: cellFile,
    remember({ number, source, map }) {
      cells.set(number, { number, text: source, map })
    },
    formatError: (error) =>
      formatError(error, { cell: (number) => cells.get(number), file: (path) => modules.sourceOf(path) }),
  }
}
