import { Worker } from 'node:worker_threads'
import type { MimeBundle } from '../../host.js'
import { cleanText } from '../clean.js'
import type { Spec } from '../spec.js'
import { thin } from '../thin.js'

/** Drawing one chart takes 10 to 40 ms; a picture that is not there by then is left out. Counted from when it is begun. */
const patience = 15_000

/** `invalid`: the specification itself is wrong, so that no front end could draw it. */
type Answer = { png?: Uint8Array; error?: string; invalid?: boolean }

/** A chart that waits for the drawing thread, which draws one after the other. */
interface Waiting {
  spec: object
  finish(answer: Answer): void
}

let worker: Worker | undefined
const queue: Waiting[] = []
/** What the thread draws now. */
let drawing: { one: Waiting; timer: NodeJS.Timeout } | undefined

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
  const thinned = thin(bundle[mime] as Spec)
  const answer = await drawPng(thinned?.spec ?? (bundle[mime] as Spec))
  const text = typeof bundle['text/plain'] === 'string' ? bundle['text/plain'] : ''
  if (answer.png && !thinned) return { ...bundle, 'image/png': answer.png }
  if (answer.png && thinned) {
    const { kept, of } = thinned
    const note = `(its picture has ${kept.toLocaleString('en')} of the ${of.toLocaleString('en')} rows: those that can be told apart)`
    return { ...bundle, 'image/png': answer.png, 'text/plain': `${text}${text ? '\n' : ''}${note}` }
  }
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
  const answer = await drawPng(thin(spec as Spec)?.spec ?? spec)
  if (answer.png) return answer.png
  throw new Error(`the chart could not be drawn: ${answer.error}`)
}

function drawPng(spec: object): Promise<Answer> {
  return new Promise((resolve) => {
    queue.push({ spec, finish: resolve })
    drawNext()
  })
}

/** Gives the thread the next chart: one at a time, so that who takes too long takes nobody's time but its own. */
function drawNext(): void {
  if (drawing) return
  const one = queue.shift()
  if (!one) return worker?.unref()
  // A drawing that never ends would hold back every later one.
  const timer = setTimeout(() => endThread(`it took longer than ${patience / 1000} s`), patience)
  timer.unref()
  drawing = { one, timer }
  try {
    const thread = (worker ??= startWorker())
    thread.ref()
    thread.postMessage(one.spec)
  } catch (error) {
    finish({ error: error instanceof Error ? error.message : String(error) })
  }
}

function finish(answer: Answer): void {
  if (!drawing) return
  const { one, timer } = drawing
  clearTimeout(timer)
  drawing = undefined
  one.finish(answer)
  drawNext()
}

function startWorker(): Worker {
  const thread = new Worker(new URL('draw.js', import.meta.url), {
    // Flags of the process (a loader, a debugger's port) are not the worker's.
    execArgv: [],
    resourceLimits: {
      // A chart leaves 10 MB of garbage; with V8's 16 MB it is copied about three times before it is known to be that.
      maxYoungGenerationSizeMb: 64,
      // A chart that needs more gets no picture: the notebook goes on.
      maxOldGenerationSizeMb: 2_048,
    },
    stdout: false,
  })
  thread.on('message', (answer: Answer) => {
    if (worker === thread) finish(answer)
  })
  // What waits is drawn by the next thread.
  const end = (reason: string) => {
    if (worker === thread) endThread(reason)
  }
  thread.on('error', (error) =>
    end(
      (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? 'it takes more memory than a picture is worth'
        : error instanceof Error
          ? error.message
          : String(error),
    ),
  )
  thread.on('exit', () => end('the drawing thread ended'))
  return thread
}

function endThread(reason: string): void {
  const thread = worker
  worker = undefined
  void thread?.terminate()
  finish({ error: reason })
}
