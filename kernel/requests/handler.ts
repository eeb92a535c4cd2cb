/** What answers a request. Each is made, in handlers.ts, of what it uses. */
import type { Header, Message } from '../wire/index.js'

export interface Request {
  channel: 'shell' | 'control'
  message: Message
  parent: Header
}

/** Gives the content of the reply; `undefined` where the protocol has none. */
export type Handler = (request: Request) => object | undefined | Promise<object | undefined>
