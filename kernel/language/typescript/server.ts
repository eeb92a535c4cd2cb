import { spawn, type ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The service ended while it had work to do. The next request starts another. */
export class ServerStopped extends Error {
  override name = 'ServerStopped'
}

/** The service took longer than anyone waits. It is ended, and the next request starts another. */
export class ServerTooSlow extends Error {
  override name = 'ServerTooSlow'
}

export interface Server {
  request(method: string, params: unknown): Promise<any>
  notify(method: string, params: unknown): void
  readonly alive: boolean
  readonly pid: number | undefined
  stop(): void
}

/** TypeScript 7 is one executable, in a package for each platform. */
export function findCompiler(home: string): string {
  const fromHome = createRequire(join(home, 'package.json'))
  const fromTypescript = createRequire(fromHome.resolve('typescript/package.json'))
  const description = fromTypescript.resolve(
    `@typescript/typescript-${process.platform}-${process.arch}/package.json`,
  )
  return join(dirname(description), 'lib', process.platform === 'win32' ? 'tsc.exe' : 'tsc')
}

/** Answers to what the server asks of an editor: no settings of its own, no imports suggested from other files. */
const settings = {
  // Else it runs `npm install types-registry@latest` at each start, to fetch types nobody asked for.
  disableAutomaticTypeAcquisition: true,
  tsserver: { automaticTypeAcquisition: { enabled: false } },
  suggest: { autoImports: false, includeCompletionsForModuleExports: false },
  preferences: { includeCompletionsForModuleExports: false },
}

/** Splits a stream into the JSON messages of the Language Server Protocol. */
function readMessages(onMessage: (message: any) => void): (chunk: Buffer) => void {
  let waiting: Buffer = Buffer.alloc(0)
  return (chunk) => {
    waiting = waiting.length ? Buffer.concat([waiting, chunk]) : chunk
    for (;;) {
      const head = waiting.indexOf('\r\n\r\n')
      if (head === -1) return
      const length = Number(/content-length: *(\d+)/i.exec(waiting.toString('latin1', 0, head))?.[1])
      const end = head + 4 + length
      if (waiting.length < end) return
      const text = waiting.toString('utf8', head + 4, end)
      waiting = waiting.subarray(end)
      onMessage(JSON.parse(text))
    }
  }
}

/** Starts TypeScript 7 as a language server over its standard streams. */
export function startServer(compiler: string): Server {
  const child: ChildProcess = spawn(compiler, ['--lsp', '--stdio'], {
    // Not where documents lie: their folder is removed with the kernel.
    cwd: dirname(compiler),
    // Most of what it allocates while it loads a program stays: collecting at each doubling of the heap cost a third of its time.
    env: { GOGC: '400', ...process.env },
    stdio: ['pipe', 'pipe', 'ignore'],
    windowsHide: true,
  })
  const pending = new Map<number, { resolve(value: any): void; reject(error: Error): void }>()
  let last = 0
  let alive = true

  function end(reason: string): void {
    alive = false
    for (const { reject } of pending.values()) reject(new ServerStopped(reason))
    pending.clear()
  }
  child.on('error', (error) => end(error.message))
  child.on('exit', (code, signal) => end(`TypeScript ended with ${signal ?? code}`))
  child.stdin!.on('error', () => {})

  function send(message: object): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message })
    if (!alive) return
    // What is sent in one turn, a change and the question about it, travels together.
    if (!child.stdin!.writableCorked) {
      child.stdin!.cork()
      queueMicrotask(() => process.nextTick(() => child.stdin!.uncork()))
    }
    child.stdin!.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
  }

  child.stdout!.on(
    'data',
    readMessages((message) => {
      if (message.method !== undefined) {
        if (message.id === undefined) return
        const isSettings = message.method === 'workspace/configuration'
        send({ id: message.id, result: isSettings ? message.params.items.map(() => settings) : null })
        return
      }
      const call = pending.get(message.id)
      pending.delete(message.id)
      if (message.error) call?.reject(new Error(`TypeScript: ${message.error.message}`))
      else call?.resolve(message.result)
    }),
  )

  return {
    pid: child.pid,
    get alive() {
      return alive
    },
    request(method, params) {
      if (!alive) return Promise.reject(new ServerStopped('TypeScript is not running'))
      const id = ++last
      return new Promise((resolve, reject) => {
        pending.set(id, { resolve, reject })
        send({ id, method, params })
      })
    },
    notify: (method, params) => send({ method, params }),
    stop() {
      end('closed')
      // It ends when its input does; a signal is for the case that it hangs.
      child.stdin!.end()
      setTimeout(() => child.kill('SIGKILL'), 500).unref()
      child.unref()
    },
  }
}
