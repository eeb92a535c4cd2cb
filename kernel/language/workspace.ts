import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { broughtPackages } from '../packages.js'
import { readTsconfig, type Tsconfig } from '../tsconfig.js'

/**
 * A folder of our own in which TypeScript sees the notebook's cells as if they lay in the notebook's folder, with nothing
 * written there: it stands for the notebook's folder by `rootDirs` (relative imports) and by links to each `node_modules` on the way up.
 * The outermost `node_modules` holds what the kernel brings, so it is searched last.
 */
export interface Workspace {
  /** Where cells lie. */
  folder: string
  /** The notebook's folder and those above it that may hold packages. */
  searched: string[]
  /** The folder of ours that stands for one of those. */
  folderOf(searched: string): string
  /** `/tmp/…/$1` in a message is a cell of the notebook. */
  isCell: RegExp
  close(): void
}

function foldersAbove(folder: string): string[] {
  const folders: string[] = []
  for (let at = folder; ; at = dirname(at)) {
    if (dirname(at) === at) return folders
    folders.push(at)
  }
}

/** Links a folder; a link to nothing is fine, it may come to be. */
function link(target: string, at: string): void {
  mkdirSync(dirname(at), { recursive: true })
  try {
    symlinkSync(target, at, 'junction')
  } catch {
    // Without the right to link, these packages have no types: everything else goes on.
  }
}

function findPackage(name: string, home: string): string | undefined {
  if (name === 'gradbook') return home
  if (name === 'tslab') return join(home, 'dist', 'kernel', 'tslab')
  let at = createRequire(join(home, 'package.json')).resolve.paths(name) ?? []
  at = at.map((folder) => join(folder, name)).filter((folder) => existsSync(join(folder, 'package.json')))
  return at[0]
}

/** Options that a cell needs to be what it is, whatever the notebook's own tsconfig.json says. */
const required = {
  noEmit: true,
  module: 'esnext',
  moduleResolution: 'bundler',
  moduleDetection: 'force',
  allowImportingTsExtensions: true,
  allowJs: true,
  checkJs: false,
  resolveJsonModule: true,
  esModuleInterop: true,
  skipLibCheck: true,
  noImplicitAny: false,
  noUnusedLocals: false,
  noUnusedParameters: false,
  verbatimModuleSyntax: false,
  isolatedModules: false,
  erasableSyntaxOnly: false,
  composite: false,
  incremental: false,
  declaration: false,
}

const defaults = {
  target: 'esnext',
  lib: ['esnext', 'dom', 'dom.iterable', 'dom.asynciterable'],
  strict: true,
  jsx: 'react',
  types: ['node'],
}

/** Our options over the notebook's own, or on their own. */
function configFor(own: Tsconfig | undefined, rootDirs: string[], typeRoots: string[]): object {
  const options: { [name: string]: unknown } = { ...required, rootDirs, typeRoots }
  for (const [name, value] of Object.entries(defaults))
    if (!own || (!own.isExtended && !(name in own.options))) options[name] = value
  if (!own) return { compilerOptions: options }
  // Asked for explicitly, which `strict` is not.
  if (own.options.noImplicitAny === true) delete options.noImplicitAny
  return { extends: own.path, compilerOptions: { ...options, rootDir: null }, include: [], exclude: [] }
}

/** The names of DESIGN's cell globals, typed as gradbook's own declarations say. */
function globalsText(home: string): string {
  const host = JSON.stringify(join(home, 'dist', 'src', 'host.js'))
  const names = ['display', 'html', 'markdown', 'latex', 'svg', 'clearOutput', 'host']
  return `export {}\ndeclare global {\n${names.map((name) => `  const ${name}: typeof import(${host}).${name}`).join('\n')}\n}\n`
}

export function createWorkspace(notebookFolder: string, home: string): Workspace {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'gradbook-types-')))
  const searched = foldersAbove(notebookFolder)
  for (const name of broughtPackages) {
    const target = findPackage(name, home)
    if (target) link(target, join(root, 'node_modules', name))
  }
  const rootDirs: string[] = []
  let folder = root
  for (const level of searched.toReversed()) {
    folder = join(folder, 'x')
    link(join(level, 'node_modules'), join(folder, 'node_modules'))
    rootDirs.unshift(folder, level)
  }
  mkdirSync(folder, { recursive: true })
  const config = {
    ...configFor(readTsconfig(notebookFolder), rootDirs, [
      ...searched.map((level) => join(level, 'node_modules', '@types')),
      dirname(findPackage('@types/node', home) ?? home),
    ]),
    files: ['cell-globals.d.ts', '$here.ts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config, null, 2))
  writeFileSync(join(folder, 'cell-globals.d.ts'), globalsText(home))
  writeFileSync(join(folder, '$here.ts'), 'export {}\n')
  return {
    folder,
    searched,
    folderOf: (level) => rootDirs[rootDirs.indexOf(level) - 1] ?? folder,
    isCell: /import\("[^"]*\/\$\w+"\)\.?/g,
    close: () => rmSync(root, { recursive: true, force: true }),
  }
}
