/** A process as another one can tell it from those that get its id later, or have it on another machine or in another container. */
export interface ProcessName {
  /** For people. */
  host: string
  /** The same for all that see each other's ids: the machine since its start, and the container. */
  machine: string
  pid: number
  /** When it began, as the system says it; null where it does not. */
  started: string | null
}

let known: ProcessName | undefined

export function thisProcess(): ProcessName {
  return (known ??= {
    host: module('node:os').hostname(),
    machine: machineOf(),
    pid: process.pid,
    started: startOf(process.pid),
  })
}

/** Whether a process still runs; undefined where that cannot be known from here. */
export function isRunning({ machine, pid, started }: ProcessName): boolean | undefined {
  if (machine !== thisProcess().machine) return undefined
  if (!isId(pid)) return false
  const now = startOf(pid)
  // Without its start it may be another one with the id.
  if (now === null || started === null) return undefined
  return now === started
}

/** Whether some process has the id. */
function isId(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

const module = <Name extends 'node:fs' | 'node:os' | 'node:child_process'>(name: Name) =>
  process.getBuiltinModule(name)

function maybe(work: () => string): string | undefined {
  try {
    return work().trim() || undefined
  } catch {
    return undefined
  }
}

const ask = (program: string, ...args: string[]): string | undefined =>
  maybe(() =>
    module('node:child_process').execFileSync(program, args, {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 5000,
    }),
  )

function machineOf(): string {
  const fs = module('node:fs')
  const { hostname, platform } = module('node:os')
  if (platform() === 'linux') {
    const start = maybe(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))
    const space = maybe(() => fs.readlinkSync('/proc/self/ns/pid'))
    if (start && space) return `${start} ${space}`
  }
  const start = platform() === 'darwin' ? ask('/usr/sbin/sysctl', '-n', 'kern.boottime') : undefined
  return [platform(), hostname(), start].filter((part) => part !== undefined).join(' ')
}

function startOf(pid: number): string | null {
  const { platform } = module('node:os')
  if (platform() === 'linux') {
    const line = maybe(() => module('node:fs').readFileSync(`/proc/${pid}/stat`, 'utf8'))
    // proc(5): the 22nd field, in ticks since the machine's start. The second is the program's name, which may hold anything.
    const [state, ...rest] = line?.slice(line.lastIndexOf(')') + 2).split(' ') ?? []
    // Who was killed and not yet asked after by its parent has its id still.
    return state === 'Z' || state === 'X' ? 'over' : (rest[18] ?? null)
  }
  if (platform() === 'win32') return null
  return ask('ps', '-o', 'lstart=', '-p', String(pid)) ?? null
}
