/** What namespaces export, and how a later block of one sees it: in the same cell, and in the cells after it. */
import type { Node } from 'oxc-parser'
import { namesOfPattern } from './names.js'
import type { Body, Item, NodeOf } from './nodes.js'

/** By path (`N`, `N.Inner`): the names that its blocks export, values and types. */
export type Namespaces = Map<string, Set<string>>

/** The parts of `namespace A.B`. */
function partsOf(id: Node): string[] {
  if (id.type === 'TSQualifiedName') return [...partsOf(id.left), id.right.name]
  return id.type === 'Identifier' ? [id.name] : []
}

function namesOf(declaration: Node): string[] {
  if (declaration.type === 'VariableDeclaration')
    return declaration.declarations.flatMap(({ id }) => namesOfPattern(id))
  if (declaration.type === 'TSModuleDeclaration') return partsOf(declaration.id).slice(0, 1)
  return 'id' in declaration && declaration.id?.type === 'Identifier' ? [declaration.id.name] : []
}

const isNamespace = (node: Node | null): node is NodeOf<'TSModuleDeclaration'> =>
  node?.type === 'TSModuleDeclaration' &&
  !node.declare &&
  node.kind !== 'global' &&
  partsOf(node.id).length > 0

/** The namespaces of a cell. `assignable` takes the paths of what they export and can be assigned to: `N.x`. */
export function findNamespaces(program: Body, assignable: Set<string> = new Set()): Namespaces {
  const found: Namespaces = new Map()
  const at = (path: string): Set<string> => {
    let names = found.get(path)
    if (!names) found.set(path, (names = new Set()))
    return names
  }
  const visit = (statements: readonly Item[], above: string): void => {
    for (const statement of statements) {
      const node = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
      if (above !== '' && node && statement !== node)
        for (const name of namesOf(node)) {
          at(above).add(name)
          if (node.type === 'VariableDeclaration' && node.kind !== 'const') assignable.add(`${above}.${name}`)
        }
      if (!isNamespace(node)) continue
      let path = above
      for (const part of partsOf(node.id)) {
        if (path !== above) at(path).add(part)
        path = path === '' ? part : `${path}.${part}`
      }
      at(path)
      visit(node.body?.body ?? [], path)
    }
  }
  visit(program.body, '')
  return found
}

/** Adds what another cell's blocks export. */
export function mergeNamespaces(into: Namespaces, more: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const [path, names] of more) into.set(path, new Set([...(into.get(path) ?? []), ...names]))
}

/** A block of a namespace in JavaScript: `((N2) => { … })(N || (N = {}))`. */
export interface Block {
  start: number
  end: number
  path: string
  /** What the namespace is called inside. */
  parameter: string
}

/** What `N || (N = {})` and `B = N2.B || (N2.B = {})` name. */
function nameOfArgument(node: Node | undefined): string | undefined {
  if (node?.type === 'LogicalExpression' && node.left.type === 'Identifier') return node.left.name
  if (node?.type === 'AssignmentExpression' && node.left.type === 'Identifier') return node.left.name
  return undefined
}

/** The blocks of namespaces, outer ones first. */
export function findBlocks(program: Body): Block[] {
  const found: Block[] = []
  const visit = (statements: readonly Item[], above: string): void => {
    for (const statement of statements) {
      if (statement.type !== 'ExpressionStatement' || statement.expression.type !== 'CallExpression') continue
      const { callee, arguments: given } = statement.expression
      if (callee.type !== 'ArrowFunctionExpression') continue
      const [parameter, ...others] = callee.params
      if (parameter?.type !== 'Identifier' || others.length > 0) continue
      const name = given.length === 1 ? nameOfArgument(given[0]) : undefined
      if (name === undefined || callee.body.type !== 'BlockStatement') continue
      const path = above === '' ? name : `${above}.${name}`
      found.push({ start: callee.start, end: callee.end, path, parameter: parameter.name })
      visit(callee.body.body, path)
    }
  }
  visit(program.body, '')
  return found
}
