/** Comms of the main thread: both ends know a comm by its id. */
import { randomUUID } from 'node:crypto'
import type { Comm, Comms } from '../../src/host.js'
import type { Cause, CommMessage, ToProtocol } from '../port.js'
import { currentOrigin } from './running/cause.js'

type OnOpen = Parameters<Comms['registerTarget']>[1]

/** Bytes of any view, copied: the sender may go on to use its own. */
function bytesOf(views: readonly ArrayBufferView[] | undefined): Uint8Array[] | undefined {
  return views?.map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice())
}

class OpenComm implements Comm {
  readonly id: string
  readonly target: string
  readonly messageListeners: ((data: unknown, buffers: Uint8Array[]) => void)[] = []
  readonly closeListeners: ((data: unknown) => void)[] = []
  closed = false
  readonly #send: (message: CommMessage) => void
  readonly #forget: () => void
  constructor(id: string, target: string, send: (message: CommMessage) => void, forget: () => void) {
    this.id = id
    this.target = target
    this.#send = send
    this.#forget = forget
  }
  send(data: unknown, { metadata, buffers }: { metadata?: object; buffers?: ArrayBufferView[] } = {}): void {
    if (this.closed)
      throw new Error(`the comm '${this.target}' is closed: open a new one with host.comms.open`)
    this.#send({ kind: 'message', id: this.id, data: data ?? {}, metadata, buffers: bytesOf(buffers) })
  }
  close(data: unknown = {}): void {
    if (this.closed) return
    this.closed = true
    this.#forget()
    this.#send({ kind: 'close', id: this.id, data })
  }
  onMsg(listener: (data: any, buffers: Uint8Array[]) => void): void {
    this.messageListeners.push(listener)
  }
  onClose(listener: (data: any) => void): void {
    this.closeListeners.push(listener)
  }
}

export interface EngineComms extends Comms {
  /** Hands on a message of the front end; `false` when nobody here knows the comm or its target. */
  receive(message: CommMessage): boolean
}

export function createComms(post: (message: ToProtocol) => void): EngineComms {
  const open = new Map<string, OpenComm>()
  const targets = new Map<string, OnOpen>()

  function create(id: string, target: string): OpenComm {
    const send = (comm: CommMessage): void => {
      const cause: Cause = currentOrigin().cause
      post({ type: 'comm', cause, comm })
    }
    const comm = new OpenComm(id, target, send, () => open.delete(id))
    open.set(id, comm)
    return comm
  }

  return {
    open(target, data, { metadata, buffers } = {}) {
      const comm = create(randomUUID(), target)
      const cause = currentOrigin().cause
      const message: CommMessage = {
        kind: 'open',
        id: comm.id,
        target,
        data: data ?? {},
        metadata,
        buffers: bytesOf(buffers),
      }
      post({ type: 'comm', cause, comm: message })
      return comm
    },
    registerTarget(target, onOpen) {
      targets.set(target, onOpen)
    },
    receive(message) {
      const buffers = message.buffers ?? []
      if (message.kind === 'open') {
        const onOpen = targets.get(message.target)
        if (!onOpen) return false
        const comm = create(message.id, message.target)
        try {
          onOpen(comm, message.data, buffers)
        } catch (error) {
          // Nobody listens at this end: the front end must not go on as if somebody did.
          comm.close()
          throw error
        }
        return true
      }
      const comm = open.get(message.id)
      if (!comm) return false
      if (message.kind === 'message') {
        for (const listener of comm.messageListeners) listener(message.data, buffers)
      } else {
        comm.closed = true
        open.delete(comm.id)
        for (const listener of comm.closeListeners) listener(message.data)
      }
      return true
    },
  }
}
