/** A kernel in a process of its own with a client connected to it, and its certain end. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { kernelCommand } from '../places.js'
import { KernelClient, KernelDied } from './client.js'
import { createConnection, writeConnectionFile, type Connection } from './connection.js'

export interface StartOptions {
  /** The folder that cells run in; imports resolve from here. Default: the current one. */
  folder?: string
  env?: NodeJS.ProcessEnv
  /** Another kernel's command, given a connection file. Default: gradbook's own kernel. */
  command?: (connectionFile: string) => string[]
  /** Milliseconds until the kernel must have answered. */
  timeout?: number
}

/** How a process ended. */
export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

const running = new Set<KernelProcess>()
process.on('exit', () => {
  for (const kernel of running) kernel.kill()
})

/** A running kernel. Call `shutdown` or `kill`, or hold it with `await using`. */
export class KernelProcess extends KernelClient {
  readonly child: ChildProcess
  readonly connection: Connection
  readonly connectionFile: string
  /** The content of the kernel's `kernel_info_reply`. */
  info: any
  /** Milliseconds from the start of the process to the first reply. */
  startMilliseconds = NaN
  readonly #folder: string
  readonly exited: Promise<Exit>
  #exit: Exit | undefined
  #said = ''

  constructor(child: ChildProcess, connection: Connection, folder: string, connectionFile: string) {
    super(connection)
    this.child = child
    this.connection = connection
    this.connectionFile = connectionFile
    this.#folder = folder
    running.add(this)
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-100_000)
      })
    this.exited = new Promise((resolve) => {
      const onEnd = (exit: Exit, reason: string): void => {
        if (this.#exit) return
        this.#exit = exit
        running.delete(this)
        this.#killGroup()
        rmSync(this.#folder, { recursive: true, force: true })
        // Messages that the kernel sent last may still lie in the sockets.
        setTimeout(() => this.close(new KernelDied(`${reason}.${this.#lastWords()}`)), 50)
        resolve(exit)
      }
      child.once('error', (error) =>
        onEnd({ code: null, signal: null }, `the kernel did not start: ${error}`),
      )
      child.once('exit', (code, signal) =>
        onEnd({ code, signal }, `the kernel ended (${signal ? `signal ${signal}` : `exit code ${code}`})`),
      )
    })
  }

  /** What the process itself wrote to stdout and stderr, its last 100,000 characters. */
  get said(): string {
    return this.#said
  }

  get exit(): Exit | undefined {
    return this.#exit
  }

  #lastWords(): string {
    const words = this.#said.trim()
    return words ? ` It said:\n${words.slice(-4_000)}` : ''
  }

  /** Children that the kernel left behind end with it: it was made the leader of a process group. */
  #killGroup(): void {
    if (process.platform === 'win32' || this.child.pid === undefined) return
    try {
      process.kill(-this.child.pid, 'SIGKILL')
    } catch {
      // The group is gone already.
    }
  }

  /** Asks the kernel to shut down, and ends it by force when it has not within `patience` milliseconds. */
  async shutdown({ restart = false, patience = 3_000 } = {}): Promise<Exit> {
    if (!this.#exit) {
      void this.request('control', 'shutdown_request', { restart }).catch(() => {})
      const left = await Promise.race([this.exited, sleep(patience, undefined, { ref: false })])
      if (!left) this.kill()
    }
    const exit = await this.exited
    this.close()
    return exit
  }

  /** Ends the process and its children at once. */
  kill(): void {
    if (!this.#exit) this.child.kill('SIGKILL')
    this.#killGroup()
    rmSync(this.#folder, { recursive: true, force: true })
    this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown()
  }
}

/** Starts a kernel and resolves when it answers. */
export async function startKernel(options: StartOptions = {}): Promise<KernelProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'gradbook-kernel-'))
  const connection = await createConnection()
  const file = join(folder, 'connection.json')
  writeConnectionFile(file, connection)
  const [program, ...args] = (options.command ?? kernelCommand)(file) as [string, ...string[]]
  const started = performance.now()
  const child = spawn(program, args, {
    cwd: options.folder ?? process.cwd(),
    env: { ...(options.env ?? process.env), JPY_PARENT_PID: String(process.pid) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  const kernel = new KernelProcess(child, connection, folder, file)
  const forget = kernel.onMessage(({ channel }) => {
    if (channel !== 'shell') return
    kernel.startMilliseconds = performance.now() - started
    forget()
  })
  try {
    kernel.info = await kernel.ready({ timeout: options.timeout ?? 30_000 })
    return kernel
  } catch (error) {
    const said = kernel.said.trim()
    kernel.kill()
    if (error instanceof KernelDied || !said) throw error
    throw new Error(`${(error as Error).message}. The kernel said:\n${said.slice(-4_000)}`)
  }
}
