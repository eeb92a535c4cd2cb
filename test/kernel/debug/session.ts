/** A front end's side of the debugger: requests on control, events from IOPub. */
import type { Message } from '../../../kernel/cli/client/index.js'
import { patience, type Ran, type TestKernel } from '../../kit/index.js'

export interface Variable {
  name: string
  value: string
  type?: string
  variablesReference: number
  indexedVariables?: number
}

export interface Frame {
  id: number
  name: string
  line: number
  source: { name: string; path: string }
}

export class DebugSession {
  readonly kernel: TestKernel
  readonly #events: { event: string; body: any }[] = []
  #seen = 0
  #seq = 0
  readonly #forget: () => void

  constructor(kernel: TestKernel) {
    this.kernel = kernel
    this.#forget = kernel.onMessage((message: Message) => {
      if (message.header.msg_type === 'debug_event') this.#events.push(message.content)
    })
  }

  static async start(kernel: TestKernel, clientID = 'test'): Promise<DebugSession> {
    const session = new DebugSession(kernel)
    await session.body('initialize', { clientID })
    await session.body('attach')
    return session
  }

  /** The whole reply. */
  async send(command: string, values: object = {}): Promise<any> {
    const seq = ++this.#seq
    const { content, header } = await this.kernel.request('control', 'debug_request', {
      type: 'request',
      seq,
      command,
      arguments: values,
    })
    if (header.msg_type !== 'debug_reply' || content.request_seq !== seq || content.command !== command)
      throw new Error(`not the reply to ${command}: ${JSON.stringify(content)}`)
    return content
  }

  /** The body of a reply that must be a success. */
  async body(command: string, values: object = {}): Promise<any> {
    const reply = await this.send(command, values)
    if (!reply.success) throw new Error(`${command}: ${reply.message}`)
    return reply.body
  }

  /** The next event of this name that has not been waited for. */
  async event(name: string): Promise<any> {
    for (const end = Date.now() + patience; Date.now() < end;) {
      for (; this.#seen < this.#events.length; this.#seen++) {
        const found = this.#events[this.#seen]!
        if (found.event === name) {
          this.#seen++
          return found.body
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    throw new Error(
      `no event '${name}' came; there were: ${this.#events.map(({ event }) => event).join(', ')}`,
    )
  }

  /** Sets breakpoints in a cell; resolves to the lines on which they are, 0 where there is none. */
  async breakAt(code: string, ...lines: number[]): Promise<number[]> {
    const { sourcePath } = await this.body('dumpCell', { code })
    return this.breakIn(sourcePath, ...lines)
  }

  async breakIn(path: string, ...lines: number[]): Promise<number[]> {
    const { breakpoints } = await this.body('setBreakpoints', {
      source: { path },
      breakpoints: lines.map((line) => ({ line })),
    })
    return breakpoints.map(({ verified, line }: any) => (verified ? line : 0))
  }

  /** Starts a cell and resolves when it has stopped; `ran` resolves when it has ended. */
  async runToStop(code: string): Promise<{ ran: Promise<Ran>; stopped: any; frames: Frame[] }> {
    const ran = this.kernel.run(code)
    ran.catch(() => {})
    const stopped = await this.event('stopped')
    return { ran, stopped, frames: await this.frames() }
  }

  async frames(): Promise<Frame[]> {
    return (await this.body('stackTrace', { threadId: 1 })).stackFrames
  }

  /** Where the thread has stopped, as `name:line` from the inside out. */
  async where(): Promise<string[]> {
    return (await this.frames()).map(({ name, line }) => `${name}:${line}`)
  }

  /** Sends a step and resolves to where it led. */
  async step(command: 'next' | 'stepIn' | 'stepOut'): Promise<string> {
    await this.body(command, { threadId: 1 })
    await this.event('stopped')
    return (await this.where())[0]!
  }

  /** The variables of a scope of a frame, by name. */
  async scope(frameId: number, name: string): Promise<Record<string, Variable>> {
    const { scopes } = await this.body('scopes', { frameId })
    const scope = scopes.find((candidate: any) => candidate.name === name)
    return scope ? this.variables(scope.variablesReference) : {}
  }

  async variables(variablesReference: number, paging: object = {}): Promise<Record<string, Variable>> {
    const { variables } = await this.body('variables', { variablesReference, ...paging })
    return Object.fromEntries(variables.map((variable: Variable) => [variable.name, variable]))
  }

  async end(): Promise<void> {
    await this.body('disconnect', { restart: false, terminateDebuggee: false })
    this.#forget()
  }

  /** Ends after a test; one that fails shall not take the others with it. */
  async endAfter(task: { result?: { state?: string } }): Promise<void> {
    await this.end()
    if (task.result?.state === 'fail') await this.kernel.interrupt()
  }
}
