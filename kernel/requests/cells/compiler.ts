/** Cells to programs, with what each needs to know of the cells before it. */
import { CellSyntaxError, compileCell, type CellSource, type CompiledCell } from '../../cell/index.js'
import { formatDiagnostics, formatWarnings } from '../../errors/problems.js'
import { formatError } from '../../errors/tracebacks.js'
import { globalNames } from '../../global-names.js'
import { mergeNamespaces, type Namespaces } from '../../cell/namespaces.js'
import type { Diagnostic } from '../../cell/types.js'
import type { Problem } from '../../port.js'
import { FollowedTsconfig } from '../../resolve/followed-tsconfig.js'

export interface Compiler {
  compile(cell: CellSource): CompiledCell
  /** The cell runs now: its names are known to those after it. */
  commit(cell: CompiledCell): void
  /** What the type check says against running a cell; it does not run then, and its names are not there for later ones. */
  problemOf(cell: CellSource, compiled: CompiledCell, diagnostics: readonly Diagnostic[]): Problem | undefined
  /** What it says of a cell that runs all the same (`// @check warn`), as text; empty where it says nothing. */
  warningsOf(cell: CellSource, diagnostics: readonly Diagnostic[]): string
  /** An error of `compile`, as front ends show it. */
  problemOfError(cell: CellSource, error: unknown): Problem
}

/** What TypeScript says of a name that it does not know: on its own, with a guess, and as a shorthand property. */
const unknownName = new Set(['TS2304', 'TS2552', 'TS18004'])

/** `folder`: the notebook's, whose tsconfig.json may say how cells become JavaScript. */
export function createCompiler(folder: string): Compiler {
  const tsconfig = new FollowedTsconfig(folder)
  const globals = new Set([...Object.getOwnPropertyNames(globalThis), ...globalNames])
  const known = new Set<string>()
  const namespaces: Namespaces = new Map()
  /** Names of cells that did not run, with their numbers. */
  const refused = new Map<string, number>()

  /** A name that is missing because its cell did not run: that is where to look. */
  function explain(problem: Diagnostic): Diagnostic {
    const name = unknownName.has(problem.code) ? /'([^']+)'/.exec(problem.message)?.[1] : undefined
    const number = name === undefined ? undefined : refused.get(name)
    if (number === undefined) return problem
    return { ...problem, message: `${problem.message}\n  Cell [${number}] declares it and did not run.` }
  }

  return {
    compile(cell) {
      tsconfig.look()
      return compileCell(cell, { known, globals, namespaces, emit: tsconfig.emit })
    },
    commit({ declares, namespaces: more }) {
      const roots = new Set([...(more?.keys() ?? [])].map((path) => path.split('.', 1)[0]!))
      for (const path of namespaces.keys()) {
        const [root] = path.split('.', 1) as [string]
        if (declares.includes(root) && !roots.has(root)) namespaces.delete(path)
      }
      if (more) mergeNamespaces(namespaces, more)
      for (const name of declares) {
        known.add(name)
        refused.delete(name)
      }
    },
    problemOf(cell, { declares }, diagnostics) {
      if (!diagnostics.some(({ severity }) => severity === 'error')) return undefined
      const problem = formatDiagnostics(diagnostics.map(explain), cell)
      for (const name of declares) refused.set(name, cell.number)
      return problem
    },
    warningsOf: (cell, diagnostics) => formatWarnings(diagnostics, cell),
    problemOfError: (cell, error) =>
      error instanceof CellSyntaxError
        ? formatDiagnostics(error.diagnostics, cell)
        : formatError(error, { cell: () => undefined }),
  }
}
