import { Worker } from 'node:worker_threads'
import { InputError } from '../../errors.js'
import { beside, maybeHost } from '../../host.js'
import type { Filled, Filling } from './template-worker.js'

/** Megabytes that a template may take. */
const mostMemory = 128

/** A thread, and whom its next answer is for. */
interface Filler {
  thread: Worker
  answer?: (filled: Filled) => void
  fail?: (received: string, cause?: unknown) => void
}

/** Kept for the next: to start one takes longer than most templates. */
let idle: Filler | undefined

function createFiller(): Filler {
  // Begun beside the cell: it serves the next ones too.
  const thread = beside(
    () =>
      new Worker(new URL('template-worker.js', import.meta.url), {
        execArgv: [],
        resourceLimits: { maxOldGenerationSizeMb: mostMemory },
      }),
  )
  const filler: Filler = { thread }
  thread.on('message', (filled: Filled) => filler.answer?.(filled))
  thread.on('error', (error) => {
    const isMemory = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
    filler.fail?.(isMemory ? `a template that takes more than ${mostMemory} MB` : error.message, error)
  })
  thread.on('exit', () => {
    if (idle === filler) idle = undefined
    filler.fail?.('a template whose thread ended')
  })
  return filler
}

/**
 * Fills in a Jinja template, in a thread of its own: a template is a stranger's, and may loop without end or ask for more memory
 * than there is. It is data, and sees nothing but the variables.
 *
 * @throws InputError for a template that is none, that refuses what it is given, or that takes too long or too much.
 */
export function fillTemplate(filling: Filling, seconds: number, where: string): Promise<string> {
  const filler = idle ?? createFiller()
  const { thread } = filler
  idle = undefined
  thread.ref()
  const signal = maybeHost()?.interrupt
  return new Promise<string>((resolve, reject) => {
    const leave = (keep: boolean) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      delete filler.answer
      delete filler.fail
      if (keep && !idle) {
        idle = filler
        thread.unref()
      } else void thread.terminate()
    }
    filler.fail = (received, cause) => {
      leave(false)
      reject(refused(where, received, cause))
    }
    filler.answer = (filled) => {
      leave(true)
      if ('text' in filled) resolve(filled.text)
      else reject(refused(where, `a template that says: ${filled.error}`))
    }
    const stop = () => {
      leave(false)
      reject(signal!.reason as Error)
    }
    const timer = setTimeout(
      () =>
        filler.fail?.(
          `a template that was not done after ${seconds} ${seconds === 1 ? 'second' : 'seconds'}`,
        ),
      1000 * seconds,
    )
    signal?.addEventListener('abort', stop)
    thread.postMessage(filling)
  })
}

const refused = (where: string, received: string, cause?: unknown): InputError =>
  new InputError(
    { where, received, expected: 'a template of Jinja that these messages fit' },
    cause === undefined ? undefined : { cause },
  )
