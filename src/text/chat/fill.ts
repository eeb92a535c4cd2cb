import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { InputError } from '../../errors.js'
import { beside, maybeHost } from '../../host.js'
import { during } from '../../settle.js'
import type { Filled, Filling, FillingAll } from './template-worker.js'

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
/** A thread takes 10 MB and 40 ms to start: hundreds of templates at once, as `Promise.all` asks for them, share a few. */
const mostThreads = 2
let busy = 0
/** Begins: no `await`, since that of a cell which was stopped would never give its place away. */
const waiting = new Set<() => void>()

function turnOver(): void {
  busy--
  for (const begin of waiting) {
    waiting.delete(begin)
    busy++
    return begin()
  }
}

const createThread = () =>
  new Worker(new URL('template-worker.js', import.meta.url), {
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: mostMemory },
  })

function createFiller(): Filler {
  // Begun beside the cell: it serves the next ones too.
  const thread = beside(createThread)
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
  const signal = maybeHost()?.interrupt
  return new Promise<string>((resolve, reject) => {
    const begin = () => {
      signal?.removeEventListener('abort', leaveQueue)
      fillNow(filling, seconds, where, signal).then(resolve, reject)
    }
    const leaveQueue = () => {
      waiting.delete(begin)
      reject(signal!.reason as Error)
    }
    if (busy < mostThreads) {
      busy++
      return begin()
    }
    waiting.add(begin)
    signal?.addEventListener('abort', leaveQueue, { once: true })
  })
}

function fillNow(
  filling: Filling,
  seconds: number,
  where: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const filler = idle ?? createFiller()
  const { thread } = filler
  idle = undefined
  thread.ref()
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
      turnOver()
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

/** So many are filled in between two looks at whether to stop, and within the seconds of one. */
const atOnce = 256

/**
 * The same of many sets of variables, waited for: what a dataset is made of is there when the function returns.
 *
 * @throws InputError as `fillTemplate`; that of a template which refuses one says which.
 */
export function fillAll(
  template: string,
  all: readonly { [name: string]: unknown }[],
  { seconds = 10, where }: { seconds?: number; where: string },
): string[] {
  const thread = createThread()
  thread.unref()
  // A template that takes too much memory ends its thread: here that is a thread that never answers.
  thread.on('error', () => {})
  return during(
    () => void thread.terminate(),
    () => {
      const texts: string[] = []
      for (let from = 0; from < all.length; from += atOnce) {
        const { port1, port2 } = new MessageChannel()
        const done = new Int32Array(new SharedArrayBuffer(4))
        const some = all.slice(from, from + atOnce)
        thread.postMessage({ template, all: some, port: port2, done } satisfies FillingAll, [port2])
        const end = performance.now() + 1000 * seconds
        while (Atomics.wait(done, 0, 0, 50) === 'timed-out') {
          const host = maybeHost()
          if (host?.interrupted) throw host.interrupt.reason
          if (performance.now() > end)
            throw refused(where, `a template that was not done after ${seconds} seconds`)
        }
        const answers = receiveMessageOnPort(port1)!.message as Filled[]
        port1.close()
        for (const [at, answer] of answers.entries()) {
          if ('error' in answer)
            throw refused(`${where}, ${from + at} of ${all.length}`, `a template that says: ${answer.error}`)
          texts.push(answer.text)
        }
      }
      return texts
    },
  )
}
