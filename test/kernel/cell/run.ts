import { runInThisContext } from 'node:vm'
import { mergeNamespaces, type Namespaces } from '../../../kernel/cell/namespaces.js'
import { cellFile, compileCell, createScope } from '../../../kernel/cell/index.js'
import { createModules, type Modules } from '../../../kernel/engine/modules/modules.js'

/** A program that grows cell by cell. */
export function notebook(modules: Modules = createModules({ folder: process.cwd(), home: process.cwd() })) {
  const scope = createScope()
  const known = new Set<string>()
  const namespaces: Namespaces = new Map()
  let number = 0
  return {
    scope,
    /** Runs a cell; gives its value, and `'nothing'` where it shows none. */
    async run(text: string): Promise<any> {
      const cell = compileCell({ number: ++number, text }, { known, namespaces })
      if (cell.namespaces) mergeNamespaces(namespaces, cell.namespaces)
      for (const name of cell.declares) known.add(name)
      const program = runInThisContext(cell.program, { filename: cellFile(number) })
      const result = await program(scope, modules)
      return 'value' in result ? result.value : 'nothing'
    },
  }
}

/** The value of the last of some cells. */
export async function valueOf(...cells: string[]): Promise<any> {
  const { run } = notebook()
  let value: any
  for (const cell of cells) value = await run(cell)
  return value
}
