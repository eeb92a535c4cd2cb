/** Cells to programs, with what each needs to know of the cells before it. */
import { CellSyntaxError, compileCell, type CellSource, type CompiledCell } from '../cell/index.js'
import { formatDiagnostics, formatError, formatWarnings } from '../engine/tracebacks.js'
import { globalNames } from '../engine/global-names.js'
import type { Diagnostic } from '../cell/types.js'
import type { Problem } from '../port.js'
import { emitOf, readTsconfig } from '../tsconfig.js'

export interface Compiler {
  compile(cell: CellSource): CompiledCell
  /** The cell runs now: its names are known to those after it. */
  commit(cell: CompiledCell): void
  /** What the type check says against running a cell. */
  problemOf(cell: CellSource, diagnostics: readonly Diagnostic[]): Problem | undefined
  /** What it says of a cell that runs all the same (`// @check warn`), as text; empty where it says nothing. */
  warningsOf(cell: CellSource, diagnostics: readonly Diagnostic[]): string
  /** An error of `compile`, as front ends show it. */
  problemOfError(cell: CellSource, error: unknown): Problem
}

/** `folder`: the notebook's, whose tsconfig.json may say how cells become JavaScript. */
export function createCompiler(folder: string): Compiler {
  const emit = emitOf(readTsconfig(folder))
  const globals = new Set([...Object.getOwnPropertyNames(globalThis), ...globalNames])
  const known = new Set<string>()
  return {
    compile: (cell) => compileCell(cell, { known, globals, emit }),
    commit({ declares }) {
      for (const name of declares) known.add(name)
    },
    problemOf: (cell, diagnostics) =>
      diagnostics.some(({ severity }) => severity === 'error')
        ? formatDiagnostics(diagnostics, cell)
        : undefined,
    warningsOf: (cell, diagnostics) => formatWarnings(diagnostics, cell),
    problemOfError: (cell, error) =>
      error instanceof CellSyntaxError
        ? formatDiagnostics(error.diagnostics, cell)
        : formatError(error, { cell: () => undefined }),
  }
}
