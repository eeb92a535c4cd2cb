/** Modules that exist from the start, empty until a cell fills them: the list of imports of each stays what it is. */

/** How many there are at first: each is a file to write while the kernel starts, a third of a millisecond. */
export const capacity = 16

/** Those of the first cells' own world, which lie there already (scripts/cell-types.mjs). */
export const firstCapacity = 4

/** The import of one earlier module: exactly one line, whatever is taken from it. */
export function importLine(file: string, imports: readonly string[] = [], declarations = ''): string {
  return `import { ${imports.join(', ')} } from './${file}';${declarations}\n`
}

/** The end of a module: what later ones may import. */
export const exportLine = (names: readonly string[] = []): string => `\nexport { ${names.join(', ')} }\n`

/** An empty module after `above` others of the program `name`. */
export function blankModule(name: string, above: number): string {
  let text = ''
  for (let slot = 1; slot <= above; slot++) text += importLine(`$${name}${slot}`)
  return text + exportLine()
}
