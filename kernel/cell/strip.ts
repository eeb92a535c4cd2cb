import { createRequire } from 'node:module'
import { transformSync } from 'oxc-transform'
import type { Comment } from 'oxc-parser'
import type { Parsed } from './parse.js'
import { readMappings, type Mapping } from './source-map.js'
import type { Syntax } from './syntax.js'

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

function usesAutomaticJsx(comments: readonly Comment[]): string | undefined {
  for (const { value } of comments) {
    const source = /@jsxImportSource\s+(\S+)/.exec(value)
    if (source) return source[1]
  }
  return undefined
}

function withoutTypes(text: string, dialect: Syntax, comments: readonly Comment[], file: string): Stripped {
  const importSource = dialect.endsWith('x') ? usesAutomaticJsx(comments) : undefined
  const { code, map, errors } = transformSync(file, text, {
    lang: dialect,
    sourceType: 'module',
    sourcemap: true,
    target: 'es2023',
    // An import that this cell does not use may be there for the next one.
    typescript: { onlyRemoveTypeImports: true },
    jsx: importSource ? { runtime: 'automatic', importSource } : { runtime: 'classic' },
  })
  const problem = errors.find(({ severity }) => severity === 'Error')
  if (problem) throw new SyntaxError(problem.message)
  return { code, mappings: map ? readMappings(map.mappings) : [] }
}

let esbuild: typeof import('esbuild') | undefined

function withoutNewSyntax(text: string, dialect: Syntax, file: string): Stripped {
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
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, useDefineForClassFields: true } },
  })
  return { code, mappings: readMappings(JSON.parse(map).mappings) }
}

/** TypeScript to JavaScript that Node 20 runs, with the way back. `parsed` is the tree of `text` or of a text with the same syntax. */
export function stripTypes(text: string, parsed: Parsed, file: string): Stripped {
  return needsLowering.test(text) && usesNewSyntax(parsed.program)
    ? withoutNewSyntax(text, parsed.dialect, file)
    : withoutTypes(text, parsed.dialect, parsed.comments, file)
}
