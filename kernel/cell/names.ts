import type { BindingPattern, Directive, Program, Statement } from 'oxc-parser'
import { moduleName } from './imports.js'

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

type Item = Statement | Directive

/** All names that a pattern binds. */
export function namesOfPattern(pattern: BindingPattern | object): string[] {
  const node = pattern as any
  switch (node?.type) {
    case 'Identifier':
      return [node.name]
    case 'ObjectPattern':
      return node.properties.flatMap((property: any) => namesOfPattern(property.value ?? property.argument))
    case 'ArrayPattern':
      return node.elements.flatMap((element: any) => (element ? namesOfPattern(element) : []))
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
export function varNames(node: any, found: string[] = []): string[] {
  if (Array.isArray(node)) for (const item of node) varNames(item, found)
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
export function hasValue(body: any): boolean {
  if (!body) return false
  if (body.type !== 'TSModuleBlock') return hasValue(body.body)
  return body.body.some((statement: any) => {
    const inner = statement.declaration ?? statement
    if (inner.declare) return false
    if (inner.type === 'TSInterfaceDeclaration' || inner.type === 'TSTypeAliasDeclaration') return false
    return inner.type === 'TSModuleDeclaration' ? hasValue(inner.body) : true
  })
}

const firstOf = (id: any): any => (id?.type === 'TSQualifiedName' ? firstOf(id.left) : id)

function namesOf(statement: any): [string, NameKind][] {
  const one = (id: any, kind: NameKind): [string, NameKind][] =>
    id?.type === 'Identifier' ? [[id.name, statement.declare ? 'ambient' : kind]] : []
  switch (statement?.type) {
    case 'VariableDeclaration': {
      // `using`: what is disposed of when the cell ends is no name for other cells.
      if (statement.kind === 'using' || statement.kind === 'await using') return []
      const kind: NameKind = statement.kind === 'let' || statement.kind === 'var' ? statement.kind : 'const'
      return statement.declarations.flatMap(({ id }: any) =>
        namesOfPattern(id).map((name) => [name, statement.declare ? 'ambient' : kind]),
      )
    }
    case 'FunctionDeclaration':
      return one(statement.id, 'function')
    case 'TSDeclareFunction':
      return one(statement.id, statement.declare ? 'ambient' : 'function')
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
      return statement.specifiers.map((specifier: any) => [
        specifier.local.name,
        statement.importKind === 'type' || specifier.importKind === 'type' ? 'type' : 'import',
      ])
    case 'ExportNamedDeclaration':
      return namesOf(statement.declaration)
    case 'ExportDefaultDeclaration':
      return statement.declaration.id ? namesOf(statement.declaration) : []
    default:
      return []
  }
}

/** The names that the top level of a cell declares, values and types, with how they were declared. */
export function findNames(program: Program): Names {
  const names: Names = new Map()
  const add = (name: string, kind: NameKind) => {
    const before = names.get(name)
    const weaker = before !== undefined && !typeOnly.has(before) && typeOnly.has(kind)
    // A namespace that extends a function, class or enum does not change what the name is.
    const extended = kind === 'namespace' && before !== undefined && !typeOnly.has(before)
    if (!weaker && !extended) names.set(name, kind)
  }
  for (const statement of program.body as Item[])
    for (const [name, kind] of namesOf(statement)) add(name, kind)
  for (const name of varNames(program.body)) if (!names.has(name)) add(name, 'var')
  return names
}

/** Top-level names that are interfaces or type aliases, whatever else they may be. */
export function findTypeNames(program: Program): Set<string> {
  const found = new Set<string>()
  for (const statement of program.body as any[]) {
    const node = statement.declaration ?? statement
    if (node?.type === 'TSInterfaceDeclaration' || node?.type === 'TSTypeAliasDeclaration')
      found.add(node.id.name)
  }
  return found
}

/** Whether a cell adds to what is not its own: `declare global { … }`, `declare module 'x' { … }`. */
export function augments(program: Program): boolean {
  return (program.body as any[]).some((statement) => {
    const node = statement.declaration ?? statement
    return node?.type === 'TSModuleDeclaration' && (node.kind === 'global' || node.id.type === 'Literal')
  })
}

const exportsVariable = (statement: any): boolean =>
  statement.type === 'ExportNamedDeclaration' && statement.declaration?.type === 'VariableDeclaration'

/** Where the word `export` stands before variables. */
export function findExportedVariables(program: Program): { start: number; end: number }[] {
  return (program.body as any[])
    .filter(exportsVariable)
    .map(({ start }) => ({ start, end: start + 'export'.length }))
}

/** Names that a cell exports by itself, but for variables. */
export function findExports(program: Program): Set<string> {
  const found = new Set<string>()
  for (const statement of program.body as any[])
    if (statement.type === 'ExportNamedDeclaration' && !exportsVariable(statement)) {
      for (const [name] of namesOf(statement.declaration)) found.add(name)
      for (const { exported } of statement.specifiers ?? []) found.add(moduleName(exported))
    }
  return found
}

/** The modules that a text imports by a literal name. */
export function findSpecifiers(program: Program): string[] {
  const found: string[] = []
  for (const statement of program.body as any[]) {
    if (typeof statement.source?.value === 'string') found.push(statement.source.value)
    if (statement.type === 'TSImportEqualsDeclaration' && statement.moduleReference.expression)
      found.push(statement.moduleReference.expression.value)
  }
  return found
}
