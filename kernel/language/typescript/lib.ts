/**
 * The language as the Node that runs has it: TypeScript's declarations without what this V8 does not have. They are laid by the
 * build as few files (scripts/cell-types.mjs): an interface that is declared in one file is put together once, one that is declared
 * in ten at every check.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where in a file something is declared that not every Node has: by its name, as `Iterator`, with
 * `dom:` before it in the declarations of browsers. What belongs to a value that may itself be a type only begins with `?`, as
 * `?Set.prototype.union`. */
export type Probes = { [file: string]: { [name: string]: [start: number, end: number][] } }

/** Where the probes lie, beside the declarations. */
export const probesFile = 'probes.json'

/** What every iterator of the language inherits from; not every Node has a name for it. */
const iterators = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object

/** Whether there is something of a name. */
export function isThere(name: string): boolean {
  const [, isMember, path] = /^(?:dom:)?(\??)(.*)$/.exec(name)!
  const parts = path!.split('.')
  let owner: any = globalThis
  if (parts[0] === 'IteratorObject' && isMember) {
    parts.splice(0, 2)
    owner = iterators
  }
  const last = parts.pop()!
  for (const part of parts) {
    if (owner[part] === undefined || owner[part] === null) return isMember === '?'
    owner = owner[part]
  }
  return last in Object(owner)
}

/** Writes the declarations that lie in `from` without those that are not there. Gives the files; `copies`: also those that are whole. */
export function writeLib(from: string, to: string, has: (name: string) => boolean, copies = true): string[] {
  const probes = JSON.parse(readFileSync(join(from, probesFile), 'utf8')) as Probes
  mkdirSync(to, { recursive: true })
  return Object.entries(probes).map(([file, places]) => {
    const missing = Object.entries(places)
      .flatMap(([name, ranges]) => (has(name) ? [] : ranges))
      .sort(([a], [b]) => a - b)
    if (missing.length === 0 && !copies) return join(from, file)
    const text = readFileSync(join(from, file), 'utf8')
    let written = ''
    let at = 0
    for (const [start, end] of missing) {
      if (start < at) continue
      written += text.slice(at, start)
      at = end
    }
    writeFileSync(join(to, file), written + text.slice(at))
    return join(to, file)
  })
}

/** The folder of the build that holds what a version of Node has. */
export const libOf = (version: string): string => `lib-${version}`

/**
 * The declarations that cells are checked against. `built`: where the build has laid them; it has written out those of the Node
 * that it ran on, for any other they are written to `to`. `undefined` where there is no build.
 */
export function layLib(built: string, to: string): string[] | undefined {
  const known = join(built, libOf(process.version))
  if (existsSync(known)) return readdirSync(known).map((file) => join(known, file))
  const all = join(built, 'lib')
  if (!existsSync(join(all, probesFile))) return undefined
  // Names of browsers are only looked at by the build: to touch those of `fetch` loads what is behind them.
  return writeLib(all, to, (name) => name.startsWith('dom:') || isThere(name), false)
}
