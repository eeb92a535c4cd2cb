/** Tells the protocol thread of children that run beside the cell: any other child blocks it, and Stop may end that one. */
import { ChildProcess } from 'node:child_process'

/** `spawn`, `exec`, `fork` all go through this method; their synchronous kin do not. */
type Spawn = (this: ChildProcess, options: unknown) => unknown

export function watchChildren(onChild: (pid: number, alive: boolean) => void): void {
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
}
