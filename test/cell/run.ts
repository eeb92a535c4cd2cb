import { runInThisContext } from 'node:vm'
import { cellFile, compileCell, createScope } from '../../kernel/cell/index.js'
import { createModules, type Modules } from '../../kernel/engine/modules.js'

/** A program that grows cell by cell. */
export function notebook(modules: Modules = createModules({ folder: process.cwd(), home: process.cwd() })) {
  const scope = createScope()
  const known = new Set<string>()
  let number = 0
  return {
    scope,
    /** Runs a cell; gives its value, and `'nothing'` where it shows none. */
    async run(text: string): Promise<any> {
      const cell = compileCell({ number: ++number, text }, { known })
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
