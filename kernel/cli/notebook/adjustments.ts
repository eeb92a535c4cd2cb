/** What was changed while a run trained, as a list below its chart: on the chart a mark is all there is room for. */
import { escapeHtml } from '../../../src/show/clean.js'
import { runMime } from '../../../src/show/values/run-data.js'
import type { Notebook } from './notebook.js'

/** Of each run the last output in a notebook that shows it: its list is the whole one. */
export function lastOfEachRun({ cells }: Notebook): ReadonlySet<unknown> {
  const last = new Map<unknown, unknown>()
  for (const cell of cells)
    for (const output of cell.cell_type === 'code' ? cell.outputs : []) {
      const run: unknown = 'data' in output ? output.data[runMime] : undefined
      if (run) last.set((run as { name?: unknown }).name, run)
    }
  return new Set(last.values())
}

/** '' where nothing was changed. */
export function renderAdjustments(run: unknown, open: boolean): string {
  const { adjustments } = (run ?? {}) as { adjustments?: unknown }
  if (!Array.isArray(adjustments) || adjustments.length === 0) return ''
  const count = `${adjustments.length} ${adjustments.length === 1 ? 'adjustment' : 'adjustments'}`
  const withReason = adjustments.some((one) => one?.why)
  const rows = adjustments.map((one) => {
    const cells = [one?.at, one?.text, ...(withReason ? [one?.why] : [])].map((cell) =>
      escapeHtml(String(cell ?? '')),
    )
    cells[1] += renderEach(one)
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
  })
  const heads = ['after iteration', 'what', ...(withReason ? ['why'] : [])]
  return `<details class="adjustments"${open ? ' open' : ''}><summary>${count}</summary><table><thead><tr>${heads.map((head) => `<th>${head}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></details>`
}

/** Of many told as one, some by themselves, folded. */
function renderEach(one: { count?: unknown; each?: unknown } | undefined): string {
  const { count, each } = one ?? {}
  if (!Array.isArray(each) || each.length === 0) return ''
  const rest = Number(count) - each.length
  const items = [...each, ...(rest > 0 ? [`and ${rest} more`] : [])]
  return `<details><summary>each of them</summary><ul>${items.map((item) => `<li>${escapeHtml(String(item))}</li>`).join('')}</ul></details>`
}
