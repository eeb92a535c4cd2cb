import { createRequire } from 'node:module'
import { transformSync, type JsxOptions } from 'oxc-transform'
import type { TsconfigRaw } from 'esbuild'
import type { Comment } from 'oxc-parser'
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
  /** Fields of classes are defined, not assigned. Default: true. */
  useDefineForClassFields?: boolean
}

export interface Stripped {
  code: string
  mappings: Mapping[]
}

/** Decorators, `accessor` and `using` have no form that every Node from 20 on runs: esbuild lowers both, oxc neither without a package at run time. */
const needsLowering = /@[\p{L}_$(]|\b(?:using|accessor)\b/u

function usesNewSyntax(node: any): boolean {
  if (Array.isArray(node)) return node.some(usesNewSyntax)
  if (node === null || typeof node !== 'object') return false
  if (node.type === 'Decorator' || node.type === 'AccessorProperty') return true
  if (node.type === 'VariableDeclaration' && (node.kind === 'using' || node.kind === 'await using'))
    return true
  for (const key in node) if (typeof node[key] === 'object' && usesNewSyntax(node[key])) return true
  return false
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

/** TypeScript to JavaScript that Node 20 runs, with the way back. `parsed` is the tree of `text` or of a text with the same syntax. */
export function stripTypes(text: string, parsed: Parsed, file: string, emit: Emit = {}): Stripped {
  const assigns = emit.useDefineForClassFields === false && /\bclass\b/.test(text)
  return assigns || (needsLowering.test(text) && usesNewSyntax(parsed.program))
    ? withoutNewSyntax(text, parsed.dialect, file, emit)
    : withoutTypes(text, parsed.dialect, parsed.comments, file, emit)
}
