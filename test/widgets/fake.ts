import { setHost, type Comm, type Host } from '../../src/host.js'

interface Sent {
  method?: string
  data: any
  buffers: ArrayBufferView[]
}

/** A comm whose other end is the test. */
export class FakeComm implements Comm {
  readonly sent: Sent[] = []
  closed = false
  #onMsg: ((data: any, buffers: Uint8Array[]) => void)[] = []
  #onClose: ((data: any) => void)[] = []
  readonly id: string
  readonly target: string
  readonly opened: any
  readonly metadata: any
  readonly openBuffers: ArrayBufferView[]
  constructor(id: string, target: string, opened: any, options: any = {}) {
    this.id = id
    this.target = target
    this.opened = structuredClone(opened)
    this.metadata = options.metadata
    this.openBuffers = options.buffers ?? []
  }
  send(data: any, options: { buffers?: ArrayBufferView[] } = {}) {
    this.sent.push({ method: data?.method, data: structuredClone(data), buffers: options.buffers ?? [] })
  }
  close() {
    this.closed = true
  }
  onMsg(listener: (data: any, buffers: Uint8Array[]) => void) {
    this.#onMsg.push(listener)
  }
  onClose(listener: (data: any) => void) {
    this.#onClose.push(listener)
  }
  /** A message from the front end. */
  receive(data: any, buffers: Uint8Array[] = []) {
    for (const listener of this.#onMsg) listener(data, buffers)
  }
  receiveClose() {
    for (const listener of this.#onClose) listener({})
  }
}

/** A notebook without a front end: comms and displays are kept for the test to look at. */
export function fakeNotebook() {
  const comms: FakeComm[] = []
  const targets = new Map<string, (comm: Comm, data: any, buffers: Uint8Array[]) => void>()
  const shown: unknown[][] = []
  const host = {
    kind: 'notebook',
    interrupted: false,
    interrupt: new AbortController().signal,
    breathe: () => new Promise<void>((resolve) => setImmediate(resolve)),
    display(value: unknown) {
      const states = [value]
      shown.push(states)
      return { id: `d${shown.length}`, update: (next: unknown) => void states.push(next) }
    },
    comms: {
      open(target: string, data: any, options: any) {
        const comm = new FakeComm(`comm-${comms.length}`, target, data, options)
        comms.push(comm)
        return comm
      },
      registerTarget: (name: string, onOpen: any) => void targets.set(name, onOpen),
    },
  } as unknown as Host
  setHost(host)
  return {
    host,
    comms,
    shown,
    targets,
    commOf: (widget: { id: string }) => comms.find((comm) => comm.id === widget.id)!,
    openFromFrontEnd(target: string, data: any = {}, buffers: Uint8Array[] = []) {
      const comm = new FakeComm(`front-${target}`, target, data)
      targets.get(target)!(comm, data, buffers)
      return comm
    },
  }
}
