/** A cell is TypeScript, or TypeScript with JSX. */
export type Dialect = 'ts' | 'tsx'

/** What a file is written in. */
export type Syntax = Dialect | 'js' | 'jsx'

/** Files that are compiled here rather than by Node, by their extension. */
export const syntaxOf: { readonly [extension: string]: Syntax } = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
}
