import type { Node, TSModuleBlock } from 'oxc-parser'
import { moduleName } from './imports.js'
import { isList, withoutExport, type Body, type Item, type Within } from './nodes.js'

/** How a top-level name was declared; what a later cell may do with it depends on that. */
export type NameKind =
  | 'let'
  | 'var'
  | 'const'
  | 'function'
  | 'class'
  | 'enum'
  | 'namespace'
  | 'import'
  /** interface, type alias, `import type` */
  | 'type'
  /** `declare …`: known to the types only */
  | 'ambient'

/** The top-level names of a cell. A name with a value and a type (`interface A`, `const A`) keeps the kind of the value. */
export type Names = Map<string, NameKind>

/** Kinds that stand for nothing at run time. */
export const typeOnly: ReadonlySet<NameKind> = new Set(['type', 'ambient'])

/** All names that a pattern binds. */
export function namesOfPattern(node: Node | null | undefined): string[] {
  switch (node?.type) {
    case 'Identifier':
      return [node.name]
    case 'ObjectPattern':
      return node.properties.flatMap((property) =>
        namesOfPattern(property.type === 'RestElement' ? property.argument : property.value),
      )
    case 'ArrayPattern':
      return node.elements.flatMap((element) => namesOfPattern(element))
    case 'AssignmentPattern':
      return namesOfPattern(node.left)
    case 'RestElement':
      return namesOfPattern(node.argument)
    case 'TSParameterProperty':
      return namesOfPattern(node.parameter)
    default:
      return []
  }
}

/** The names that `var` declares somewhere in the statements: not in functions, but in every block. */
export function varNames(node: Within, found: string[] = []): string[] {
  if (isList(node)) for (const item of node) varNames(item, found)
  else if (node)
    switch (node.type) {
      case 'VariableDeclaration':
        if (node.kind === 'var' && !node.declare)
          for (const declarator of node.declarations) found.push(...namesOfPattern(declarator.id))
        break
      case 'BlockStatement':
      case 'LabeledStatement':
      case 'WhileStatement':
      case 'DoWhileStatement':
      case 'CatchClause':
        varNames(node.body, found)
        break
      case 'ForStatement':
        varNames(node.init, found)
        varNames(node.body, found)
        break
      case 'ForInStatement':
      case 'ForOfStatement':
        varNames(node.left, found)
        varNames(node.body, found)
        break
      case 'IfStatement':
        varNames(node.consequent, found)
        varNames(node.alternate, found)
        break
      case 'TryStatement':
        varNames([node.block, node.handler, node.finalizer], found)
        break
      case 'SwitchStatement':
        for (const branch of node.cases) varNames(branch.consequent, found)
        break
      case 'ExportNamedDeclaration':
        varNames(node.declaration, found)
        break
    }
  return found
}

/** Whether a namespace has statements that run: one of types alone leaves nothing behind. */
export function hasValue(body: TSModuleBlock | null): boolean {
  return (body?.body ?? []).some((statement) => {
    const inner = withoutExport(statement)
    if ('declare' in inner && inner.declare) return false
    if (inner.type === 'TSInterfaceDeclaration' || inner.type === 'TSTypeAliasDeclaration') return false
    return inner.type === 'TSModuleDeclaration' ? hasValue(inner.body) : true
  })
}

const firstOf = (id: Node): Node => (id.type === 'TSQualifiedName' ? firstOf(id.left) : id)

function namesOf(statement: Node | null): [string, NameKind][] {
  const one = (id: Node | null, kind: NameKind): [string, NameKind][] =>
    id?.type === 'Identifier' ? [[id.name, isAmbient ? 'ambient' : kind]] : []
  const isAmbient = statement !== null && 'declare' in statement && statement.declare === true
  switch (statement?.type) {
    case 'VariableDeclaration': {
      // `using`: what is disposed of when the cell ends is no name for other cells.
      if (statement.kind === 'using' || statement.kind === 'await using') return []
      const kind: NameKind = statement.kind === 'let' || statement.kind === 'var' ? statement.kind : 'const'
      return statement.declarations.flatMap(({ id }) =>
        namesOfPattern(id).map((name): [string, NameKind] => [name, isAmbient ? 'ambient' : kind]),
      )
    }
    case 'FunctionDeclaration':
    case 'TSDeclareFunction':
      return one(statement.id, 'function')
    case 'ClassDeclaration':
      return one(statement.id, 'class')
    case 'TSEnumDeclaration':
      return one(statement.id, 'enum')
    case 'TSModuleDeclaration':
      if (statement.kind === 'global') return []
      // `namespace A.B` declares A.
      return one(firstOf(statement.id), hasValue(statement.body) ? 'namespace' : 'type')
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
      return one(statement.id, 'type')
    case 'TSImportEqualsDeclaration':
      return one(statement.id, statement.importKind === 'type' ? 'type' : 'import')
    case 'ImportDeclaration':
      return statement.specifiers.map((specifier) => [
        specifier.local.name,
        statement.importKind === 'type' ||
        (specifier.type === 'ImportSpecifier' && specifier.importKind === 'type')
          ? 'type'
          : 'import',
      ])
    case 'ExportNamedDeclaration':
      return namesOf(statement.declaration)
    case 'ExportDefaultDeclaration':
      return namesOf(statement.declaration)
    default:
      return []
  }
}

/** The names that the top level of a cell declares, values and types, with how they were declared. */
export function findNames(program: Body): Names {
  const names: Names = new Map()
  const add = (name: string, kind: NameKind) => {
    const before = names.get(name)
    const weaker = before !== undefined && !typeOnly.has(before) && typeOnly.has(kind)
    // A namespace that extends a function, class or enum does not change what the name is.
    const extended = kind === 'namespace' && before !== undefined && !typeOnly.has(before)
    if (!weaker && !extended) names.set(name, kind)
  }
  for (const statement of program.body) for (const [name, kind] of namesOf(statement)) add(name, kind)
  for (const name of varNames(program.body)) if (!names.has(name)) add(name, 'var')
  return names
}

/** Top-level names that are interfaces or type aliases, whatever else they may be. */
export function findTypeNames(program: Body): Set<string> {
  const found = new Set<string>()
  for (const statement of program.body) {
    const node = withoutExport(statement)
    if (node.type === 'TSInterfaceDeclaration' || node.type === 'TSTypeAliasDeclaration')
      found.add(node.id.name)
  }
  return found
}

/** Whether a cell adds to what is not its own: `declare global { … }`, `declare module 'x' { … }`. */
export function augments(program: Body): boolean {
  return program.body.some((statement) => {
    const node = withoutExport(statement)
    return node.type === 'TSModuleDeclaration' && (node.kind === 'global' || node.id.type === 'Literal')
  })
}

const exportsVariable = (statement: Item): boolean =>
  statement.type === 'ExportNamedDeclaration' && statement.declaration?.type === 'VariableDeclaration'

/** Where the word `export` stands before variables. */
export function findExportedVariables(program: Body): { start: number; end: number }[] {
  return program.body.filter(exportsVariable).map(({ start }) => ({ start, end: start + 'export'.length }))
}

/** Names that a cell exports by itself, but for variables. */
export function findExports(program: Body): Set<string> {
  const found = new Set<string>()
  for (const statement of program.body)
    if (statement.type === 'ExportNamedDeclaration' && !exportsVariable(statement)) {
      for (const [name] of namesOf(statement.declaration)) found.add(name)
      for (const { exported } of statement.specifiers) found.add(moduleName(exported))
    }
  return found
}

/** The modules that a text imports by a literal name. */
export function findSpecifiers(program: Body): string[] {
  const found: string[] = []
  for (const statement of program.body) {
    if ('source' in statement && statement.source) found.push(statement.source.value)
    if (
      statement.type === 'TSImportEqualsDeclaration' &&
      statement.moduleReference.type === 'TSExternalModuleReference'
    )
      found.push(statement.moduleReference.expression.value)
  }
  return found
}
