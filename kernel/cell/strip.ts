import { createRequire } from 'node:module'
import { transformSync, type JsxOptions } from 'oxc-transform'
import type { TsconfigRaw } from 'esbuild'
import type { Comment } from 'oxc-parser'
import { applyEdits, shiftOffsets } from './edits.js'
import { findLineStarts, lineOf } from './lines.js'
import { hasValue } from './names.js'
import { isList, visitChildren, type Within } from './nodes.js'
import type { Parsed } from './parse.js'
import { readMappings, type Mapping } from './source-map.js'
import type { Syntax } from './syntax.js'

/** What a tsconfig.json may say about the JavaScript that TypeScript becomes; a pragma in the text goes before it. */
export interface Emit {
  jsx?: string
  jsxFactory?: string
  jsxFragmentFactory?: string
  jsxImportSource?: string
  /** Decorators as they were before the standard. */
  experimentalDecorators?: boolean
  /** They are told the types of what they decorate, where `reflect-metadata` is loaded. */
  emitDecoratorMetadata?: boolean
  /** Fields of classes are defined, not assigned. Default: true. */
  useDefineForClassFields?: boolean
}

export interface Stripped {
  code: string
  mappings: Mapping[]
}

/**
 * Decorators, `accessor` and `using` have no form that every Node from 20 on runs: esbuild lowers them, oxc not without a
 * package at run time. Of a namespace oxc copies the exported variables once, and knows nothing of its other blocks.
 */
const needsLowering = /@[\p{L}_$(]|\b(?:using|accessor|namespace|module)\b/u

function usesNewSyntax(node: Within): boolean {
  if (isList(node)) return node.some(usesNewSyntax)
  if (!node) return false
  if (node.type === 'Decorator' || node.type === 'AccessorProperty') return true
  if (node.type === 'TSModuleDeclaration' && !node.declare && hasValue(node.body)) return true
  if (node.type === 'VariableDeclaration' && (node.kind === 'using' || node.kind === 'await using'))
    return true
  let found = false
  visitChildren(node, (child) => (found ||= usesNewSyntax(child)))
  return found
}

/** What a pragma in a comment says: `@jsxImportSource preact`. */
function pragma(comments: readonly Comment[], name: string): string | undefined {
  for (const { value } of comments) {
    const found = new RegExp(`@${name}\\s+(\\S+)`).exec(value)
    if (found) return found[1]
  }
  return undefined
}

function jsxOptions(comments: readonly Comment[], emit: Emit): JsxOptions {
  const importSource = pragma(comments, 'jsxImportSource')
  const isAutomatic = emit.jsx?.startsWith('react-jsx') === true
  const runtime = pragma(comments, 'jsxRuntime') ?? (importSource || isAutomatic ? 'automatic' : 'classic')
  if (runtime === 'automatic')
    return { runtime: 'automatic', importSource: importSource ?? emit.jsxImportSource ?? 'react' }
  return {
    runtime: 'classic',
    ...(emit.jsxFactory ? { pragma: emit.jsxFactory } : {}),
    ...(emit.jsxFragmentFactory ? { pragmaFrag: emit.jsxFragmentFactory } : {}),
  }
}

function withoutTypes(
  text: string,
  dialect: Syntax,
  comments: readonly Comment[],
  file: string,
  emit: Emit,
): Stripped {
  const { code, map, errors } = transformSync(file, text, {
    lang: dialect,
    sourceType: 'module',
    sourcemap: true,
    target: 'es2023',
    // An import that this cell does not use may be there for the next one.
    typescript: { onlyRemoveTypeImports: true },
    ...(dialect.endsWith('x') ? { jsx: jsxOptions(comments, emit) } : {}),
  })
  const problem = errors.find(({ severity }) => severity === 'Error')
  if (problem) throw new SyntaxError(problem.message)
  return { code, mappings: map ? readMappings(map.mappings) : [] }
}

let esbuild: typeof import('esbuild') | undefined

function withoutNewSyntax(text: string, dialect: Syntax, file: string, emit: Emit): Stripped {
  // Few cells need it, and it takes longer to load than they take to run.
  esbuild ??= createRequire(import.meta.url)('esbuild') as typeof import('esbuild')
  const { code, map } = esbuild.transformSync(text, {
    loader: dialect,
    format: 'esm',
    target: 'es2022',
    sourcemap: 'external',
    sourcefile: file,
    sourcesContent: false,
    logLevel: 'silent',
    keepNames: false,
    tsconfigRaw: {
      compilerOptions: {
        useDefineForClassFields: true,
        // By the names that they have in a tsconfig.json.
        ...(emit as TsconfigRaw['compilerOptions']),
        verbatimModuleSyntax: true,
      },
    },
  })
  return { code, mappings: readMappings(JSON.parse(map).mappings) }
}

/** Where the main thread keeps what decorated classes call (engine/decorators.ts). */
const helpers = 'globalThis[Symbol.for("gradbook.decorators")]'

/** What oxc writes for a type that may be one of those that are no value. */
const maybeValue =
  /typeof ([\p{ID_Start}$_][\p{ID_Continue}$.]*) === "undefined" \? Object : \1(?![\p{ID_Continue}$.])/gu

/** Decorators with the types of what they decorate, which esbuild does not know of. */
function withMetadata(
  text: string,
  dialect: Syntax,
  comments: readonly Comment[],
  file: string,
  emit: Emit,
): Stripped {
  const { code, map, errors } = transformSync(file, text, {
    lang: dialect,
    sourceType: 'module',
    sourcemap: true,
    target: 'es2023',
    typescript: {
      onlyRemoveTypeImports: true,
      removeClassFieldsWithoutInitializer: emit.useDefineForClassFields === false,
    },
    assumptions: { setPublicClassFields: emit.useDefineForClassFields === false },
    decorator: { legacy: true, emitDecoratorMetadata: true },
    helpers: { mode: 'External' as never },
    ...(dialect.endsWith('x') ? { jsx: jsxOptions(comments, emit) } : {}),
  })
  const problem = errors.find(({ severity }) => severity === 'Error')
  if (problem) throw new SyntaxError(problem.message)
  const edits = [
    ...[...code.matchAll(/\bbabelHelpers\b/g)].map(({ index }) => ({
      start: index,
      end: index + 'babelHelpers'.length,
      text: helpers,
    })),
    ...[...code.matchAll(maybeValue)].map(({ 0: { length }, 1: name, index }) => ({
      start: index,
      end: index + length,
      text: `${helpers}.typeOf(() => ${name})`,
    })),
  ].toSorted((a, b) => a.start - b.start)
  const mappings = map ? readMappings(map.mappings) : []
  const moved = applyEdits(code, edits)
  const [from, to] = [findLineStarts(code), findLineStarts(moved)]
  const shifted = shiftOffsets(
    mappings.map(({ line, column }) => from[line]! + column),
    edits,
  )
  return {
    code: moved,
    mappings: mappings.map((mapping, index) => {
      const line = lineOf(to, shifted[index]!)
      return { ...mapping, line, column: shifted[index]! - to[line]! }
    }),
  }
}

/** TypeScript to JavaScript that Node 20 runs, with the way back. `parsed` is the tree of `text` or of a text with the same syntax. */
export function stripTypes(text: string, parsed: Parsed, file: string, emit: Emit = {}): Stripped {
  const isDecorated = needsLowering.test(text) && usesNewSyntax(parsed.program)
  const { experimentalDecorators, emitDecoratorMetadata } = emit
  if (isDecorated && experimentalDecorators && emitDecoratorMetadata && /@[\p{L}_$(]/u.test(text))
    return withMetadata(text, parsed.dialect, parsed.comments, file, emit)
  const assigns = emit.useDefineForClassFields === false && /\bclass\b/.test(text)
  return assigns || isDecorated
    ? withoutNewSyntax(text, parsed.dialect, file, emit)
    : withoutTypes(text, parsed.dialect, parsed.comments, file, emit)
}
