/** Child processes of the main thread. One that the user started on purpose is known; any other blocks the thread. */
import { readFileSync } from 'node:fs'

const known = new Set<number>()

/** A child that runs beside the cell. */
export function rememberChild(pid: number, alive: boolean): void {
  if (alive) known.add(pid)
  else known.delete(pid)
}

/** Children that the main thread has made. The type service belongs to another thread and is not among them. */
function findChildren(): number[] {
  try {
    const list = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    return list.split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
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
export function endChildren(): void {
  const blocking = findChildren().filter((pid) => !known.has(pid))
  signal(blocking, 'SIGTERM')
  setTimeout(() => signal(findChildren().filter((pid) => blocking.includes(pid)), 'SIGKILL'), 200).unref()
}

/** Ends every child that is still there: none outlives the kernel. */
export function endAllChildren(): void {
  signal([...new Set([...known, ...findChildren()])], 'SIGTERM')
}
