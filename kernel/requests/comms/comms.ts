/** Comm messages on their way between the front end and the main thread. */
import type { CommMessage, ToMain } from '../../port.js'
import type { Message, Wire } from '../../wire/index.js'
import type { Causes } from '../cells/causes.js'
import type { Handler } from '../handler.js'

/** Front ends ask here for all widgets as soon as they are opened: before there are any, and in every notebook. */
const widgetControl = 'jupyter.widget.control'

const types: Record<CommMessage['kind'], string> = {
  open: 'comm_open',
  message: 'comm_msg',
  close: 'comm_close',
}

interface Uses {
  wire: Wire
  log(line: string): void
  /** To the main thread. */
  post(message: ToMain): void
  causes: Causes
  /** Whether a cell runs or waits to run. */
  isBusy(): boolean
}

/** The other end of a comm in this thread. */
export type CommEnd = (message: Message, comm: CommMessage) => void

export class Comms {
  readonly #uses: Uses
  /** By target: the ends that are in this thread. */
  readonly #here = new Map<string, CommEnd>()
  /** Target names by comm id, of comms open on both sides. */
  readonly #open = new Map<string, string>()
  /** Comms of the front end that wait for their target: what it says in them waits too. */
  readonly #opening = new Map<string, Promise<void>>()
  readonly #handled = new Map<number, (unknown: boolean) => void>()
  #waiting: (() => void)[] = []
  /** Comms to the widget layer from before it was loaded. */
  readonly #widgetless = new Set<string>()

  constructor(uses: Uses) {
    this.#uses = uses
  }

  /** Comms with this target are answered here, also while a cell runs. */
  serve(target: string, end: CommEnd): void {
    this.#here.set(target, end)
  }

  /** The comms with this target, or all, as `comm_info_reply` lists them. */
  list(target?: string): Record<string, { target_name: string }> {
    const comms: Record<string, { target_name: string }> = {}
    for (const [id, name] of this.#open)
      if (target === undefined || target === name) comms[id] = { target_name: name }
    return comms
  }

  /** Publishes what the main thread says. */
  send(message: Message | undefined, comm: CommMessage): void {
    if (comm.kind === 'open') this.#open.set(comm.id, comm.target)
    if (comm.kind === 'close') this.#open.delete(comm.id)
    const content =
      comm.kind === 'open'
        ? { comm_id: comm.id, target_name: comm.target, data: comm.data }
        : { comm_id: comm.id, data: comm.data }
    this.#uses.wire.publish(message?.header ?? {}, types[comm.kind], content, {
      metadata: comm.metadata,
      buffers: comm.buffers,
    })
  }

  /** Hands a message of the front end to the main thread and waits until it was dealt with. */
  async receive(message: Message, comm: CommMessage): Promise<void> {
    const here = this.#maybeHere(comm)
    if (here) {
      if (comm.kind === 'open') this.#open.set(comm.id, comm.target)
      if (comm.kind === 'close') this.#open.delete(comm.id)
      return here(message, comm)
    }
    if (comm.kind === 'open') {
      const opened = this.#openThere(message, comm)
      this.#opening.set(comm.id, opened)
      await opened
      return void this.#opening.delete(comm.id)
    }
    await this.#opening.get(comm.id)
    if (this.#widgetless.has(comm.id)) return this.#onWidgetless(message, comm)
    await this.#deliver(message, comm)
    if (comm.kind === 'close') this.#open.delete(comm.id)
  }

  async #openThere(message: Message, comm: Extract<CommMessage, { kind: 'open' }>): Promise<void> {
    // Before it is delivered: should its target close it at once, that comes later.
    this.#open.set(comm.id, comm.target)
    let unknown = await this.#deliver(message, comm)
    // To be told that nobody is there would make every other page of this kernel report an error.
    if (unknown && comm.target === widgetControl) return void this.#widgetless.add(comm.id)
    // A cell that is still to run may register the target.
    while (unknown && this.#uses.isBusy()) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
      unknown = await this.#deliver(message, comm)
    }
    if (!unknown) return
    this.#uses.log(`a comm was opened with the target '${comm.target}', which nobody registered`)
    this.send(message, { kind: 'close', id: comm.id, data: {} })
  }

  #onWidgetless(message: Message, comm: CommMessage): void {
    if (comm.kind === 'close') {
      this.#open.delete(comm.id)
      this.#widgetless.delete(comm.id)
    } else if ((comm.data as { method?: unknown } | undefined)?.method === 'request_states')
      this.send(message, {
        kind: 'message',
        id: comm.id,
        data: { method: 'update_states', states: {}, buffer_paths: [] },
      })
  }

  #maybeHere(comm: CommMessage): CommEnd | undefined {
    const target = comm.kind === 'open' ? comm.target : this.#open.get(comm.id)
    return target === undefined ? undefined : this.#here.get(target)
  }

  #deliver(message: Message, comm: CommMessage): Promise<boolean> {
    const cause = this.#uses.causes.add(message)
    return new Promise((resolve) => {
      this.#handled.set(cause, resolve)
      this.#uses.post({ type: 'comm', cause, comm })
    })
  }

  handled(cause: number, unknown: boolean): void {
    this.#handled.get(cause)?.(unknown)
    this.#handled.delete(cause)
  }

  cellsEnded(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

export const onCommInfo =
  (comms: Comms): Handler =>
  ({ message }) => {
    const target = message.content.target_name as unknown
    return { status: 'ok', comms: comms.list(typeof target === 'string' ? target : undefined) }
  }

/** Buffers lie in memory of zeromq: the other thread gets its own. */
function buffersOf(message: Message): Uint8Array[] {
  return message.buffers.map((buffer) => new Uint8Array(buffer))
}

export const onCommOpen =
  (comms: Comms): Handler =>
  async ({ message }) => {
    const { comm_id, target_name, data } = message.content
    await comms.receive(message, {
      kind: 'open',
      id: String(comm_id),
      target: String(target_name),
      data,
      metadata: message.metadata,
      buffers: buffersOf(message),
    })
    return undefined
  }

/** `comm_msg` and `comm_close`. */
export const onCommData =
  (comms: Comms, kind: 'message' | 'close'): Handler =>
  async ({ message }) => {
    const { comm_id, data } = message.content
    await comms.receive(message, {
      kind,
      id: String(comm_id),
      data,
      metadata: message.metadata,
      buffers: buffersOf(message),
    })
    return undefined
  }
