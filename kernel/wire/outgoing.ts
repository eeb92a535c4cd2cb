import { setTimeout as sleep } from 'node:timers/promises'

/**
 * The one way out of the kernel. What is queued first leaves first, whichever socket it goes to, so "busy first, idle
 * last, one reply" holds because of the order of calls and not because of care taken at each place.
 */
export interface Outgoing {
  /** Queues a message. A thunk is called when its turn has come, a promise holds back what follows until it settles. */
  push(item: Sending): void
  /** Queues text for a stream; text for the same stream that follows closely travels in the same message. */
  stream(stream: Stream, text: string): void
  /** Resolves when all that was queued before has left. */
  flush(): Promise<void>
}

export interface Sending {
  channel: string
  frames: () => Uint8Array[] | Promise<Uint8Array[]>
  /** Called when it has left, however that went. */
  sent?: () => void
  /** Characters of a stream: a flood of them is slowed down. */
  flow?: number
}

/** Where stream text goes: two writes to an equal `key` may be joined. */
export interface Stream {
  key: string
  channel: string
  frames: (text: string) => Uint8Array[]
  /** Called with the number of characters, and of writes they came in, that have left. */
  sent?: (length: number, writes: number) => void
}

/** Text waits this long for more of its kind: twenty messages a second are quick to the eye and few to a front end. */
const gatherFor = 50
/** A message of a stream is not made longer than this, in characters. */
const gatherAtMost = 1 << 20

/** Characters a second that streams may send for long, and at once: more than any front end can draw, and its Stop still works. */
const sustained = 32 << 20
const burst = 16 << 20

/** Lets `burst` pass at once and `sustained` a second for long: says how many milliseconds to wait before `amount` more. */
function createThrottle(): (amount: number) => number {
  let level = 0
  let last = performance.now()
  return (amount) => {
    const now = performance.now()
    level = Math.max(0, level - ((now - last) / 1_000) * sustained) + amount
    last = now
    return Math.max(0, ((level - burst) / sustained) * 1_000)
  }
}

export function createOutgoing(
  send: (channel: string, frames: Uint8Array[]) => Promise<void>,
  log: (line: string) => void,
): Outgoing {
  const queue: Sending[] = []
  const throttle = createThrottle()
  let pumping = false
  let open: { stream: Stream; chunks: string[]; length: number } | undefined
  let timer: NodeJS.Timeout | undefined
  let lastStream = 0
  let idle: (() => void)[] = []

  async function pump(): Promise<void> {
    for (let item = queue.shift(); item; item = queue.shift()) {
      try {
        const wait = item.flow === undefined ? 0 : throttle(item.flow)
        if (wait > 0) await sleep(wait)
        await send(item.channel, await item.frames())
      } catch (error) {
        log(`a message could not be sent on ${item.channel}: ${(error as Error).message}`)
      }
      item.sent?.()
    }
    pumping = false
    const waiting = idle
    idle = []
    for (const resolve of waiting) resolve()
  }

  function enqueue(item: Sending): void {
    queue.push(item)
    if (pumping) return
    pumping = true
    // Writing and signing is work of some tenths of a millisecond: first whoever queued this goes on.
    setImmediate(pump)
  }

  /** Queues the stream text that is being gathered. */
  function close(): void {
    clearTimeout(timer)
    timer = undefined
    if (!open) return
    const { stream, chunks, length } = open
    open = undefined
    lastStream = performance.now()
    enqueue({
      channel: stream.channel,
      frames: () => stream.frames(chunks.join('')),
      flow: length,
      sent: () => stream.sent?.(length, chunks.length),
    })
  }

  return {
    push(item) {
      close()
      enqueue(item)
    },
    stream(stream, text) {
      if (open && open.stream.key !== stream.key) close()
      open ??= { stream, chunks: [], length: 0 }
      open.chunks.push(text)
      open.length += text.length
      if (open.length >= gatherAtMost) return close()
      // The first text after a pause leaves in this turn, so a lone line is seen at once.
      const wait = Math.max(0, lastStream + gatherFor - performance.now())
      timer ??= setTimeout(close, wait)
    },
    flush() {
      close()
      return pumping ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve()
    },
  }
}
