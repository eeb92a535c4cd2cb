/** The main thread as V8's inspector shows it to this thread: it answers while JavaScript runs or is paused there. */
import inspector from 'node:inspector'
import { agentKey } from './agent/offer.js'

export type CallFrame = inspector.Debugger.CallFrame
export type Paused = inspector.Debugger.PausedEventDataType
export type RemoteObject = inspector.Runtime.RemoteObject

/** The main thread is in native code, which cannot be looked into. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'
  constructor() {
    super('the main thread is in a native call and cannot be looked at now')
  }
}

/** What a call on the main thread threw. */
export class Thrown extends Error {
  override name = 'Thrown'
}

const patience = 2_000

export class MainThread {
  readonly #session = new inspector.Session()
  #agent: Promise<string> | undefined

  constructor() {
    this.#session.connectToMainThread()
  }

  on(event: string, listener: (params: any) => void): void {
    this.#session.on(event, ({ params }: { params: unknown }) => listener(params))
  }

  /** Sends a command. Rejects with `NoAnswer` after `within` milliseconds; it is then still carried out when it can be. */
  post(method: string, params: object = {}, within = patience): Promise<any> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new NoAnswer()), within)
      this.#session.post(method, params, (error, result) => {
        clearTimeout(timer)
        if (error) reject(new Error(`${method}: ${error.message}`))
        else resolve(result)
      })
    })
  }

  /** Calls a method of the agent. Arguments that are remote objects are passed as what they stand for. */
  async call(method: string, ...values: unknown[]): Promise<any> {
    this.#agent ??= this.post('Runtime.evaluate', {
      expression: `globalThis[Symbol.for(${JSON.stringify(agentKey)})]`,
    }).then(({ result, exceptionDetails }) => {
      if (exceptionDetails) throw new Thrown(messageOf(exceptionDetails))
      return result.objectId as string
    })
    let objectId: string
    try {
      objectId = await this.#agent
    } catch (error) {
      this.#agent = undefined
      throw error
    }
    const { result, exceptionDetails } = await this.post('Runtime.callFunctionOn', {
      objectId,
      functionDeclaration: 'function (method, ...values) { return this[method](...values) }',
      arguments: [{ value: method }, ...values.map(toArgument)],
      returnByValue: true,
      silent: true,
    })
    if (exceptionDetails) throw new Thrown(messageOf(exceptionDetails))
    return result.value
  }

  /** Lets go of the thread; if it is paused it goes on. */
  close(): void {
    this.#session.disconnect()
  }
}

/** A remote object as an argument of `call`. */
export class Remote {
  readonly object: RemoteObject
  constructor(object: RemoteObject) {
    this.object = object
  }
}

function toArgument(value: unknown): object {
  if (!(value instanceof Remote)) return { value }
  const { objectId, unserializableValue, value: plain } = value.object
  if (objectId !== undefined) return { objectId }
  return unserializableValue === undefined ? { value: plain } : { unserializableValue }
}

/** What an evaluation threw, in a line. */
export function messageOf({ text, exception }: inspector.Runtime.ExceptionDetails): string {
  const description = exception?.description ?? (exception && String(exception.value))
  return description?.split('\n    at ')[0] ?? text
}
