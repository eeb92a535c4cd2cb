/** Errors that are found in this thread, before a cell runs, as front ends show them. */
import type { CellSource, Diagnostic } from '../cell/types.js'
import type { Problem } from '../port.js'

function frame(text: string, line: number, column: number): string[] {
  const lines = text.split('\n')
  const first = Math.max(1, line - 2)
  const last = Math.min(lines.length, line + 1)
  const width = String(last).length
  const rows: string[] = []
  for (let at = first; at <= last; at++) {
    rows.push(`${at === line ? '>' : ' '} ${String(at).padStart(width)} | ${lines[at - 1]}`)
    if (at === line) rows.push(`  ${' '.repeat(width)} | ${' '.repeat(Math.max(0, column - 1))}^`)
  }
  return rows
}

export const problemsOf = {
  /** What the type check says against running the cell. */
  check(cell: CellSource, diagnostics: readonly Diagnostic[]): Problem | undefined {
    const errors = diagnostics.filter(({ severity }) => severity === 'error')
    if (!errors.length) return undefined
    const [first] = errors
    const traceback = errors.flatMap(({ code, message, place }) => [
      `Cell ${cell.number}, line ${place.line}, column ${place.column}: ${code}: ${message}`,
      ...frame(cell.text, place.line, place.column),
    ])
    const ename = first!.code === 'syntax' ? 'SyntaxError' : first!.code
    return { ename, evalue: first!.message, traceback }
  },
  compile(_cell: CellSource, error: unknown): Problem {
    const { name = 'Error', message = String(error) } = error as Error
    return { ename: name, evalue: message, traceback: [`${name}: ${message}`] }
  },
  /** A fault of the kernel itself. */
  kernel(error: unknown): Problem {
    const { name = 'Error', message = String(error), stack = '' } = error as Error
    return { ename: name, evalue: message, traceback: stack.split('\n') }
  },
}
