import * as tf from '@tensorflow/tfjs'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { serialize } from 'node:v8'
import { parseSync } from 'oxc-parser'
import { describe, InputError } from '../../errors.js'
import { isDataset } from '../../data/from.js'
import { isPlain } from '../../data/table/parts.js'
import type { TableDataset } from '../../data/table/table.js'
import { again } from '../../train/rules/registry.js'
import type { Recorded } from '../../train/rules/recorded.js'
import { Closures } from './closure.js'
import { packDataset, packTable, whyNot } from './datasets.js'
import { readFunction } from './free-names.js'
import { knownExports } from './known-exports.js'
import type { At, Packed, Shipment } from './shipment.js'

/** Bytes from which on a value is sent by its digest, once to each worker. */
const large = 1 << 16

/** How the kernel says of a name of a cell that it was imported. */
const imported = Symbol.for('gradbook.imported')
const cellScope = Symbol.for('gradbook.scope')

const isScope = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, cellScope)
const isRuntime = (value: unknown): boolean =>
  ['resume', 'each', 'link', 'meta'].every(
    (name) => typeof value === 'object' && value !== null && name in value,
  )

/** A function with all that it uses, to be sent; and large values by their digests. */
export interface Sent {
  readonly shipment: Shipment
  readonly blobs: ReadonlyMap<string, Uint8Array>
}

/**
 * Packs a function, or an object of some, with the values that it closes over, and the functions among these with theirs.
 *
 * @param where what is being done, for messages: `sweep({ trial })`.
 * @throws InputError that names all that cannot be sent.
 */
export async function pack(work: object, where: string): Promise<Sent> {
  const known = await knownExports()
  const packer = new Packer(known)
  try {
    const root = packer.add(work, (typeof work === 'function' && work.name) || rootName)
    packer.finish(where)
    return { shipment: packer.shipment(root), blobs: packer.blobs }
  } finally {
    packer.close()
  }
}

const rootName = 'the function'

/** How a model says what makes it again: an export, its arguments, and its parameters. */
interface Recipe {
  readonly module: string
  readonly name: string
  readonly given: readonly unknown[]
  readonly values: object
}
const recipe = Symbol.for('gradbook.recipe')

type Known = Awaited<ReturnType<typeof knownExports>>

class Packer {
  readonly blobs = new Map<string, Uint8Array>()
  readonly #known: Known
  readonly #closures = new Closures()
  readonly #values: (Packed | undefined)[] = []
  readonly #places = new Map<unknown, At>()
  readonly #scope = new Map<string, At>()
  readonly #globals = new Set<string>()
  readonly #problems: { what: string; why: string }[] = []
  readonly #importsOf = new Map<string, ReadonlyMap<string, { module: string; name: string }>>()
  #folder: string | undefined

  constructor(known: Known) {
    this.#known = known
  }

  close(): void {
    this.#closures.close()
  }

  shipment(root: At): Shipment {
    return {
      values: this.#values as Packed[],
      root,
      scope: [...this.#scope],
      globals: [...this.#globals],
      folder: this.#folder ?? process.cwd(),
      blobs: [...this.blobs.keys()],
    }
  }

  finish(where: string): void {
    if (this.#problems.length === 0) return
    const [first] = this.#problems
    const shown = this.#problems.slice(0, 6).map(({ what, why }) => `${what} (${why})`)
    const more = this.#problems.length - shown.length
    throw new InputError({
      where,
      received: `a function that uses what cannot be sent to another process: ${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
      expected: 'data, tensors, datasets, functions, and what is imported',
      fix: `Make ${first!.what.split(' → ').at(-1)} within the function.`,
    })
  }

  #refuse(what: string, why: string): Packed {
    this.#problems.push({ what, why })
    return { kind: 'plain', value: undefined }
  }

  add(value: unknown, path: string): At {
    const isReference = (typeof value === 'object' && value !== null) || typeof value === 'function'
    const found = isReference ? this.#places.get(value) : undefined
    if (found !== undefined) return found
    const at = this.#values.push(undefined) - 1
    if (isReference) this.#places.set(value, at)
    this.#values[at] = this.#pack(value, path)
    return at
  }

  #pack(value: unknown, path: string): Packed {
    if (typeof value === 'symbol') {
      const key = Symbol.keyFor(value)
      if (key !== undefined) return { kind: 'symbol', key }
      const own = Object.getOwnPropertyNames(Symbol).find((name) => Reflect.get(Symbol, name) === value)
      return own ? { kind: 'symbol', key: `Symbol.${own}` } : this.#refuse(path, 'a symbol')
    }
    if (typeof value !== 'function' && (typeof value !== 'object' || value === null))
      return { kind: 'plain', value }
    const known = this.#known.get(value)
    if (known) return { kind: 'import', from: undefined, ...known }
    if (isScope(value)) return { kind: 'scope' }
    if (isRuntime(value)) {
      const { meta } = value as { meta: { dirname: string } }
      this.#folder ??= meta.dirname
      return { kind: 'runtime' }
    }
    if (typeof value === 'function') return this.#function(value, path)
    return this.#object(value, path)
  }

  #object(value: object, path: string): Packed {
    if (value instanceof tf.Tensor) return this.#tensor(value, path)
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return this.#bytes(value, path)
    if (value instanceof Date || value instanceof RegExp || value instanceof Error)
      return { kind: 'plain', value }
    if (Array.isArray(value))
      return { kind: 'array', items: value.map((one, i) => this.add(one, `${path}[${i}]`)) }
    if (value instanceof Map)
      return {
        kind: 'map',
        entries: [...value].map(([key, one]) => [
          this.add(key, `a key of ${path}`),
          this.add(one, `${path}.get(${describe(key)})`),
        ]),
      }
    if (value instanceof Set)
      return { kind: 'set', items: [...value].map((one) => this.add(one, `an entry of ${path}`)) }
    if (isDataset(value)) return this.#dataset(value, path)
    const made = this.#made(value)
    if (made) return made
    if (value instanceof tf.LayersModel)
      return {
        kind: 'layers',
        sequential: value instanceof tf.Sequential,
        config: this.add(value.getConfig(), `the configuration of ${path}`),
        weights: value.getWeights().map((one) => this.add(one, path)),
      }
    const again = (value as { [recipe]?(): Recipe | undefined })[recipe]?.()
    if (again)
      return {
        kind: 'recipe',
        module: again.module,
        name: again.name,
        given: again.given.map((one) => this.add(one, path)),
        values: this.add(again.values, path),
      }
    if (isPlain(value)) return this.#entries(value, path, undefined)
    const prototype = Object.getPrototypeOf(value) as object
    const { constructor } = prototype
    if (Object.prototype.toString.call(value) === '[object Module]')
      return this.#refuse(path, 'a module whose name is not known; import it within the function')
    const isOwn =
      typeof constructor === 'function' &&
      constructor.prototype === prototype &&
      /^class\b/.test(String(constructor))
    if (!isOwn || this.#known.get(constructor) || this.#isLibrary(constructor))
      return this.#refuse(path, describe(value))
    if (/(^|[^\w$])#[\w$]+/.test(String(constructor)))
      return this.#refuse(path, `${describe(value)}, whose private fields cannot be read`)
    return this.#entries(value, path, this.add(constructor, constructor.name))
  }

  #entries(value: object, path: string, of: At | undefined): Packed {
    const entries: [string, At][] = []
    for (const [name, { value: one, get }] of Object.entries(Object.getOwnPropertyDescriptors(value)))
      entries.push([
        name,
        get ? this.add(Reflect.get(value, name), `${path}.${name}`) : this.add(one, `${path}.${name}`),
      ])
    return { kind: 'object', of, bare: Object.getPrototypeOf(value) === null, entries }
  }

  #bytes(value: ArrayBufferView | ArrayBuffer, path: string): Packed {
    if (value.byteLength < large) return { kind: 'plain', value }
    const type = Object.prototype.toString.call(value).slice('[object '.length, -1)
    if (!(type in globalThis)) return this.#refuse(path, `a ${type}`)
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value)
    return { kind: 'bytes', type, blob: this.#blob(bytes) }
  }

  #blob(bytes: Uint8Array): string {
    const digest = createHash('sha256').update(bytes).digest('hex')
    this.blobs.set(digest, bytes)
    return digest
  }

  #tensor(tensor: tf.Tensor, path: string): Packed {
    if (tensor.isDisposed) return this.#refuse(path, 'a tensor that is disposed')
    const { shape, dtype } = tensor
    if (dtype === 'complex64') return this.#refuse(path, 'a tensor of complex numbers')
    return {
      kind: 'tensor',
      shape,
      dtype,
      values: this.add(tensor.dataSync().slice(), path),
      ...(tensor instanceof tf.Variable && { variable: { trainable: tensor.trainable } }),
    }
  }

  #dataset(dataset: object, path: string): Packed {
    const why = whyNot(dataset)
    if (why !== undefined) return this.#refuse(path, why)
    const { table } = dataset as TableDataset
    let at = this.#places.get(table)
    if (at === undefined) {
      at =
        this.#values.push({
          kind: 'table',
          blob: this.#blob(serialize(packTable(dataset as TableDataset))),
        }) - 1
      this.#places.set(table, at)
    }
    return { kind: 'dataset', table: at, ...packDataset(dataset as TableDataset) }
  }

  /** An optimizer or a rule: it is made again of its record. */
  #made(value: object): Packed | undefined {
    const { name, settings } = value as Partial<Recorded>
    if (typeof name !== 'string' || typeof settings !== 'object' || settings === null) return undefined
    const kinds = [
      ['optimizer', 'update'],
      ['schedule', 'rate'],
      ['batchSchedule', 'size'],
      ['stop', 'met'],
      ['subset', 'choose'],
    ] as const
    for (const [by] of kinds.filter(([, method]) => typeof Reflect.get(value, method) === 'function')) {
      const record = { name, settings }
      try {
        serialize(record)
        if (again(by, record)) return { kind: 'made', by, record }
      } catch {
        // With functions of the user's in it, it goes as the object that it is.
      }
    }
    return undefined
  }

  #isLibrary(work: Function): boolean {
    const file = this.#closures.fileOf(work)
    return (
      file !== undefined &&
      (/[\\/]node_modules[\\/]/.test(file) || file.startsWith('node:') || file.startsWith(ownFolder))
    )
  }

  #function(work: Function, path: string): Packed {
    const text = Function.prototype.toString.call(work)
    if (/\{\s*\[native code\]\s*\}$/.test(text)) {
      const { name } = work
      if (Reflect.get(globalThis, name) === work) return { kind: 'global', name }
      return this.#refuse(path, 'a function of the machine, or one that is bound')
    }
    if (this.#isLibrary(work)) return this.#refuse(path, `${describe(work)}, which a package made`)
    let read
    try {
      // Names of objects are known when values are: read twice where there are any.
      read = readFunction(text, () => false)
      const objects = this.#closures.variables(work, read.names)
      read = readFunction(text, (name) => isScope(objects.get(name)?.value))
    } catch (error) {
      return this.#refuse(path, (error as Error).message)
    }
    for (const what of read.opaque)
      this.#refuse(path === what ? path : `${path} → ${what}`, 'what is behind it cannot be known')
    const found = this.#closures.variables(work, read.names)
    const file = [...found.values()].some(({ ofModule }) => ofModule)
      ? this.#closures.fileOf(work)
      : undefined
    if (file?.startsWith('file:')) this.#folder ??= dirname(fileURLToPath(file))
    const variables: [string, At][] = []
    for (const name of read.names) {
      const variable = found.get(name)
      if (!variable) {
        if (!languageNames.has(name)) this.#global(name, path)
        continue
      }
      const fromFile = file !== undefined && variable.ofModule ? this.#imports(file).get(name) : undefined
      const at = fromFile
        ? this.#values.push({ kind: 'import', ...fromFile, from: file }) - 1
        : this.add(variable.value, path === work.name || path === rootName ? name : `${path} → ${name}`)
      variables.push([name, at])
      if (isScope(variable.value))
        for (const member of read.members.get(name) ?? []) this.#member(variable.value, member)
    }
    return { kind: 'function', name: work.name, expression: read.expression, variables }
  }

  #global(name: string, path: string): void {
    if (name in globalThis) this.#globals.add(name)
    else this.#refuse(`${path} → ${name}`, 'a name that does not exist')
  }

  /** A name of a notebook's cells. */
  #member(scope: object, name: string): void {
    if (this.#scope.has(name)) return
    const own = Object.getOwnPropertyDescriptor(scope, name)
    if (!own) {
      if (name in globalThis) this.#globals.add(name)
      else this.#refuse(name, 'no cell declares it')
      return
    }
    const origin = own.get && (own.get as { [imported]?: { module: string; name: string } })[imported]
    if (origin) {
      this.#scope.set(name, this.#values.push({ kind: 'import', ...origin, from: undefined }) - 1)
      return
    }
    // It is on its way: functions call each other.
    this.#scope.set(name, -1)
    this.#scope.set(name, this.add(own.value ?? Reflect.get(scope, name), name))
  }

  /** What a file imports, by the name that it has there. */
  #imports(file: string): ReadonlyMap<string, { module: string; name: string }> {
    let found = this.#importsOf.get(file)
    if (!found) {
      const names = new Map<string, { module: string; name: string }>()
      this.#importsOf.set(file, (found = names))
      let text: string
      try {
        text = readFileSync(fileURLToPath(file), 'utf8')
      } catch {
        return found
      }
      const { program } = parseSync(file, text, { sourceType: 'module' })
      for (const node of program.body)
        if (node.type === 'ImportDeclaration')
          for (const one of node.specifiers)
            names.set(one.local.name, {
              module: node.source.value,
              name:
                one.type === 'ImportNamespaceSpecifier'
                  ? '*'
                  : one.type === 'ImportDefaultSpecifier'
                    ? 'default'
                    : one.imported.type === 'Identifier'
                      ? one.imported.name
                      : one.imported.value,
            })
    }
    return found
  }
}

/** gradbook's own files, compiled or not. */
const ownFolder = new URL('../../', import.meta.url).href

const languageNames = new Set(['undefined', 'NaN', 'Infinity', 'globalThis', 'arguments', 'eval'])
