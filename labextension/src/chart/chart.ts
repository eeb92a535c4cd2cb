/** The course of a run to look into: hover or arrow keys read values, dragging zooms, marks open their adjustment. */
import type { TranslationBundle } from '@jupyterlab/translation'
import { readRun, type RunData } from './data.js'
import { make as element } from '../parts.js'
import { drawPlot, layOut, margin, svg, type Mark, type Plot } from './draw.js'
import { MistakeStrip } from './mistakes.js'
import { nearest, panelsOf, valueAt } from './panels.js'
import { remaining } from './remaining.js'
import { formatNumber } from './scale.js'

let count = 0
/** Of adjustments that are opened together, those that are told. */
const mostOpened = 12

export interface ChartOptions {
  trans: TranslationBundle
  /** Lower panels, for a side bar. */
  compact?: boolean
}

export class RunChart {
  readonly node = element('div', 'gb-run')
  readonly #trans: TranslationBundle
  readonly #compact: boolean
  readonly #id = `gb-chart-${++count}`
  readonly #name = element('strong', 'gb-name')
  readonly #status = element('span', 'gb-status')
  readonly #legend = element('div', 'gb-legend')
  readonly #log = element('button', 'gb-tool')
  readonly #reset = element('button', 'gb-tool')
  readonly #range = element('button', 'gb-tool')
  readonly #hint = element('span', 'gb-hint')
  readonly #svg = svg('svg', { class: 'gb-plot', tabindex: 0 }) as SVGSVGElement
  readonly #cursor = svg('g', { class: 'gb-cursor' })
  readonly #selection = svg('rect', { class: 'gb-selection' })
  readonly #tip = element('div', 'gb-tip')
  readonly #details = element('div', 'gb-details')
  readonly #progress = element('div', 'gb-progress', element('div'))
  readonly #mistakes: MistakeStrip
  readonly #resize: ResizeObserver
  #run: RunData = readRun({})
  #plot: Plot | undefined
  #zoom: [number, number] | undefined
  #at: number | undefined
  #dragFrom: number | undefined
  /** As people chose it; else as the values ask for. */
  #logLoss: boolean | undefined
  /** Every value, not the recent part. */
  #whole = false
  #opened: Mark | undefined
  /** What tip and details say now: they are live regions, and saying it again would have it read again. */
  #said = { tip: '', details: '' }

  constructor({ trans, compact = false }: ChartOptions) {
    this.#trans = trans
    this.#compact = compact
    if (compact) this.node.classList.add('gb-compact')
    const head = element('div', 'gb-head')
    const tools = element('div', 'gb-tools')
    this.#log.type = this.#reset.type = this.#range.type = 'button'
    this.#log.textContent = trans.__('log scale')
    this.#log.setAttribute('aria-pressed', 'false')
    this.#reset.textContent = trans.__('show all')
    this.#range.textContent = trans.__('all values')
    this.#range.title = trans.__('The axes follow the recent part; this shows every value.')
    this.#hint.textContent = trans.__('drag to zoom')
    this.#reset.hidden = true
    this.#tip.setAttribute('role', 'status')
    this.#tip.hidden = true
    this.#details.setAttribute('role', 'status')
    this.#details.hidden = true
    this.#svg.setAttribute('role', 'group')
    this.#progress.setAttribute('role', 'progressbar')
    this.#progress.setAttribute('aria-label', trans.__('training'))
    this.#mistakes = new MistakeStrip(trans)
    tools.append(this.#hint, this.#reset, this.#range, this.#log)
    head.append(this.#name, this.#status, tools)
    const frame = element('div', 'gb-frame')
    frame.append(this.#svg, this.#tip)
    this.node.append(head, this.#progress, this.#legend, frame, this.#details)
    // A side bar has a list of its own.
    if (!compact) this.node.append(this.#mistakes.node)
    this.#listen()
    this.#resize = new ResizeObserver(() => this.#draw())
    this.#resize.observe(frame)
  }

  update(raw: unknown): void {
    this.#run = readRun(raw)
    this.#draw()
    if (!this.#compact) this.#mistakes.update(this.#run.mistakes)
  }

  /** How the run stands, in words. */
  get status(): string {
    return this.#statusParts().join(' · ')
  }

  dispose(): void {
    this.#resize.disconnect()
    this.node.remove()
  }

  #listen(): void {
    this.#log.addEventListener('click', () => {
      this.#logLoss = !this.#isLog
      this.#draw()
    })
    this.#range.addEventListener('click', () => {
      this.#whole = !this.#whole
      this.#draw()
    })
    this.#reset.addEventListener('click', () => this.#show(undefined))
    const xOf = (event: PointerEvent): number => event.clientX - this.#svg.getBoundingClientRect().left
    this.#svg.addEventListener('pointerdown', (event) => {
      if (event.button === 0 && !(event.target as Element).closest('.gb-mark')) this.#dragFrom = xOf(event)
    })
    this.#svg.addEventListener('pointermove', (event) => {
      const x = xOf(event)
      if (this.#dragFrom !== undefined && Math.abs(x - this.#dragFrom) > 4) {
        if (!this.#svg.hasPointerCapture(event.pointerId)) this.#svg.setPointerCapture(event.pointerId)
        this.#drawSelection(this.#dragFrom, x)
      }
      this.#read(this.#plot?.x.invert(x))
    })
    this.#svg.addEventListener('pointerup', (event) => {
      const from = this.#dragFrom
      this.#dragFrom = undefined
      this.#selection.remove()
      const to = xOf(event)
      if (from === undefined || !this.#plot || Math.abs(to - from) <= 4) return
      const ends = [from, to].map((pixel) => this.#plot!.x.invert(pixel)).toSorted((a, b) => a - b)
      const [least, most] = this.#all()
      this.#show([Math.max(least, ends[0]!), Math.min(most, ends[1]!)])
    })
    this.#svg.addEventListener('pointerleave', () => {
      if (this.#dragFrom === undefined) this.#read(undefined)
    })
    this.#svg.addEventListener('dblclick', () => this.#show(undefined))
    this.#svg.addEventListener('blur', () => this.#read(undefined))
    this.#svg.addEventListener('keydown', (event) => this.#onKey(event))
  }

  #onKey(event: KeyboardEvent): void {
    const [from, to] = this.#zoom ?? this.#all()
    const step = Math.max(1, Math.round((to - from) / 50))
    const at = this.#at ?? to
    const zoomed = (factor: number): [number, number] => {
      const half = Math.max(2, ((to - from) * factor) / 2)
      const [least, most] = this.#all()
      return [Math.max(least, at - half), Math.min(most, at + half)]
    }
    const actions: { [key: string]: () => void } = {
      ArrowLeft: () => this.#read(Math.max(from, at - step)),
      ArrowRight: () => this.#read(Math.min(to, at + step)),
      Home: () => this.#read(from),
      End: () => this.#read(to),
      '+': () => this.#show(zoomed(0.5)),
      '-': () => this.#show(zoomed(2)),
      Escape: () => this.#show(undefined),
    }
    const action = actions[event.key]
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    event.stopPropagation()
    action()
  }

  get #isLog(): boolean {
    return this.#plot?.panels.some(({ key, fit }) => key === 'loss' && fit.log) ?? false
  }

  /** All iterations. */
  #all(): [number, number] {
    const ends = [
      this.#run.loss,
      ...(this.#run.undone ? [this.#run.undone] : []),
      ...(this.#run.beside ?? []).map(({ mean }) => mean),
    ].map((line) => line.x.at(-1) ?? 0)
    const planned = this.#run.live ? (this.#run.to ?? 0) : 0
    return [0, Math.max(1, this.#run.iteration, planned, ...ends)]
  }

  #show(zoom: [number, number] | undefined): void {
    const [from, to] = this.#all()
    this.#zoom = zoom && (zoom[0] > from || zoom[1] < to) && zoom[1] - zoom[0] >= 1 ? zoom : undefined
    this.#draw()
  }

  #draw(): void {
    const run = this.#run
    const trans = this.#trans
    const width = this.#svg.parentElement!.clientWidth || 640
    this.#name.textContent = run.name
    this.node.classList.toggle('gb-live', run.live)
    // Each part stays in one line.
    const parts = this.#statusParts()
    const last = parts.length - 1
    this.#status.replaceChildren(
      ...parts.flatMap((part, i) => [element('span', 'gb-part', i < last ? `${part} ·` : part), ' ']),
    )
    this.#reset.hidden = this.#zoom === undefined
    this.#hint.hidden = this.#zoom !== undefined || this.#compact
    this.#drawProgress()
    const panels = panelsOf(run, this.#compact, this.#logLoss, trans)
    // A run that has not trained has nothing to draw yet.
    this.#svg.style.display = panels.length > 0 ? '' : 'none'
    this.#plot = layOut(panels, this.#zoom ?? this.#all(), {
      width,
      whole: this.#whole || this.#zoom !== undefined,
    })
    // Of a zoom every value is shown as it is.
    this.#range.hidden =
      this.#zoom !== undefined || (!this.#whole && !this.#plot.panels.some(({ fit }) => fit.beyond))
    this.#range.setAttribute('aria-pressed', String(this.#whole))
    this.#log.setAttribute('aria-pressed', String(this.#isLog))
    this.#svg.setAttribute('width', String(width))
    this.#svg.setAttribute('height', String(this.#plot.height))
    this.#svg.setAttribute(
      'aria-label',
      `${trans.__('Course of the run %1. Arrow keys read values, plus and minus zoom.', run.name)} ${this.status}`,
    )
    const focused = document.activeElement?.closest?.('.gb-mark')
    const open = (mark: Mark) => {
      const again = this.#opened?.kind === mark.kind && this.#opened.index === mark.index
      this.#open(again ? undefined : mark)
    }
    const texts = {
      x: trans.__('iteration'),
      spike: (at: number) => trans.__('loss spike at iteration %1', formatNumber(at)),
    }
    const marks = focused ? [...this.#svg.querySelectorAll('.gb-mark')].indexOf(focused) : -1
    this.#svg.replaceChildren(...drawPlot(run, this.#plot, this.#id, texts, open), this.#cursor)
    if (marks >= 0) (this.#svg.querySelectorAll('.gb-mark')[marks] as SVGElement | undefined)?.focus()
    this.#drawLegend(panels[0]?.series ?? [])
    this.#read(this.#at)
    this.#open(this.#opened)
  }

  #statusParts(): string[] {
    const run = this.#run
    const trans = this.#trans
    const parts = [
      run.live && run.to !== undefined
        ? trans.__('iteration %1 of %2', formatNumber(run.iteration), formatNumber(run.to))
        : trans
            ._n('%1 iteration', '%1 iterations', run.iteration)
            .replace(String(run.iteration), formatNumber(run.iteration)),
    ]
    const left = remaining(run, trans)
    if (left) parts.push(left)
    const { newest } = run
    if (newest && newest.over > 1)
      parts.push(trans.__('loss %1, mean of the last %2', formatNumber(newest.mean, 3), newest.over))
    if (newest) parts.push(trans.__('last batch %1', formatNumber(newest.last, 3)))
    const evaluation = run.evaluations.at(-1)
    if (evaluation)
      for (const metric of run.metrics)
        if (Number.isFinite(evaluation[metric]))
          parts.push(`${metric} ${formatNumber(evaluation[metric]!, 3)}`)
    if (!run.live && run.stopReason) parts.push(run.stopReason.message)
    return parts
  }

  #drawProgress(): void {
    const { live, from, to, iteration } = this.#run
    const share =
      to !== undefined && to > from ? Math.min(1, Math.max(0, (iteration - from) / (to - from))) : undefined
    this.#progress.hidden = !live || share === undefined
    if (share === undefined) return
    this.#progress.setAttribute('aria-valuenow', String(Math.round(share * 100)))
    ;(this.#progress.firstElementChild as HTMLElement).style.width = `${share * 100}%`
  }

  #drawLegend(series: readonly { look: string; name: string }[]): void {
    this.#legend.replaceChildren(
      ...series.map(({ look, name }) => {
        const entry = element('span', `gb-entry gb-${look}`)
        entry.append(element('span', 'gb-swatch'), element('span', '', name))
        return entry
      }),
    )
  }

  #drawSelection(from: number, to: number): void {
    const [left, right] = [Math.max(margin.left, Math.min(from, to)), Math.max(from, to)]
    const height = this.#plot!.height - margin.top - margin.bottom
    for (const [key, value] of Object.entries({
      x: left,
      y: margin.top,
      width: Math.max(0, right - left),
      height,
    }))
      this.#selection.setAttribute(key, String(value))
    this.#svg.append(this.#selection)
  }

  /** Shows the values at an iteration, or none. */
  #read(iteration: number | undefined): void {
    const plot = this.#plot
    const lines = plot?.panels.flatMap(({ series }) => series) ?? []
    const first = lines.find(({ look }) => look === 'raw') ?? lines[0]
    const index = iteration !== undefined && first ? nearest(first.line, iteration) : -1
    if (!plot || !first || index < 0) {
      this.#at = undefined
      this.#tip.hidden = true
      this.#cursor.replaceChildren()
      return
    }
    const at = (this.#at = first.line.x[index]!)
    const x = plot.x(at)
    const bottom = plot.height - margin.bottom
    const drawn: SVGElement[] = [svg('line', { x1: x, x2: x, y1: margin.top, y2: bottom })]
    const rows: [string, string, string][] = []
    for (const panel of plot.panels)
      for (const { look, name, line, points } of panel.series) {
        const i = points ? nearest(line, at) : -1
        const px = points ? line.x[i]! : at
        const value = points ? line.y[i] : valueAt(line, at)
        if (value === undefined || Math.abs(plot.x(px) - x) > 8) continue
        const title =
          panel.key === 'loss' || panel.series.length > 1 ? `${panel.title}, ${name}` : panel.title
        rows.push([look, title, formatNumber(value)])
        drawn.push(svg('circle', { class: `gb-dot gb-${look}`, cx: plot.x(px), cy: panel.y(value), r: 3 }))
      }
    this.#cursor.replaceChildren(...drawn)
    this.#fillTip(at, x, rows)
  }

  #fillTip(at: number, x: number, rows: readonly [string, string, string][]): void {
    const near = this.#run.adjustments.filter((one) => Math.abs(this.#plot!.x(one.at) - x) <= 5)
    const said = JSON.stringify([at, rows, near])
    if (said !== this.#said.tip)
      this.#tip.replaceChildren(
        element('div', 'gb-tip-head', this.#trans.__('iteration %1', formatNumber(at))),
        ...rows.map(([look, name, value]) => {
          const row = element('div', `gb-tip-row gb-${look}`)
          row.append(
            element('span', 'gb-swatch'),
            element('span', 'gb-tip-name', name),
            element('b', '', value),
          )
          return row
        }),
        ...near.map(({ text }) => element('div', 'gb-tip-adjustment', `◆ ${text}`)),
      )
    this.#said.tip = said
    this.#tip.hidden = false
    this.#place(x)
  }

  /** The tip beside the line at `x`, on the side where there is room. */
  #place(x: number): void {
    const { width } = this.#plot!
    const left = x + 14 + this.#tip.offsetWidth > width ? x - 14 - this.#tip.offsetWidth : x + 14
    this.#tip.style.left = `${Math.max(0, left)}px`
  }

  #open(mark: Mark | undefined): void {
    const trans = this.#trans
    const rows =
      mark &&
      (mark.kind === 'adjustment' ? this.#adjustments(mark.among ?? [mark.index]) : this.#spike(mark.index))
    this.#opened = rows && mark
    this.#details.hidden = !rows
    const said = JSON.stringify(rows?.map(({ textContent }) => textContent))
    if (!rows || said === this.#said.details) {
      if (!rows) this.#said.details = ''
      return
    }
    this.#said.details = said
    const close = element('button', 'gb-tool', trans.__('close'))
    close.type = 'button'
    close.addEventListener('click', () => this.#open(undefined))
    this.#details.replaceChildren(...rows, close)
  }

  #adjustments(among: readonly number[]): Node[] | undefined {
    const rows = among.slice(0, mostOpened).flatMap((index) => {
      const nodes = this.#adjustment(index)
      return nodes ? [element('div', 'gb-opened', ...nodes)] : []
    })
    const rest = among.length - rows.length
    if (rows.length === 0) return undefined
    return rest > 0 ? [...rows, element('div', '', this.#trans.__('and %1 more', formatNumber(rest)))] : rows
  }

  #adjustment(index: number): Node[] | undefined {
    const adjustment = this.#run.adjustments[index]
    if (!adjustment) return undefined
    const { at, text, why, count, each } = adjustment
    return [
      element('b', '', `◆ ${text}`),
      element('span', '', this.#trans.__('after iteration %1', formatNumber(at))),
      ...(why ? [element('q', '', why)] : []),
      ...(each?.length ? [eachOf(each, count ?? each.length, this.#trans)] : []),
    ]
  }

  #spike(index: number): Node[] | undefined {
    const trans = this.#trans
    const spike = this.#run.spikes?.[index]
    if (!spike) return undefined
    const { at, loss, expected, count, ids } = spike
    const more = count > ids.length ? ', …' : ''
    return [
      element('b', '', `▼ ${trans.__('loss %1 at iteration %2', formatNumber(loss, 3), formatNumber(at))}`),
      element('span', '', trans.__('%1 was expected', formatNumber(expected, 3))),
      element('span', 'gb-ids', trans.__('batch of %1 examples: %2', count, ids.join(', ') + more)),
    ]
  }
}

/** Of many adjustments told as one, some by themselves, folded. */
function eachOf(each: readonly string[], count: number, trans: TranslationBundle): HTMLElement {
  const rest = count - each.length
  const items = [...each.map(String), ...(rest > 0 ? [trans.__('and %1 more', formatNumber(rest))] : [])]
  const list = element('ul', '')
  list.append(...items.map((item) => element('li', '', item)))
  return element('details', 'gb-each', element('summary', '', trans.__('each of them')), list)
}
