/** The main thread: starts the protocol thread at once, then runs user code and nothing else. */
import { writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MessageChannel, Worker } from 'node:worker_threads'
import { aroundTermination } from './termination/around.js'
import { redirectDescriptors } from './descriptors.js'
import { createShared, standIns, type ProtocolData } from './port.js'

const [connectionFile, option, name] = process.argv.slice(2)
const as = standIns.find((standIn) => option === '--as' && standIn === name)
if (!connectionFile || (option !== undefined && !as)) {
  console.error(
    `usage: node --no-force-async-hooks-checks main.cjs CONNECTION_FILE [--as ${standIns.join('|')}]`,
  )
  process.exit(2)
}

const flag = '--no-force-async-hooks-checks'

/** This process as another program: the same, with the flag. Node 24 can do that where there are processes of that kind. */
function startAnew(): void {
  const { execve } = process as { execve?: (file: string, args: string[]) => never }
  execve?.call(process, process.execPath, [
    process.execPath,
    flag,
    ...process.execArgv,
    ...process.argv.slice(1),
  ])
}

type PromiseHooks = [init?: unknown, before?: unknown, after?: unknown, settled?: unknown]

interface AsyncWrap {
  async_hook_fields: Uint32Array
  constants: { kCheck: number }
  clearAsyncIdStack(): void
  getPromiseHooks(): PromiseHooks
  setPromiseHooks(...hooks: PromiseHooks): void
}

/**
 * Stopping a cell ends JavaScript between two async hooks, after which Node would abort the process for its unbalanced
 * stack. Here the check is turned off, as that flag does, and requests/terminate.ts is given the means to clear the stack.
 * V8 runs the hooks of the promise whose reaction is ended, while JavaScript is ending: they are away until that is over.
 */
function allowTermination(): void {
  const { execArgv } = process
  const noDeprecation = process.noDeprecation ?? false
  process.noDeprecation = true
  let wrap: AsyncWrap
  try {
    wrap = (process as unknown as { binding(name: 'async_wrap'): AsyncWrap }).binding('async_wrap')
  } catch {
    // Node 24 has no such door; its async hooks do without the stack, but not without the flag.
    return execArgv.includes(flag) ? undefined : startAnew()
  } finally {
    process.noDeprecation = noDeprecation
  }
  wrap.async_hook_fields[wrap.constants.kCheck] = 0
  let hooks: PromiseHooks | undefined
  aroundTermination.before.push(() => {
    wrap.clearAsyncIdStack()
    hooks ??= wrap.getPromiseHooks()
    wrap.setPromiseHooks(undefined, undefined, undefined, undefined)
  })
  aroundTermination.after.push(() => {
    if (hooks) wrap.setPromiseHooks(...hooks)
    hooks = undefined
  })
}
allowTermination()

const descriptors = redirectDescriptors()
const shared = createShared()
const { port1, port2 } = new MessageChannel()
const data: ProtocolData = {
  connectionFile,
  shared,
  answers: port2,
  folder: process.cwd(),
  as,
  descriptors,
  home: fileURLToPath(new URL('../../', import.meta.url)),
  parent: Number(process.env.JPY_PARENT_PID) || undefined,
}
const protocol = new Worker(new URL('./bundle/protocol-load.cjs', import.meta.url), {
  workerData: data,
  transferList: [port2],
  stdout: false,
  stderr: false,
  execArgv: [],
  // The parser follows an expression of 200,000 terms as deep as that is nested, and native code that overflows its stack ends
  // the process. Only what is used of it is taken from the memory.
  resourceLimits: { stackSizeMb: 256 },
})
// Without it nobody can talk to this process; nor is there anybody to send what `process.exit` below would wait for.
const exit = process.exit.bind(process)
protocol.on('error', (error) => {
  const lines = `the protocol thread ended: ${error.stack ?? error}`.split('\n')
  if (descriptors) for (const line of lines) writeSync(descriptors.keeper, `log [gradbook] ${line}\n`)
  else writeSync(2, `[gradbook] ${lines.join('\n')}\n`)
  exit(1)
})
protocol.on('exit', (code) => exit(code))

// Here for the threads of cells too, whose environment is their own: see src/backend/session/native.ts.
process.env.ORT_DISABLE_TELEMETRY ??= '1'

void import('./main-engine.js').then(({ startEngine }) =>
  startEngine({ protocol, shared, answers: port1, folder: data.folder, home: data.home, exit }),
)
