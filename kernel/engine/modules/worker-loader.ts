/**
 * Node's hooks in a `Worker` of a cell whose file is TypeScript: it may import what a cell may. Runs in the thread that Node has
 * for them, and registers itself there (workers.ts).
 */
import { readFileSync } from 'node:fs'
import { extname, dirname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { transform, type TsconfigRaw } from 'esbuild'
import { asPath, findFile, moduleKind } from '../../resolve/local-files.js'
import { isBrought } from '../../resolve/packages.js'
import { FollowedTsconfig } from '../../resolve/followed-tsconfig.js'
import { mapPath } from '../../resolve/path-aliases.js'
import { isTyped, loaderOf } from './required-typescript.js'

export interface LoaderData {
  /** The notebook's folder. */
  folder: string
  /** A file of the kernel's own installation, from which what it brings is found. */
  home: string
}

let tsconfig: FollowedTsconfig
let home: string

export function initialize(data: LoaderData): void {
  tsconfig = new FollowedTsconfig(data.folder)
  home = pathToFileURL(data.home).href
}

interface ResolveContext {
  parentURL?: string
  conditions: string[]
}
type NextResolve = (
  specifier: string,
  context?: Partial<ResolveContext>,
) => Promise<{ url: string; format?: string; shortCircuit?: boolean }>

export async function resolve(
  specifier: string,
  context: ResolveContext,
  next: NextResolve,
): ReturnType<NextResolve> {
  const { parentURL } = context
  const place = parentURL?.startsWith('file:') ? dirname(fileURLToPath(parentURL)) : process.cwd()
  const path = asPath(specifier, place)
  const candidates = path === undefined ? mapPath(specifier, tsconfig.paths) : [path]
  const file = candidates.map((one) => findFile(one)).find((found) => found !== undefined)
  if (file !== undefined) {
    const found = pathToFileURL(file).href
    // What Node loads by itself it may also resolve.
    return isTyped(file) ? { url: found, shortCircuit: true } : next(found, context)
  }
  try {
    return await next(specifier, context)
  } catch (error) {
    if (!isBrought(specifier)) throw error
    return next(specifier, { ...context, parentURL: home })
  }
}

interface Loaded {
  format: string
  source?: string
  shortCircuit?: boolean
}

export async function load(
  url: string,
  context: object,
  next: (url: string, context: object) => Promise<Loaded>,
): Promise<Loaded> {
  const path = url.startsWith('file:') ? fileURLToPath(url) : ''
  if (!isTyped(path) || /[\\/]node_modules[\\/]/.test(path)) return next(url, context)
  const text = readFileSync(path, 'utf8')
  const isCommonJs = moduleKind(path) === 'commonjs' || /^\s*export\s*=/m.test(text)
  const { code } = await transform(text, {
    loader: loaderOf[extname(path)]!,
    format: isCommonJs ? 'cjs' : 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    sourcefile: path,
    tsconfigRaw: { compilerOptions: tsconfig.emit as TsconfigRaw['compilerOptions'] },
  })
  return { format: isCommonJs ? 'commonjs' : 'module', source: code, shortCircuit: true }
}
