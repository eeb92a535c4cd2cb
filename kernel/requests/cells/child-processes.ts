/** Child processes of the main thread. One that the user started on purpose is known; any other blocks the thread. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

const known = new Set<number>()

/** A child that runs beside the cell. */
export function rememberChild(pid: number, alive: boolean): void {
  if (alive) known.add(pid)
  else known.delete(pid)
}

/** Process ids of the children of each process, as `ps` tells them where there is no /proc. */
function askPs(): Map<number, number[]> {
  const children = new Map<number, number[]>()
  const { stdout = '' } = spawnSync('ps', ['-axo', 'pid=,ppid='], { encoding: 'utf8' })
  for (const [, pid, parent] of (stdout ?? '').matchAll(/^\s*(\d+)\s+(\d+)/gm)) {
    const siblings = children.get(Number(parent))
    if (siblings) siblings.push(Number(pid))
    else children.set(Number(parent), [Number(pid)])
  }
  return children
}

/** Children made by one thread of a process, the thread being the process's first unless named. */
function childrenOf(pid: number, table: Map<number, number[]> | undefined): number[] {
  if (table) return table.get(pid) ?? []
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** A child and all that it has started in turn, the last first. */
function familyOf(pid: number, table: Map<number, number[]> | undefined): number[] {
  return [...childrenOf(pid, table).flatMap((child) => familyOf(child, table)), pid]
}

const hasProc = existsSync(`/proc/${process.pid}/task/${process.pid}/children`)

/**
 * Families of children that the main thread has made. The type service is another thread's: /proc knows the difference,
 * `ps` does not, so there it must be known.
 */
function findFamilies(wanted: (child: number) => boolean): number[] {
  const table = hasProc ? undefined : askPs()
  return childrenOf(process.pid, table)
    .filter(wanted)
    .flatMap((child) => familyOf(child, table))
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids)
    try {
      process.kill(pid, name)
    } catch {
      // it has ended already
    }
}

/** Ends the children that nobody knows: those that `execSync` and its kin wait for. */
export function endBlockingChildren(): void {
  const blocking = findFamilies((child) => !known.has(child))
  signal(blocking, 'SIGTERM')
  setTimeout(() => {
    const left = findFamilies((child) => !known.has(child))
    signal(
      blocking.filter((pid) => left.includes(pid)),
      'SIGKILL',
    )
  }, 200).unref()
}

/** Ends every child that is still there: none outlives the kernel. */
export function endAllChildren(): void {
  signal(
    findFamilies(() => true),
    'SIGTERM',
  )
}
