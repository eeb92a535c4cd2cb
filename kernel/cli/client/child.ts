/** The process of a kernel: what it says, how it ends, and that nothing of it is left behind. */
import { spawn, type ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import { KernelDied } from './client.js'

/** How a process ended. */
export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

const running = new Set<KernelChild>()
process.on('exit', () => {
  for (const kernel of running) kernel.kill()
})

/** The process and the folder of its connection file. */
export class KernelChild {
  readonly child: ChildProcess
  readonly exited: Promise<Exit>
  exit: Exit | undefined
  /** What it wrote to stdout and stderr, the last 100,000 characters. */
  said = ''
  readonly #folder: string
  #reason = ''

  /** @param folder what is removed with it. */
  constructor(command: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }, folder: string) {
    const [program, ...args] = command as [string, ...string[]]
    this.#folder = folder
    this.child = spawn(program, args, {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    running.add(this)
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.said = (this.said + text).slice(-100_000)
      })
    this.exited = new Promise((resolve) => {
      const onEnd = (exit: Exit, reason: string): void => {
        if (this.exit) return
        this.exit = exit
        this.#reason = reason
        running.delete(this)
        this.#clean()
        resolve(exit)
      }
      this.child.once('error', (error) =>
        onEnd({ code: null, signal: null }, `the kernel did not start: ${error}`),
      )
      this.child.once('exit', (code, signal) =>
        onEnd({ code, signal }, `the kernel ended (${signal ? `signal ${signal}` : `exit code ${code}`})`),
      )
    })
  }

  /** Why it is gone, with its last words. */
  get death(): KernelDied {
    const words = this.said.trim()
    return new KernelDied(`${this.#reason}.${words ? ` It said:\n${words.slice(-4_000)}` : ''}`)
  }

  /** Ends it and its children at once. */
  kill(): void {
    if (!this.exit) this.child.kill('SIGKILL')
    this.#clean()
  }

  /** Children that the kernel left behind end with it: it was made the leader of a process group. */
  #clean(): void {
    rmSync(this.#folder, { recursive: true, force: true })
    if (process.platform === 'win32' || this.child.pid === undefined) return
    try {
      process.kill(-this.child.pid, 'SIGKILL')
    } catch {
      // The group is gone already.
    }
  }
}
