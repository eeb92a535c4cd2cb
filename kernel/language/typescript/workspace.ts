import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { broughtPackages } from '../../resolve/packages.js'
import type { StandIn } from '../../port.js'
import { FollowedTsconfig } from '../../resolve/followed-tsconfig.js'
import { hasTsconfig } from '../../resolve/tsconfig.js'
import { ownFolder } from '../../owned-folder.js'
import { inTemporaryFolder } from '../../temporary.js'
import { layLib } from './lib.js'
import { chooseNodeTypes } from './node-types.js'
import { optionsFor } from './options.js'
import { cellGlobals, declareGlobals, defaultLib } from './world.js'

/**
 * A folder of our own in which TypeScript finds the packages that it would find in the notebook's folder, with nothing written
 * there: it has as many folders above it as that one, each with a link to the `node_modules` of its counterpart. The outermost
 * holds what the kernel brings, so it is searched last. Imports of files are made absolute (document.ts).
 */
export interface Workspace {
  /** Where cells lie. */
  folder: string
  /** The notebook's folder and those above it that may hold packages. */
  searched: string[]
  /** The folder whose `node_modules` holds what the kernel brings. */
  brought: string
  /** The folder of ours that stands for one of those. */
  folderOf(searched: string): string
  /** How TypeScript is told of a path. */
  nameOf(path: string): string
  /** The extension of a cell's module. */
  language: 'ts' | 'js'
  /** The names that JSX means without a pragma: `React`, or those of the tsconfig.json. */
  readonly elementMakers: readonly string[]
  /** The notebook's own. */
  readonly tsconfig: FollowedTsconfig
  /** Writes down what that one says now. Gives the file. */
  configure(): string
  /** Whether the notebook's tsconfig.json asks for `noImplicitAny`, which `strict` alone is not. */
  readonly refusesImplicitAny: boolean
  /** `/tmp/…/$1` in a message is a cell of the notebook. */
  isCell: RegExp
  /** Says in it that this process has it, and removes what others have left. Not while a kernel starts: it takes some milliseconds. */
  own(): void
  close(): void
}

/** A folder and those above it, but for the root of the file system, unless it is that. */
function foldersAbove(folder: string): string[] {
  const folders = [folder]
  for (let at = dirname(folder); dirname(at) !== at; at = dirname(at)) folders.push(at)
  return folders
}

const prefix = 'gradbook-types-'

/** Links a folder; a link to nothing is fine, it may come to be. */
function link(target: string, at: string): void {
  try {
    symlinkSync(target, at, 'junction')
  } catch {
    // Without the right to link, these packages have no types: everything else goes on.
  }
}

/**
 * TypeScript takes a backslash for a slash, whatever the system: files of a folder that has one in its name are known to it by
 * a link.
 */
function createNames(folder: string, at: string): (path: string) => string {
  const parts = folder.split('/')
  const odd = parts.findIndex((part) => part.includes('\\'))
  if (sep !== '/' || odd === -1) return (path) => path
  const linked = `${parts.slice(0, odd + 1).join('/')}/`
  link(linked, at)
  return (path) => (path.startsWith(linked) ? `${at}/${path.slice(linked.length)}` : path)
}

/** The folders in which Node looks for packages of the kernel. */
const packageFolders = (home: string): string[] =>
  [home, ...foldersAbove(dirname(home))].map((folder) => join(folder, 'node_modules'))

function findPackage(name: string, home: string): string | undefined {
  if (name === 'gradbook') return home
  if (name === 'tslab') return join(home, 'dist', 'kernel', 'tslab')
  return packageFolders(home)
    .map((folder) => join(folder, name))
    .find((folder) => existsSync(join(folder, 'package.json')))
}

/** A folder of declarations that the build has laid. */
const laid = (home: string, name: string): string => join(home, 'dist', 'kernel', 'language', name)

/** Where packages of types lie that are installed in a folder. */
const typesIn = (folder: string): string => join(folder, 'node_modules', '@types')

/** The types of Node that cells see in a folder. */
function nodeTypesFor(notebookFolder: string, home: string): string {
  const installed = foldersAbove(notebookFolder).map((level) => join(typesIn(level), 'node'))
  return chooseNodeTypes(installed, findPackage('@types/node', home) ?? home)
}

/** Whether cells mean here what they mean in an empty folder, but for what they import: no options and no types of Node of its own. */
export function isPlain(notebookFolder: string, home: string): boolean {
  return (
    !hasTsconfig(notebookFolder) && nodeTypesFor(notebookFolder, home) === findPackage('@types/node', home)
  )
}

export function createWorkspace(
  notebookFolder: string,
  home: string,
  as?: StandIn,
  tell: (line: string) => void = () => {},
): Workspace {
  return inTemporaryFolder(
    `${prefix}${process.pid}-`,
    (folder) => layWorkspace(realpathSync(folder), notebookFolder, home, as),
    { tell, room },
  )
}

/** What the cells of a long notebook need. */
const room = 256_000

function layWorkspace(root: string, notebookFolder: string, home: string, as?: StandIn): Workspace {
  const tsconfig = new FollowedTsconfig(notebookFolder)
  let disown = (): void => {}
  const close = () => {
    process.off('exit', close)
    disown()
    rmSync(root, { recursive: true, force: true })
  }
  process.once('exit', close)
  const searched = foldersAbove(notebookFolder)
  mkdirSync(join(root, 'node_modules', '@tensorflow'), { recursive: true })
  for (const name of broughtPackages) {
    const target = findPackage(name, home)
    if (target) link(target, join(root, 'node_modules', name))
  }
  const types = join(root, 'types')
  mkdirSync(types)
  link(nodeTypesFor(notebookFolder, home), join(types, 'node'))
  const counterparts = new Map<string, string>()
  let folder = root
  for (const level of searched.toReversed()) {
    folder = join(folder, '$')
    mkdirSync(folder)
    link(join(level, 'node_modules'), join(folder, 'node_modules'))
    counterparts.set(level, folder)
  }
  const typeRoots = [types, ...searched.map(typesIn)]
  const packages = searched.map((level) => join(level, 'node_modules'))
  const language = as === 'jslab' ? 'js' : 'ts'
  // What these import is part of the program: the cells that ran, and those of the editor (draft.ts).
  const roots = [`$here.${language}`, `$livehere.${language}`]
  const lib = layLib(laid(home, ''), join(root, 'lib'))
  if (lib) typeRoots.unshift(laid(home, 'covered'))
  const config = join(folder, 'tsconfig.json')
  const configure = () => {
    const compilerOptions = {
      ...optionsFor(tsconfig.config, typeRoots, packages, as),
      ...(lib ? { noLib: true } : { lib: defaultLib }),
    }
    writeFileSync(
      config,
      JSON.stringify({ compilerOptions, files: [...(lib ?? []), '$globals.d.ts', ...roots] }, null, 2),
    )
    return config
  }
  configure()
  const host = join(home, 'dist', 'src', 'host')
  const declarations = existsSync(`${host}.d.ts`) ? readFileSync(`${host}.d.ts`, 'utf8') : ''
  writeFileSync(join(folder, '$globals.d.ts'), declareGlobals(cellGlobals, `${host}.js`, declarations))
  for (const name of roots) writeFileSync(join(folder, name), 'export {}\n')
  return {
    folder,
    searched,
    brought: root,
    nameOf: createNames(notebookFolder, join(root, 'here')),
    language,
    tsconfig,
    configure,
    get elementMakers() {
      const { jsxFactory, jsxFragmentFactory } = tsconfig.config?.options ?? {}
      return [jsxFactory ?? 'React', jsxFragmentFactory ?? 'React'].map(
        (name) => String(name).split('.', 1)[0]!,
      )
    },
    get refusesImplicitAny() {
      return tsconfig.config?.options.noImplicitAny === true
    },
    folderOf: (level) => counterparts.get(level) ?? folder,
    own() {
      disown = ownFolder(root, prefix)
    },
    isCell: /import\("[^"]*\/\$\w+"\)\.?/g,
    close,
  }
}
