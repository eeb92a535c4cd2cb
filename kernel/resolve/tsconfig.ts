/** The tsconfig.json next to a notebook, read as far as cells respect it, with those that it builds on. */
import { existsSync, readFileSync, statSync, type Stats } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { JsonError, parseLoosely } from './json-text.js'

export interface Tsconfig {
  path: string
  /** Its options over those of the ones that it builds on. Paths in them are absolute. */
  options: { readonly [name: string]: unknown }
}

/** What is wrong with a configuration. */
export interface TsconfigProblem {
  file: string
  message: string
  /** In the file's text, in UTF-16 units. */
  offset: number
}

export interface ReadTsconfig {
  config: Tsconfig | undefined
  problems: TsconfigProblem[]
  /** The files that were read, and those that were looked for in vain. */
  files: ReadonlySet<string>
}

type Options = { [name: string]: unknown }

const isRecord = (value: unknown): value is Options =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const isText = (value: unknown): value is string => typeof value === 'string'
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText)

/** Options that are, or hold, paths, as a list of what each names. */
const pathOptions = new Set(['typeRoots', 'types'])

/** What a configuration may be in a wrong way that changes what cells mean. */
const expected: { [name: string]: { says: string; holds(value: unknown): boolean } } = {
  paths: {
    says: 'an object of lists of paths',
    holds: (value) => isRecord(value) && Object.values(value).every(isTexts),
  },
  baseUrl: { says: 'a path', holds: isText },
  types: { says: 'a list of names', holds: isTexts },
  typeRoots: { says: 'a list of paths', holds: isTexts },
  target: { says: 'a version, such as "es2022"', holds: isText },
  jsx: {
    says: '"preserve", "react", "react-jsx", "react-jsxdev" or "react-native"',
    holds: (value) => /^(?:preserve|react|react-jsx|react-jsxdev|react-native)$/i.test(String(value)),
  },
  jsxFactory: { says: 'a name', holds: isText },
  jsxFragmentFactory: { says: 'a name', holds: isText },
  jsxImportSource: { says: 'a package', holds: isText },
}
const isSwitch = { says: 'true or false', holds: (value: unknown) => typeof value === 'boolean' }

/** Options of the type check that mean in a cell what they mean in a file. */
export const followed = [
  'strict',
  'strictBindCallApply',
  'strictBuiltinIteratorReturn',
  'strictFunctionTypes',
  'strictNullChecks',
  'strictPropertyInitialization',
  'useUnknownInCatchVariables',
  'noImplicitAny',
  'noImplicitThis',
  'noImplicitOverride',
  'noImplicitReturns',
  'noFallthroughCasesInSwitch',
  'noPropertyAccessFromIndexSignature',
  'noUncheckedIndexedAccess',
  'noUncheckedSideEffectImports',
  'exactOptionalPropertyTypes',
  'allowUnreachableCode',
  'allowUnusedLabels',
  'experimentalDecorators',
  'emitDecoratorMetadata',
  'useDefineForClassFields',
] as const
for (const name of followed) expected[name] = isSwitch

/** Reads a configuration and those that it builds on. */
class Reader {
  readonly problems: TsconfigProblem[] = []
  readonly files = new Set<string>()
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * `undefined` for a file that is not there or cannot be read.
   *
   * @param above the files that build on it
   * @param isOwn it is the notebook's, so that the projects it refers to have a say
   */
  read(file: string, above: readonly string[] = [], isOwn = false): Options | undefined {
    this.files.add(file)
    let text: string
    let config: unknown
    try {
      text = readFileSync(file, 'utf8')
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'ENOTDIR') this.#tell(file, message, 0)
      return undefined
    }
    try {
      config = text.trim() === '' ? {} : parseLoosely(text)
    } catch (error) {
      this.#tell(file, (error as Error).message, error instanceof JsonError ? error.offset : 0)
      return undefined
    }
    const placeOf = (name: string): number => Math.max(0, text.indexOf(`"${name}"`))
    if (!isRecord(config)) {
      this.#tell(file, 'expected an object of settings', 0)
      return undefined
    }
    const own = config.compilerOptions ?? {}
    if (!isRecord(own))
      this.#tell(file, `'compilerOptions': expected an object of options`, placeOf('compilerOptions'))
    let options: Options = {}
    for (const name of [config.extends ?? []].flat()) {
      const found = isText(name) ? this.#find(name, file) : undefined
      const chain = [...above, file]
      if (found !== undefined && chain.includes(found))
        this.#tell(file, `'extends': '${name}' builds on this file itself`, placeOf('extends'))
      else {
        const base = found === undefined ? undefined : this.read(found, chain)
        if (base) options = { ...options, ...base }
        else if (found === undefined)
          this.#tell(file, `'extends': ${JSON.stringify(name)} was not found`, placeOf('extends'))
      }
    }
    // As Vite writes it: nothing but the projects of its parts, of which the first is that of the sources.
    const isSolution =
      Array.isArray(config.files) && config.files.length === 0 && config.include === undefined
    if (isOwn && isSolution && Array.isArray(config.references)) {
      const [first] = config.references as { path?: unknown }[]
      const found = isText(first?.path) ? this.#findProject(resolve(dirname(file), first.path)) : undefined
      if (found !== undefined) options = { ...this.read(found), ...options }
    }
    for (const [name, value] of Object.entries(isRecord(own) ? own : {})) {
      const rule = Object.hasOwn(expected, name) ? expected[name] : undefined
      if (value !== null && rule && !rule.holds(value))
        this.#tell(
          file,
          `'${name}': expected ${rule.says}, received ${JSON.stringify(value)?.slice(0, 60)}`,
          placeOf(name),
        )
      // As in TypeScript, null takes back what the one below says.
      else options[name] = value === null ? undefined : this.#absolute(name, value, dirname(file))
    }
    return options
  }

  #tell(file: string, message: string, offset: number): void {
    this.problems.push({ file, message, offset })
  }

  #place(path: string, folder: string): string {
    return resolve(folder, path.replace(/^\$\{configDir\}/i, this.#folder))
  }

  /** What stands in an option, with its paths from where they were written. */
  #absolute(name: string, value: unknown, folder: string): unknown {
    if (name === 'baseUrl') return this.#place(value as string, folder)
    // `paths` are relative to `baseUrl`, which another file may say.
    if (name === 'paths') return { from: folder, patterns: value }
    if (!pathOptions.has(name)) return value
    return (value as string[]).map((path) =>
      name === 'typeRoots' || /^(?:\.{1,2}[\\/]|\$\{)/.test(path) ? this.#place(path, folder) : path,
    )
  }

  /** The file that `extends` names: a path, or one of a package. */
  #find(name: string, from: string): string | undefined {
    const folder = dirname(from)
    if (/^\.{0,2}[\\/]|^\.{1,2}$|^\$\{/.test(name) || isAbsolute(name)) {
      const path = this.#place(name, folder)
      const candidates = name.endsWith('.json') ? [path] : [`${path}.json`, path, join(path, 'tsconfig.json')]
      const found = candidates.find((candidate) => isFile(candidate))
      // It may come to be there.
      if (found === undefined) for (const candidate of candidates) this.files.add(candidate)
      return found
    }
    const { resolve: find } = createRequire(from)
    const candidates = name.endsWith('.json') ? [name] : [`${name}.json`, `${name}/tsconfig.json`, name]
    for (const candidate of candidates)
      try {
        const found = find(candidate)
        if (found.endsWith('.json')) return found
      } catch {
        // Not by this name.
      }
    // Packages that do not export it are read all the same.
    for (let at = folder; ; at = dirname(at)) {
      for (const candidate of candidates) {
        const path = join(at, 'node_modules', candidate)
        this.files.add(path)
        if (isFile(path)) return path
      }
      if (dirname(at) === at) return undefined
    }
  }

  #findProject(path: string): string | undefined {
    return [join(path, 'tsconfig.json'), path].find((file) => isFile(file))
  }
}

/** `undefined` also for a path that goes through a file. */
export function maybeStat(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

const isFile = (path: string): boolean => maybeStat(path)?.isFile() === true

/** `paths` and `baseUrl` as one table from patterns to absolute paths. */
function pathsOf(
  { paths, baseUrl }: Options,
  placed: (path: string, folder: string) => string,
): { [pattern: string]: string[] } | undefined {
  if (!paths && !isText(baseUrl)) return undefined
  const { from, patterns } = (paths ?? { from: '', patterns: {} }) as {
    from: string
    patterns: { [pattern: string]: string[] }
  }
  const table: { [pattern: string]: string[] } = {}
  for (const [pattern, targets] of Object.entries(patterns))
    table[pattern] = targets.map((target) => placed(target, isText(baseUrl) ? baseUrl : from))
  // What no pattern finds is looked for there.
  if (isText(baseUrl))
    for (const pattern of new Set([...Object.keys(table), '*']))
      table[pattern] = [...(table[pattern] ?? []), join(baseUrl, pattern)]
  return table
}

/** What `folder` has, what is wrong with it, and what it depends on. */
export function readAll(folder: string): ReadTsconfig {
  const path = join(folder, 'tsconfig.json')
  const reader = new Reader(folder)
  const options = reader.read(path, [], true)
  const { problems, files } = reader
  if (!options) return { config: undefined, problems, files }
  const paths = pathsOf(options, (target, from) => resolve(from, target.replace(/^\$\{configDir\}/i, folder)))
  return { config: { path, options: { ...options, paths, baseUrl: undefined } }, problems, files }
}

/** `undefined` where there is none, or none that can be read. */
export const readTsconfig = (folder: string): Tsconfig | undefined => readAll(folder).config

/** Whether there is one, broken or not. */
export const hasTsconfig = (folder: string): boolean => existsSync(join(folder, 'tsconfig.json'))
