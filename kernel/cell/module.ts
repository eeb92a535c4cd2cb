import { parseSync, type ImportAttribute, type StringLiteral } from 'oxc-parser'
import { applyEdits, shiftOffsets, sortEdits, type Edit } from './edits.js'
import { attributesOf, importedName, moduleName, quote } from './imports.js'
import { findLineStarts, lineOf } from './lines.js'
import { namesOfPattern, varNames } from './names.js'
import { parseFile, type Parsed } from './parse.js'
import { blockNames, findReferences } from './references.js'
import { writeMappings, type Mapping } from './source-map.js'
import { stripTypes, type Emit } from './strip.js'
import { syntaxOf } from './syntax.js'
import { CellSyntaxError, describeErrors, orRefuse } from './syntax-error.js'

/** A file beside the notebook, made runnable again and again (Node loads an ES module once). */
export interface CompiledModule {
  /**
   * 'esm': an async function of (exports, runtime); `runtime.export(getters)` is called before anything else runs.
   * 'commonjs': a function of (exports, require, module, __filename, __dirname).
   */
  kind: 'esm' | 'commonjs'
  /** An ES module with `export =`: `runtime.module.exports` is what it exports, when it has run. */
  assigns?: boolean
  program: string
  map: string
}

interface Rewritten {
  edits: Edit[]
  head: string
}

/** Imports become properties of the imported namespaces, exports become getters: both stay live, and a module can be run again. */
function rewriteModule(code: string): Rewritten {
  const { program } = parseSync('module.js', code, {
    lang: 'js',
    sourceType: 'module',
    preserveParens: false,
  })
  const { body } = program
  const edits: Edit[] = []
  const edit = (start: number, end: number, text: string) => edits.push({ start, end, text })
  const imports: string[] = []
  const stars: string[] = []
  const getters: string[] = []
  const imported = new Map<string, string>()

  const load = (
    node: { source: StringLiteral; attributes: readonly ImportAttribute[] },
    names: string[],
  ): string => {
    const name = `__m${imports.length}`
    const attributes = attributesOf(node.attributes)
    imports.push(
      `const ${name} = await __runtime.import(${quote(node.source.value)}, ${attributes}, [${names.map(quote).join(', ')}]);`,
    )
    return name
  }
  const offer = (name: string, value: string) => getters.push(`${quote(name)}: () => ${value}`)

  const sources = new Map<object, string>()
  for (const node of body)
    switch (node.type) {
      case 'ExportNamedDeclaration':
        if (node.source) {
          const names = node.specifiers.map(({ local }) => moduleName(local))
          sources.set(node, load({ source: node.source, attributes: node.attributes }, names))
        }
        break
      case 'ImportDeclaration': {
        const names = node.specifiers.map(importedName).filter((name) => name !== undefined)
        const module = load(node, names)
        for (const specifier of node.specifiers) {
          const name = importedName(specifier)
          imported.set(specifier.local.name, name === undefined ? module : `${module}[${quote(name)}]`)
        }
        edit(node.start, node.end, '')
        break
      }
      case 'ExportAllDeclaration': {
        const module = load(node, [])
        if (node.exported) offer(moduleName(node.exported), module)
        else stars.push(`__runtime.exportAll(${module});`)
        edit(node.start, node.end, '')
        break
      }
      case 'ExportDefaultDeclaration': {
        const { declaration } = node
        const named =
          declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration'
            ? declaration.id
            : null
        if (named) edit(node.start, declaration.start, '')
        else {
          edit(node.start, declaration.start, 'const __default = ({ default: ')
          edit(declaration.end, node.end, ' }).default;')
        }
        offer('default', named?.name ?? '__default')
        break
      }
    }
  for (const node of body) {
    if (node.type !== 'ExportNamedDeclaration') continue
    if (node.declaration) {
      const { declaration } = node
      const names =
        declaration.type === 'VariableDeclaration'
          ? declaration.declarations.flatMap(({ id }) => namesOfPattern(id))
          : namesOfPattern(declaration.id)
      for (const name of names) offer(name, name)
      edit(node.start, declaration.start, '')
    } else {
      const module = sources.get(node)
      for (const s of node.specifiers) {
        const local = moduleName(s.local)
        offer(moduleName(s.exported), module ? `${module}[${quote(local)}]` : (imported.get(local) ?? local))
      }
      edit(node.start, node.end, '')
    }
  }

  const own = [...varNames(body), ...blockNames(body)]
  const places = findReferences(program, own)
  for (const { name, node, use } of places.references) {
    const value = imported.get(name)
    if (value === undefined) continue
    if (use === 'call') edit(node.start, node.end, `(0, ${value})`)
    else if (use === 'shorthand') edit(node.start, node.end, `${name}: ${value}`)
    else edit(node.start, node.end, use === 'typeof' ? `typeof ${value}` : value)
  }
  for (const { start, end } of places.metas) edit(start, end, '__runtime.meta')
  for (const [what, wrapped] of [
    ['resume', places.awaited],
    ['each', places.iterated],
  ] as const)
    for (const { start, end } of wrapped) {
      edit(start, start, `__runtime.${what}((`)
      edit(end, end, '))')
    }
  for (const { start, end } of places.dynamicImports) edit(start, end, '__runtime.import')
  return {
    edits,
    head: `__runtime.export({ ${getters.join(', ')} }); ${imports.join(' ')} ${stars.join(' ')}`,
  }
}

/**
 * Makes a file runnable. `forced` overrides what its syntax says about its kind (`.cjs`, `.mjs`); `emit`: what the notebook's
 * tsconfig.json says.
 */
export function compileModule(
  path: string,
  text: string,
  forced?: CompiledModule['kind'],
  emit?: Emit,
): CompiledModule {
  const language = syntaxOf[/\.\w+$/.exec(path)?.[0] ?? ''] ?? 'ts'
  const parsed = parseFile(path, text, language)
  const refuse = (errors: Parsed['errors']) => new CellSyntaxError(describeErrors(errors, text), path)
  if (parsed.errors.length > 0) throw refuse(parsed.errors)
  const { assigns, requires, imports } = findAssignments(parsed.program)
  // `export =` alone is CommonJS; beside an `import` it waits for that.
  const isOne = assigns && !imports ? false : parsed.isModule || !usesCommonJs(text)
  const kind = forced ?? (isOne ? 'esm' : 'commonjs')
  const { code, mappings } = orRefuse(
    () => stripTypes(text, parsed, path, emit),
    () => refuse(parseFile(path, text, language, true).errors),
  )
  const { edits: unsorted, head } = kind === 'esm' ? rewriteModule(code) : { edits: [], head: '' }
  const edits = sortEdits(unsorted)
  const body = applyEdits(code, edits)
  const from = findLineStarts(code)
  const to = findLineStarts(body)
  const shifted = shiftOffsets(
    mappings.map(({ line, column }) => from[line]! + column),
    edits,
  )
  const moved: Mapping[] = mappings.map((mapping, index) => {
    const line = lineOf(to, shifted[index]!)
    return { ...mapping, line: line + 1, column: shifted[index]! - to[line]! }
  })
  const given = [
    ...(assigns ? ['module = __runtime.module'] : []),
    ...(requires ? ['require = __runtime.require'] : []),
  ]
  const open =
    kind === 'esm'
      ? `(async function (__exports, __runtime) { "use strict"; ${given.length > 0 ? `const ${given.join(', ')}; ` : ''}${head}`
      : '(function (exports, require, module, __filename, __dirname) {'
  const map = JSON.stringify({ version: 3, sources: [path], names: [], mappings: writeMappings(moved) })
  return { kind, ...(assigns && kind === 'esm' ? { assigns } : {}), program: `${open}\n${body}\n})`, map }
}

/** What of TypeScript's own words for CommonJS a file has: `export =`, `import x = require()`; and whether it has `import` beside. */
function findAssignments({ body }: Parsed['program']): {
  assigns: boolean
  requires: boolean
  imports: boolean
} {
  const types = new Set<string>(body.map((node) => node.type))
  const requires = body.some(
    (node) =>
      node.type === 'TSImportEqualsDeclaration' && node.moduleReference.type === 'TSExternalModuleReference',
  )
  return {
    assigns: types.has('TSExportAssignment'),
    requires,
    imports: body.some((node) => node.type === 'ImportDeclaration' && node.importKind !== 'type'),
  }
}

const usesCommonJs = (text: string) => /\b(?:module\s*\.\s*exports|exports\s*[.[]|require\s*\()/.test(text)
