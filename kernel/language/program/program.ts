import { basename, dirname, join, relative } from 'node:path'
import {
  asProgram,
  augments,
  findExportedVariables,
  findExports,
  findNames,
  findNamespaces,
  findSpecifiers,
  findTags,
  findTypeNames,
  mergeNamespaces,
  parseCell,
  readSource,
  sortEdits,
  type Dialect,
  type Names,
  type Namespaces,
  type Tags,
} from '../../cell/index.js'
import { asPath, findFile } from '../../resolve/local-files.js'
import { conditions, resolveImport } from '../../resolve/package-maps.js'
import { capacity, exportLine, importLine } from '../typescript/blank.js'
import type { Workspace } from '../typescript/workspace.js'
import { absoluteImports, createDocument, type Document } from './document.js'

/** A cell as a TypeScript module. */
export interface CellModule {
  text: string
  tags: Tags
  dialect: Dialect
  names: Names
  /** Names that are a value and a type at once cannot be redeclared as a plain variable. */
  types: ReadonlySet<string>
  exported: ReadonlySet<string>
  /** `export` before variables is left out: TypeScript finds no type for an exported `losses = []` in what is pushed to it. */
  exportedVariables: readonly { start: number; end: number }[]
  /** What a doc comment says of its variables, which their types do not carry. */
  docs: ReadonlyMap<string, string>
  /** It adds to types that are not its own, so it stays whether or not its names can be seen. */
  augments: boolean
  /** What its namespaces export, by path: by its own blocks, and with what they have from earlier cells. */
  own: Namespaces
  namespaces: Namespaces
  /** Paths of those that can be assigned to. */
  assignable: ReadonlySet<string>
  /** The cells whose namespaces its own blocks add to, by name. */
  extended: ReadonlyMap<string, CellModule>
  /** The modules that it imports. */
  specifiers: readonly string[]
  /** The cells whose names it uses: fixed when it ran, so a later declaration of the same name changes nothing for it. */
  uses: ReadonlyMap<string, CellModule>
}

/** The doc comments of variables at the top of a cell, by name. */
function findDocs({ program, comments }: ReturnType<typeof parseCell>, text: string): Map<string, string> {
  const docs = new Map<string, string>()
  const written = comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*'))
  if (written.length === 0) return docs
  for (const node of program.body) {
    const variables = node.type === 'ExportNamedDeclaration' ? node.declaration : node
    if (variables?.type !== 'VariableDeclaration') continue
    const doc = written.findLast(({ end }) => end <= node.start && text.slice(end, node.start).trim() === '')
    if (!doc) continue
    for (const { id } of variables.declarations)
      if (id.type === 'Identifier') docs.set(id.name, `/*${doc.value}*/ `)
  }
  return docs
}

/** Where the file of an import, or its folder, lies in truth: there Node looks for what it imports in turn. */
function linkedPath(path: string): string {
  const file = findFile(path)
  if (file !== undefined && basename(file) !== basename(path) && dirname(file) === dirname(path)) return path
  return file ?? path
}

const identifier = /[\p{ID_Start}$_][\p{ID_Continue}$\u200C\u200D]*/gu

/** Comments at the head of a cell that TypeScript honours only at the head of a file. */
function fileComments(text: string): string {
  const head = /^(?:\s+|\/\/[^\n]*\n?|\/\*[^]*?\*\/)*/.exec(text)?.[0] ?? ''
  const found = head.match(
    /\/\*\*?[^]*?@jsx[^]*?\*\/|\/\/\s*@ts-(?:nocheck|check)[^\n]*|\/\/\/\s*<reference[^\n]*/g,
  )
  return found ? `${found.map((comment) => comment.replaceAll('\n', ' ')).join('\n')}\n` : ''
}

/**
 * How a module says the type of a variable of another, which it cannot import: an imported name cannot be assigned to. A doc
 * comment behind an import on the same line is the import's, so it stands behind the keyword.
 */
const declare = {
  ts: (kind: string, name: string, doc = '') => ` declare ${kind} ${doc}${name}: typeof __${name}__;`,
  js: (kind: string, name: string) =>
    ` ${kind} /** @type {typeof __${name}__} */ ${name} = /** @type {any} */ (0);`,
}

/** Names of an earlier block of a namespace, for those that the cell does not say itself. */
function inherit(
  path: string,
  from: string,
  own: Namespaces,
  earlier: Pick<CellModule, 'namespaces' | 'assignable'>,
): string {
  let text = ''
  // An alias cannot be assigned to.
  const variables: string[] = []
  for (const name of earlier.namespaces.get(path) ?? []) {
    const inner = `${path}.${name}`
    if (own.get(path)?.has(name) === true) {
      if (own.has(inner) && earlier.namespaces.has(inner))
        text += ` export namespace ${name} {${inherit(inner, `${from}.${name}`, own, earlier)} }`
    } else if (earlier.assignable.has(inner)) variables.push(name)
    else text += ` export import ${name} = ${from}.${name};`
  }
  return variables.length === 0
    ? text
    : `${text} export let ${variables.map((name) => `${name} = ${from}.${name}`).join(', ')};`
}

/** The names that are taken from one earlier cell; of its namespaces those that `module` adds to become blocks of the same. */
function importNames(
  file: string,
  names: readonly [string, CellModule][],
  language: 'ts' | 'js',
  module: CellModule,
  cell: CellModule | undefined,
): string {
  const imports: string[] = []
  let declarations = ''
  for (const [name, owner] of module.extended) {
    if (owner !== cell) continue
    imports.push(`${name} as __${name}_before__`)
    const exported = module.exported.has(name) ? 'export ' : ''
    const inherited = inherit(name, `__${name}_before__`, module.own, owner)
    declarations += ` ${exported}namespace ${name} {${inherited} }`
  }
  for (const [name, { names: kinds, types, docs }] of names) {
    const kind = kinds.get(name)
    const isVariable = (kind === 'let' || kind === 'var' || kind === 'const') && !types.has(name)
    if (!isVariable) imports.push(name)
    else {
      imports.push(`${name} as __${name}__`)
      declarations += declare[language](kind === 'const' ? 'const' : 'let', name, docs.get(name))
    }
  }
  return importLine(file, imports, declarations)
}

/**
 * The cells that ran, as modules of one TypeScript program. Cell k of the program is the module `$k`; it imports all modules
 * before it, used or not: TypeScript re-reads a file in 1 ms while the list of its imports stays the same, and takes 40 when it changes.
 */
export class CellProgram {
  capacity = capacity
  readonly #folder: string
  readonly #prefix: string
  #cells: CellModule[] = []
  readonly #owners = new Map<string, CellModule>()

  readonly #name: string
  readonly #notebookFolder: string
  /** Cells that are files, by the path that an import of them means, without its extension. */
  readonly #files = new Set<string>()

  readonly #language: 'ts' | 'js'
  readonly #world: Pick<Workspace, 'elementMakers'> & Partial<Pick<Workspace, 'nameOf'>>

  /** `workspace`: where the modules lie; `name` tells programs in the same folder apart. */
  constructor(
    world: Pick<Workspace, 'folder' | 'language' | 'elementMakers'> & Partial<Pick<Workspace, 'nameOf'>>,
    notebookFolder: string,
    name = '',
  ) {
    const { folder, language } = world
    this.#folder = folder
    this.#language = language
    this.#world = world
    this.#notebookFolder = notebookFolder
    this.#name = name
    this.#prefix = join(folder, `$${name}`)
  }

  /** Reads a cell as the next module: what it declares, and which names of earlier cells it mentions. */
  read(cellText: string, everyName = false): CellModule {
    const source = readSource(cellText)
    const parsed = parseCell(asProgram(source).text)
    const tags = findTags(cellText)
    // What is a file, or runs in the browser, neither sees the names of cells nor gives them any.
    const isApart = tags.module !== undefined || tags.browser === true
    const names: Names = isApart ? new Map() : findNames(parsed.program)
    const uses = new Map<string, CellModule>()
    const mentioned = isApart ? [] : everyName ? this.#owners.keys() : (cellText.match(identifier) ?? [])
    // What makes elements need not be written down where they are.
    const makers = !isApart && parsed.dialect === 'tsx' ? this.#world.elementMakers : []
    for (const name of [...mentioned, ...makers]) {
      const owner = this.#owners.get(name)
      if (owner && !names.has(name)) uses.set(name, owner)
    }
    const assignable = new Set<string>()
    const own: Namespaces = isApart ? new Map() : findNamespaces(parsed.program, assignable)
    const namespaces: Namespaces = new Map(own)
    const extended = new Map<string, CellModule>()
    for (const [name, kind] of names) {
      const owner = kind === 'namespace' ? this.#owners.get(name) : undefined
      if (owner?.names.get(name) !== 'namespace') continue
      extended.set(name, owner)
      for (const path of owner.assignable) assignable.add(path)
      mergeNamespaces(
        namespaces,
        new Map([...owner.namespaces].filter(([path]) => path.split('.', 1)[0] === name)),
      )
    }
    return {
      text: cellText,
      tags,
      dialect: parsed.dialect,
      names,
      types: findTypeNames(parsed.program),
      exported: findExports(parsed.program),
      exportedVariables: isApart ? [] : findExportedVariables(parsed.program),
      docs: isApart ? new Map() : findDocs(parsed, asProgram(source).text),
      augments: !isApart && augments(parsed.program),
      own,
      namespaces,
      assignable,
      extended,
      specifiers: findSpecifiers(parsed.program),
      uses,
    }
  }

  #document(module: CellModule, slot: number | 'here'): Document {
    const { text, tags, dialect, names, exported } = module
    const path = this.path(slot, dialect)
    const place = tags.module === undefined ? '.' : dirname(tags.module)
    const resolve = (specifier: string) => this.#resolve(specifier, join(this.#notebookFolder, place))
    if (tags.module !== undefined) {
      const file = join(this.#folder, `${tags.module}.${this.#extension(dialect)}`)
      return createDocument(file, '', { text, offset: 0 }, absoluteImports(text, resolve), '\nexport {}\n')
    }
    const bySlot = new Map<CellModule, [string, CellModule][]>()
    for (const use of module.uses) {
      const of = bySlot.get(use[1])
      if (of) of.push(use)
      else bySlot.set(use[1], [use])
    }
    const source = readSource(text)
    let prelude = fileComments(source.text)
    const above = slot === 'here' ? this.capacity : slot - 1
    for (let index = 0; index < above; index++) {
      const cell = this.#cells[index]
      const used = (cell && bySlot.get(cell)) ?? []
      prelude += importNames(`$${this.#name}${index + 1}`, used, this.#language, module, cell)
    }
    if (slot === 'here')
      for (const file of this.#files)
        prelude += `import ${JSON.stringify(`./${relative(this.#notebookFolder, file).replaceAll('\\', '/')}`)}\n`
    const edits = source.isObject
      ? []
      : sortEdits([
          ...absoluteImports(source.text, resolve),
          ...module.exportedVariables.map((place) => ({ ...place, text: '      ' })),
        ])
    const missing = [...names.keys()].filter((name) => !exported.has(name))
    return createDocument(path, prelude, asProgram(source), edits, exportLine(missing))
  }

  #resolve(specifier: string, place: string): string {
    const path = asPath(specifier, place)
    if (path === undefined)
      return (specifier.startsWith('#') && resolveImport(specifier, place, conditions.import)) || specifier
    const bare = path.replace(/\.[jt]sx?$/, '')
    if (this.#files.has(bare)) return join(this.#folder, relative(this.#notebookFolder, bare))
    const real = linkedPath(path)
    return this.#world.nameOf?.(real) ?? real
  }

  path(slot: number | 'here', dialect: Dialect = 'ts'): string {
    return `${this.#prefix}${slot}.${this.#extension(dialect)}`
  }

  #extension(dialect: Dialect): string {
    return this.#language === 'js' ? dialect.replace('ts', 'js') : dialect
  }

  /** The module of a cell that would run next. */
  next(module: CellModule): Document {
    return this.#document(module, this.#cells.length + 1)
  }

  /** The module of a text that is being written: after all cells, in a file that no other module imports. */
  here(module: CellModule): Document {
    return this.#document(module, 'here')
  }

  /** All modules, the empty ones too. */
  *documents(): Generator<Document> {
    for (let slot = 1; slot <= this.capacity; slot++)
      yield this.#document(this.#cells[slot - 1] ?? empty, slot)
  }

  /** From now on imports of a cell that is a file mean it; it is part of the program through `here`. */
  define({ tags: { module: file } }: CellModule): void {
    if (file !== undefined) this.#files.add(join(this.#notebookFolder, file))
  }

  /** Later cells see this one's names. Gives whether the modules were numbered anew. */
  add(module: CellModule): boolean {
    if (module.names.size === 0 && !module.augments) return false
    this.place(module)
    if (this.#cells.length < this.capacity) return false
    this.#forget()
    while (this.#cells.length * 2 > this.capacity) this.capacity *= 2
    return true
  }

  /** Puts a cell in the next place, whether or not it declares anything. */
  place(module: CellModule): void {
    this.#cells.push(module)
    for (const name of module.names.keys()) this.#owners.set(name, module)
  }

  /** Drops cells none of whose names can be seen any more. */
  #forget(): void {
    const needed = new Set<CellModule>()
    const need = (module: CellModule) => {
      if (needed.has(module)) return
      needed.add(module)
      for (const used of [...module.uses.values(), ...module.extended.values()]) need(used)
    }
    for (const owner of this.#owners.values()) need(owner)
    // One that ran again says the same again.
    const last = new Map(this.#cells.filter((cell) => cell.augments).map((cell) => [cell.text, cell]))
    for (const cell of last.values()) need(cell)
    this.#cells = this.#cells.filter((cell) => needed.has(cell))
  }
}

const empty: CellModule = {
  text: '',
  tags: {},
  dialect: 'ts',
  names: new Map(),
  types: new Set(),
  exported: new Set(),
  exportedVariables: [],
  docs: new Map(),
  augments: false,
  own: new Map(),
  namespaces: new Map(),
  assignable: new Set(),
  extended: new Map(),
  specifiers: [],
  uses: new Map(),
}
