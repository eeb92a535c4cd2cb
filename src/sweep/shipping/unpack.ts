import * as tf from '@tensorflow/tfjs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { deserialize } from 'node:v8'
import { constants, Script } from 'node:vm'
import { InputError } from '../../errors.js'
import type { Table } from '../../data/table/table.js'
import { again } from '../../train/rules/registry.js'
import { unpackDataset, unpackTable, type PackedTable } from './datasets.js'
import type { At, Packed, Shipment } from './shipment.js'

/** What is imported by another name than its own: always of the gradbook that runs here. */
const own: { readonly [module: string]: () => Promise<object> } = {
  gradbook: () => import('../../index.js'),
  'gradbook/backend': () => import('../../backend/index.js'),
  'gradbook/data': () => import('../../data/index.js'),
  'gradbook/sweep': () => import('../index.js'),
  '@tensorflow/tfjs': () => import('@tensorflow/tfjs'),
}
const entries: { readonly [module: string]: string } = {
  'gradbook/text': '../../text/index.js',
  'gradbook/show': '../../show/index.js',
  'gradbook/widgets': '../../widgets/index.js',
  'gradbook/host': '../../plumbing.js',
}

/** The globals of cells, which gradbook exports. */
const cellGlobals = [
  'clearOutput',
  'confirm',
  'display',
  'host',
  'html',
  'latex',
  'markdown',
  'prompt',
  'svg',
]

/**
 * What was packed, made again here.
 *
 * @throws InputError that names what this process does not have: a package, a global.
 */
export async function unpack(
  { values, root, scope: names, globals, folder }: Shipment,
  blobOf: (digest: string) => Uint8Array,
): Promise<unknown> {
  const exported = (await own.gradbook!()) as { [name: string]: unknown }
  for (const name of cellGlobals)
    if (globals.includes(name) && !(name in globalThis)) Reflect.set(globalThis, name, exported[name])
  const missing = globals.filter((name) => !(name in globalThis))
  if (missing.length > 0)
    throw new InputError({
      where: 'the worker',
      received: `a function that uses ${missing.map((name) => `'${name}'`).join(', ')} of the global object`,
      expected: 'names that are in the global object of every process, or are declared by a cell',
    })
  const importFrom = importer(folder)
  const load = async (module: string, from: string | undefined): Promise<object> => {
    const found = own[module] ?? (entries[module] && (() => import(entries[module]!)))
    return found ? found() : importFrom(module, from)
  }
  const imports = new Map<Packed, unknown>()
  for (const one of values)
    if (one?.kind === 'import' || one?.kind === 'recipe') {
      try {
        const from = one.kind === 'import' ? one.from : undefined
        imports.set(one, exportOf(await load(one.module, from), one.name))
      } catch (error) {
        throw new InputError({
          where: 'the worker',
          received: `a function that imports ${one.name === '*' ? '' : `'${one.name}' of `}'${one.module}', which is not here: ${(error as Error).message}`,
          expected: 'packages and files that every worker has',
        })
      }
    }
  const scope = createScope()
  const runtime = {
    import: (module: string) => load(String(module), undefined),
    resume: <T>(value: T) => value,
    each: <T>(value: T) => value,
    meta: {
      url: pathToFileURL(join(folder, 'notebook.ts')).href,
      dirname: folder,
      filename: join(folder, 'notebook.ts'),
    },
  }
  const made = new Unpacker(values, { imports, scope, runtime, blobOf, folder })
  for (const [name, at] of names) made.name(scope, name, at)
  return made.at(root)
}

interface Around {
  readonly imports: ReadonlyMap<Packed, unknown>
  readonly scope: object
  readonly runtime: object
  readonly blobOf: (digest: string) => Uint8Array
  readonly folder: string
}

class Unpacker {
  readonly #values: readonly Packed[]
  readonly #around: Around
  readonly #made = new Map<At, unknown>()
  readonly #tables = new Map<At, { table: Table; packed: PackedTable }>()

  constructor(values: readonly Packed[], around: Around) {
    this.#values = values
    this.#around = around
  }

  /** A name of the cells, made when it is first used: a class must come after the one that it extends. */
  name(scope: object, name: string, at: At): void {
    const become = (value: unknown) =>
      Object.defineProperty(scope, name, { value, writable: true, enumerable: true, configurable: true })
    Object.defineProperty(scope, name, {
      configurable: true,
      enumerable: true,
      get: () => {
        const value = this.at(at)
        become(value)
        return value
      },
      set: become,
    })
  }

  at(at: At): unknown {
    if (this.#made.has(at)) return this.#made.get(at)
    const value = this.#make(this.#values[at]!, at)
    this.#made.set(at, value)
    return value
  }

  /** Something whose parts may have it as a part themselves. */
  #whole<T>(at: At, value: T): T {
    this.#made.set(at, value)
    return value
  }

  #make(one: Packed, at: At): unknown {
    switch (one.kind) {
      case 'plain':
        return one.value
      case 'symbol':
        return one.key.startsWith('Symbol.')
          ? Reflect.get(Symbol, one.key.slice('Symbol.'.length))
          : Symbol.for(one.key)
      case 'array': {
        const array = this.#whole<unknown[]>(at, [])
        for (const item of one.items) array.push(this.at(item))
        return array
      }
      case 'object': {
        const prototype =
          one.of === undefined
            ? one.bare
              ? null
              : Object.prototype
            : (this.at(one.of) as { prototype: object }).prototype
        const object = this.#whole<object>(at, Object.create(prototype) as object)
        for (const [name, entry] of one.entries)
          Object.defineProperty(object, name, {
            value: this.at(entry),
            writable: true,
            enumerable: true,
            configurable: true,
          })
        return object
      }
      case 'map': {
        const map = this.#whole(at, new Map<unknown, unknown>())
        for (const [key, entry] of one.entries) map.set(this.at(key), this.at(entry))
        return map
      }
      case 'set': {
        const set = this.#whole(at, new Set<unknown>())
        for (const item of one.items) set.add(this.at(item))
        return set
      }
      case 'bytes': {
        const { buffer } = Uint8Array.from(this.#around.blobOf(one.blob))
        if (one.type === 'ArrayBuffer') return buffer
        const View = Reflect.get(globalThis, one.type) as new (buffer: ArrayBufferLike) => unknown
        return new View(buffer)
      }
      case 'tensor': {
        const tensor = tf.keep(
          tf.tensor(this.at(one.values) as Float32Array, [...one.shape], one.dtype as 'float32'),
        )
        if (!one.variable) return tensor
        const variable = tf.variable(tensor, one.variable.trainable)
        tensor.dispose()
        return variable
      }
      case 'table':
        return undefined
      case 'dataset': {
        const { table, packed } = this.#table(one.table)
        return unpackDataset(one, table, packed)
      }
      case 'layers': {
        const Model = (one.sequential ? tf.Sequential : tf.LayersModel) as unknown as {
          fromConfig(of: unknown, config: unknown): tf.LayersModel
        }
        const model = Model.fromConfig(Model, this.at(one.config))
        model.setWeights(one.weights.map((weight) => this.at(weight) as tf.Tensor))
        return model
      }
      case 'recipe': {
        const make = this.#around.imports.get(one) as (...given: unknown[]) => { parameters: object }
        const model = make(...one.given.map((at) => this.at(at)))
        assign(model.parameters, this.at(one.values) as object)
        return model
      }
      case 'made':
        return again(one.by, one.record)
      case 'global':
        return Reflect.get(globalThis, one.name)
      case 'import':
        return this.#around.imports.get(one)
      case 'scope':
        return this.#around.scope
      case 'runtime':
        return this.#around.runtime
      case 'function':
        return this.#function(one, at)
    }
  }

  #table(at: At): { table: Table; packed: PackedTable } {
    let found = this.#tables.get(at)
    if (!found) {
      const { blob } = this.#values[at] as Extract<Packed, { kind: 'table' }>
      const packed = deserialize(this.#around.blobOf(blob)) as PackedTable
      this.#tables.set(at, (found = { table: unpackTable(packed), packed }))
    }
    return found
  }

  #function({ name, expression, variables }: Extract<Packed, { kind: 'function' }>, at: At): unknown {
    const names = variables.map(([variable]) => variable)
    const list = names.join(', ')
    // A name of its own, as far as the text gives none.
    const key = JSON.stringify(name)
    const script = new Script(
      `(function (gradbookGiven) { "use strict"; let { ${list} } = gradbookGiven; return { made: ({ ${key}: ${expression} })[${key}], give: (gradbookGiven) => { ({ ${list} } = gradbookGiven) } } })`,
      {
        filename: join(this.#around.folder, `[${name || 'function'}]`),
        importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      },
    )
    const build = script.runInThisContext() as (given: object) => { made: unknown; give(given: object): void }
    const given = () => Object.fromEntries(variables.map(([variable, one]) => [variable, this.at(one)]))
    // A class looks at what it extends when it is made; functions may know each other, and look when they are called.
    if (/^\(class\b/.test(expression)) return this.#whole(at, build(given()).made)
    const { made, give } = build({})
    this.#whole(at, made)
    give(given())
    return made
  }
}

/** Gives the variables of a tree the values of those of one like it. */
function assign(tree: object, values: object): void {
  for (const [name, one] of Object.entries(tree) as [string, unknown][]) {
    const value = Reflect.get(values, name) as unknown
    if (!(one instanceof tf.Variable)) assign(one as object, value as object)
    else {
      one.assign(value as tf.Tensor)
      tf.dispose(value as tf.Tensor)
    }
  }
}

function exportOf(namespace: object, name: string): unknown {
  if (name === '*') return namespace
  const from = (whole: unknown, path: readonly string[]): unknown =>
    path.reduce(
      (value: unknown, key) =>
        value === null || value === undefined ? undefined : Reflect.get(Object(value), key),
      whole,
    )
  const path = name.split('.')
  const found = from(namespace, path) ?? from((namespace as { default?: unknown }).default, path)
  if (found === undefined && name !== 'default') throw new Error(`it exports no '${name}'`)
  return name === 'default' && found === undefined ? namespace : found
}

/** Node's own `import()`, as if written in a file of a folder. */
function importer(folder: string): (module: string, from: string | undefined) => Promise<object> {
  const loaders = new Map<string, (module: string) => Promise<object>>()
  return (module, from) => {
    const place = from ?? pathToFileURL(join(folder, '[cell]')).href
    let load = loaders.get(place)
    if (!load) {
      const script = new Script('(module) => import(module)', {
        filename: place,
        importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      })
      loaders.set(place, (load = script.runInThisContext() as (module: string) => Promise<object>))
    }
    return load(module)
  }
}

/** As the scope of a notebook's cells: names that no cell declares are the process's. */
function createScope(): object {
  const fallback = new Proxy(Object.create(null) as object, {
    has: (_, key) => key in globalThis,
    get(_, key) {
      if (key in globalThis) return Reflect.get(globalThis, key)
      if (typeof key === 'symbol') return undefined
      throw new ReferenceError(`${key} is not defined`)
    },
    set: (_, key, value, receiver: object) =>
      Reflect.defineProperty(receiver, key, { value, writable: true, enumerable: true, configurable: true }),
  })
  return Object.create(fallback) as object
}
