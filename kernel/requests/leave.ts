/** The end of the kernel: every cell is answered and everything is sent before the process ends. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Language } from '../language/types.js'
import { Shared, type ToMain } from '../port.js'
import type { Wire } from '../wire/index.js'
import { endAllChildren } from './cells/child-processes.js'
import type { Subshells } from './cells/subshells.js'
import type { Debugging } from './debug.js'

interface Uses {
  wire: Wire
  /** To the main thread. */
  post(message: ToMain): void
  shared: Int32Array
  subshells: Subshells
  debugging: Debugging
  language: Promise<Language>
}

export interface Exit {
  /** Asks the main thread to end the process, which comes back as `leave`; ends it where it does not. */
  exit(): void
  /** User code called `process.exit`, or a signal came: its cell is answered, then the process may end. */
  leave(code: number): Promise<void>
}

export function createExit({ wire, post, shared, subshells, debugging, language }: Uses): Exit {
  /** Ends TypeScript, and removes the folder that it reads. */
  const closeLanguage = (): Promise<void> => language.then((found) => found.close()).catch(() => {})

  let leaving = false
  return {
    exit() {
      if (leaving) return
      leaving = true
      // A cell that is paused would not let the main thread hear of it.
      debugging.close()
      post({ type: 'exit' })
      // User code that does not let the main thread end is not asked twice.
      setTimeout(async () => {
        await wire.flush()
        endAllChildren()
        await Promise.race([closeLanguage(), sleep(200)])
        process.kill(process.pid, 'SIGKILL')
      }, 1_000)
    },
    async leave(code) {
      const evalue = `process.exit(${code}) ended the kernel`
      const { queues, running } = subshells
      for (const queue of queues) queue.abortWaiting()
      for (const cell of running)
        cell.finish({
          status: 'error',
          problem: { ename: 'Exit', evalue, traceback: [`Exit: ${evalue}`] },
        })
      await Promise.race([Promise.all(queues.map((queue) => queue.untilRest())), sleep(1_000)])
      await wire.flush()
      endAllChildren()
      debugging.close()
      await Promise.race([closeLanguage(), sleep(200)])
      await Promise.race([wire.close(), sleep(200)])
      Atomics.store(shared, Shared.exit, 1)
      Atomics.notify(shared, Shared.exit)
    },
  }
}
