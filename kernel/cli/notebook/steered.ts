/** What was done by hand in JupyterLab's run panel and stands in no cell: the extension keeps it in the notebook's metadata. */
import { escapeHtml } from '../../../src/show/clean.js'
import type { Notebook } from './notebook.js'

interface Steered {
  run: string
  at: number
  code: string
}

/** What is there was written by whoever wrote the file. */
function steeredOf({ metadata }: Notebook): Steered[] {
  const { steered } = (metadata.gradbook ?? {}) as { steered?: unknown }
  if (!Array.isArray(steered)) return []
  return steered.flatMap((one) =>
    typeof one?.code === 'string' ? [{ run: String(one.run), at: Number(one.at), code: one.code }] : [],
  )
}

/** '' where there is none. */
export function renderSteered(notebook: Notebook): string {
  const steered = steeredOf(notebook)
  if (steered.length === 0) return ''
  const count = steered.length === 1 ? 'One change' : `${steered.length} changes`
  const rows = steered.map(
    ({ run, at, code }) =>
      `<tr><td>${escapeHtml(run)}</td><td>${escapeHtml(String(at))}</td><td><code>${escapeHtml(code)}</code></td></tr>`,
  )
  return `<aside class="adjustments"><p>${count} made by hand in JupyterLab ${steered.length === 1 ? 'is' : 'are'} in no cell of this notebook. The results below come from its cells alone.</p><table><thead><tr><th>run</th><th>after iteration</th><th>what was done</th></tr></thead><tbody>${rows.join('')}</tbody></table></aside>\n`
}
