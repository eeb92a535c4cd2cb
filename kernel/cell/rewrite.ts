import {
  parseSync,
  type ImportAttribute,
  type ImportDeclaration,
  type Node,
  type StringLiteral,
  type VariableDeclaration,
} from 'oxc-parser'
import type { Edit } from './edits.js'
import { attributesOf, importedName, quote } from './imports.js'
import { namesOfPattern, typeOnly, varNames, type Names } from './names.js'
import { findBlocks } from './namespaces.js'
import { isList, visitChildren, type Within } from './nodes.js'
import { blockNames, findReferences, isNameless } from './references.js'

/** What the program calls its two parameters and the variable that takes its value; the cell's text uses none of them. */
export interface Words {
  scope: string
  runtime: string
  value: string
}

/** A statement that runs before the cell's own, with the offset of what it stands for. */
export interface Prelude {
  code: string
  from?: number
}

export interface Rewritten {
  edits: Edit[]
  prelude: Prelude[]
}

/** Names that Node's CommonJS modules have, and cells too. */
const moduleNames: { [name: string]: string } = {
  require: 'require',
  module: 'module',
  exports: 'module.exports',
  __filename: 'meta.filename',
  __dirname: 'meta.dirname',
}

/** Names of the language that are no properties of the global object. */
const words = new Set(['undefined', 'NaN', 'Infinity', 'globalThis', 'arguments', 'eval'])

/** The import of one statement, live: a name stands for the export's present value. */
function importStatement(
  node: Pick<ImportDeclaration, 'source' | 'specifiers' | 'attributes'>,
  names: Names,
  { scope, runtime }: Words,
): string {
  const attributes = attributesOf(node.attributes)
  const module = `await ${runtime}.import(${quote(node.source.value)}${attributes ? `, ${attributes}` : ''})`
  const bindings: string[] = []
  const locals: string[] = []
  let namespace: string | undefined
  for (const specifier of node.specifiers) {
    const local = specifier.local.name
    const imported = importedName(specifier)
    if (imported === undefined) namespace = local
    else if (names.has(local)) bindings.push(`${quote(local)}: ${quote(imported)}`)
    else locals.push(`${quote(imported)}: ${local}`)
  }
  if (locals.length) return `const { ${locals.join(', ')} } = ${module};`
  if (namespace) bindings.push(`${quote(namespace)}: "*"`)
  return bindings.length
    ? `${runtime}.link(${scope}, ${module}, { ${bindings.join(', ')} }, ${quote(node.source.value)});`
    : `${module};`
}

/**
 * Makes the top-level names of a cell properties of one scope object. `names` are those that the TypeScript source declares;
 * a name that the lowering added stays a variable of the program. `globals` are left as they are unless the cell or an earlier
 * one (`known`) declares the same name. Everything else is looked up in the scope, so a name can be declared after a function that uses it.
 */
export function rewriteNames(
  code: string,
  names: Names,
  known: ReadonlySet<string>,
  globals: ReadonlySet<string>,
  use: Words,
  namespaces: {
    /** What the namespaces of this cell export, with what their blocks in earlier cells did. */
    exports: ReadonlyMap<string, ReadonlySet<string>>
    earlier: ReadonlyMap<string, ReadonlySet<string>>
  } = { exports: new Map(), earlier: new Map() },
): Rewritten {
  const { program } = parseSync('cell.js', code, { lang: 'js', sourceType: 'module', preserveParens: false })
  const { body } = program
  const { scope, runtime } = use
  const edits: Edit[] = []
  const functions: Prelude[] = []
  const imports: Prelude[] = []
  const edit = (start: number, end: number, text: string) => edits.push({ start, end, text })
  const isOutside = (name: string) => names.has(name) && !typeOnly.has(names.get(name)!)

  const hoisted = new Set(varNames(body))
  const imported = body.flatMap((node) =>
    node.type === 'ImportDeclaration' ? node.specifiers.map(({ local }) => local.name) : [],
  )
  const locals = [use.value, ...hoisted, ...blockNames(body), ...imported].filter((name) => !isOutside(name))

  const property = (name: string) => `${scope}.${name}`
  const places = findReferences(program, locals)
  const blocks = namespaces.exports.size > 0 ? findBlocks(program).toReversed() : []
  /** An export of another block of the namespace that a reference lies in. */
  const inNamespace = (name: string, at: number): string | undefined => {
    const block = blocks.find(
      ({ start, end, path }) => start <= at && at < end && namespaces.exports.get(path)?.has(name),
    )
    return block && `${block.parameter}.${name}`
  }
  for (const { name, node, use: how } of places.references) {
    const exported = inNamespace(name, node.start)
    if (exported) {
      if (how === 'call') edit(node.start, node.end, `(0, ${exported})`)
      else if (how === 'shorthand') edit(node.start, node.end, `${name}: ${exported}`)
      else edit(node.start, node.end, how === 'typeof' ? `typeof ${exported}` : exported)
      continue
    }
    const declared = isOutside(name) || known.has(name)
    if (!declared && (globals.has(name) || words.has(name))) continue
    const replaced =
      declared || !Object.hasOwn(moduleNames, name) ? property(name) : `${runtime}.${moduleNames[name]}`
    if (how === 'call') edit(node.start, node.end, `(0, ${replaced})`)
    else if (how === 'shorthand') edit(node.start, node.end, `${name}: ${replaced}`)
    else if (how === 'typeof' && !isOutside(name) && !Object.hasOwn(moduleNames, name))
      edit(node.start, node.end, `(${quote(name)} in ${scope} ? typeof ${replaced} : "undefined")`)
    else if (how === 'typeof') edit(node.start, node.end, `typeof ${replaced}`)
    else edit(node.start, node.end, replaced)
  }
  // A function takes its name from what it is assigned to, but not from a property.
  const giveName = (name: string, { start, end }: { start: number; end: number }) => {
    edit(start, start, `({ ${quote(name)}: `)
    edit(end, end, ` })[${quote(name)}]`)
  }
  for (const { name, value } of places.named)
    if (isOutside(name) || known.has(name) || !(globals.has(name) || words.has(name))) giveName(name, value)
  for (const { start, end } of places.metas) edit(start, end, `${runtime}.meta`)
  for (const [what, wrapped] of [
    ['resume', places.awaited],
    ['each', places.iterated],
  ] as const)
    for (const { start, end } of wrapped) {
      // Two parentheses: what is awaited may be `(a, b)`.
      edit(start, start, `${runtime}.${what}((`)
      edit(end, end, '))')
    }
  for (const { start, end } of places.dynamicImports) edit(start, end, `${runtime}.import`)

  const extendable = new Set(
    [...names]
      .filter(([name, kind]) => kind === 'enum' || (kind === 'namespace' && !namespaces.earlier.has(name)))
      .map(([name]) => name),
  )

  /** `const a = 1, { b } = o` becomes the assignments of the same values; the names themselves are replaced as references. */
  function assignInstead(node: VariableDeclaration, inLoopHead: boolean): void {
    edit(node.start, node.declarations[0]!.start, '')
    for (const { id, init, end } of node.declarations) {
      const extended = id.type === 'Identifier' && extendable.delete(id.name)
      // An enum extends the one of the same name in its own cell, never that of an older cell; a namespace extends namespaces.
      if (extended && init) edit(id.start, id.start, `${property(id.name)} = undefined, `)
      if (id.type !== 'Identifier') {
        if (inLoopHead && !init) continue
        edit(id.start, id.start, '(')
        edit(end, end, ')')
      } else if (init && isNameless(init)) {
        giveName(id.name, init)
      } else if (!init && !inLoopHead) {
        // `var x` alone changes nothing, `let x` starts anew.
        if (node.kind !== 'var' || extended) edit(id.end, id.end, ' = undefined')
      }
    }
  }
  const isShared = (node: VariableDeclaration) =>
    node.declarations.some(({ id }) => namesOfPattern(id).some(isOutside))

  /** `var` may stand in any block of the top level. */
  function visitVars(node: Within, inLoopHead = false): void {
    if (isList(node)) for (const item of node) visitVars(item)
    else if (node?.type === 'VariableDeclaration') {
      if (node.kind === 'var' && isShared(node)) assignInstead(node, inLoopHead)
    } else if (node && /Statement$|^CatchClause$|^SwitchCase$/.test(node.type)) {
      const head = node.type === 'ForInStatement' || node.type === 'ForOfStatement' ? node.left : undefined
      visitChildren(node, (child) => visitVars(child, child === head))
    }
  }

  /** What a cell exports from a module is only run: nobody imports a cell. */
  const importAlone = (from: number, source: StringLiteral, attributes: ImportAttribute[]) =>
    imports.push({ code: importStatement({ source, specifiers: [], attributes }, names, use), from })

  function visitTop(node: Node): void {
    switch (node.type) {
      case 'ImportDeclaration':
        imports.push({ code: importStatement(node, names, use), from: node.start })
        edit(node.start, node.end, '')
        break
      case 'ExportAllDeclaration':
        importAlone(node.start, node.source, node.attributes)
        edit(node.start, node.end, '')
        break
      case 'ExportNamedDeclaration':
        if (node.source) importAlone(node.start, node.source, node.attributes)
        if (node.declaration) {
          edit(node.start, node.declaration.start, '')
          visitTop(node.declaration)
        } else edit(node.start, node.end, '')
        break
      case 'ExportDefaultDeclaration': {
        const { declaration } = node
        edit(node.start, declaration.start, '')
        if (declaration.type !== 'FunctionDeclaration' && declaration.type !== 'ClassDeclaration') break
        if (declaration.id) visitTop(declaration)
        else {
          edit(declaration.start, declaration.start, '(')
          edit(declaration.end, declaration.end, ');')
        }
        break
      }
      case 'VariableDeclaration':
        if (isShared(node)) assignInstead(node, false)
        break
      case 'FunctionDeclaration':
        if (node.id && isOutside(node.id.name))
          functions.push({ code: `${property(node.id.name)} = ${node.id.name};`, from: node.start })
        break
      case 'ClassDeclaration':
        if (node.id && isOutside(node.id.name)) {
          edit(node.start, node.start, `${property(node.id.name)} = `)
          edit(node.end, node.end, ';')
        }
        break
      default:
        visitVars(node)
    }
  }

  const variables = [...names]
    .filter(([name, kind]) => kind === 'var' && hoisted.has(name))
    .map(([name]) => ({
      code: `Object.hasOwn(${scope}, ${quote(name)}) || (${property(name)} = undefined);`,
    }))
  for (const node of body) visitTop(node)
  // Functions exist before imports run, as in a module.
  return { edits, prelude: [...variables, ...functions, ...imports] }
}
