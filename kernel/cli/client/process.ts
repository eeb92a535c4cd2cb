/** A kernel in a process of its own with a client connected to it, and its certain end. */
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inTemporaryFolder } from '../../temporary.js'
import { kernelCommand } from '../own-files.js'
import { KernelChild, type Exit } from './child.js'
import { KernelClient, KernelDied } from './client.js'
import {
  createConnection,
  createConnectionWithPorts,
  maybeReadConnection,
  writeConnectionFile,
  type Connection,
} from './connection.js'

export interface StartOptions {
  /** The folder that cells run in; imports resolve from here. Default: the current one. */
  folder?: string
  env?: NodeJS.ProcessEnv
  /** Another kernel's command, given a connection file. Default: gradbook's own kernel. */
  command?: (connectionFile: string) => string[]
  /** Milliseconds until the kernel must have answered. */
  timeout?: number
}

/** A running kernel. Call `shutdown` or `kill`, or hold it with `await using`. */
export class KernelProcess extends KernelClient {
  readonly connection: Connection
  readonly connectionFile: string
  /** The content of the kernel's `kernel_info_reply`. */
  info: any
  /** Milliseconds from the start of the process to the first reply. */
  startMilliseconds = NaN
  readonly #process: KernelChild

  constructor(process: KernelChild, connection: Connection, connectionFile: string) {
    super(connection)
    this.connection = connection
    this.connectionFile = connectionFile
    this.#process = process
    // Messages that the kernel sent last may still lie in the sockets.
    void process.exited.then(() => setTimeout(() => this.close(process.death), 50))
  }

  get child(): ChildProcess {
    return this.#process.child
  }

  /** What the process itself wrote to stdout and stderr, its last 100,000 characters. */
  get said(): string {
    return this.#process.said
  }

  get exit(): Exit | undefined {
    return this.#process.exit
  }

  get exited(): Promise<Exit> {
    return this.#process.exited
  }

  /** Asks the kernel to shut down, and ends it by force when it has not within `patience` milliseconds. */
  async shutdown({ restart = false, patience = 3_000 } = {}): Promise<Exit> {
    if (!this.exit) {
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
    this.#process.kill()
    this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown()
  }
}

/** Waits until the kernel has written its ports into the file. */
async function readPorts(file: string, kernel: KernelChild, timeout: number): Promise<Connection> {
  const deadline = performance.now() + timeout
  for (;;) {
    const connection = maybeReadConnection(file)
    if (connection) return connection
    if (kernel.exit) throw kernel.death
    if (performance.now() > deadline) throw new Error(`the kernel did not listen within ${timeout} ms`)
    await sleep(5)
  }
}

/** Starts a kernel and resolves when it answers. */
export async function startKernel({
  folder = process.cwd(),
  env = process.env,
  command,
  timeout = 30_000,
}: StartOptions = {}): Promise<KernelProcess> {
  const own = inTemporaryFolder('gradbook-kernel-', (made) => made)
  const file = join(own, 'connection.json')
  writeConnectionFile(file, command ? await createConnectionWithPorts() : createConnection())
  const started = performance.now()
  const child = new KernelChild(
    (command ?? kernelCommand)(file),
    { cwd: folder, env: { ...env, JPY_PARENT_PID: String(process.pid) } },
    own,
  )
  try {
    const connection = await readPorts(file, child, timeout)
    const kernel = new KernelProcess(child, connection, file)
    const forget = kernel.onMessage(({ channel }) => {
      if (channel !== 'shell') return
      kernel.startMilliseconds = performance.now() - started
      forget()
    })
    kernel.info = await kernel.ready({ timeout })
    return kernel
  } catch (error) {
    const said = child.said.trim()
    child.kill()
    if (error instanceof KernelDied || !said) throw error
    throw new Error(`${(error as Error).message}. The kernel said:\n${said.slice(-4_000)}`)
  }
}
