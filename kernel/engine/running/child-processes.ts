/** Tells the protocol thread of children that run beside the cell: any other child blocks it, and Stop may end that one. */
import childProcess, { ChildProcess } from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'

/** `spawn`, `exec`, `fork` all go through this method; their synchronous kin do not. */
type Spawn = (this: ChildProcess, options: unknown) => unknown

/** @param onWaited called when a child that blocked this thread has ended. */
export function watchChildren(onChild: (pid: number, alive: boolean) => void, onWaited: () => void): void {
  const prototype = ChildProcess.prototype as unknown as { spawn: Spawn }
  const { spawn } = prototype
  prototype.spawn = function (options) {
    const result = spawn.call(this, options)
    const { pid } = this
    if (pid !== undefined) {
      onChild(pid, true)
      this.once('exit', () => onChild(pid, false))
    }
    return result
  }
  for (const name of ['spawnSync', 'execSync', 'execFileSync'] as const) {
    const original = childProcess[name] as (...args: unknown[]) => unknown
    const waited = (...args: unknown[]): unknown => {
      try {
        return original(...args)
      } finally {
        onWaited()
      }
    }
    Object.defineProperty(waited, 'name', { value: name })
    childProcess[name] = waited as never
  }
  syncBuiltinESMExports()
}
