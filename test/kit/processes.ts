/** Processes of this machine, beside those that the tests have started themselves. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Whether a process runs. One that has ended keeps its id until its parent asks for it, and where process 1 takes in no
 * orphans, as in many containers, nobody ever does: such a one does not run.
 */
export function isRunning(pid: number): boolean {
  let state: string | undefined
  if (process.platform === 'linux')
    try {
      // The name of the program, in parentheses, may have spaces; the state comes after it.
      state = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
    } catch {
      // there is no such process
    }
  else state = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim()[0]
  return state !== undefined && state !== 'Z' && state !== 'X'
}
