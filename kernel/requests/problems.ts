/** Errors that are found in this thread, before a cell runs, as front ends show them. */
import { CellSyntaxError } from '../cell/syntax-error.js'
import type { CellSource, Diagnostic } from '../cell/types.js'
import { formatDiagnostics, formatError } from '../engine/tracebacks.js'
import type { Problem } from '../port.js'

export const problemsOf = {
  /** What the type check says against running the cell. */
  check(cell: CellSource, diagnostics: readonly Diagnostic[]): Problem | undefined {
    const stops = diagnostics.some(({ severity }) => severity === 'error')
    return stops ? formatDiagnostics(diagnostics, cell) : undefined
  },
  compile(cell: CellSource, error: unknown): Problem {
    return error instanceof CellSyntaxError
      ? formatDiagnostics(error.diagnostics, cell)
      : formatError(error, { cell: () => undefined })
  },
  /** A fault of the kernel itself. */
  kernel(error: unknown): Problem {
    const { name = 'Error', message = String(error), stack = '' } = error as Error
    return { ename: name, evalue: message, traceback: stack.split('\n') }
  },
}
