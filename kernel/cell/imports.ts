/** How imports and exports of a syntax tree are written down in a program. */
import type { ImportAttribute, ImportDeclarationSpecifier, ModuleExportName } from 'oxc-parser'

/** A text as a literal of JavaScript. */
export const quote = (text: string): string => JSON.stringify(text)

/** The name at a place where a module says one: an identifier, or a text (`export { a as 'b c' }`). */
export const moduleName = (node: ModuleExportName): string =>
  node.type === 'Identifier' ? node.name : node.value

/** What one specifier takes from its module: a name, or all of it. */
export function importedName(specifier: ImportDeclarationSpecifier): string | undefined {
  if (specifier.type === 'ImportNamespaceSpecifier') return undefined
  return specifier.type === 'ImportDefaultSpecifier' ? 'default' : moduleName(specifier.imported)
}

/** `{ with: { "type": "json" } }`; undefined where the import has no attributes. */
export function attributesOf(attributes: readonly ImportAttribute[]): string | undefined {
  if (attributes.length === 0) return undefined
  const pairs = attributes.map(({ key, value }) => `${quote(moduleName(key))}: ${quote(value.value)}`)
  return `{ with: { ${pairs.join(', ')} } }`
}
