import { Session } from 'node:inspector'

/** A variable that a function closes over. */
export interface Variable {
  readonly value: unknown
  /** Whether it is one of a module: then it may be an import. */
  readonly ofModule: boolean
}

/** Where the inspector and this code hand values to each other: it knows them by their ids, this code by themselves. */
const box: { given?: unknown; value?: unknown } = {}
const key = Symbol.for('gradbook.sweep.box')

interface Remote {
  objectId?: string
  description?: string
  value?: unknown
  unserializableValue?: string
}
interface Property {
  name: string
  value?: Remote
}

/**
 * Reads what functions close over, through V8's inspector: JavaScript itself cannot see it. In this thread, where a session
 * answers at once.
 */
export class Closures {
  readonly #session = new Session()
  #scripts: Map<string, string> | undefined

  constructor() {
    this.#session.connect()
    Object.defineProperty(globalThis, key, { configurable: true, value: box })
  }

  close(): void {
    this.#session.disconnect()
    delete (globalThis as { [key]?: unknown })[key]
    box.given = box.value = undefined
  }

  #ask<T>(method: string, parameters: object): T {
    let answer: { error: Error | null; result: unknown } | undefined
    this.#session.post(method, parameters, (error, result) => (answer = { error, result }))
    if (!answer) throw new Error(`the inspector did not answer ${method}`)
    if (answer.error) throw answer.error
    return answer.result as T
  }

  #internals(work: Function): Property[] {
    box.given = work
    const { result } = this.#ask<{ result: { objectId: string } }>('Runtime.evaluate', {
      expression: `globalThis[Symbol.for('gradbook.sweep.box')].given`,
      objectGroup: 'gradbook.sweep',
    })
    return (
      this.#ask<{ internalProperties?: Property[] }>('Runtime.getProperties', {
        objectId: result.objectId,
        ownProperties: true,
      }).internalProperties ?? []
    )
  }

  /** The values of these names where the function stands; those of the language itself and of the global object are left out. */
  variables(work: Function, names: readonly string[]): Map<string, Variable> {
    const found = new Map<string, Variable>()
    const scopes = this.#internals(work).find(({ name }) => name === '[[Scopes]]')
    if (!scopes?.value?.objectId) return found
    const { result } = this.#ask<{ result: Property[] }>('Runtime.getProperties', {
      objectId: scopes.value.objectId,
      ownProperties: true,
    })
    for (const { value: scope } of result) {
      if (!scope?.objectId || scope.description?.startsWith('Global')) continue
      const wanted = names.filter((name) => !found.has(name))
      if (wanted.length === 0) break
      const ofModule = scope.description?.startsWith('Module') === true
      const held = this.#ask<{ result: Property[] }>('Runtime.getProperties', {
        objectId: scope.objectId,
        ownProperties: true,
      }).result
      for (const { name, value } of held)
        if (wanted.includes(name) && value) found.set(name, { value: this.#valueOf(value), ofModule })
    }
    this.#ask('Runtime.releaseObjectGroup', { objectGroup: 'gradbook.sweep' })
    return found
  }

  #valueOf({ objectId, value, unserializableValue: text }: Remote): unknown {
    if (objectId === undefined) {
      if (text === undefined) return value
      return text.endsWith('n') ? BigInt(text.slice(0, -1)) : Number(text)
    }
    this.#ask('Runtime.callFunctionOn', {
      objectId,
      functionDeclaration: `function () { 'use strict'; globalThis[Symbol.for('gradbook.sweep.box')].value = this }`,
      silent: true,
    })
    return box.value
  }

  /** The file in which a function was written; undefined where that is none. */
  fileOf(work: Function): string | undefined {
    const place = this.#internals(work).find(({ name }) => name === '[[FunctionLocation]]')
    const { scriptId } = (place?.value?.value ?? {}) as { scriptId?: string }
    if (scriptId === undefined) return undefined
    if (!this.#scripts) {
      const scripts = (this.#scripts = new Map<string, string>())
      this.#session.on('Debugger.scriptParsed', ({ params }) => void scripts.set(params.scriptId, params.url))
      this.#ask('Debugger.enable', {})
      this.#ask('Debugger.disable', {})
    }
    return this.#scripts.get(scriptId)
  }
}
