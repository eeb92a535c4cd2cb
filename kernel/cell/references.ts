import type { Class, Function as FunctionNode, Node } from 'oxc-parser'
import { namesOfPattern, varNames } from './names.js'
import {
  isList,
  visitChildren,
  withoutExport,
  type Body,
  type Item,
  type NodeOf,
  type Within,
} from './nodes.js'

/** A free name of a program, and the place in the tree that tells how it can be replaced. */
export interface Reference {
  name: string
  node: { start: number; end: number }
  /**
   * 'plain' stands alone, read or written; a 'call' must not pass an object as `this`; a 'shorthand' is key and value at once
   * (`{ x }`); 'typeof' must not throw: `node` is then the whole `typeof x`.
   */
  use: 'plain' | 'call' | 'shorthand' | 'typeof'
}

export interface Places {
  references: Reference[]
  /** `import.meta` */
  metas: { start: number; end: number }[]
  /** What is awaited, and what `for await` goes through. */
  awaited: { start: number; end: number }[]
  iterated: { start: number; end: number }[]
  /** The `import` of `import(…)`. */
  dynamicImports: { start: number; end: number }[]
  /** Functions and classes without a name that are assigned to a name from outside, which becomes theirs. */
  named: { name: string; value: { start: number; end: number } }[]
}

export function isNameless(node: Node | null | undefined): boolean {
  return (
    node?.type === 'ArrowFunctionExpression' ||
    ((node?.type === 'FunctionExpression' || node?.type === 'ClassExpression') && !node.id)
  )
}

class Scope {
  readonly names: Set<string>
  readonly parent: Scope | undefined
  constructor(parent: Scope | undefined, names: Iterable<string>) {
    this.parent = parent
    this.names = new Set(names)
  }
  has(name: string): boolean {
    return this.names.has(name) || (this.parent?.has(name) ?? false)
  }
}

/** Names that the statements of a block declare for the block itself: not `var`. */
export function blockNames(statements: readonly (Node | null)[]): string[] {
  return statements.flatMap((statement) => {
    const node = statement && withoutExport(statement as Item)
    if (node?.type === 'VariableDeclaration')
      return node.kind === 'var' ? [] : node.declarations.flatMap(({ id }) => namesOfPattern(id))
    if (node?.type === 'FunctionDeclaration' || node?.type === 'ClassDeclaration')
      return node.id ? [node.id.name] : []
    return []
  })
}

/**
 * Finds the names that JavaScript of a cell takes from outside its own inner scopes. `locals` are those of its top level that
 * stay variables of the program (what the lowering of a decorator adds); all others of the top level count as outside.
 */
export function findReferences(program: Body, locals: Iterable<string>): Places {
  const places: Places = {
    references: [],
    metas: [],
    awaited: [],
    iterated: [],
    dynamicImports: [],
    named: [],
  }
  const refer = (
    node: NodeOf<'Identifier'>,
    scope: Scope,
    use: Reference['use'] = 'plain',
    place: Node = node,
  ) => {
    if (!scope.has(node.name)) places.references.push({ name: node.name, node: place, use })
  }

  /** `f = () => {}`, `{ f = () => {} }`: what is assigned takes the name, unless it has one. */
  const name = (target: Node, value: Node, scope: Scope): void => {
    if (target.type === 'Identifier' && isNameless(value) && !scope.has(target.name))
      places.named.push({ name: target.name, value })
  }

  function visitFunction(node: FunctionNode | NodeOf<'ArrowFunctionExpression'>, scope: Scope): void {
    const own = node.type === 'FunctionExpression' && node.id ? [node.id.name] : []
    const body = node.body?.type === 'BlockStatement' ? node.body.body : []
    const inner = new Scope(scope, [
      ...own,
      ...(node.type === 'ArrowFunctionExpression' ? [] : ['arguments']),
      ...node.params.flatMap(namesOfPattern),
      ...varNames(body),
      ...blockNames(body),
    ])
    for (const parameter of node.params) visitPattern(parameter, inner)
    if (node.body?.type === 'BlockStatement') visit(body, inner)
    else visit(node.body, inner)
  }

  function visitClass(node: Class, scope: Scope): void {
    const inner = new Scope(scope, node.id ? [node.id.name] : [])
    visit(node.superClass, inner)
    for (const member of node.body.body)
      if (member.type === 'StaticBlock')
        visit(
          member.body,
          new Scope(inner, ['arguments', ...varNames(member.body), ...blockNames(member.body)]),
        )
      else if (member.type !== 'TSIndexSignature') {
        if (member.computed) visit(member.key, inner)
        if (member.value) visit(member.value, inner)
      }
  }

  /** `{ x }`, and in a pattern also `{ x = 1 }`. */
  function visitShorthand(value: Node, scope: Scope): void {
    const target = value.type === 'AssignmentPattern' ? value.left : value
    if (target.type === 'Identifier') refer(target, scope, 'shorthand')
    if (value.type !== 'AssignmentPattern') return
    name(target, value.right, scope)
    visit(value.right, scope)
  }

  /** A pattern that declares: only its defaults and computed keys refer to anything. */
  function visitPattern(node: Node | null, scope: Scope): void {
    switch (node?.type) {
      case 'ObjectPattern':
        for (const property of node.properties)
          if (property.type === 'RestElement') visitPattern(property.argument, scope)
          else {
            if (property.computed) visit(property.key, scope)
            if (property.shorthand) visitShorthand(property.value, scope)
            else visitPattern(property.value, scope)
          }
        break
      case 'ArrayPattern':
        for (const element of node.elements) visitPattern(element, scope)
        break
      case 'AssignmentPattern':
        visitPattern(node.left, scope)
        name(node.left, node.right, scope)
        visit(node.right, scope)
        break
      case 'RestElement':
        visitPattern(node.argument, scope)
        break
      case 'Identifier':
        // A name of the top level is outside: its declaration is an assignment.
        refer(node, scope)
        break
    }
  }

  const handlers: { [Type in Node['type']]?: (node: NodeOf<Type>, scope: Scope) => void } = {
    Identifier: (node, scope) => refer(node, scope),
    FunctionDeclaration: visitFunction,
    FunctionExpression: visitFunction,
    ArrowFunctionExpression: visitFunction,
    ClassDeclaration: visitClass,
    ClassExpression: visitClass,
    BlockStatement: (node, scope) => visit(node.body, new Scope(scope, blockNames(node.body))),
    ForStatement: (node, scope) =>
      visitLoop(node.init, scope, [node.init, node.test, node.update, node.body]),
    ForInStatement: (node, scope) => visitLoop(node.left, scope, [node.left, node.right, node.body]),
    ForOfStatement: (node, scope) => {
      if (node.await) places.iterated.push(node.right)
      visitLoop(node.left, scope, [node.left, node.right, node.body])
    },
    AwaitExpression: (node, scope) => {
      places.awaited.push(node.argument)
      visit(node.argument, scope)
    },
    SwitchStatement: (node, scope) => {
      visit(node.discriminant, scope)
      const inner = new Scope(scope, blockNames(node.cases.flatMap((branch) => branch.consequent)))
      for (const branch of node.cases) {
        visit(branch.test, inner)
        visit(branch.consequent, inner)
      }
    },
    CatchClause: (node, scope) => {
      const inner = new Scope(scope, [...namesOfPattern(node.param), ...blockNames(node.body.body)])
      visitPattern(node.param, inner)
      visit(node.body.body, inner)
    },
    VariableDeclarator: (node, scope) => {
      visitPattern(node.id, scope)
      visit(node.init, scope)
    },
    AssignmentExpression: (node, scope) => {
      if (/^(?:\|\||&&|\?\?)?=$/.test(node.operator)) name(node.left, node.right, scope)
      visit(node.left, scope)
      visit(node.right, scope)
    },
    AssignmentPattern: (node, scope) => {
      name(node.left, node.right, scope)
      visit(node.left, scope)
      visit(node.right, scope)
    },
    MemberExpression: (node, scope) => {
      visit(node.object, scope)
      if (node.computed) visit(node.property, scope)
    },
    Property: (node, scope) => {
      if (node.computed) visit(node.key, scope)
      if (node.shorthand) visitShorthand(node.value, scope)
      else visit(node.value, scope)
    },
    CallExpression: (node, scope) => {
      if (node.callee.type === 'Identifier') refer(node.callee, scope, 'call')
      else visit(node.callee, scope)
      visit(node.arguments, scope)
    },
    TaggedTemplateExpression: (node, scope) => {
      if (node.tag.type === 'Identifier') refer(node.tag, scope, 'call')
      else visit(node.tag, scope)
      visit(node.quasi, scope)
    },
    UnaryExpression: (node, scope) => {
      if (node.operator === 'typeof' && node.argument.type === 'Identifier')
        refer(node.argument, scope, 'typeof', node)
      else visit(node.argument, scope)
    },
    ImportExpression: (node, scope) => {
      places.dynamicImports.push({ start: node.start, end: node.start + 'import'.length })
      visit(node.source, scope)
      visit(node.options, scope)
    },
    MetaProperty: (node) => {
      if (node.meta.name === 'import') places.metas.push(node)
    },
    LabeledStatement: (node, scope) => visit(node.body, scope),
    BreakStatement: () => {},
    ContinueStatement: () => {},
    ImportDeclaration: () => {},
    ExportAllDeclaration: () => {},
    ExportNamedDeclaration: (node, scope) => visit(node.declaration, scope),
  }

  function visitLoop(head: Node | null, scope: Scope, parts: (Node | null)[]): void {
    visit(parts, new Scope(scope, blockNames([head])))
  }

  function visit(node: Within, scope: Scope): void {
    if (isList(node)) for (const item of node) visit(item, scope)
    else if (node) {
      const handle = handlers[node.type] as ((node: Node, scope: Scope) => void) | undefined
      if (handle) handle(node, scope)
      else visitChildren(node, (child) => visit(child, scope))
    }
  }

  visit(program.body, new Scope(undefined, locals))
  return places
}
