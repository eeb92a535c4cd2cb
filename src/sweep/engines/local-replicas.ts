import { InputError } from '../../errors.js'
import { say } from '../../say.js'
import type { Part, PartDone, Replicas } from '../../train/index.js'
import type { Sent } from '../shipping/pack.js'
import { LocalWorker, type WorkerSettings } from './local-worker.js'

/** Workers that a part may lose before it is taken for what ends them. */
const mostLost = 3

/** Processes on this machine that train a run along, each in its place. */
export class LocalReplicas implements Replicas {
  readonly #workers: LocalWorker[]
  readonly #start: () => Promise<LocalWorker>
  readonly #where: string
  #closed = false

  private constructor(workers: LocalWorker[], start: () => Promise<LocalWorker>, where: string) {
    this.#workers = workers
    this.#start = start
    this.#where = where
  }

  static async start(
    sent: Sent,
    count: number,
    settings: WorkerSettings,
    where: string,
  ): Promise<LocalReplicas> {
    const start = () => LocalWorker.start(sent, undefined, settings, where)
    const started = await Promise.allSettled(Array.from({ length: count }, start))
    const ready = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const failed = started.find((one) => one.status === 'rejected')
    if (!failed) return new LocalReplicas(ready, start, where)
    for (const one of ready) one.kill()
    throw failed.reason
  }

  get size(): number {
    return this.#workers.length
  }

  /** Processes by their place. */
  get pids(): readonly number[] {
    return this.#workers.map(({ pid }) => pid)
  }

  all(parts: readonly Part[], signal: AbortSignal): Promise<readonly PartDone[]> {
    return Promise.all(parts.map((part, place) => this.#one(part, place, signal)))
  }

  async #one(part: Part, place: number, signal: AbortSignal): Promise<PartDone> {
    for (let lost = 0; ; lost++) {
      if (this.#closed) throw new Error(`${this.#where}: its workers were closed`)
      signal.throwIfAborted()
      if (this.#workers[place]!.isOver) this.#workers[place] = await this.#start()
      const ended = await this.#workers[place]!.part(part, signal)
      if ('done' in ended) return ended.done
      if ('failed' in ended)
        throw new InputError({
          where: `${this.#where}, worker ${place}`,
          received: ended.failed,
          expected: 'a run that workers can train',
        })
      signal.throwIfAborted()
      if (lost + 1 === mostLost) throw new Error(`${this.#where}: ${ended.lost}, as those before it did`)
      say(`${this.#where}, worker ${place}: ${ended.lost}. Another takes its place, and does its part again.`)
    }
  }

  close(): void {
    this.#closed = true
    for (const worker of this.#workers) worker.kill()
  }
}
