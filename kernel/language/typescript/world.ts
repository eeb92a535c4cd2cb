/** The world that cells live in, as TypeScript is told of it. */

/** Options that a cell needs to be what it is, whatever the notebook's own tsconfig.json says. */
export const requiredOptions = {
  noEmit: true,
  // For what it has no words, `await` and fields among them, a cell is compiled in any case.
  target: 'esnext',
  // As esnext, with `import x = require('y')`.
  module: 'preserve',
  moduleResolution: 'bundler',
  moduleDetection: 'force',
  allowImportingTsExtensions: true,
  allowJs: true,
  resolveJsonModule: true,
  esModuleInterop: true,
  skipLibCheck: true,
  // Without it `const losses = []` is a list of nothing and `let best = null` nothing but null, for good. What it says against
  // an `any` is not shown (diagnostics.ts).
  noImplicitAny: true,
}

/** Options that it has where the notebook's tsconfig.json does not say otherwise. */
export const defaultOptions = { strict: true, jsx: 'react' }

/** What there is in a cell, where the build has not laid it as few files. */
export const defaultLib = ['esnext', 'dom', 'dom.iterable', 'dom.asynciterable']

/** DESIGN's cell globals whose types are made of the language alone, and all of them. */
export const plainGlobals = ['display', 'html', 'markdown', 'latex', 'svg', 'clearOutput']
export const cellGlobals = [...plainGlobals, 'host']

/** What cells may use of `console` without its whole type. */
export const consoleMethods = ['log', 'info', 'warn', 'error', 'debug']

/** The doc comment of a name in a file of declarations: `typeof` takes the type over, and not the comment. */
function docOf(name: string, declarations: string): string {
  const found = new RegExp(
    `(/\\*\\*(?:[^*]|\\*(?!/))*\\*/)\\s*export declare (?:const|function) ${name}\\b`,
  ).exec(declarations)
  return found ? `${found[1]} ` : ''
}

/** Declares globals as the module `host` types and its `declarations` describe them. */
export function declareGlobals(names: readonly string[], host: string, declarations = ''): string {
  const from = `typeof import(${JSON.stringify(host)})`
  // Names declared by `var` are properties of globalThis as well.
  const lines = names.map((name) => `  ${docOf(name, declarations)}var ${name}: ${from}.${name}`)
  return `export {}\ndeclare global {\n${lines.join('\n')}\n}\n`
}
