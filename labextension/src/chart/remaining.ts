import type { TranslationBundle } from '@jupyterlab/translation'
import type { RunData } from './data.js'

/** '12 s left', from how fast the present call has been; empty where that cannot be said. */
export function remaining(run: RunData, trans: TranslationBundle): string {
  const { live, from, to, iteration, milliseconds } = run
  const done = iteration - from
  if (!live || to === undefined || done <= 0 || to <= iteration) return ''
  const seconds = Math.ceil(((milliseconds / done) * (to - iteration)) / 1000)
  if (!Number.isFinite(seconds)) return ''
  if (seconds < 60) return trans.__('%1 s left', seconds)
  const minutes = Math.round(seconds / 60)
  return minutes < 60
    ? trans.__('%1 min left', minutes)
    : trans.__('%1 h %2 min left', Math.floor(minutes / 60), minutes % 60)
}
