/** What cells find around them in the main thread: what they import, and errors in the places that they wrote. */
import { join } from 'node:path'
// Not from cell/index.js: that would load the parser, which this thread needs only for files that cells import.
import { cellFile } from '../cell/syntax-error.js'
import type { Runtime } from '../cell/types.js'
import type { Problem, Program } from '../port.js'
import { installDecorators } from './modules/decorators.js'
import { createModules } from './modules/modules.js'
import { installStacks } from '../errors/stacks.js'
import { compileWorkers } from './modules/workers.js'
import type { CellText, Sources } from '../errors/locate.js'
import { formatError } from '../errors/tracebacks.js'

export interface CellEnvironment {
  runtime: Runtime
  /** The file name under which V8 knows the program of a cell. */
  fileOf(cellNumber: number): string
  /** Remembers a cell's text and map, for errors that come from it. */
  remember(number: number, text: string, compiled: Program): void
  formatError(error: unknown): Problem
}

export function createCellEnvironment(folder: string, home: string): CellEnvironment {
  // As for a script in the notebook's folder: the kernel's own arguments are nothing to a cell.
  process.argv = [process.execPath, join(folder, 'notebook.ts')]
  // Of V8's ten frames a library takes all: the user's own lies below them.
  Error.stackTraceLimit = 50
  const modules = createModules({ folder, home })
  installDecorators()
  compileWorkers({ folder, home: join(home, 'package.json') })
  const cells = new Map<number, CellText>()
  const sources: Sources = {
    cell: (number) => cells.get(number),
    file: (path) => modules.sourceOf(path),
  }
  installStacks(sources)
  return {
    runtime: modules,
    fileOf: cellFile,
    remember(number, text, { map }) {
      cells.set(number, { number, text, map })
    },
    formatError: (error) => formatError(error, sources),
  }
}
