/** Jupyter messages as frames on the wire: written and read from the messaging specification 5.4, the client's side. */
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'

export type Channel = 'shell' | 'control' | 'stdin' | 'iopub'

export interface Header {
  msg_id: string
  msg_type: string
  session: string
  username: string
  date: string
  version: string
}

/** A message as it came or goes; names of the fields are the protocol's. */
export interface Message {
  channel: Channel
  header: Header
  parent_header: Partial<Header>
  metadata: Record<string, any>
  content: any
  buffers: Uint8Array[]
}

const delimiter = '<IDS|MSG>'

export function sign(key: string, parts: readonly (string | Uint8Array)[]): string {
  if (key === '') return ''
  const hmac = createHmac('sha256', key)
  for (const part of parts) hmac.update(part)
  return hmac.digest('hex')
}

/** A new request of this session. */
export function createMessage(
  session: string,
  channel: Channel,
  type: string,
  content: unknown,
  more: { metadata?: Record<string, unknown>; buffers?: Uint8Array[]; parent?: Partial<Header> } = {},
): Message {
  return {
    channel,
    header: {
      msg_id: randomUUID(),
      msg_type: type,
      session,
      username: 'gradbook',
      date: new Date().toISOString(),
      version: '5.4',
    },
    parent_header: more.parent ?? {},
    metadata: more.metadata ?? {},
    content,
    buffers: more.buffers ?? [],
  }
}

export function encodeMessage(message: Message, key: string): (string | Uint8Array)[] {
  const parts = [message.header, message.parent_header, message.metadata, message.content].map((part) =>
    JSON.stringify(part),
  )
  return [delimiter, sign(key, parts), ...parts, ...message.buffers]
}

/** Reads a message; throws when it is malformed or its signature is wrong. */
export function decodeMessage(channel: Channel, frames: readonly Uint8Array[], key: string): Message {
  const at = frames.findIndex((frame) => frame.length === 9 && Buffer.from(frame).toString() === delimiter)
  if (at < 0 || frames.length < at + 6)
    throw new Error(`a message of ${frames.length} frames lacks its parts`)
  const signature = Buffer.from(frames[at + 1]!)
  const parts = frames.slice(at + 2, at + 6)
  const expected = Buffer.from(sign(key, parts))
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected))
    throw new Error('a message has a wrong signature')
  const [header, parent_header, metadata, content] = parts.map((part) =>
    JSON.parse(Buffer.from(part).toString('utf8')),
  )
  return { channel, header, parent_header, metadata, content, buffers: frames.slice(at + 6) }
}
