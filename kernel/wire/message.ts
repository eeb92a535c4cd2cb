import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import { userInfo } from 'node:os'
import { toJson } from '../json.js'

export const protocolVersion = '5.4'

/** A message header; its names are the protocol's. */
export interface Header {
  msg_id: string
  msg_type: string
  session: string
  username: string
  date: string
  version: string
  /** The subshell that shall answer, where the front end made one. */
  subshell_id?: string | null
}

/** A request as it came. `identities` says who sent it, for the way back. */
export interface Message {
  identities: Uint8Array[]
  header: Header
  parent: Partial<Header>
  metadata: Record<string, unknown>
  content: Record<string, any>
  buffers: Uint8Array[]
}

const delimiter = Buffer.from('<IDS|MSG>')

/** Reads and writes signed messages of one session. */
export interface Codec {
  /** The message, or what is wrong with the frames. */
  decode(frames: Uint8Array[]): Message | string
  encode(
    identities: readonly Uint8Array[],
    type: string,
    parent: Partial<Header>,
    content: object,
    more?: { metadata?: object; buffers?: readonly Uint8Array[] },
  ): Uint8Array[]
}

/** How many signatures are remembered to recognise a message that is sent again. */
const remembered = 65_536

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function maybeUserName(): string {
  try {
    return userInfo().username
  } catch {
    return 'kernel' // a container's user may have no name
  }
}

/** @param key the secret both sides know; an empty one turns signing off, as the protocol has it. */
export function createCodec(key: string, scheme: string): Codec {
  const algorithm = scheme.replace(/^hmac-/, '')
  const session = randomUUID()
  const username = maybeUserName()
  const seen = new Set<string>()
  let count = 0

  const sign = (parts: readonly Uint8Array[]): string => {
    if (key === '') return ''
    const hmac = createHmac(algorithm, key)
    for (const part of parts) hmac.update(part)
    return hmac.digest('hex')
  }

  const isNew = (signature: string): boolean => {
    if (key === '') return true
    if (seen.has(signature)) return false
    seen.add(signature)
    if (seen.size > remembered) for (const oldest of seen) return seen.delete(oldest)
    return true
  }

  return {
    decode(frames) {
      const at = frames.findIndex((frame) => delimiter.equals(frame))
      if (at < 0) return 'no <IDS|MSG> frame'
      const [signature, ...parts] = frames.slice(at + 1, at + 6)
      if (!signature || parts.length < 4) return `${frames.length - at - 1} frames after <IDS|MSG>, not 5`
      const expected = Buffer.from(sign(parts))
      if (signature.length !== expected.length || !timingSafeEqual(signature, expected))
        return 'the signature is wrong'
      if (!isNew(expected.toString('latin1'))) return 'this message came before'
      let read: unknown[]
      try {
        read = parts.map((part) => JSON.parse(Buffer.from(part).toString('utf8')) as unknown)
      } catch (error) {
        return `not JSON: ${(error as Error).message}`
      }
      const [header, parent, metadata, content] = read
      if (!isObject(header) || typeof header.msg_type !== 'string' || typeof header.msg_id !== 'string')
        return 'the header has no msg_id or no msg_type'
      if (!isObject(content)) return 'the content is not an object'
      return {
        identities: frames.slice(0, at),
        header: header as unknown as Header,
        parent: isObject(parent) ? parent : {},
        metadata: isObject(metadata) ? metadata : {},
        content,
        buffers: frames.slice(at + 6),
      }
    },
    encode(identities, type, parent, content, { metadata = {}, buffers = [] } = {}) {
      const header: Header = {
        msg_id: `${session}_${count++}`,
        msg_type: type,
        session,
        username,
        date: new Date().toISOString(),
        version: protocolVersion,
      }
      const parts = [header, parent, metadata, content].map((part) => Buffer.from(toJson(part)))
      return [...identities, delimiter, Buffer.from(sign(parts)), ...parts, ...buffers]
    },
  }
}
