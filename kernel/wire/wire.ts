import { readConnection, writeConnection, type Port } from './connection.js'
import { createCodec, type Codec, type Header, type Message } from './message.js'
import { createOutgoing, type Stream } from './outgoing.js'
import { openSockets, type IncomingChannel } from './sockets.js'

/** The parent of what is published: the header of the request that caused it. */
export type Parent = Partial<Header>

export interface More {
  metadata?: object
  buffers?: readonly Uint8Array[]
}

/** What the request handlers send through. All of it leaves in the order of the calls. */
export interface Wire {
  /** The ports that the kernel listens on, by the names that a connection file gives them. */
  readonly ports: Readonly<Record<Port, number>>
  /** Hands on what comes in from now on; until then it waits in the sockets. */
  listen(listeners: WireListeners): void
  publish(parent: Parent, type: string, content: object, more?: More): void
  /** Publishes content that is still being made; what is sent later waits for it. */
  publishLater(parent: Parent, type: string, content: Promise<object>): void
  /** Publishes text of a stream; text that follows closely travels with it. `sent` hears how much has left. */
  stream(parent: Parent, name: 'stdout' | 'stderr', text: string, sent?: Stream['sent']): void
  reply(channel: 'shell' | 'control', request: Message, content: object, more?: More): void
  /** Asks whoever sent `request` over stdin. */
  ask(request: Message, content: object): void
  flush(): Promise<void>
  close(): Promise<void>
}

export interface WireListeners {
  onRequest(channel: 'shell' | 'control', message: Message): void
  onAnswer(message: Message): void
}

/** `execute_request` is answered by `execute_reply`. */
function replyTypeOf(type: string): string {
  return type.replace(/_request$/, '_reply')
}

/** Opens the sockets that a connection file describes. */
export async function openWire(connectionFile: string, log: (line: string) => void): Promise<Wire> {
  const connection = readConnection(connectionFile)
  const asked = JSON.stringify(connection)
  const codec = createCodec(connection.key, connection.signature_scheme)
  const sockets = await openSockets(connection, log)
  if (JSON.stringify(connection) !== asked) writeConnection(connectionFile, connection)
  const outgoing = createOutgoing((channel, frames) => sockets.send(channel as 'iopub', frames), log)

  const hear = (channel: IncomingChannel, listener: (message: Message) => void): void =>
    sockets.listen(channel, (frames) => {
      const message = codec.decode(frames)
      if (typeof message === 'string') return log(`ignored a message on ${channel}: ${message}`)
      try {
        listener(message)
      } catch (error) {
        log(`${message.header.msg_type} failed: ${(error as Error).stack}`)
      }
    })
  /** The topic that ZeroMQ subscribers may filter by; front ends subscribe to all. */
  const topic = (type: string): Uint8Array[] => [Buffer.from(type)]

  /** The frames of a message; of one that JSON cannot hold those of an error that says so: nothing is lost, no reply is missing. */
  const encode: Codec['encode'] = (identities, type, parent, content, more) => {
    try {
      return codec.encode(identities, type, parent, content, more)
    } catch (error) {
      const { name, message } = error as Error
      const evalue = `this ${type} cannot be sent: ${message}`
      log(evalue)
      const problem = { ename: name, evalue, traceback: [`${name}: ${evalue}`] }
      return type.endsWith('_reply')
        ? codec.encode(identities, type, parent, { status: 'error', ...problem })
        : codec.encode(topic('error'), 'error', parent, problem)
    }
  }

  const publish: Wire['publish'] = (parent, type, content, more) =>
    outgoing.push({
      channel: 'iopub',
      frames: () => encode(topic(type), type, parent, content, more),
    })

  // What was published before a front end's subscription took hold is lost to it: the welcome says from when on it hears.
  let isHeard = false
  sockets.onSubscription((topic) => {
    outgoing.push({
      channel: 'iopub',
      frames: () =>
        codec.encode([topic], 'iopub_welcome', {}, { subscription: Buffer.from(topic).toString() }),
    })
    // The first thing that a front end hears is its welcome; so this comes with the first of them.
    if (isHeard) return
    isHeard = true
    publish({}, 'status', { execution_state: 'starting' })
  })

  const { shell_port, iopub_port, stdin_port, control_port, hb_port } = connection
  return {
    ports: { shell_port, iopub_port, stdin_port, control_port, hb_port },
    listen({ onRequest, onAnswer }) {
      hear('shell', (message) => onRequest('shell', message))
      hear('control', (message) => onRequest('control', message))
      hear('stdin', onAnswer)
    },
    publish,
    publishLater(parent, type, content) {
      outgoing.push({
        channel: 'iopub',
        frames: async () => encode(topic(type), type, parent, await content),
      })
    },
    stream(parent, name, text, sent) {
      outgoing.stream(
        {
          key: `${name} ${parent.msg_id}`,
          channel: 'iopub',
          frames: (joined) => codec.encode(topic('stream'), 'stream', parent, { name, text: joined }),
          sent,
        },
        text,
      )
    },
    reply(channel, request, content, more) {
      outgoing.push({
        channel,
        frames: () =>
          encode(request.identities, replyTypeOf(request.header.msg_type), request.header, content, more),
      })
    },
    ask(request, content) {
      outgoing.push({
        channel: 'stdin',
        frames: () => codec.encode(request.identities, 'input_request', request.header, content),
      })
    },
    flush: () => outgoing.flush(),
    close: () => sockets.close(),
  }
}
