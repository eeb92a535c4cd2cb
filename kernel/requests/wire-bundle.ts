/** What was shown, made fit for a message: pictures added, bytes as base64. */
import type { MimeBundle } from '../../src/host.js'
import type { Shown } from '../port.js'

const chart = /^application\/vnd\.vega(lite)?\.v\d+\+json$/

let addPicture: Promise<((bundle: MimeBundle) => Promise<MimeBundle>) | undefined> | undefined
function loadAddPicture(): NonNullable<typeof addPicture> {
  return (addPicture ??= import('../../src/show/png/png.js').then(
    (module) => module.addPicture,
    () => undefined,
  ))
}

function needsPicture({ data, live }: Shown): boolean {
  return !live && !('image/png' in data) && Object.keys(data).some((type) => chart.test(type))
}

/** Within the limits of png.ts; where there is no picture, the text says why. */
async function withPicture(bundle: MimeBundle): Promise<MimeBundle> {
  const draw = await loadAddPicture()
  return draw ? draw(bundle).catch(() => bundle) : bundle
}

/**
 * What messages carry of a value; draws the PNG of a chart unless it is `live` or `picture` is false. A picture that was
 * drawn here has two pixels for one of the chart: its size on a page, and what to say where it cannot be seen, are in the
 * metadata that nbconvert and JupyterLab read.
 */
export async function toWireBundle(
  shown: Shown,
  { picture = true }: { picture?: boolean } = {},
): Promise<{ data: MimeBundle; metadata: object }> {
  const drawn = picture && needsPicture(shown) ? await withPicture(shown.data) : undefined
  const data: MimeBundle = {}
  for (const [type, value] of Object.entries(drawn ?? shown.data))
    data[type] =
      value instanceof Uint8Array
        ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
        : value
  const png = drawn?.['image/png']
  if (!(png instanceof Uint8Array)) return { data, metadata: shown.metadata }
  return { data, metadata: { ...shown.metadata, 'image/png': { ...pageSize(png), ...altOf(data) } } }
}

/** In the page's pixels, from the header of the file. */
function pageSize(png: Uint8Array): { width: number; height: number } {
  const header = new DataView(png.buffer, png.byteOffset, 24)
  return { width: Math.round(header.getUint32(16) / 2), height: Math.round(header.getUint32(20) / 2) }
}

function altOf(data: MimeBundle): { alt?: string } {
  const text = data['text/plain']
  const line = typeof text === 'string' ? text.split('\n', 1)[0]!.slice(0, 200) : ''
  return line ? { alt: line } : {}
}
