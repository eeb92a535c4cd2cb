/** Answers requests at once, whatever runs: busy, the reply, idle. */
import type { Message, Wire } from '../wire/index.js'
import type { Subshells } from './cells/subshells.js'
import type { Handler, Request } from './handler.js'

interface Uses {
  handlers: Record<string, Handler>
  wire: Wire
  log(line: string): void
  subshells: Subshells
}

export function createAnswer({ handlers, wire, log, subshells }: Uses) {
  return async (channel: Request['channel'], message: Message): Promise<void> => {
    const type = message.header.msg_type
    const handler = Object.hasOwn(handlers, type) ? handlers[type] : undefined
    if (!handler) return log(`ignored a message on ${channel}: nothing answers '${type}'`)
    const parent = message.header
    wire.publish(parent, 'status', { execution_state: 'busy' })
    let content: object | undefined
    try {
      content = await handler({ channel, message, parent })
    } catch (error) {
      const { name = 'Error', message: evalue = String(error), stack } = error as Error
      log(`${type} failed: ${stack}`)
      content = type.endsWith('_request')
        ? { status: 'error', ename: name, evalue, traceback: [] }
        : undefined
    }
    if (content) wire.reply(channel, message, content)
    wire.publish(parent, 'status', { execution_state: 'idle' })
    // Front ends show the last state they heard: a cell that runs is still busy.
    const [running] = subshells.running
    if (running) wire.publish(running.message.header, 'status', { execution_state: 'busy' })
  }
}
