import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, isAbsolute, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deserialize, serialize } from 'node:v8'
import { describe, InputError } from '../../errors.js'
import { beside } from '../../host.js'
import { named } from '../../suggest.js'
import type { Calls, Ended, Engine, Pass, PassReport, Watch, Workers } from '../engine.js'
import { pack } from '../shipping/pack.js'
import { compiledFile } from './compiled-file.js'
import { encodeFrame, frameReader, type Frame } from './frames.js'
import type { RayLoad } from './ray-worker.js'

export interface RayOptions {
  /** Of the cluster: `'10.0.0.5:6379'`, or 'auto' for the one of this machine. Default: 'auto'. */
  address?: string
  /** Processors of each trial, as Ray counts them; it computes with so many threads. Default: 1. */
  numCpus?: number
  /** GPUs of each trial. Default: 0. */
  numGpus?: number
  /** Other resources of each trial, by their names. Default: none. `resources: { large: 1 }` */
  resources?: { readonly [name: string]: number }
  /** Trials at once. Default: as many as the cluster has room for when the study begins. */
  workers?: number
  /** A Python with the cluster's version of Ray. Default: `GRADBOOK_PYTHON`, else `python3`. */
  python?: string
  /** Milliseconds that the study waits for a cluster that was lost to come back. Default: 120,000. */
  patience?: number
}

/** Workers that one pass may lose before it is taken for what ends them. */
const mostLost = 5
/** Milliseconds between two attempts to find a cluster that was lost. */
const retryEvery = 1000
/** Milliseconds that a pass has to stand at a whole iteration once it is stopped. */
const grace = 900

const script = fileURLToPath(new URL('assets/ray_tasks.py', import.meta.url))
const worker = compiledFile('ray-worker.js')

interface Settings extends Required<Omit<RayOptions, 'workers'>> {
  readonly workers: number | undefined
}

function settingsFrom(options: RayOptions): Settings {
  const known = ['address', 'numCpus', 'numGpus', 'resources', 'workers', 'python', 'patience']
  const given = named(options, known, 'ray(options)')
  const check = (name: string, value: unknown, ok: boolean, expected: string) => {
    if (!ok) throw new InputError({ where: `ray({ ${name} })`, received: describe(value), expected })
  }
  const { address = 'auto', numCpus = 1, numGpus = 0, resources = {}, workers, patience = 120_000 } = given
  const python = given.python ?? process.env.GRADBOOK_PYTHON ?? 'python3'
  check(
    'address',
    address,
    typeof address === 'string' && (address === 'auto' || /^.+:\d+/.test(address)),
    "'auto', or host and port: '10.0.0.5:6379'",
  )
  for (const [name, value] of Object.entries({ numCpus, numGpus, patience, ...resources }))
    check(
      name,
      value,
      typeof value === 'number' && value >= 0 && Number.isFinite(value),
      'a number, at least 0',
    )
  check(
    'workers',
    workers,
    workers === undefined || (Number.isInteger(workers) && workers >= 1),
    'a whole number, at least 1',
  )
  check('python', python, typeof python === 'string', 'the path of a Python')
  return { address, numCpus, numGpus, resources, workers, python, patience }
}

/**
 * A cluster of Ray, started with Ray's own command: each trial is a task there, with what it uses. What it reports, its history and
 * its snapshots come back as they happen; one whose node is lost goes on elsewhere from its last snapshot, also when the head was
 * restarted.
 *
 * @example const study = sweep({ space: { x: uniform(0, 1) }, trial: ({ x }) => x ** 2, engine: ray({ address: '10.0.0.5:6379', numCpus: 2 }) })
 */
export function ray(options: RayOptions = {}): Engine {
  const settings = settingsFrom(options)
  const { address, numCpus, numGpus } = settings
  return {
    name: 'ray',
    settings: { address, numCpus, numGpus },
    async open(job) {
      const sent = await pack(job.trial, `${job.name}: trial`)
      const load: RayLoad = { sent, objectives: job.objectives, threads: Math.max(1, Math.floor(numCpus)) }
      const workers = new RayWorkers(settings, serialize(load))
      await workers.connect()
      return workers
    },
  }
}

/** A node of a cluster, and what it lacks. */
export interface RayNode {
  readonly node: string
  readonly address: string
  readonly resources: { readonly [name: string]: number }
  readonly lacks: string | null
}

/**
 * Looks at a cluster: its version, its nodes, and what each lacks to do trials.
 *
 * @throws InputError where none answers.
 * @example const { nodes } = await rayNodes({ address: '10.0.0.5:6379' })
 */
export function rayNodes(options: RayOptions = {}): Promise<{ version: string; nodes: readonly RayNode[] }> {
  const settings = settingsFrom(options)
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(unreachable(settings, why))
    const link = new Link(
      settings,
      { check: true },
      {
        frame({ head }) {
          if (head.type === 'checked') resolve(head as unknown as { version: string; nodes: RayNode[] })
          else fail(String(head.why))
        },
        closed: fail,
      },
    )
    void link
  })
}

const unreachable = ({ address, python }: Settings, why: string): InputError =>
  new InputError({
    where: 'ray(options)',
    received: `the cluster ${address} and ${python}: ${why}`,
    expected: 'a cluster of Ray that answers, and a Python with its version of Ray',
    fix: 'Start one with `ray start --head --port 6379`, and name both: ray({ address, python }).',
  })

interface Hears {
  frame(frame: Frame): void
  closed(why: string): void
}

/** The process of Python that speaks with the cluster. */
class Link {
  readonly #child: ChildProcess
  #errors = ''

  constructor({ address, python, numCpus, numGpus, resources }: Settings, more: object, hears: Hears) {
    this.#child = beside(() => spawn(python, [script], { stdio: ['pipe', 'pipe', 'pipe'] }))
    const child = this.#child
    child.stdout!.on(
      'data',
      frameReader((frame) => hears.frame(frame)),
    )
    child
      .stderr!.setEncoding('utf8')
      .on('data', (text: string) => (this.#errors = (this.#errors + text).slice(-2000)))
    child.stdin!.on('error', () => {})
    let isOver = false
    const over = (why: string) => {
      if (!isOver) hears.closed(why)
      isOver = true
    }
    child.on('error', (error) => over(error.message))
    child.on('close', (code, signal) =>
      over(
        `its process ended (${signal ?? `code ${code}`})${this.#errors ? `: ${this.#errors.trim().split('\n').at(-1)}` : ''}`,
      ),
    )
    this.send({ type: 'settings', address, worker, num_cpus: numCpus, num_gpus: numGpus, resources, ...more })
  }

  send(head: Frame['head'], body?: Uint8Array): void {
    this.#child.stdin!.write(encodeFrame(head, body))
  }

  /** Whether this process stays for it. */
  hold(on: boolean): void {
    const { stdin, stdout, stderr } = this.#child
    for (const one of [this.#child, stdin, stdout, stderr] as ({ ref?(): void; unref?(): void } | null)[])
      if (on) one?.ref?.()
      else one?.unref?.()
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

/** A pass that is under way on the cluster. */
interface Task {
  hear(frame: Frame): void
  lost(why: string): void
}

class RayWorkers implements Workers {
  size = 1
  readonly #settings: Settings
  readonly #load: Uint8Array
  #link: Link | undefined
  #connecting: Promise<void> | undefined
  readonly #tasks = new Map<string, Task>()
  readonly #waiting: (() => void)[] = []
  #busy = 0
  #count = 0
  #closed = false
  #scratch: string | undefined

  constructor(settings: Settings, load: Uint8Array) {
    this.#settings = settings
    this.#load = load
  }

  /** @throws InputError where no cluster answers. */
  connect(): Promise<void> {
    if (this.#link) return Promise.resolve()
    return (this.#connecting ??= new Promise<void>((resolve, reject) => {
      const lost = (why: string) => {
        if (this.#link === link) this.#link = undefined
        link.kill()
        reject(unreachable(this.#settings, why))
        for (const task of this.#tasks.values()) task.lost(why)
      }
      const link: Link = new Link(
        this.#settings,
        {},
        {
          frame: (frame) => {
            const { head } = frame
            if (head.type === 'fatal') return lost(String(head.why))
            if (head.type !== 'ready') return this.#tasks.get(String(head.id))?.hear(frame)
            this.#link = link
            const { CPU = 1 } = head.resources as { CPU?: number }
            this.size =
              this.#settings.workers ?? Math.max(1, Math.floor(CPU / Math.max(this.#settings.numCpus, 0.01)))
            link.send({ type: 'load' }, this.#load)
            link.hold(this.#busy > 0)
            resolve()
          },
          closed: lost,
        },
      )
    }).finally(() => (this.#connecting = undefined)))
  }

  /** The cluster, once it is there again. */
  async #reconnect(signal: AbortSignal): Promise<void> {
    const until = performance.now() + this.#settings.patience
    for (;;)
      try {
        return await this.connect()
      } catch (error) {
        if (signal.aborted || this.#closed) return
        if (performance.now() > until) throw error
        await new Promise<void>((resolve) => beside(() => setTimeout(resolve, retryEvery)))
      }
  }

  async run(given: Pass, watch: Watch, signal: AbortSignal): Promise<Ended> {
    while (this.#busy >= this.size) await new Promise<void>((resolve) => void this.#waiting.push(resolve))
    this.#busy++
    try {
      let pass = { ...given, folder: given.folder ?? this.#scratchOf(given) }
      for (let lost = 1; !signal.aborted && !this.#closed; lost++) {
        await this.#reconnect(signal)
        if (signal.aborted || this.#closed) break
        this.#link!.hold(true)
        const ended = await this.#one(
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
        if (!('lost' in ended)) return ended
        if (lost === mostLost) return { state: 'failed', message: `${ended.lost}, as those before it did` }
        if (!signal.aborted) watch.onLost?.(ended.lost)
      }
      return { state: 'waiting' }
    } finally {
      this.#busy--
      if (this.#busy === 0) this.#link?.hold(false)
      this.#waiting.shift()?.()
    }
  }

  /** Once, on some node. */
  async #one(pass: Pass, watch: Watch, signal: AbortSignal): Promise<Ended | { lost: string }> {
    const id = `${this.#count++}`
    const link = this.#link!
    let verdict: string | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = () => link.send({ type: 'stop', id })
    const ended = await new Promise<Ended | { lost: string }>((resolve) => {
      const onAbort = () => {
        stop()
        timer = beside(() => setTimeout(() => resolve({ state: 'waiting' }), grace))
      }
      this.#tasks.set(id, {
        lost: (why) => resolve({ lost: why }),
        hear: ({ head, body }) => {
          switch (head.type) {
            case 'report': {
              const why = watch.onReport(deserialize(body) as PassReport)
              if (why === undefined || verdict !== undefined) return
              verdict = why
              return link.send({ type: 'prune', id, why })
            }
            case 'files':
              return layFiles(pass.folder, head.files as [string, number][], body)
            case 'calls':
              return watch.onCalls(deserialize(body) as Calls)
            case 'ended':
              return resolve(deserialize(body) as Ended)
            case 'refused':
              return resolve({ state: 'failed', message: deserialize(body) as string })
            case 'lacks':
              return resolve({ state: 'failed', message: String(head.what) })
            case 'lost':
              return resolve({ lost: String(head.why) })
            case 'over':
              return resolve({ lost: 'its task ended without a word' })
          }
        },
      })
      signal.addEventListener('abort', onAbort, { once: true })
      const { files, bytes } = filesOf(pass.folder)
      const message = serialize({ ...pass, folder: undefined })
      link.send(
        { type: 'run', id, run: message.byteLength, files, folder: `${pass.number}-${pass.seed}` },
        Buffer.concat([message, bytes]),
      )
      if (signal.aborted) onAbort()
    })
    clearTimeout(timer)
    this.#tasks.delete(id)
    return verdict !== undefined && !('lost' in ended) && ended.state !== 'failed'
      ? { state: 'pruned', message: verdict }
      : ended
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
    this.#link?.kill()
    this.#link = undefined
    if (this.#scratch !== undefined) rmSync(this.#scratch, { recursive: true, force: true })
  }
}

/** What a pass has on disk, without its locks: they belong to processes of this machine. */
function filesOf(folder: string | undefined): { files: [string, number][]; bytes: Uint8Array } {
  const files: [string, number][] = []
  const parts: Uint8Array[] = []
  const walk = (place: string): void => {
    let entries
    try {
      entries = readdirSync(place, { withFileTypes: true })
    } catch {
      return
    }
    for (const entry of entries) {
      const path = join(place, entry.name)
      if (entry.isDirectory()) walk(path)
      else if (entry.isFile() && !entry.name.startsWith('lock-') && entry.name !== 'trial.json') {
        const bytes = readFileSync(path)
        files.push([relative(folder!, path), bytes.byteLength])
        parts.push(bytes)
      }
    }
  }
  if (folder !== undefined && statSync(folder, { throwIfNoEntry: false })) walk(folder)
  return { files, bytes: Buffer.concat(parts) }
}

/** Writes what a node has written. Names come from elsewhere: none may lead out of the folder. */
function layFiles(folder: string | undefined, files: readonly [string, number][], bytes: Uint8Array): void {
  if (folder === undefined) return
  let at = 0
  for (const [name, size] of files) {
    const inside = normalize(name)
    if (isAbsolute(inside) || inside.startsWith('..'))
      throw new Error(`a node sent a file that lies outside: ${name}`)
    const path = join(folder, inside)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes.subarray(at, at + size))
    at += size
  }
}
