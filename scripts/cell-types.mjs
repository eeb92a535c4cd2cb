/** The declarations that cells are checked against, as files of their own in dist/. */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const requireFrom = (root) => createRequire(join(root, 'package.json'))

function empty(folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
}

/**
 * TypeScript's own declarations of the language as one file and those of browsers as another, comments and all, for the type
 * checks of cells (kernel/language/workspace.ts); those that are modules stay files of their own.
 */
export function joinLib(root, to) {
  const typescript = createRequire(requireFrom(root).resolve('typescript/package.json'))
  const platform = `@typescript/typescript-${process.platform}-${process.arch}`
  const from = join(dirname(typescript.resolve(`${platform}/package.json`)), 'lib')
  empty(to)
  const seen = new Set()
  const globals = { es: [], dom: [] }
  const add = (name) => {
    if (seen.has(name)) return
    seen.add(name)
    const file = `lib.${name}.d.ts`
    const text = readFileSync(join(from, file), 'utf8')
    for (const [, other] of text.matchAll(/^\/\/\/ <reference lib="([^"]+)" \/>/gm)) add(other)
    const own = text.replaceAll(/^\/\/\/ <reference .*$/gm, '')
    if (/^(?:export|import)\b/m.test(own)) writeFileSync(join(to, file), own)
    else globals[name.startsWith('dom') ? 'dom' : 'es'].push(own)
  }
  for (const name of ['esnext', 'dom', 'dom.iterable', 'dom.asynciterable']) add(name)
  for (const [name, texts] of Object.entries(globals))
    writeFileSync(join(to, `lib.${name}.d.ts`), texts.join('\n'))
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
const built = (name) => new URL(`../dist/kernel/language/${name}`, import.meta.url).href

/** An interface in a text of declarations. */
function interfaceOf(text, name) {
  const [found] = new RegExp(`^( *)interface ${name} \\{[^]*?^\\1\\}`, 'm').exec(text) ?? []
  if (!found) throw new Error(`@types/node declares no interface ${name}: scripts/cell-types.mjs expects it`)
  return found
}

/**
 * A world for the first cells (kernel/language/first-cells.ts): the language, with all that Node's types say about names of the
 * language, the globals of cells whose types need no more, and `console` as far as most cells use it. The full
 * world declares all this in the same way; test/language/first-cells.test.ts compares them.
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
  const lib = readdirSync(join(to, '..', 'lib')).filter((name) => name !== 'lib.dom.d.ts')
  const config = {
    compilerOptions: { ...requiredOptions, ...defaultOptions, lib: undefined, noLib: true, types: [] },
    files: [...lib.map((name) => `../lib/${name}`), 'node.d.ts', 'globals.d.ts', 'console.d.ts', '$here.ts'],
  }
  writeFileSync(join(to, 'tsconfig.json'), JSON.stringify(config, null, 2))
  for (let slot = 1; slot <= firstCapacity; slot++)
    writeFileSync(join(to, `$${slot}.ts`), blankModule('', slot - 1))
  writeFileSync(join(to, '$here.ts'), blankModule('', firstCapacity))
}
