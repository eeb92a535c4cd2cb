/** Runs in the worker thread of png.ts: a Vega-Lite spec in, a PNG out. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parentPort } from 'node:worker_threads'
import { renderAsync } from '@resvg/resvg-js'
import * as vega from 'vega'
import { viewOf } from './layouts.js'
import { encodeBands } from './encode.js'
import { explain } from '../explain.js'
import { isVega } from '../spec.js'
import { drawBands, sizeOf } from './bands.js'
import { readOutlines, TextDrawer } from './outlines.js'
import { readFontMetrics } from '../text-width.js'

const asset = (name: string) => fileURLToPath(new URL(`assets/${name}`, import.meta.url))
const fontFiles = ['Inter-Regular.ttf', 'Inter-SemiBold.ttf', 'DejaVuSans.ttf'].map(asset)
const monospaceFile = asset('DejaVuSansMono.ttf')
const [regularFile, semiBoldFile] = fontFiles.map((file) => readFileSync(file)) as [Buffer, Buffer, Buffer]
const [regular, semiBold] = [regularFile, semiBoldFile].map(readFontMetrics)
const texts = new TextDrawer({ regular: readOutlines(regularFile), strong: readOutlines(semiBoldFile) })

/** Pixels of the picture for one of the chart. */
const scale = 2
/** Beyond this many pixels a side a chart is drawn smaller, not refused: 8,000 x 8,000 are 256 MB while drawn. */
const mostPixels = 8000

type TextItem = { text?: unknown; fontSize?: number; fontWeight?: number | string; limit?: number }
const metrics = (vega as unknown as { textMetrics: { width(item: TextItem, text: unknown): number } })
  .textMetrics
metrics.width = (item, text) => {
  const weight = Number(item.fontWeight) >= 600 || item.fontWeight === 'bold' ? semiBold! : regular!
  return weight.width(String(text ?? '')) * (item.fontSize ?? 11)
}

// Vega looks every 10 ms whether pictures have come; data URLs are there at once.
const { ResourceLoader } = vega as unknown as { ResourceLoader: { prototype: { ready(): Promise<boolean> } } }
ResourceLoader.prototype.ready = async function (this: { pending?(): number }) {
  let waited = false
  for (; this.pending!() > 0; waited = true) await new Promise((resolve) => setImmediate(resolve))
  return waited
}

/** A specification that no front end could draw either. */
class InvalidSpec extends Error {}

export async function draw(spec: object): Promise<Uint8Array> {
  const failed: string[] = []
  const view = viewWith(spec, listening(failed))
  try {
    // resvg knows the older of the two names that vega writes for `smooth: false`, and would take the last.
    const svg = texts.draw((await view.toSVG()).replaceAll('image-rendering: pixelated;', ''))
    // What vega only logs leaves an empty frame.
    if (failed.length > 0) throw new Error(failed[0])
    const { width, height } = sizeOf(svg)
    const zoom = Math.min(scale, mostPixels / Math.max(width, height, 1))
    return encodeBands(await drawBands(await withPictures(svg), zoom, fontsOf(svg)))
  } finally {
    view.finalize()
  }
}

/** Pictures that are SVGs, drawn: resvg gives their texts no font. */
async function withPictures(svg: string): Promise<string> {
  let whole = svg
  for (const [url, data] of svg.matchAll(/data:image\/svg\+xml;base64,([A-Za-z0-9+/=]+)/g)) {
    const inner = Buffer.from(data!, 'base64').toString()
    const image = await renderAsync(inner, {
      fitTo: { mode: 'zoom', value: scale },
      font: fontsOf(inner),
    })
    whole = whole.replace(url, `data:image/png;base64,${image.asPng().toString('base64')}`)
  }
  return whole
}

const fontsOf = (svg: string) => ({
  loadSystemFonts: needsSystemFonts(svg),
  // For what could not be drawn as paths; each file takes 2 ms to read.
  fontFiles: fontsFor(svg),
  defaultFontFamily: 'Inter',
  sansSerifFamily: 'Inter',
  serifFamily: 'Inter',
  monospaceFamily: 'DejaVu Sans Mono',
})

function fontsFor(svg: string): string[] {
  if (!svg.includes('<text')) return []
  return /mono/i.test(svg) ? [...fontFiles, monospaceFile] : fontFiles
}

/** Chinese, Japanese, Korean, Indic, …: beyond what our fonts hold. Looking through the system's fonts takes a while. */
function needsSystemFonts(svg: string): boolean {
  return /[\u0900-\u0dff\u0e00-\u109f\u1200-\u167f\u1780-\u18af\u2e80-\ud7ff\uf900-\ufaff\u{1f000}-\u{3ffff}]/u.test(
    svg,
  )
}

function viewWith(spec: object, logger: object): vega.View {
  try {
    return isVega(spec)
      ? new vega.View(vega.parse(spec as never), { renderer: 'none', logger: logger as never })
      : viewOf(spec, logger)
  } catch (error) {
    throw new InvalidSpec(explain(spec) ?? messageOf(error))
  }
}

/** A logger that keeps what means that marks are missing: data that did not come, an expression that threw. */
function listening(failed: string[]): object {
  const logger = {
    level: () => logger,
    error(...said: unknown[]) {
      failed.push(`its data could not be computed: ${said.map(messageOf).join(' ')}`)
      return logger
    },
    warn(...said: unknown[]) {
      const [what, url, reason] = said
      if (what === 'Loading failed' || what === 'Data ingestion failed')
        failed.push(`data from '${String(url)}' could not be read: ${messageOf(reason)}`)
      return logger
    },
    info: () => logger,
    debug: () => logger,
  }
  return logger
}

/** Vega-Lite repeats the whole specification in some of its messages. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message
    .replace(
      /^Invalid specification .*\. Make sure the/su,
      'the specification is not complete. Make sure the',
    )
    .slice(0, 500)
}

parentPort?.on('message', (spec: object) => {
  draw(spec).then(
    (png) => parentPort!.postMessage({ png }),
    (error: unknown) =>
      parentPort!.postMessage({ error: messageOf(error), invalid: error instanceof InvalidSpec }),
  )
})
