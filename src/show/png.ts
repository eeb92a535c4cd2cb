import { Worker } from 'node:worker_threads'
import type { MimeBundle } from '../host.js'
import { cleanText } from './clean.js'
import type { Spec } from './spec.js'

/** Drawing one chart takes 10 to 40 ms; a picture that is not there by now is left out. */
const patience = 20_000

/** `invalid`: the specification itself is wrong, so that no front end could draw it. */
type Answer = { id: number; png?: Uint8Array; error?: string; invalid?: boolean }

let worker: Worker | undefined
let count = 0
const waiting = new Map<number, (answer: Answer) => void>()

/**
 * The bundle with `image/png` (2x, as bytes) beside its Vega-Lite spec, drawn in a thread of its own. Bundles without a
 * spec, or with a picture already, come back as they are. A picture that failed (data that could not be read, say) leaves
 * the reason in the text; of a spec that is wrong nothing but that text is left, since a front end would show it blank.
 *
 * @example const bundle = await addPicture(toBundle(run) ?? {})
 */
export async function addPicture(bundle: MimeBundle): Promise<MimeBundle> {
  const mime = Object.keys(bundle).find((type) => /^application\/vnd\.vega(lite)?\.v\d\+json$/.test(type))
  if (!mime || bundle['image/png']) return bundle
  const answer = await drawPng(bundle[mime] as Spec)
  if (answer.png) return { ...bundle, 'image/png': answer.png }
  const text = typeof bundle['text/plain'] === 'string' ? bundle['text/plain'] : ''
  const reason = cleanText(answer.error, 500)
  const said = `${text}${text ? '\n' : ''}(${answer.invalid ? 'it cannot be drawn' : 'no picture'}: ${reason})`
  if (!answer.invalid) return { ...bundle, 'text/plain': said }
  const { [mime]: _wrong, ...rest } = bundle
  return { ...rest, 'text/plain': said }
}

/**
 * A Vega-Lite spec as a PNG, twice as many pixels as the chart has. Rejects with the reason where that cannot be.
 *
 * @example const bytes = await toPng(lossChart(run.view()))
 */
export async function toPng(spec: object): Promise<Uint8Array> {
  const answer = await drawPng(spec)
  if (answer.png) return answer.png
  throw new Error(`the chart could not be drawn: ${answer.error}`)
}

function drawPng(spec: object): Promise<Answer> {
  return new Promise((resolve) => {
    const id = ++count
    const timer = setTimeout(
      () => finish({ id, error: `it took longer than ${patience / 1000} s` }),
      patience,
    )
    timer.unref()
    const finish = (answer: Answer) => {
      clearTimeout(timer)
      waiting.delete(id)
      if (waiting.size === 0) worker?.unref()
      // A drawing that never ends would hold back every later one.
      if (!answer.png && answer.error?.startsWith('it took longer')) stopWorker()
      resolve(answer)
    }
    waiting.set(id, finish)
    try {
      const thread = (worker ??= startWorker())
      thread.ref()
      thread.postMessage({ id, spec })
    } catch (error) {
      finish({ id, error: error instanceof Error ? error.message : String(error) })
    }
  })
}

function startWorker(): Worker {
  const thread = new Worker(new URL('draw.js', import.meta.url), {
    // Flags of the process (a loader, a debugger's port) are not the worker's.
    execArgv: [],
    // A chart leaves 10 MB of garbage; with V8's 16 MB it is copied about three times before it is known to be that.
    resourceLimits: { maxYoungGenerationSizeMb: 64 },
    stdout: false,
  })
  thread.on('message', (answer: Answer) => waiting.get(answer.id)?.(answer))
  const fail = (reason: string) => {
    if (worker === thread) worker = undefined
    for (const [id, finish] of waiting) finish({ id, error: reason })
  }
  thread.on('error', (error) => fail(error instanceof Error ? error.message : String(error)))
  thread.on('exit', () => fail('the drawing thread ended'))
  return thread
}

function stopWorker(): void {
  const thread = worker
  worker = undefined
  void thread?.terminate()
}
