import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import type * as zeromq from 'zeromq'
import type { Connection, Port } from './connection.js'

// To `import` a CommonJS package Node first reads it for the names that it exports: 6 of 16 ms, which the kernel's start waits for.
const { Reply, Router, XPublisher } = createRequire(import.meta.url)('zeromq') as typeof zeromq
type Reply = zeromq.Reply
type Router = zeromq.Router
type XPublisher = zeromq.XPublisher

export type Channel = 'shell' | 'control' | 'stdin' | 'iopub'
/** The channels that a front end sends on. */
export type IncomingChannel = Exclude<Channel, 'iopub'>

export interface Sockets {
  send(channel: Channel, frames: Uint8Array[]): Promise<void>
  /** Calls `listener` for what comes in, until closed. */
  listen(channel: IncomingChannel, listener: (frames: Uint8Array[]) => void): void
  /** Calls `listener` with the topic of each subscription to IOPub. */
  onSubscription(listener: (topic: Uint8Array) => void): void
  /** Resolves when nothing listens any more: a thread that ends while one asks its socket takes the process with it. */
  close(): Promise<void>
}

/** Messages larger than this are refused by the socket, so that no one can fill the memory with one frame. */
const largestMessage = 1 << 30

/** Messages that may wait for a slow subscriber to IOPub before the cell has to. */
const waiting = 200
/**
 * Milliseconds that one which reads nothing holds up the others: at first, and with each further message, in which time
 * those that do read have room again.
 */
const patience = 3_000
const patienceThen = 5
const pollEvery = 2
/** Milliseconds until the system ends the connection of such a one (on Linux); its zeromq makes a new one when it reads again. */
const silentAtMost = 10_000

/** How long a port that is taken is waited for, in milliseconds, and how often it is tried. */
const bindWithin = 5_000
const bindEvery = 100

/** Binds the five sockets; ports that were 0 are filled in. Rejects with what is in the way. */
export async function openSockets(connection: Connection, log: (line: string) => void): Promise<Sockets> {
  const { curve_publickey, curve_secretkey } = connection
  const encryption =
    curve_secretkey === undefined
      ? {}
      : {
          curveServer: true,
          curveSecretKey: curve_secretkey,
          ...(curve_publickey === undefined ? {} : { curvePublicKey: curve_publickey }),
        }
  const options = { ...encryption, linger: 1_000, sendHighWaterMark: 0 }
  const router = { ...options, receiveHighWaterMark: 0, maxMessageSize: largestMessage, handover: true }
  const sockets = {
    shell: new Router(router),
    control: new Router(router),
    stdin: new Router(router),
    iopub: new XPublisher({
      ...options,
      verbosity: 'allSubs',
      noDrop: true,
      sendHighWaterMark: waiting,
      tcpMaxRetransmitTimeout: silentAtMost,
    }),
  }
  const publication = new Publication(sockets.iopub, log)
  const heartbeat = new Reply({ ...encryption, linger: 0 })

  const bind = async (socket: Router | XPublisher | Reply, port: Port): Promise<void> => {
    const isFile = connection.transport === 'ipc'
    if (isFile) connection[port] ||= findFreeName(connection)
    const address = isFile ? `-${connection[port]}` : `:${connection[port] || '*'}`
    await bindPatiently(socket, `${connection.transport}://${connection.ip}${address}`, port, log)
    if (!isFile) connection[port] = Number(/:(\d+)$/.exec(socket.lastEndpoint ?? '')![1])
  }
  const all = [...Object.values(sockets), heartbeat]
  // All of them: a thread that ends while one is still being bound takes the process with it.
  const bound = await Promise.allSettled([
    bind(sockets.shell, 'shell_port'),
    bind(sockets.control, 'control_port'),
    bind(sockets.stdin, 'stdin_port'),
    bind(sockets.iopub, 'iopub_port'),
    bind(heartbeat, 'hb_port'),
  ])
  const failed = bound.find((result) => result.status === 'rejected')
  if (failed) {
    for (const socket of all) socket.close()
    throw failed.reason
  }
  const listening: Promise<void>[] = [echo(heartbeat)]

  return {
    send: (channel, frames) =>
      channel === 'iopub' ? publication.send(frames) : sockets[channel].send(frames),
    listen(channel, listener) {
      listening.push(receive(sockets[channel], listener))
    },
    onSubscription(listener) {
      listening.push(publication.hear(listener))
    },
    async close() {
      for (const socket of all) socket.close()
      await Promise.allSettled(listening)
    },
  }
}

/** The number of a socket's name, in place of a port, that nobody has in the file system or in this connection. */
function findFreeName({ ip, shell_port, control_port, stdin_port, iopub_port, hb_port }: Connection): number {
  const taken = new Set([shell_port, control_port, stdin_port, iopub_port, hb_port])
  let number = 1
  while (taken.has(number) || existsSync(`${ip}-${number}`)) number++
  return number
}

/**
 * Whoever starts a kernel finds ports that are free and lets go of them, so somebody else may have one by now: another
 * kernel that was started at the same moment, for good, or a connection that soon ends.
 */
async function bindPatiently(
  socket: Router | XPublisher | Reply,
  endpoint: string,
  port: Port,
  log: (line: string) => void,
): Promise<void> {
  const deadline = performance.now() + bindWithin
  for (let isFirst = true; ; isFirst = false)
    try {
      return await socket.bind(endpoint)
    } catch (error) {
      const { code, message } = error as Error & { code?: string }
      const isTaken = code === 'EADDRINUSE'
      if (!isTaken || performance.now() > deadline)
        throw new Error(`its ${port}, ${endpoint}, cannot be listened on: ${message}`, { cause: error })
      if (isFirst) log(`the ${port}, ${endpoint}, is in use: it is tried for ${bindWithin / 1_000} s`)
      await sleep(bindEvery)
    }
}

async function receive(socket: Router, listener: (frames: Uint8Array[]) => void): Promise<void> {
  for await (const frames of socket) listener(frames)
}

/** Sends to all subscribers: a slow one is waited for, one that does not read at all misses messages. */
class Publication {
  readonly #socket: XPublisher
  readonly #log: (line: string) => void
  /** Whether all subscribers had room for the last message in time. */
  #complete = true

  constructor(socket: XPublisher, log: (line: string) => void) {
    this.#socket = socket
    this.#log = log
  }

  async send(frames: Uint8Array[]): Promise<void> {
    const deadline = performance.now() + (this.#complete ? patience : patienceThen)
    for (;;) {
      try {
        await this.#socket.send(frames)
        this.#complete = true
        return
      } catch (error) {
        if ((error as { code?: string }).code !== 'EAGAIN') throw error
      }
      if (performance.now() > deadline) return this.#sendToReaders(frames)
      await sleep(pollEvery)
    }
  }

  /** To those that have room. */
  async #sendToReaders(frames: Uint8Array[]): Promise<void> {
    if (this.#complete)
      this.#log(`a subscriber to IOPub has read nothing for ${patience} ms: it misses messages`)
    this.#complete = false
    this.#socket.noDrop = false
    try {
      await this.#socket.send(frames)
    } finally {
      this.#socket.noDrop = true
    }
  }

  /** Calls `listener` with each new subscription: the byte 1 before its topic (0 takes it back). */
  async hear(listener: (topic: Uint8Array) => void): Promise<void> {
    for await (const [frame] of this.#socket) {
      if (frame?.[0] === 1) listener(frame.subarray(1))
    }
  }
}

async function echo(heartbeat: Reply): Promise<void> {
  for await (const frames of heartbeat) await heartbeat.send(frames)
}
