import { parseSync, visitorKeys, type Node } from 'oxc-parser'

/** A function as an expression, and what it takes from outside. */
export interface FunctionText {
  /** JavaScript: an expression that gives the function. */
  readonly expression: string
  /** Names that it takes from outside. */
  readonly names: readonly string[]
  /** Names that it takes from these objects, `scope.name`: by the object's name. */
  readonly members: ReadonlyMap<string, readonly string[]>
  /** What cannot be looked into: `eval`, a computed member of one of the objects, `this` and `super` of what is around it. */
  readonly opaque: readonly string[]
}

type Within = Node | readonly (Node | null)[] | null | undefined
const children = (node: Node): Within[] =>
  (visitorKeys[node.type] ?? []).map((key) => (node as unknown as { [key: string]: Within })[key])

/** Names that a pattern binds. */
function boundBy(node: Node | null): string[] {
  switch (node?.type) {
    case 'Identifier':
      return [node.name]
    case 'ObjectPattern':
      return node.properties.flatMap((one) => boundBy(one.type === 'RestElement' ? one.argument : one.value))
    case 'ArrayPattern':
      return node.elements.flatMap((one) => boundBy(one))
    case 'AssignmentPattern':
      return boundBy(node.left)
    case 'RestElement':
      return boundBy(node.argument)
    default:
      return []
  }
}

/** Names that statements declare: for their own block, and, of `var`, for the whole function. */
function declaredIn(place: Within, names: Set<string>, nested = false): void {
  if (Array.isArray(place)) for (const one of place) declaredIn(one as Within, names, nested)
  const node = place as Node | null | undefined
  if (!node || Array.isArray(place)) return
  if (node.type === 'VariableDeclaration') {
    if (!nested || node.kind === 'var')
      for (const { id } of node.declarations) for (const name of boundBy(id)) names.add(name)
  } else if (node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration') {
    if (!nested && node.id) names.add(node.id.name)
  } else if (node.type.endsWith('Statement') || node.type === 'SwitchCase' || node.type === 'CatchClause')
    for (const child of children(node)) declaredIn(child, names, true)
}

const scoped = new Set([
  'BlockStatement',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'SwitchStatement',
  'StaticBlock',
])

/**
 * What the text of a function takes from outside.
 *
 * @param text as `Function.prototype.toString` gives it.
 * @param isObject whether a name is of an object of which single members are wanted: the scope of a notebook's cells.
 */
export function readFunction(text: string, isObject: (name: string) => boolean): FunctionText {
  const parsed = parseExpression(text)
  const names = new Set<string>()
  const members = new Map<string, Set<string>>()
  const opaque = new Set<string>()

  const visitAll = (place: Within, known: ReadonlySet<string>): void => {
    if (Array.isArray(place)) for (const one of place) visit(one as Node | null, known)
    else visit(place as Node | null, known)
  }

  function visitFunction(
    node: Node & { params: readonly Node[]; body: Node | null },
    known: ReadonlySet<string>,
  ): void {
    const inner = new Set(known)
    if (node.type === 'FunctionExpression' && node.id) inner.add(node.id.name)
    if (node.type !== 'ArrowFunctionExpression') for (const name of ['arguments', 'this']) inner.add(name)
    for (const parameter of node.params) for (const name of boundBy(parameter)) inner.add(name)
    const body = node.body?.type === 'BlockStatement' ? node.body.body : undefined
    declaredIn(body as Within, inner)
    for (const parameter of node.params) visit(parameter, inner)
    if (body) visitAll(body as Within, inner)
    else visit(node.body, inner)
  }

  function visit(node: Node | null | undefined, known: ReadonlySet<string>): void {
    if (!node) return
    switch (node.type) {
      case 'Identifier':
        if (known.has(node.name)) return
        if (node.name === 'eval') opaque.add('eval')
        names.add(node.name)
        return
      case 'ThisExpression':
      case 'Super': {
        const word = node.type === 'Super' ? 'super' : 'this'
        if (!known.has(word)) opaque.add(word)
        return
      }
      case 'MemberExpression': {
        const { object } = node
        if (object.type === 'Identifier' && !known.has(object.name) && isObject(object.name)) {
          names.add(object.name)
          if (node.computed) {
            opaque.add(`${object.name}[…]`)
            return visit(node.property, known)
          }
          const found = members.get(object.name) ?? new Set()
          members.set(object.name, found.add((node.property as { name: string }).name))
          return
        }
        visit(object, known)
        if (node.computed) visit(node.property, known)
        return
      }
      case 'BinaryExpression':
        // `"name" in scope`: how a cell asks for the type of a name that may be missing.
        if (node.operator === 'in' && node.right.type === 'Identifier' && isObject(node.right.name)) return
        break
      case 'Property':
        if (node.computed) visit(node.key, known)
        return visit(node.value, known)
      case 'MethodDefinition':
      case 'PropertyDefinition':
      case 'AccessorProperty':
        if (node.computed) visit(node.key, known)
        return visit(node.value, known)
      case 'LabeledStatement':
        return visit(node.body, known)
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'MetaProperty':
        return
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return visitFunction(node as never, known)
      case 'ClassDeclaration':
      case 'ClassExpression': {
        const inner = new Set(known)
        if (node.id) inner.add(node.id.name)
        visit(node.superClass, inner)
        return visitAll(node.body.body, new Set([...inner, 'this', 'super']))
      }
      case 'CatchClause': {
        const inner = new Set([...known, ...boundBy(node.param)])
        visit(node.param, inner)
        return visit(node.body, inner)
      }
    }
    const inner = scoped.has(node.type) ? new Set(known) : known
    if (inner !== known) {
      for (const child of children(node)) declaredIn(child, inner as Set<string>)
      if (node.type === 'SwitchStatement')
        for (const one of node.cases) declaredIn(one.consequent, inner as Set<string>)
    }
    for (const child of children(node)) visitAll(child, inner)
  }

  visit(parsed.node, new Set())
  return {
    expression: parsed.expression,
    names: [...names],
    members: new Map([...members].map(([name, found]) => [name, [...found]])),
    opaque: [...opaque],
  }
}

/** A method's text is no expression by itself. */
function parseExpression(text: string): { expression: string; node: Node } {
  for (const [before, after] of [
    ['(', ')'],
    ['Object.values({', '})[0]'],
  ] as const) {
    const expression = `${before}${text}${after}`
    const { program, errors } = parseSync('function.js', expression, {
      sourceType: 'module',
      lang: 'js',
      preserveParens: false,
    })
    const [statement] = program.body
    if (errors.length > 0 || statement?.type !== 'ExpressionStatement') continue
    if (before === '(') return { expression, node: statement.expression }
    // Without what stands around it.
    const { object } = statement.expression as unknown as {
      object: { arguments: { properties: { value: Node }[] }[] }
    }
    return { expression, node: object.arguments[0]!.properties[0]!.value }
  }
  throw new SyntaxError(`the text of a function that cannot be read: ${text.slice(0, 60)}`)
}
