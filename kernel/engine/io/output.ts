/** `process.stdout` and `process.stderr` of user code: text goes to the cell that wrote it. */
import { Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { Shared, writeCost, type Cause, type ToProtocol } from '../../port.js'
import { currentSink } from './capture.js'
import { currentOrigin } from '../running/cause.js'

/** Characters that may wait to be sent before whoever writes has to wait, so that a flood cannot fill the memory. */
const backlogAtMost = 4 << 20

export interface Output {
  write(stream: 'stdout' | 'stderr', text: string, cause?: Cause): void
}

export function createOutput(post: (message: ToProtocol) => void, shared: Int32Array): Output {
  return {
    write(stream, text, cause = currentOrigin().cause) {
      if (text === '') return
      const sink = currentSink()
      if (sink) return sink.write(stream, text)
      const cost = text.length + writeCost
      let backlog = Atomics.add(shared, Shared.backlog, cost) + cost
      post({ type: 'write', cause, stream, text })
      while (backlog > backlogAtMost) {
        Atomics.wait(shared, Shared.backlog, backlog, 20)
        backlog = Atomics.load(shared, Shared.backlog)
      }
    },
  }
}

/** What is Node's own business of a stream, and used here to begin anew. */
interface Restored {
  _undestroy(): void
  _writableState: {
    closeEmitted: boolean
    errorEmitted: boolean
    getBuffer(): { chunk: unknown; encoding: BufferEncoding }[]
  }
}
const { WritableState } = Writable as unknown as {
  WritableState: new (options: object, stream: Writable, isDuplex: boolean) => Restored['_writableState']
}

const options = { decodeStrings: false }

/**
 * A stream as Node's own: it encodes, calls back, is piped into, ends. Text leaves in the turn in which it is written, also
 * in a loop that never ends. Who ends it ends it for nobody else: as Node's, it is open again once it has closed.
 */
class CellStream extends Writable {
  readonly isTTY = false
  readonly fd: number
  readonly _isStdio = true
  readonly #name: 'stdout' | 'stderr'
  readonly #output: Output
  #decoder = new StringDecoder()
  constructor(name: 'stdout' | 'stderr', output: Output) {
    super(options)
    // A pipeline leaves listeners behind, and this lives for as long as the kernel.
    this.setMaxListeners(0)
    this.fd = name === 'stdout' ? 1 : 2
    this.#name = name
    this.#output = output
  }

  #put(chunk: string | Buffer, encoding: BufferEncoding): void {
    // Text goes as it is, unless half a character of bytes waits for its other half.
    const isText = typeof chunk === 'string' && /^utf-?8$/i.test(encoding)
    const { lastNeed } = this.#decoder as unknown as { lastNeed: number }
    if (isText && lastNeed === 0) this.#output.write(this.#name, chunk)
    else {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
      this.#output.write(this.#name, this.#decoder.write(bytes))
    }
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, done: () => void): void {
    try {
      this.#put(chunk, encoding)
    } finally {
      done()
    }
  }

  override write(chunk: any, ...more: any[]): boolean {
    const isWhole = typeof chunk === 'string' || chunk instanceof Uint8Array
    if (!this.writableEnded || !isWhole) return super.write(chunk, ...(more as [BufferEncoding, () => void]))
    // Somebody has ended it in this turn. What is printed before it is open again is no less worth reading.
    const encoding: BufferEncoding = typeof more[0] === 'string' ? (more[0] as BufferEncoding) : 'utf8'
    const done: unknown = more.find((one) => typeof one === 'function')
    this.#put(typeof chunk === 'string' ? chunk : Buffer.from(chunk), encoding)
    if (typeof done === 'function') process.nextTick(done, null)
    return true
  }

  override _final(done: () => void): void {
    this.#output.write(this.#name, this.#decoder.end())
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    done(error)
    const restored = this as unknown as Restored
    restored._undestroy()
  }

  override emit(event: string | symbol, ...args: any[]): boolean {
    // Node leaves these behind, and then a second `end` never finishes.
    const state = (this as unknown as Restored)._writableState
    if (event === 'close') state.closeEmitted = false
    if (event === 'error') state.errorEmitted = false
    return super.emit(event, ...args)
  }

  destroySoon(): void {
    this.destroy()
  }

  /** Begins anew, with all that waited written first: Stop may have ended JavaScript in the middle of a write. */
  restore(): void {
    const state = this as unknown as Restored
    const waiting = state._writableState.getBuffer()
    state._writableState = new WritableState(options, this, false)
    for (const { chunk, encoding } of waiting) this.#put(chunk as string | Buffer, encoding)
  }

  /** What a cell holds back with `cork` and does not let go is seen under it all the same. */
  letGo(): void {
    while (this.writableCorked > 0) this.uncork()
  }
}

export interface Streams {
  /** A cell has ended: what it left half done does not reach the next one. */
  letGo(): void
  /** JavaScript was ended in the middle of something. */
  restore(): void
}

/** Puts the cell streams in place of the process's own, for `console` too. */
export function captureStreams(output: Output): Streams {
  const streams = (['stdout', 'stderr'] as const).map((name) => {
    const stream = new CellStream(name, output)
    Object.defineProperty(process, name, { get: () => stream, configurable: true, enumerable: true })
    return stream
  })
  return {
    letGo: () => streams.forEach((stream) => stream.letGo()),
    restore: () => streams.forEach((stream) => stream.restore()),
  }
}
