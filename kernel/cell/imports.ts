/** How imports and exports of a syntax tree are written down in a program. */

/** A text as a literal of JavaScript. */
export const quote = (text: string): string => JSON.stringify(text)

/** The name at a place where a module says one: an identifier, or a text (`export { a as 'b c' }`). */
export const moduleName = (node: any): string => node.name ?? node.value

/** What one specifier takes from its module: a name, or all of it. */
export function importedName(specifier: any): string | undefined {
  if (specifier.type === 'ImportNamespaceSpecifier') return undefined
  return specifier.type === 'ImportDefaultSpecifier' ? 'default' : moduleName(specifier.imported)
}

/** `{ with: { "type": "json" } }`; undefined where the import has no attributes. */
export function attributesOf({ attributes }: any): string | undefined {
  if (!attributes?.length) return undefined
  const pairs = attributes.map(({ key, value }: any) => `${quote(moduleName(key))}: ${quote(value.value)}`)
  return `{ with: { ${pairs.join(', ')} } }`
}
