/** What was shown, made fit for a message: pictures added, bytes as base64. */
import type { MimeBundle } from '../../src/host.js'
import type { Shown } from '../port.js'

/** A picture that takes longer is left out: the chart itself matters more than its copy. */
const drawAtMost = 10_000

const chart = /^application\/vnd\.vega(lite)?\.v\d+\+json$/

let addPicture: Promise<((bundle: MimeBundle) => Promise<MimeBundle>) | undefined> | undefined
function loadAddPicture(): NonNullable<typeof addPicture> {
  return (addPicture ??= import('../../src/show/png.js').then(
    (module) => module.addPicture,
    () => undefined,
  ))
}

function needsPicture({ data, live }: Shown): boolean {
  return !live && !('image/png' in data) && Object.keys(data).some((type) => chart.test(type))
}

async function withPicture(bundle: MimeBundle): Promise<MimeBundle> {
  const draw = await loadAddPicture()
  if (!draw) return bundle
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<MimeBundle>((resolve) => (timer = setTimeout(resolve, drawAtMost, bundle)))
  try {
    return await Promise.race([draw(bundle), late])
  } catch {
    return bundle
  } finally {
    clearTimeout(timer)
  }
}

/** A bundle as messages carry it; draws the PNG of a chart unless it is `live` or `picture` is false. */
export async function toWireBundle(
  shown: Shown,
  { picture = true }: { picture?: boolean } = {},
): Promise<MimeBundle> {
  const data = picture && needsPicture(shown) ? await withPicture(shown.data) : shown.data
  const result: MimeBundle = {}
  for (const [type, value] of Object.entries(data))
    result[type] =
      value instanceof Uint8Array
        ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
        : value
  return result
}
