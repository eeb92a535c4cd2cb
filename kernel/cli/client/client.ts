/** A Jupyter client: what `gradbook run` and the tests use to talk to a kernel over its real sockets. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Dealer, Request, Subscriber } from 'zeromq'
import type { Connection } from './connection.js'
import { createMessage, decodeMessage, encodeMessage, type Channel, type Message } from './message.js'

export interface ExecuteOptions {
  silent?: boolean
  store_history?: boolean
  user_expressions?: Record<string, string>
  stop_on_error?: boolean
  /** Metadata of the request; front ends send `cellId` here. */
  metadata?: Record<string, unknown>
  /** Answers `input_request`s; without it `allow_stdin` is false. */
  answer?: (request: { prompt: string; password: boolean }) => string | Promise<string>
  /** Called for each message on IOPub that this request caused, up to its `idle`. */
  onMessage?: (message: Message) => void
}

/** What a cell came to: its reply and all it published up to `idle`, in order. */
export interface Executed {
  reply: Message
  messages: Message[]
}

/** The kernel went away while somebody waited for it. */
export class KernelDied extends Error {
  override name = 'KernelDied'
}

type Listener = (message: Message) => void

/** zeromq allows one send at a time on a socket: later ones wait for it. */
function createSender(socket: Dealer): (frames: (string | Uint8Array)[]) => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  return (frames) => {
    const sent = last.then(() => socket.send(frames))
    last = sent.catch(() => {})
    return sent
  }
}

/** The kernel binds its ports some moments after we connect: zeromq's own 100 ms between tries would be felt. */
const impatient = { linger: 0, reconnectInterval: 10 }

export class KernelClient {
  readonly session: string = randomUUID()
  /** Everything that came over IOPub, in order. */
  readonly published: Message[] = []
  readonly #connection: Connection
  readonly #shell = new Dealer({ ...impatient, receiveHighWaterMark: 0, sendHighWaterMark: 0 })
  readonly #control = new Dealer({ ...impatient, receiveHighWaterMark: 0 })
  readonly #stdin: Dealer
  readonly #iopub = new Subscriber({ ...impatient, receiveHighWaterMark: 0 })
  readonly #send: Record<'shell' | 'control' | 'stdin', (frames: (string | Uint8Array)[]) => Promise<void>>
  readonly #listeners = new Set<Listener>()
  readonly #waiting = new Set<(reason: Error) => void>()
  #closed: Error | undefined

  constructor(connection: Connection) {
    this.#connection = connection
    // Shell and stdin share an identity: the kernel asks on stdin the client that sent the request on shell.
    const routingId = randomUUID()
    this.#shell.routingId = routingId
    this.#stdin = new Dealer({ ...impatient, routingId })
    this.#shell.connect(this.#address('shell_port'))
    this.#control.connect(this.#address('control_port'))
    this.#stdin.connect(this.#address('stdin_port'))
    this.#iopub.connect(this.#address('iopub_port'))
    this.#iopub.subscribe('')
    this.#send = {
      shell: createSender(this.#shell),
      control: createSender(this.#control),
      stdin: createSender(this.#stdin),
    }
    for (const [channel, socket] of [
      ['shell', this.#shell],
      ['control', this.#control],
      ['stdin', this.#stdin],
      ['iopub', this.#iopub],
    ] as const)
      void this.#listen(channel, socket)
  }

  #address(port: 'shell_port' | 'control_port' | 'stdin_port' | 'iopub_port' | 'hb_port'): string {
    return `${this.#connection.transport}://${this.#connection.ip}:${this.#connection[port]}`
  }

  async #listen(channel: Channel, socket: Dealer | Subscriber): Promise<void> {
    try {
      for await (const frames of socket as AsyncIterable<Buffer[]>) {
        const message = decodeMessage(channel, frames, this.#connection.key)
        if (channel === 'iopub') this.published.push(message)
        for (const listener of this.#listeners) listener(message)
      }
    } catch (error) {
      if (!this.#closed) this.close(error as Error)
    }
  }

  /** Calls `listener` for every message on any channel until the returned function is called. */
  onMessage(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Resolves to the first message from now on that fits; rejects when the client is closed or the time is up. */
  async wait(fits: (message: Message) => boolean, { timeout }: { timeout?: number } = {}): Promise<Message> {
    if (this.#closed) throw this.#closed
    let stop = (): void => {}
    try {
      return await new Promise<Message>((resolve, reject) => {
        const forget = this.onMessage((message) => fits(message) && resolve(message))
        this.#waiting.add(reject)
        const timer =
          timeout === undefined
            ? undefined
            : setTimeout(() => reject(new Error(`no such message came within ${timeout} ms`)), timeout)
        stop = () => {
          forget()
          this.#waiting.delete(reject)
          clearTimeout(timer)
        }
      })
    } finally {
      stop()
    }
  }

  /** Sends a message without waiting for anything. */
  async send(message: Message): Promise<void> {
    if (this.#closed) throw this.#closed
    await this.sendFrames(message.channel, encodeMessage(message, this.#connection.key))
  }

  /** Sends frames as they are, however wrong. */
  async sendFrames(channel: Channel, frames: (string | Uint8Array)[]): Promise<void> {
    if (channel === 'iopub') throw new Error('a client sends nothing over IOPub')
    await this.#send[channel](frames)
  }

  /** Makes a message of this session; `send` sends it. */
  create(
    channel: Channel,
    type: string,
    content: unknown,
    more?: Parameters<typeof createMessage>[4],
  ): Message {
    return createMessage(this.session, channel, type, content, more)
  }

  /** Sends a request and resolves to its reply. */
  async request(
    channel: 'shell' | 'control',
    type: string,
    content: unknown = {},
    options: { timeout?: number; metadata?: Record<string, unknown>; buffers?: Uint8Array[] } = {},
  ): Promise<Message> {
    const message = this.create(channel, type, content, options)
    const reply = this.wait(
      (candidate) =>
        candidate.channel === channel && candidate.parent_header.msg_id === message.header.msg_id,
      options,
    )
    await Promise.all([this.send(message), reply])
    return reply
  }

  /** Runs a cell and resolves once its reply and its `idle` have both come. */
  async execute(code: string, options: ExecuteOptions = {}): Promise<Executed> {
    const { answer, onMessage, metadata, ...content } = options
    const request = this.create(
      'shell',
      'execute_request',
      {
        code,
        silent: false,
        store_history: !content.silent,
        user_expressions: {},
        stop_on_error: true,
        allow_stdin: answer !== undefined,
        ...content,
      },
      metadata ? { metadata } : {},
    )
    const id = request.header.msg_id
    const messages: Message[] = []
    const forget = this.onMessage((message) => {
      if (message.parent_header.msg_id !== id) return
      if (message.channel === 'iopub') {
        messages.push(message)
        onMessage?.(message)
      } else if (message.channel === 'stdin' && message.header.msg_type === 'input_request' && answer) {
        void Promise.resolve(answer(message.content)).then((value) =>
          this.send(this.create('stdin', 'input_reply', { value, status: 'ok' }, { parent: message.header })),
        )
      }
    })
    try {
      const mine = (message: Message): boolean => message.parent_header.msg_id === id
      const [reply] = await Promise.all([
        this.wait((message) => mine(message) && message.channel === 'shell'),
        this.wait(
          (message) =>
            mine(message) &&
            message.channel === 'iopub' &&
            message.header.msg_type === 'status' &&
            message.content.execution_state === 'idle',
        ),
        this.send(request),
      ])
      return { reply, messages }
    } finally {
      forget()
    }
  }

  /**
   * Resolves to the content of `kernel_info_reply` once the kernel answers and its IOPub is heard: what was
   * published before a subscription takes hold is lost, so the question is repeated until both have come.
   */
  async ready({ timeout = 30_000 }: { timeout?: number } = {}): Promise<any> {
    const deadline = performance.now() + timeout
    const heard = this.wait((message) => message.channel === 'iopub', { timeout })
    heard.catch(() => {})
    const replied = this.wait((message) => message.header.msg_type === 'kernel_info_reply', { timeout })
    replied.catch(() => {})
    let both = false
    void Promise.all([heard, replied]).then(
      () => (both = true),
      () => {},
    )
    while (!both && !this.#closed && performance.now() < deadline) {
      await this.send(this.create('shell', 'kernel_info_request', {}))
      await Promise.race([Promise.all([heard, replied]).catch(() => {}), sleep(50)])
    }
    await heard
    return (await replied).content
  }

  /** Asks the kernel to stop what it runs. */
  interrupt(options: { timeout?: number } = {}): Promise<Message> {
    return this.request('control', 'interrupt_request', {}, options)
  }

  /** Sends `frame` to the heartbeat and resolves to what comes back. */
  async heartbeat(frame: Uint8Array = Buffer.from('ping'), timeout = 5_000): Promise<Uint8Array> {
    const socket = new Request({ linger: 0, receiveTimeout: timeout })
    socket.connect(this.#address('hb_port'))
    try {
      await socket.send(frame)
      const [answer] = await socket.receive()
      return answer!
    } finally {
      socket.close()
    }
  }

  /** Closes the sockets; whoever waits is told `reason`. */
  close(reason: Error = new KernelDied('the connection to the kernel was closed')): void {
    if (this.#closed) return
    this.#closed = reason
    for (const reject of this.#waiting) reject(reason)
    for (const socket of [this.#shell, this.#control, this.#stdin, this.#iopub]) socket.close()
  }
}
