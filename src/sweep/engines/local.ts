import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import type { ReplicaEngine } from '../../train/index.js'
import type { Ended, Engine, Job, Pass, Watch, Workers } from '../engine.js'
import { pack, type Sent } from '../shipping/pack.js'
import { LocalReplicas } from './local-replicas.js'
import { LocalWorker, type WorkerSettings } from './local-worker.js'

/** Workers that one pass may lose before it is taken for what ends them. */
const mostLost = 3

export interface LocalOptions {
  /** Processes, each of which does one pass at a time. Default: as many as processors, divided by `threads`. */
  workers?: number
  /** Threads that each computes with. Default: 1; with `workers` alone the processors divided by them. */
  threads?: number
  /** Megabytes that each may have in memory; a trial that takes more fails. Default: no limit. */
  memory?: number
}

/**
 * Processes on this machine: the notebook stays free, and several trials run at once. The trial goes there with what it uses (docs:
 * what can be sent); a process that is lost is replaced, and its trial goes on from its last snapshot.
 *
 * @example const study = sweep({ space: { x: uniform(0, 1) }, trial: ({ x }) => x ** 2, engine: local({ workers: 2, threads: 1, memory: 2000 }) })
 */
export function local(options: LocalOptions = {}): Engine & ReplicaEngine {
  const where = 'local(options)'
  const given = named(options, ['workers', 'threads', 'memory'], where)
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && !(Number.isInteger(value) && (value as number) >= 1))
      throw new InputError({
        where: `local({ ${name} })`,
        received: describe(value),
        expected: 'a whole number, at least 1',
      })
  const processors = availableParallelism()
  const threads = given.threads ?? (given.workers ? Math.max(1, Math.floor(processors / given.workers)) : 1)
  const workers = given.workers ?? Math.max(1, Math.floor(processors / threads))
  const { memory } = given
  if (memory !== undefined && memory * 2 ** 20 > totalmem())
    throw new InputError({
      where: 'local({ memory })',
      received: `${memory} MB`,
      expected: `at most the ${Math.floor(totalmem() / 2 ** 20)} MB that this machine has`,
    })
  return {
    name: 'local',
    settings: { workers, threads, ...(memory !== undefined && { memory }) },
    async replicas(of, count, called) {
      const own = given.threads ?? Math.max(1, Math.floor(processors / count))
      const settings = { threads: own, memory: undefined }
      return LocalReplicas.start(await pack(of, called), count, settings, called)
    },
    async open(job) {
      const sent = await pack(job.trial, `${job.name}: trial`)
      const settings = { threads, memory: memory === undefined ? undefined : memory * 2 ** 20 }
      const started = await Promise.allSettled(
        Array.from({ length: workers }, () => LocalWorker.start(sent, job.objectives, settings, job.name)),
      )
      const ready = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      const failed = started.find((one) => one.status === 'rejected')
      if (failed) {
        for (const one of ready) one.kill()
        throw failed.reason
      }
      return new LocalWorkers(job, sent, settings, ready)
    },
  }
}

class LocalWorkers implements Workers {
  readonly size: number
  readonly #job: Job
  readonly #sent: Sent
  readonly #settings: WorkerSettings
  readonly #idle: LocalWorker[]
  readonly #all: Set<LocalWorker>
  readonly #waiting: (() => void)[] = []
  #busy = 0
  /** Where runs lie of a study that has no folder: who is taken up from a snapshot needs one. */
  #scratch: string | undefined
  #closed = false

  constructor(job: Job, sent: Sent, settings: WorkerSettings, ready: LocalWorker[]) {
    this.size = ready.length
    this.#job = job
    this.#sent = sent
    this.#settings = settings
    this.#idle = ready
    this.#all = new Set(ready)
  }

  async run(given: Pass, watch: Watch, signal: AbortSignal): Promise<Ended> {
    while (this.#busy >= this.size) await new Promise<void>((resolve) => void this.#waiting.push(resolve))
    this.#busy++
    try {
      let pass = { ...given, folder: given.folder ?? this.#scratchOf(given) }
      for (let lost = 1; !signal.aborted && !this.#closed; lost++) {
        const worker = await this.#take()
        const ended = await worker.run(
          pass,
          {
            ...watch,
            onReport: (report) => watch.onReport(report),
            onCalls: (calls) => {
              pass = { ...pass, before: calls }
              watch.onCalls(calls)
            },
          },
          signal,
        )
        if (worker.isOver) this.#all.delete(worker)
        else this.#idle.push(worker)
        if (ended.state !== 'lost') return ended
        if (lost === mostLost) return { state: 'failed', message: `${ended.why}, as those before it did` }
        watch.onLost?.(ended.why)
      }
      return { state: 'waiting' }
    } finally {
      this.#busy--
      this.#waiting.shift()?.()
    }
  }

  /** One that lives: a new one in place of one that was lost. */
  async #take(): Promise<LocalWorker> {
    for (let one = this.#idle.pop(); one; one = this.#idle.pop()) {
      if (!one.isOver) return one
      this.#all.delete(one)
    }
    const made = await LocalWorker.start(this.#sent, this.#job.objectives, this.#settings, this.#job.name)
    this.#all.add(made)
    return made
  }

  #scratchOf({ number, seed }: Pass): string | undefined {
    if (process.env.GRADBOOK_RUNS === 'off') return undefined
    if (this.#scratch === undefined) {
      const folder = (this.#scratch = mkdtempSync(join(tmpdir(), 'gradbook-sweep-')))
      process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    }
    return join(this.#scratch, `${number}-${seed}`)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const worker of this.#all) worker.kill()
    this.#all.clear()
    this.#idle.length = 0
    if (this.#scratch !== undefined) rmSync(this.#scratch, { recursive: true, force: true })
  }
}
