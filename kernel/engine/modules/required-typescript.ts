/** `require` of TypeScript files beside the notebook: at once, as `require` is. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname } from 'node:path'
import { Script } from 'node:vm'
import type { TsconfigRaw } from 'esbuild'
import type { Emit } from '../../cell/strip.js'
import { currentOrigin, type Origin } from '../running/cause.js'

/** What esbuild calls the language of a file. */
export const loaderOf: { readonly [extension: string]: 'ts' | 'tsx' | 'jsx' } = {
  '.ts': 'ts',
  '.cts': 'ts',
  '.mts': 'ts',
  '.tsx': 'tsx',
  '.jsx': 'jsx',
}

export const isTyped = (path: string): boolean => extname(path) in loaderOf

let esbuild: typeof import('esbuild') | undefined

export class RequiredFiles {
  readonly #requireFor: (path: string) => NodeJS.Require
  /** What is being loaded: who asks for it in a circle gets what it has exported by then, as in Node. */
  readonly #loading = new Map<string, { module: { exports: unknown }; by: Origin }>()
  readonly #sources = new Map<string, { text: string; map: string }>()

  readonly #emit: () => Emit

  /** `requireFor`: what `require` means in a file. `emit`: what the notebook's tsconfig.json says about the JavaScript. */
  constructor(requireFor: (path: string) => NodeJS.Require, emit: () => Emit) {
    this.#requireFor = requireFor
    this.#emit = emit
  }

  /** Text and source map of a file that was loaded. */
  sourceOf(path: string): { text: string; map: string } | undefined {
    return this.#sources.get(path)
  }

  isLoading(path: string): boolean {
    const loading = this.#loading.get(path)
    return loading !== undefined && !loading.by.stopped
  }

  /** The exports of a file. A top-level `await` is refused: that takes `import`. */
  load(path: string): unknown {
    const loading = this.#loading.get(path)
    // Of what a stopped cell loads nothing more will come.
    if (loading && !loading.by.stopped) return loading.module.exports
    esbuild ??= createRequire(import.meta.url)('esbuild') as typeof import('esbuild')
    const text = readFileSync(path, 'utf8')
    const { code, map } = esbuild.transformSync(text, {
      loader: loaderOf[extname(path)]!,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      sourcemap: 'external',
      sourcefile: path,
      logLevel: 'silent',
      tsconfigRaw: { compilerOptions: this.#emit() as TsconfigRaw['compilerOptions'] },
    })
    const shifted = JSON.parse(map) as { mappings: string }
    // The head of the function is a line of its own.
    shifted.mappings = `;${shifted.mappings}`
    this.#sources.set(path, { text, map: JSON.stringify(shifted) })
    const program = `(function (exports, require, module, __filename, __dirname) {\n${code}\n})`
    const module = { exports: {} as unknown, filename: path, id: path }
    this.#loading.set(path, { module, by: currentOrigin() })
    try {
      const run = new Script(program, { filename: path }).runInThisContext()
      run.call(module.exports, module.exports, this.#requireFor(path), module, path, dirname(path))
    } finally {
      this.#loading.delete(path)
    }
    return module.exports
  }
}
