import { Reply, Router, XPublisher } from 'zeromq'
import type { Connection } from './connection.js'

export type Channel = 'shell' | 'control' | 'stdin' | 'iopub'
/** The channels that a front end sends on. */
export type IncomingChannel = Exclude<Channel, 'iopub'>

export interface Sockets {
  send(channel: Channel, frames: Uint8Array[]): Promise<void>
  /** Calls `listener` for what comes in, until closed. */
  listen(channel: IncomingChannel, listener: (frames: Uint8Array[]) => void): void
  /** Calls `listener` with the topic of each subscription to IOPub. */
  onSubscription(listener: (topic: Uint8Array) => void): void
  close(): void
}

/** Messages larger than this are refused by the socket, so that no one can fill the memory with one frame. */
const largestMessage = 1 << 30

/** Binds the five sockets; ports that were 0 are filled in. */
export async function openSockets(connection: Connection): Promise<Sockets> {
  const options = { linger: 1_000, sendHighWaterMark: 0 }
  const router = { ...options, receiveHighWaterMark: 0, maxMessageSize: largestMessage, handover: true }
  const sockets = {
    shell: new Router(router),
    control: new Router(router),
    stdin: new Router(router),
    iopub: new XPublisher({ ...options, verbosity: 'allSubs' }),
  }
  const heartbeat = new Reply({ linger: 0 })

  const bind = async (
    socket: Router | XPublisher | Reply,
    port: 'shell_port' | 'control_port' | 'stdin_port' | 'iopub_port' | 'hb_port',
  ): Promise<void> => {
    await socket.bind(`tcp://${connection.ip}:${connection[port] || '*'}`)
    connection[port] = Number(/:(\d+)$/.exec(socket.lastEndpoint ?? '')![1])
  }
  await Promise.all([
    bind(sockets.shell, 'shell_port'),
    bind(sockets.control, 'control_port'),
    bind(sockets.stdin, 'stdin_port'),
    bind(sockets.iopub, 'iopub_port'),
    bind(heartbeat, 'hb_port'),
  ])
  void echo(heartbeat)

  return {
    send: (channel, frames) => sockets[channel].send(frames),
    listen(channel, listener) {
      void receive(sockets[channel], listener)
    },
    onSubscription(listener) {
      void hearSubscriptions(sockets.iopub, listener)
    },
    close() {
      for (const socket of [...Object.values(sockets), heartbeat]) socket.close()
    },
  }
}

async function receive(socket: Router, listener: (frames: Uint8Array[]) => void): Promise<void> {
  for await (const frames of socket) listener(frames)
}

/** A subscription arrives as the byte 1 before its topic; taking it back, as the byte 0. */
async function hearSubscriptions(iopub: XPublisher, listener: (topic: Uint8Array) => void): Promise<void> {
  for await (const [frame] of iopub) if (frame?.[0] === 1) listener(frame.subarray(1))
}

async function echo(heartbeat: Reply): Promise<void> {
  for await (const frames of heartbeat) await heartbeat.send(frames)
}
