import type { StudyView } from '../../views.js'
import { cleanTitle } from '../clean.js'
import { colours } from '../look.js'
import type { Part } from '../spec.js'
import { short } from './downsample.js'

const most = 12

/** How much each parameter decides, as bars; undefined where nothing is known. */
export function studyImportance({ importance }: StudyView): Part | undefined {
  if (!importance || importance.length < 2) return undefined
  const rows = importance.slice(0, most).map(({ parameter, importance: share }, at) => ({
    // Names that are cut may be alike.
    at,
    name: cleanTitle(parameter, 30),
    share: short(share),
  }))
  const y = { field: 'at', type: 'ordinal', title: null, axis: null }
  return {
    title: { text: 'What decides (PED-ANOVA, shares)', fontSize: 12, fontWeight: 600, offset: 6 },
    width: 600,
    height: { step: 20 },
    data: { values: rows },
    layer: [
      {
        mark: { type: 'bar', color: colours.training, opacity: 0.35, height: 14 },
        encoding: {
          x: {
            field: 'share',
            type: 'quantitative',
            title: null,
            scale: { domain: [0, 1] },
            axis: { format: '%', tickCount: 5 },
          },
          y,
          tooltip: [
            { field: 'name', title: 'parameter' },
            { field: 'share', format: '.1%' },
          ],
        },
      },
      {
        mark: { type: 'text', align: 'left', dx: 4, fontSize: 11, color: colours.ink },
        encoding: { x: { value: 0 }, y, text: { field: 'name' } },
      },
    ],
  }
}
