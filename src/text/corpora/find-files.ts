/** Files by path, folder or pattern, in an order that is the same on every machine. */
import { readdirSync, statSync, type Dirent } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { describe, InputError } from '../../errors.js'

export interface FoundFile {
  path: string
  /** As it is called in messages: relative to where it was looked for, with `/`. */
  name: string
  size: number
  /** Milliseconds since 1970. */
  modified: number
}

/** What is read of a folder; files of other kinds lie in most of them. */
const texts = /\.(txt|md|jsonl|ndjson|[ct]sv|parquet)(\.gz)?$/i

const isPattern = (path: string): boolean => /[*?]/.test(path)

/**
 * @returns the files, and the names of those in a folder that were passed over.
 * @throws InputError where there is none.
 */
export function findFiles(path: string, where: string): { files: FoundFile[]; others: string[] } {
  if (isPattern(path)) {
    const files = matching(path)
    if (files.length === 0)
      throw new InputError({
        where,
        received: `${describe(path)}, which no file in ${resolve(rootOf(path))} is called`,
        expected: 'a pattern of files that are there',
        fix: '* stands for any letters but /, ** for folders in folders, ? for one letter.',
      })
    return { files, others: [] }
  }
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isFile()) return { files: [fileAt(path, nameOf(path))], others: [] }
  if (!found?.isDirectory())
    throw new InputError({
      where,
      received: `${describe(path)}, where there is ${found ? 'no file' : 'nothing'}`,
      expected: 'a file, a folder, or a pattern such as texts/**/*.txt',
      fix: `Relative paths begin at ${process.cwd()}.`,
    })
  const names = filesIn(path)
  const files = names.filter((name) => texts.test(name)).map((name) => fileAt(join(path, name), name))
  const others = names.filter((name) => !texts.test(name))
  if (files.length === 0)
    throw new InputError({
      where,
      received: `the folder ${describe(path)}, with ${others.length === 0 ? 'no files' : `files of other kinds (${others.slice(0, 3).join(', ')})`}`,
      expected: 'files that end in .txt, .md, .jsonl, .ndjson, .csv, .tsv or .parquet',
      fix: `Files of any name that are text: corpus('${join(path, '**/*')}').`,
    })
  return { files, others }
}

const nameOf = (path: string): string => path.split(sep).at(-1)!

function fileAt(path: string, name: string): FoundFile {
  const { size, mtimeMs } = statSync(path)
  return { path, name: name.split(sep).join('/'), size, modified: mtimeMs }
}

/** Names of the files in a folder and those within it, hidden ones left out, in the order of their code units. */
function filesIn(folder: string): string[] {
  const found: string[] = []
  const look = (at: string) => {
    for (const entry of readdirSync(join(folder, at), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue
      const name = at === '' ? entry.name : join(at, entry.name)
      if (isFolder(entry)) look(name)
      else if (statSync(join(folder, name), { throwIfNoEntry: false })?.isFile()) found.push(name)
    }
  }
  look('')
  return found.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

/** Links to folders are not followed: they may lead back. */
const isFolder = (entry: Dirent): boolean => entry.isDirectory()

/** The folders of a pattern before the first part that is one. */
function rootOf(pattern: string): string {
  const parts = pattern.split(/[/\\]/)
  const root = parts.slice(0, parts.findIndex(isPattern)).join('/')
  return root === '' ? (pattern.startsWith('/') ? '/' : '.') : root
}

function matching(pattern: string): FoundFile[] {
  const root = rootOf(pattern)
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) return []
  const rest = relative(root, pattern).split(sep).join('/')
  const test = new RegExp(`^${rest.split('/').map(partPattern).join('')}$`)
  return filesIn(root)
    .filter((name) => test.test(`/${name.split(sep).join('/')}`))
    .map((name) => fileAt(join(root, name), name))
}

function partPattern(part: string): string {
  if (part === '**') return '(?:/[^/]+)*'
  const letters = part.replace(/[\\^$.+()[\]{}|]/g, '\\$&')
  return `/${letters.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}`
}
