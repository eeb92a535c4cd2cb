import { AsyncResource } from 'node:async_hooks'
import { fork, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { beside } from '../../host.js'
import { InputError } from '../../errors.js'
import type { Part, PartDone } from '../../train/index.js'
import type { Ended, Job, Pass, Watch } from '../engine.js'
import type { Sent } from '../shipping/pack.js'
import { compiledFile } from './compiled-file.js'
import type { FromWorker, ToWorker } from './messages.js'

/** What a kernel gives its workers to run what its cells may import. */
const kernelFlags = Symbol.for('gradbook.workerFlags')

/** Milliseconds that a worker has to stand at a whole iteration once it is stopped; then it is ended. */
const grace = 700
/** Milliseconds between two looks at the memory of a worker. */
const lookEvery = 200

const file = compiledFile('worker.js')

export interface WorkerSettings {
  readonly threads: number
  /** Bytes that a worker may have in memory. */
  readonly memory: number | undefined
}

/** How a pass ended here: as it does, or with the worker. */
export type PassEnd = Ended | { readonly state: 'lost'; readonly why: string }

/** One process that does passes, one at a time. */
export class LocalWorker {
  readonly #child: ChildProcess
  readonly #memory: number | undefined
  #onMessage: (message: FromWorker) => void = () => {}
  #onExit: (why: string) => void = () => {}
  #print = (stream: 'stdout' | 'stderr', text: string): void => void process[stream].write(text)
  /** Why it has ended; undefined while it lives. */
  #over: string | undefined
  #tooLarge = false

  private constructor(child: ChildProcess, memory: number | undefined) {
    this.#child = child
    this.#memory = memory
    child.on('message', (message: FromWorker) => this.#onMessage(message))
    child.on('error', (error) => this.#end(`its worker could not be started: ${error.message}`))
    child.on('exit', (code, signal) =>
      this.#end(`its worker ended (${signal === null ? `code ${code}` : signal})`),
    )
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream]!.setEncoding('utf8').on('data', (text: string) => this.#print(stream, text))
  }

  /**
   * Starts one that knows what was sent.
   *
   * @throws InputError where the worker lacks something.
   */
  static async start(
    sent: Sent,
    /** Of a study; undefined: it trains a run along. */
    objectives: Job['objectives'] | undefined,
    settings: WorkerSettings,
    name: string,
  ): Promise<LocalWorker> {
    const flags = (globalThis as { [kernelFlags]?: readonly string[] })[kernelFlags] ?? []
    const heap =
      settings.memory === undefined
        ? []
        : [`--max-old-space-size=${Math.max(64, Math.ceil(settings.memory / 2 ** 20))}`]
    const child = beside(() =>
      fork(file, [], {
        execArgv: [...flags, ...heap],
        serialization: 'advanced',
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      }),
    )
    const worker = new LocalWorker(child, settings.memory)
    const message = await new Promise<FromWorker>((resolve, reject) => {
      worker.#onMessage = resolve
      worker.#onExit = (why) => reject(new Error(`${name}: ${why} before it was ready`))
      const load = { shipment: sent.shipment, blobs: [...sent.blobs], threads: settings.threads }
      worker.#send(objectives ? { type: 'load', ...load, objectives } : { type: 'loadReplica', ...load })
    })
    if (message.type === 'refused') {
      worker.kill()
      throw new InputError({
        where: name,
        received: message.message,
        expected: 'a trial that a worker can do',
      })
    }
    worker.#hold(false)
    return worker
  }

  get pid(): number {
    return this.#child.pid!
  }

  get isOver(): boolean {
    return this.#over !== undefined
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #send(message: ToWorker): void {
    // One that is gone says so by its exit.
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  #end(why: string): void {
    if (this.#over !== undefined) return
    this.#over = why
    this.#onExit(why)
  }

  /** Whether this process stays for it. */
  #hold(on: boolean): void {
    const { channel, stdout, stderr } = this.#child
    for (const one of [this.#child, channel, stdout, stderr] as (
      | { ref?(): void; unref?(): void }
      | null
      | undefined
    )[])
      if (on) one?.ref?.()
      else one?.unref?.()
  }

  /** Bytes that it has in memory; undefined where that cannot be seen. */
  #size(): number | undefined {
    try {
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1]) * 1024
    } catch {
      return undefined
    }
  }

  /** Does a part of a step. Where `signal` is aborted it is given up, and the worker with it. */
  async part(part: Part, signal: AbortSignal): Promise<PartEnd> {
    if (this.#over !== undefined) return { lost: this.#over }
    this.#hold(true)
    const stop = () => this.kill()
    const ended = await new Promise<PartEnd>((resolve) => {
      this.#onExit = (why) => resolve({ lost: why })
      this.#onMessage = (message) => {
        if (message.type === 'partDone') resolve({ done: message.done })
        if (message.type === 'partFailed') resolve({ failed: message.message })
      }
      signal.addEventListener('abort', stop)
      if (signal.aborted) stop()
      this.#send({ type: 'part', part })
    })
    signal.removeEventListener('abort', stop)
    this.#hold(false)
    return ended
  }

  /** Does a pass. Settles within a second after `signal` is aborted. */
  async run(pass: Pass, watch: Watch, signal: AbortSignal): Promise<PassEnd> {
    if (this.#over !== undefined) return { state: 'lost', why: this.#over }
    const before = this.#print
    // What the trial prints belongs to the cell that runs the study.
    this.#print = AsyncResource.bind(before)
    this.#hold(true)
    let killer: ReturnType<typeof setTimeout> | undefined
    const stop = () => {
      this.#send({ type: 'stop' })
      killer ??= beside(() => setTimeout(() => this.kill(), grace))
    }
    const look =
      this.#memory !== undefined
        ? beside(() =>
            setInterval(() => {
              if ((this.#size() ?? 0) <= this.#memory!) return
              this.#tooLarge = true
              this.kill()
            }, lookEvery),
          )
        : undefined
    let verdict: string | undefined
    const ended = await new Promise<PassEnd>((resolve) => {
      this.#onExit = (why) =>
        resolve(
          signal.aborted
            ? { state: 'waiting' }
            : this.#tooLarge
              ? {
                  state: 'failed',
                  message: `it took more memory than the ${megabytes(this.#memory!)} that a worker may have`,
                }
              : { state: 'lost', why },
        )
      this.#onMessage = (message) => {
        switch (message.type) {
          case 'report': {
            const why = watch.onReport(message.report)
            if (why === undefined || verdict !== undefined) return
            verdict = why
            return this.#send({ type: 'prune', why })
          }
          case 'calls':
            return watch.onCalls(message.calls)
          case 'ended':
            return resolve(message.ended)
        }
      }
      signal.addEventListener('abort', stop)
      if (signal.aborted) stop()
      this.#send({ type: 'run', pass })
    })
    signal.removeEventListener('abort', stop)
    clearTimeout(killer)
    clearInterval(look)
    this.#print = before
    this.#hold(false)
    // It had come to its end before it heard of it.
    return verdict !== undefined && ended.state === 'complete' ? { state: 'pruned', message: verdict } : ended
  }
}

/** How a part ended. */
export type PartEnd = { readonly done: PartDone } | { readonly failed: string } | { readonly lost: string }

const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`
