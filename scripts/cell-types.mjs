/** The declarations that cells are checked against, as files of their own in dist/. */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { parseSync } from 'oxc-parser'

const requireFrom = (root) => createRequire(join(root, 'package.json'))

function empty(folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
}

/** Every Node that runs gradbook has the language up to this year's. */
const isNewer = (name) => /^es(?:next|2024|2025|2026)/.test(name)

/** Names of browsers that Node has, whose declarations say what it does not have too. `Navigator` is hardly begun there. */
const isNodes = (name) => name !== 'Navigator' && Object.hasOwn(globalThis, name)

/** The value that an interface describes: `MapConstructor` -> `Map`, `Set` -> `Set.prototype`, `Math` -> `Math`. */
function describedBy(interfaceName, path) {
  const name = interfaceName.replace(/^Readonly(?=Array$|Map$|Set$)/, '')
  if (name.endsWith('Constructor')) return [...path, name.slice(0, -'Constructor'.length)]
  return /^(?:Math|Atomics|Reflect|JSON)$/.test(name) ? [name] : [...path, name, 'prototype']
}

/**
 * The places of what a text of declarations says of values, by the names of those values (kernel/language/typescript/lib.ts). Types stay,
 * whatever there is.
 */
function findProbes(text, { prefix = '', describes = () => true } = {}) {
  const { program, errors } = parseSync('lib.d.ts', text, { lang: 'dts', sourceType: 'module' })
  if (errors.length > 0) throw new Error(`lib: ${errors[0].message}`)
  const found = {}
  const note = (path, { start, end }) => (found[prefix + path.join('.')] ??= []).push([start, end])
  const noteMembers = (members, of) => {
    for (const member of members) {
      const { type, key, computed, readonly } = member
      // `[Symbol.metadata]` is there when the symbol is.
      if (computed && !prefix && key.type === 'MemberExpression') note(['Symbol', key.property.name], member)
      // Other properties may be those of instances.
      const isMethod = type === 'TSMethodSignature' || (type === 'TSPropertySignature' && readonly && !prefix)
      if (computed || !isMethod || key.name === 'prototype') continue
      if (key.name !== undefined) note([`?${of[0]}`, ...of.slice(1), key.name], member)
    }
  }
  const visit = (nodes, path) => {
    for (const outer of nodes) {
      const node = outer.declaration ?? outer
      const name = node.id?.name
      if (node.type === 'TSInterfaceDeclaration' && describes(name.replace(/Constructor$/, '')))
        noteMembers(node.body.body, describedBy(name, path))
      else if (node.type === 'TSGlobalDeclaration' || node.kind === 'global') visit(node.body.body, path)
      else if (node.type === 'TSModuleDeclaration' && node.id?.type === 'Identifier')
        visit(node.body?.body ?? [], [...path, name])
      else if (node.type === 'VariableDeclaration')
        for (const { id } of node.declarations) {
          const literal = id.typeAnnotation?.typeAnnotation
          if (!prefix && !path.includes('Intl.')) note([...path, id.name], outer)
          else if (literal?.type === 'TSTypeLiteral' && describes(id.name))
            noteMembers(literal.members, [...path, id.name])
        }
      else if (/^(?:TSDeclareFunction|FunctionDeclaration)$/.test(node.type) && !prefix)
        note([...path, name], outer)
    }
  }
  visit(program.body, [])
  return found
}

/** Places in one text, moved to where it stands in another. */
const moved = (probes, by) =>
  Object.entries(probes).map(([name, ranges]) => [name, ranges.map(([start, end]) => [start + by, end + by])])

/**
 * TypeScript's own declarations of the language as one file and those of browsers as another, comments and all, for the type
 * checks of cells (kernel/language/typescript/lib.ts); those that are modules stay files of their own. Beside them lies where in
 * them what is declared that not every Node has.
 */
export async function joinLib(root, language) {
  const typescript = createRequire(requireFrom(root).resolve('typescript/package.json'))
  const platform = `@typescript/typescript-${process.platform}-${process.arch}`
  const from = join(dirname(typescript.resolve(`${platform}/package.json`)), 'lib')
  const to = join(language, 'lib')
  empty(to)
  const seen = new Set()
  const texts = { 'lib.es.d.ts': '', 'lib.dom.d.ts': '' }
  const probes = { 'lib.es.d.ts': {}, 'lib.dom.d.ts': {} }
  const add = (name) => {
    if (seen.has(name)) return
    seen.add(name)
    const file = `lib.${name}.d.ts`
    const text = readFileSync(join(from, file), 'utf8')
    for (const [, other] of text.matchAll(/^\/\/\/ <reference lib="([^"]+)" \/>/gm)) add(other)
    const own = text.replaceAll(/^\/\/\/ <reference .*$/gm, '')
    const isDom = name.startsWith('dom')
    const isModule = /^(?:export|import)\b/m.test(own)
    const target = isModule ? file : isDom ? 'lib.dom.d.ts' : 'lib.es.d.ts'
    const before = texts[target] ?? ''
    texts[target] = `${before}${own}\n`
    const known = (probes[target] ??= {})
    if (!isDom && !isNewer(name)) return
    const options = isDom ? { prefix: 'dom:', describes: isNodes } : {}
    for (const [named, ranges] of moved(findProbes(own, options), before.length))
      known[named] = [...(known[named] ?? []), ...ranges]
  }
  for (const name of ['esnext', 'dom', 'dom.iterable', 'dom.asynciterable']) add(name)
  for (const [file, text] of Object.entries(texts)) writeFileSync(join(to, file), text)
  const { isThere, libOf, probesFile, writeLib } = await import(built('lib.js'))
  writeFileSync(join(to, probesFile), JSON.stringify(probes))
  for (const name of readdirSync(language))
    if (name.startsWith('lib-v')) rmSync(join(language, name), { recursive: true })
  writeLib(to, join(language, libOf(process.version)), isThere)
}

/** Packages of types that TensorFlow.js refers to, and that only declare what browsers' types declare by now. */
const covered = ['@webgpu/types/dist']

/**
 * Empty stand-ins for them. Both together are 130 duplicate declarations, for each of which every check makes an error that nobody
 * sees: after `import * as tf` 2.1 ms a check instead of 1.4, and 70 MB of garbage.
 */
export function layCoveredTypes(to) {
  empty(to)
  for (const name of covered) {
    mkdirSync(join(to, name), { recursive: true })
    writeFileSync(join(to, name, 'index.d.ts'), '// lib.dom.d.ts declares this.\n')
  }
}

/** A module of ours, compiled. */
const built = (name) => new URL(`../dist/kernel/language/typescript/${name}`, import.meta.url).href

/** An interface in a text of declarations. */
function interfaceOf(text, name) {
  const [found] = new RegExp(`^( *)interface ${name} \\{[^]*?^\\1\\}`, 'm').exec(text) ?? []
  if (!found) throw new Error(`@types/node declares no interface ${name}: scripts/cell-types.mjs expects it`)
  return found
}

/**
 * A world for the first cells (kernel/language/program/first-cells.ts): the language, with all that Node's types say about names of the
 * language, the globals of cells whose types need no more, and `console` as far as most cells use it. The full
 * world declares all this in the same way; test/kernel/language/first-cells.test.ts compares them.
 */
export async function layFirstWorld(root, to) {
  const { blankModule, firstCapacity } = await import(built('blank.js'))
  const { consoleMethods, declareGlobals, defaultOptions, plainGlobals, requiredOptions } = await import(
    built('world.js')
  )
  empty(to)
  const node = dirname(requireFrom(root).resolve('@types/node/package.json'))
  const read = (name) => readFileSync(join(node, name), 'utf8')
  const globals = read('globals.d.ts')
  // Beside these it adds to ImportMeta, of which the first world knows nothing.
  const additions = [
    ...['disposable', 'indexable', 'iterators'].map((name) => read(join('compatibility', `${name}.d.ts`))),
    interfaceOf(globals, 'ErrorConstructor'),
    `declare namespace NodeJS {\n${interfaceOf(globals, 'CallSite')}\n}`,
  ]
  writeFileSync(join(to, 'node.d.ts'), additions.join('\n'))
  writeFileSync(join(to, 'globals.d.ts'), declareGlobals(plainGlobals, '../../../src/host.js'))
  const logs = consoleMethods.map(
    (name) => `  ${name}(...data: any[]): void\n  ${name}(message?: any, ...optionalParams: any[]): void\n`,
  )
  writeFileSync(join(to, 'console.d.ts'), `declare var console: {\n${logs.join('')}}\n`)
  const { writeLib } = await import(built('lib.js'))
  // What not every Node has is left to the service.
  const lib = writeLib(join(to, '..', 'lib'), join(to, 'lib'), () => false)
    .map((file) => basename(file))
    .filter((name) => name !== 'lib.dom.d.ts')
  const config = {
    compilerOptions: { ...defaultOptions, ...requiredOptions, noLib: true, types: [] },
    files: [...lib.map((name) => `lib/${name}`), 'node.d.ts', 'globals.d.ts', 'console.d.ts', '$here.ts'],
  }
  writeFileSync(join(to, 'tsconfig.json'), JSON.stringify(config, null, 2))
  for (let slot = 1; slot <= firstCapacity; slot++)
    writeFileSync(join(to, `$${slot}.ts`), blankModule('', slot - 1))
  writeFileSync(join(to, '$here.ts'), blankModule('', firstCapacity))
}
