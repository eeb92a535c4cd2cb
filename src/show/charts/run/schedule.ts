import { cleanLine } from '../../clean.js'
import { short } from '../downsample.js'
import { colours, width } from '../../look.js'
import { chart, type Spec } from '../../spec.js'

/** A learning rate before it is used: `rate(iteration)` at 400 places from 0 to `over`. */
export function scheduleChart(
  rate: (iteration: number) => number,
  options: { over: number; title?: string },
): Spec {
  const places = Math.min(400, options.over)
  const values = Array.from({ length: places + 1 }, (_, i) => {
    const x = Math.round((i * options.over) / places)
    return { x, y: short(rate(x)) }
  })
  return chart({
    title: cleanLine(options.title ?? 'Learning rate', 60),
    width,
    height: 140,
    data: { values },
    mark: { type: 'line', color: colours.rate, strokeWidth: 2 },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: 'iteration',
        scale: { nice: false },
        axis: { format: ',d', tickCount: 8 },
      },
      y: { field: 'y', type: 'quantitative', title: 'learning rate' },
    },
  })
}
