/** The main thread, paused: its frames, what each can see, and what the user evaluates there. */
import { compileExpression } from './expression.js'
import {
  messageOf,
  Remote,
  Thrown,
  type CallFrame,
  type MainThread,
  type RemoteObject,
} from './inspect-main.js'
import { agentKey } from './agent/offer.js'
import type { Sources, UserPlace } from './sources/sources.js'

export interface Frame {
  id: number
  name: string
  call: CallFrame
  url: string
  /** How many frames lie below it on the stack. */
  depth: number
  /** `undefined` for code that only the compiler put there. */
  place: UserPlace | undefined
}

/** A variable as the Debug Adapter Protocol has it; see agent.ts. */
export interface Scope {
  name: string
  variablesReference: number
  expensive: boolean
  presentationHint?: 'locals'
}

const agent = `globalThis[Symbol.for(${JSON.stringify(agentKey)})]`
/** Scopes of V8's that are one function's own. */
const isOwn = /^(block|catch|local|with|eval)$/

export class Pause {
  readonly reason: string
  readonly frames: readonly Frame[]
  readonly error: RemoteObject | undefined
  readonly #main: MainThread
  /** The frames whose variables were listed, by the reference. */
  readonly #inFrame = new Map<number, Frame>()
  readonly #names = new Map<number, Promise<{ own: string[]; outer: string[] }>>()

  constructor(reason: string, frames: readonly Frame[], error: RemoteObject | undefined, main: MainThread) {
    this.reason = reason
    this.frames = frames
    this.error = error
    this.#main = main
  }

  /** What the error that it stopped at says. */
  get text(): string | undefined {
    return this.error && (this.error.description ?? String(this.error.value)).split('\n    at ')[0]
  }

  frame(id: number | undefined): Frame | undefined {
    return id === undefined ? this.frames[0] : this.frames.find((frame) => frame.id === id)
  }

  /** The names that a frame sees beside those of the cells: its own, and those of the functions around it. */
  #namesOf(frame: Frame): Promise<{ own: string[]; outer: string[] }> {
    let names = this.#names.get(frame.id)
    if (!names) {
      const { own, outer } = scopesOf(frame.call)
      const ask = (scopes: RemoteObject[]): Promise<string[]> =>
        scopes.length
          ? this.#main.call('namesIn', ...scopes.map((scope) => new Remote(scope)))
          : Promise.resolve([])
      names = Promise.all([ask(own), ask(outer)]).then(([mine, others]) => ({ own: mine, outer: others }))
      this.#names.set(frame.id, names)
    }
    return names
  }

  /** What a frame sees: its own variables, those of the functions around it, those of the cells. */
  async scopes(frame: Frame): Promise<Scope[]> {
    const { own, outer } = await this.#namesOf(frame)
    const found: Scope[] = []
    const readers = own.map((name) => `${JSON.stringify(name)}: () => ${name}`)
    const { this: self } = frame.call
    if (self.type === 'object' && self.subtype !== 'null' && self.className !== 'global')
      readers.unshift('"this": () => this')
    if (readers.length > 0) {
      // Read in the frame, since V8's own picture of it does not change when the user evaluates an assignment.
      const expression = `${agent}.openLocals({ ${readers.join(', ')} })`
      const variablesReference: number = (await this.#run(frame, expression)).value
      this.#inFrame.set(variablesReference, frame)
      found.push({
        name: 'Locals',
        variablesReference,
        expensive: false,
        presentationHint: 'locals',
      })
    }
    if (outer.length > 0) {
      const scopes = scopesOf(frame.call).outer.map((scope) => new Remote(scope))
      const variablesReference: number = await this.#main.call('openClosure', ...scopes)
      this.#inFrame.set(variablesReference, frame)
      found.push({
        name: 'Closure',
        variablesReference,
        expensive: false,
      })
    }
    found.push({
      name: 'Globals',
      variablesReference: await this.#main.call('openNotebook'),
      expensive: false,
    })
    return found
  }

  /** Sets a variable of a frame, of the cells, or a property of a value that was listed, to the value of an expression. */
  async set(reference: number, name: string, text: string): Promise<RemoteObject> {
    const frame = this.#inFrame.get(reference)
    if (frame) return (await this.evaluate(`${name} = (${text}\n)`, frame)).result
    const { result } = await this.evaluate(`(${text}\n)`, this.frames[0]!)
    const problem: string | undefined = await this.#main.call('put', reference, name, new Remote(result))
    if (problem !== undefined) throw new Thrown(problem)
    return result
  }

  /** Runs TypeScript in a frame; what it declares becomes a variable of the cells. Rejects with `Thrown` for what it throws. */
  async evaluate(text: string, frame: Frame): Promise<{ result: RemoteObject; declares: string[] }> {
    const { code, declares } = await this.#compile(text, frame)
    return { result: await this.#run(frame, code), declares }
  }

  /** Passes the value of an expression to a method of the agent, after other arguments. */
  async pass(method: string, before: unknown[], text: string, frame: Frame): Promise<any> {
    const { code } = await this.#compile(`(${text})`, frame)
    const expression = code.replace(/;\s*$/, '')
    const values = [...before.map((value) => JSON.stringify(value)), expression]
    return (await this.#run(frame, `${agent}.${method}(${values.join(', ')})`, true)).value
  }

  async #compile(text: string, frame: Frame): Promise<{ code: string; declares: string[] }> {
    const { own, outer } = await this.#namesOf(frame)
    const names: string[] = await this.#main.call('names')
    return compileExpression(text, new Set([...own, ...outer]), new Set(names))
  }

  async #run(frame: Frame, expression: string, returnByValue = false): Promise<RemoteObject> {
    const { result, exceptionDetails } = await this.#main.post(
      'Debugger.evaluateOnCallFrame',
      { callFrameId: frame.call.callFrameId, expression, returnByValue, silent: true },
      60_000,
    )
    if (!exceptionDetails) return result
    const message = messageOf(exceptionDetails)
    throw new Thrown(
      /await is only valid/.test(message) ? 'await cannot go on while the thread is stopped' : message,
    )
  }
}

function scopesOf({ scopeChain }: CallFrame): { own: RemoteObject[]; outer: RemoteObject[] } {
  const own: RemoteObject[] = []
  const outer: RemoteObject[] = []
  let isInside = true
  for (const { type, object } of scopeChain) {
    if (type === 'global' || type === 'script') continue
    if (isInside && isOwn.test(type)) own.push(object)
    else outer.push(object)
    if (type === 'local') isInside = false
  }
  return { own, outer }
}

/** The frames that run what the user wrote, innermost first. */
export function findFrames(
  calls: readonly CallFrame[],
  firstId: number,
  urlOf: (scriptId: string) => string,
  sources: Sources,
): Frame[] {
  const frames: Frame[] = []
  for (const [index, call] of calls.entries()) {
    const url = urlOf(call.location.scriptId)
    if (!sources.isUsers(url)) continue
    const { lineNumber, columnNumber = 0 } = call.location
    const place = sources.locate(url, lineNumber, columnNumber)
    const name = call.functionName || '(top level)'
    frames.push({ id: firstId + frames.length, name, call, url, depth: calls.length - index, place })
  }
  return frames
}
