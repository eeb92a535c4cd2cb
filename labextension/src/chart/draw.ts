/** Panels to SVG. Everything is made node by node: no text from a run is ever parsed as markup. */
import type { RunData } from './data.js'
import type { Panel, Series } from './panels.js'
import { axisTicks, fitScale, type FittedScale } from '../../../src/show/scale.js'
import { createScale, digitsOf, formatNumber, type Scale } from './scale.js'

const namespace = 'http://www.w3.org/2000/svg'
type Attributes = { [name: string]: string | number }

export function svg(name: string, attributes: Attributes = {}, text?: string): SVGElement {
  const element = document.createElementNS(namespace, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
  if (text !== undefined) element.textContent = text
  return element
}

export const margin = { left: 52, right: 12, top: 18, bottom: 34, between: 24 }

/** A panel with its place and its scale. */
export interface Placed extends Panel {
  top: number
  y: Scale
  fit: FittedScale
}
export interface Plot {
  panels: Placed[]
  x: Scale
  width: number
  height: number
}

/**
 * @param domain the iterations that are shown.
 * @param whole every value of them; else what the rule of scales takes for the recent part.
 */
export function layOut(
  panels: readonly Panel[],
  domain: readonly [number, number],
  { width, whole }: { width: number; whole: boolean },
): Plot {
  const x = createScale(domain, [margin.left, Math.max(margin.left + 40, width - margin.right)])
  let top = margin.top
  const placed = panels.map((panel) => {
    const fit = fitScale(
      panel.series.flatMap(({ line, noisy = false, aside }) => (aside ? [] : [{ ...line, noisy }])),
      {
        from: domain[0],
        to: domain[1],
        whole: whole || panel.plan === true,
        zero: panel.plan === true || panel.key === 'gradientNorm',
        ...(panel.log !== undefined && { log: panel.log }),
      },
    )
    const y = createScale(fit.domain, [top + panel.height, top], fit.log)
    const result = { ...panel, top, y, fit }
    top += panel.height + margin.between
    return result
  })
  return { panels: placed, x, width, height: top - margin.between + margin.bottom }
}

function pathOf({ line }: Series, x: Scale, y: Scale): string {
  const parts: string[] = []
  let pen = 'M'
  for (let i = 0; i < line.x.length; i++) {
    const value = line.y[i]!
    if (!Number.isFinite(value) || (y.log && value <= 0)) {
      pen = 'M'
      continue
    }
    parts.push(`${pen}${x(line.x[i]!).toFixed(1)} ${y(value).toFixed(1)}`)
    pen = 'L'
  }
  return parts.join('')
}

function drawSeries(series: Series, { x, y, clip }: { x: Scale; y: Scale; clip: string }): SVGElement {
  const group = svg('g', { class: `gb-series gb-${series.look}`, 'clip-path': `url(#${clip})` })
  group.append(svg('path', { d: pathOf(series, x, y) }))
  if (series.points) {
    const small = series.line.x.length > 60
    series.line.x.forEach((at, i) => {
      if (at < x.domain[0] || at > x.domain[1]) return
      group.append(svg('circle', { cx: x(at), cy: y(series.line.y[i]!), r: small ? 1.6 : 3 }))
    })
  }
  return group
}

function drawAxes(panel: Placed, { x, width }: Plot, last: boolean): SVGElement {
  const group = svg('g', { class: 'gb-axes' })
  const bottom = panel.top + panel.height
  const ticks = axisTicks(panel.fit.domain, panel.height > 100 ? 5 : panel.height > 50 ? 3 : 2, panel.fit)
  const digits = digitsOf(ticks)
  for (const tick of ticks) {
    const y = panel.y(tick)
    group.append(svg('line', { class: 'gb-grid', x1: margin.left, x2: width - margin.right, y1: y, y2: y }))
    group.append(
      svg(
        'text',
        { class: 'gb-tick', x: margin.left - 6, y: y + 3.5, 'text-anchor': 'end' },
        formatNumber(tick, digits),
      ),
    )
  }
  for (const tick of axisTicks(x.domain, Math.max(2, Math.floor(width / 90)), { whole: true })) {
    const at = x(tick)
    group.append(svg('line', { class: 'gb-grid', x1: at, x2: at, y1: panel.top, y2: bottom }))
    if (!last) continue
    const label = formatNumber(tick)
    // A label in the middle of which its tick stands would be cut off at the edge.
    const anchor = at + label.length * 3.5 > width ? 'end' : 'middle'
    group.append(
      svg(
        'text',
        { class: 'gb-tick', x: anchor === 'end' ? width - 1 : at, y: bottom + 14, 'text-anchor': anchor },
        label,
      ),
    )
  }
  group.append(
    svg('line', { class: 'gb-axis', x1: margin.left, x2: width - margin.right, y1: bottom, y2: bottom }),
  )
  group.append(svg('text', { class: 'gb-title', x: margin.left, y: panel.top - 5 }, panel.title))
  const beyond = beyondText(panel.fit)
  if (beyond)
    group.append(
      svg(
        'text',
        { class: 'gb-tick', x: width - margin.right, y: panel.top - 5, 'text-anchor': 'end' },
        beyond,
      ),
    )
  return group
}

/** '↑ 2.31': how far values go beyond the axis. */
function beyondText({ domain, beyond }: FittedScale): string {
  if (!beyond) return ''
  return [
    ...(beyond[1] > domain[1] ? [`↑ ${formatNumber(beyond[1], 3)}`] : []),
    ...(beyond[0] < domain[0] ? [`↓ ${formatNumber(beyond[0], 3)}`] : []),
  ].join('  ')
}

/** What can be opened in a chart: what was changed, or a batch whose loss stood out. */
export interface Mark {
  kind: 'adjustment' | 'spike'
  index: number
  /** Of adjustments whose lines stand as one, all of them. */
  among?: readonly number[]
}

/** Makes a part of the chart a button. */
function markOf(label: string, open: () => void): SVGElement {
  const mark = svg('g', { class: 'gb-mark', tabindex: 0, role: 'button', 'aria-label': label })
  mark.append(svg('title', {}, label))
  mark.addEventListener('click', open)
  mark.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return
    event.preventDefault()
    event.stopPropagation()
    open()
  })
  return mark
}

/** A triangle over each loss that stood out. */
function drawSpikes(
  run: RunData,
  plot: Plot,
  label: (at: number) => string,
  open: (mark: Mark) => void,
): SVGElement {
  const group = svg('g', { class: 'gb-spikes' })
  const panel = plot.panels.find(({ key }) => key === 'loss')
  run.spikes?.forEach(({ at, loss }, index) => {
    if (!panel || !(at >= plot.x.domain[0] && at <= plot.x.domain[1]) || !Number.isFinite(loss)) return
    const x = plot.x(at)
    const y = Math.max(panel.top + 4, panel.y(loss) - 3)
    const mark = markOf(label(at), () => open({ kind: 'spike', index }))
    mark.append(svg('rect', { class: 'gb-reach', x: x - 8, y: y - 14, width: 16, height: 18 }))
    mark.append(svg('path', { class: 'gb-spike', d: `M${x - 5} ${y - 9}h10l-5 8z` }))
    group.append(mark)
  })
  return group
}

/** A line through all panels where something was adjusted, with a handle to open what it was. */
function drawAdjustments(run: RunData, plot: Plot, open: (mark: Mark) => void): SVGElement {
  const group = svg('g', { class: 'gb-adjustments' })
  const bottom = plot.height - margin.bottom
  for (const among of crowdsOf(run, plot)) {
    const index = among[0]!
    const x = plot.x(run.adjustments[index]!.at)
    const label = among.map((one) => `${run.adjustments[one]!.text} (${run.adjustments[one]!.at})`).join('; ')
    const mark = markOf(label, () => open({ kind: 'adjustment', index, among }))
    mark.append(svg('rect', { class: 'gb-reach', x: x - 6, y: 0, width: 12, height: bottom }))
    mark.append(svg('line', { x1: x, x2: x, y1: 9, y2: bottom }))
    mark.append(svg('path', { d: `M${x} 1l5 5l-5 5l-5 -5z` }))
    group.append(mark)
  }
  return group
}

/** Pixels between two handles: of nearer ones only the last could be reached. */
const apart = 11

/** The adjustments that are shown, in the order of the iterations; those that stand too near to each other together. */
function crowdsOf({ adjustments }: RunData, { x }: Plot): number[][] {
  const shown = [...adjustments.keys()]
    .filter((i) => adjustments[i]!.at >= x.domain[0] && adjustments[i]!.at <= x.domain[1])
    .toSorted((a, b) => adjustments[a]!.at - adjustments[b]!.at)
  const crowds: number[][] = []
  for (const i of shown) {
    const last = crowds.at(-1)
    if (last && x(adjustments[i]!.at) - x(adjustments[last[0]!]!.at) < apart) last.push(i)
    else crowds.push([i])
  }
  return crowds
}

export function drawPlot(
  run: RunData,
  plot: Plot,
  id: string,
  texts: { x: string; spike(at: number): string },
  open: (mark: Mark) => void,
): SVGElement[] {
  const defs = svg('defs')
  const drawn: SVGElement[] = [defs]
  plot.panels.forEach((panel, index) => {
    const clip = `${id}-${index}`
    const area = svg('clipPath', { id: clip })
    const width = plot.width - margin.left - margin.right
    area.append(
      svg('rect', { x: margin.left - 3, y: panel.top - 3, width: width + 6, height: panel.height + 6 }),
    )
    defs.append(area)
    const last = index === plot.panels.length - 1
    drawn.push(drawAxes(panel, plot, last))
    for (const series of panel.series) drawn.push(drawSeries(series, { x: plot.x, y: panel.y, clip }))
  })
  const middle = (plot.x.range[0] + plot.x.range[1]) / 2
  drawn.push(
    svg('text', { class: 'gb-title', x: middle, y: plot.height - 6, 'text-anchor': 'middle' }, texts.x),
  )
  drawn.push(drawAdjustments(run, plot, open), drawSpikes(run, plot, texts.spike, open))
  return drawn
}
