/**
 * The display API of tslab over gradbook's host, so that notebooks written for tslab run as they are: `import * as tslab from
 * 'tslab'`. Strings and bytes go out under their MIME type; `newDisplay()` gives displays that are updated in place.
 */
import { createRequire } from 'node:module'
import { display as show, type Display as Shown } from '../../src/host.js'

/** Shows text and pictures; all calls on one display show in the same place when it was made by `newDisplay()`. */
export interface Display {
  javascript(s: string): void
  html(s: string): void
  markdown(s: string): void
  latex(s: string): void
  svg(s: string): void
  png(b: Uint8Array): void
  jpeg(b: Uint8Array): void
  gif(b: Uint8Array): void
  pdf(b: Uint8Array): void
  text(s: string): void
  /** Shows `b` under any MIME type. */
  raw(contentType: string, b: string | Uint8Array): void
}

function createDisplay(raw: Display['raw']): Display {
  const as = (contentType: string) => (value: string | Uint8Array) => raw(contentType, value)
  return {
    javascript: as('text/javascript'),
    html: as('text/html'),
    markdown: as('text/markdown'),
    latex: as('text/latex'),
    svg: as('image/svg+xml'),
    png: as('image/png'),
    jpeg: as('image/jpeg'),
    gif: as('image/gif'),
    pdf: as('application/pdf'),
    text: as('text/plain'),
    raw,
  }
}

/** The display of the running cell: every call adds an output. */
export const display: Display = createDisplay((contentType, value) => {
  show({ [contentType]: value }, { raw: true })
})

/** A display of its own: the first call adds an output, the next ones change it in place. */
export function newDisplay(): Display {
  let shown: Shown | undefined
  return createDisplay((contentType, value) => {
    if (shown) shown.update({ [contentType]: value }, { raw: true })
    else shown = show({ [contentType]: value }, { raw: true })
  })
}

const require = createRequire(import.meta.url)
function versionOf(name: string): string {
  try {
    return require(`${name}/package.json`).version
  } catch {
    return ''
  }
}

/** What runs the notebook. `tslab` is the version of tslab whose API this is. */
export const versions = {
  tslab: '1.0.22',
  typescript: versionOf('typescript'),
  node: process.version,
}
