/** `process.stdout` and `process.stderr` of user code: text goes to the cell that wrote it. */
import { Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { Shared, writeCost, type Cause, type ToProtocol } from '../port.js'
import { currentSink } from './capture.js'
import { currentOrigin } from './cause.js'

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

class CellStream extends Writable {
  readonly isTTY = false
  readonly fd: number
  readonly #name: 'stdout' | 'stderr'
  readonly #output: Output
  readonly #decoder = new StringDecoder()
  constructor(name: 'stdout' | 'stderr', output: Output) {
    super({ decodeStrings: false, highWaterMark: 1 << 20 })
    this.fd = name === 'stdout' ? 1 : 2
    this.#name = name
    this.#output = output
  }
  // Overridden whole rather than `_write`: text must leave in the turn in which it is written, also in a loop that never ends.
  override write(
    chunk: unknown,
    encoding?: BufferEncoding | ((error?: Error | null) => void),
    callback?: (error?: Error | null) => void,
  ): boolean {
    const done = typeof encoding === 'function' ? encoding : callback
    if (typeof chunk === 'string') this.#output.write(this.#name, chunk)
    else if (chunk instanceof Uint8Array)
      this.#output.write(
        this.#name,
        this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)),
      )
    else throw new TypeError(`write(): received ${typeof chunk}, expected a string or a Uint8Array`)
    if (done) queueMicrotask(() => done())
    return true
  }
  override _write(_chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    done()
  }
  // A library that ends stdout must not silence the cells after it.
  override end(chunk?: unknown): this {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.write(chunk)
    return this
  }
  override destroy(): this {
    return this
  }
}

/** Puts the cell streams in place of the process's own, for `console` too. */
export function captureStreams(output: Output): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = new CellStream(name, output)
    Object.defineProperty(process, name, { get: () => stream, configurable: true, enumerable: true })
  }
}
