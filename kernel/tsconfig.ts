/** The tsconfig.json next to a notebook, as far as cells respect it: options of the type check, and `paths` at run time too. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Emit } from './cell/strip.js'

export interface Tsconfig {
  path: string
  options: { readonly [name: string]: unknown }
  /** It builds on another one, whose options are not among these. */
  isExtended: boolean
}

/** JSON with comments and trailing commas. */
function parseLoosely(text: string): any {
  const bare = text.replaceAll(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[^]*?\*\//g, (_, string) => string ?? '')
  return JSON.parse(bare.replaceAll(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, (_, string) => string ?? ''))
}

/** `undefined` where there is none, or none that can be read. */
export function readTsconfig(folder: string): Tsconfig | undefined {
  const path = join(folder, 'tsconfig.json')
  try {
    const config = parseLoosely(readFileSync(path, 'utf8'))
    const options = config?.compilerOptions ?? {}
    return typeof options === 'object'
      ? { path, options, isExtended: config.extends !== undefined }
      : undefined
  } catch {
    return undefined
  }
}

const textOptions = ['jsx', 'jsxFactory', 'jsxFragmentFactory', 'jsxImportSource'] as const

/** Targets before 2022, for which TypeScript assigns the fields of classes. */
const isOld = (target: unknown): boolean => /^es(3|5|6|20(1\d|2[01]))$/i.test(String(target))

/** What the options say about the JavaScript that cells and files beside the notebook become. */
export function emitOf(config: Tsconfig | undefined): Emit {
  const options = config?.options ?? {}
  const emit: Emit = {
    experimentalDecorators: options.experimentalDecorators === true,
    useDefineForClassFields: (options.useDefineForClassFields ?? !isOld(options.target)) === true,
  }
  for (const name of textOptions) {
    const value = options[name]
    if (typeof value === 'string') emit[name] = value
  }
  return emit
}

/** The paths that a specifier may stand for by `paths`: `@/*` -> `./src/*`. */
export function mapPath(specifier: string, folder: string, paths: unknown): string[] {
  if (paths === null || typeof paths !== 'object') return []
  for (const [pattern, targets] of Object.entries(paths)) {
    if (!Array.isArray(targets)) continue
    const [before, after] = pattern.split('*') as [string, string?]
    const fits =
      after === undefined
        ? specifier === pattern
        : specifier.startsWith(before) &&
          specifier.endsWith(after) &&
          specifier.length >= before.length + after.length
    if (!fits) continue
    const middle = after === undefined ? '' : specifier.slice(before.length, specifier.length - after.length)
    return targets.map((target) => join(folder, String(target).replace('*', middle)))
  }
  return []
}
