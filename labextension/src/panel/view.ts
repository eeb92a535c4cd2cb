/** The run panel: what the runs of the notebook's kernel do, and the way to act on them while they do it. */
import type { TranslationBundle } from '@jupyterlab/translation'
import type { Message } from '@lumino/messaging'
import { Widget } from '@lumino/widgets'
import { RunChart } from '../chart/chart.js'
import { formatNumber } from '../chart/scale.js'
import { Announcer } from './announcer.js'
import { comparedText } from './compared.js'
import type { Always } from './ledger.js'
import { drawMistakes, type MistakeList } from './mistakes.js'
import type { Action, RunsModel, ShownMistake } from './model.js'
import { button, make, redraw, section, setOff } from '../parts.js'
import { StepList } from './steps.js'
import { WhyField } from './why.js'
import { RateControl } from './rate.js'
import { drawTree } from './tree.js'

export class RunPanel extends Widget {
  readonly #trans: TranslationBundle
  readonly #chart: RunChart
  readonly #empty = make('p', 'gb-empty')
  readonly #body = make('div', 'gb-body')
  readonly #message = make('div', 'gb-message')
  readonly #iterations = make('input', 'gb-field')
  readonly #train: HTMLButtonElement
  readonly #stop: HTMLButtonElement
  readonly #idleOnly: HTMLButtonElement[]
  readonly #rate: RateControl
  readonly #announcer: Announcer
  readonly #batchSize = make('input', 'gb-field')
  readonly #batchRow: HTMLElement
  readonly #adjustments = make('ol', 'gb-list')
  readonly #mistakes = make('div')
  readonly #tree = make('div')
  readonly #of = make('select', 'gb-field')
  readonly #why: WhyField
  readonly #steps: StepList
  readonly #withParent: HTMLButtonElement
  readonly #compared = make('div', 'gb-quiet')
  #model: RunsModel | undefined
  #drawn: { mistakes?: string; tree?: string; adjustments?: string } = {}

  constructor(trans: TranslationBundle, always: Always) {
    super()
    this.#trans = trans
    this.addClass('gb-panel')
    this.node.setAttribute('role', 'region')
    this.node.setAttribute('aria-label', trans.__('Training runs'))
    this.#message.setAttribute('role', 'alert')
    this.#chart = new RunChart({ trans, compact: true })
    this.#announcer = new Announcer(trans)

    this.#iterations.type = 'number'
    this.#iterations.min = '1'
    this.#iterations.value = '100'
    this.#iterations.setAttribute('aria-label', trans.__('iterations to train'))
    this.#train = button(trans.__('Train'), () => {
      void this.#do({
        action: 'train',
        iterations: Math.max(1, Math.round(Number(this.#iterations.value) || 1)),
      })
    })
    this.#stop = button(trans.__('Stop'), () => void this.#do({ action: 'stop' }))
    const undo = button(
      trans.__('Undo'),
      () => void this.#do({ action: 'undo' }),
      trans.__('take back the last cell or call'),
    )
    const redo = button(trans.__('Redo'), () => void this.#do({ action: 'redo' }))
    const branch = button(
      trans.__('Branch'),
      () => void this.#do({ action: 'branch' }),
      trans.__('a second run from here'),
    )
    this.#withParent = button(trans.__('Compare with parent'), () => {
      if (this.#model) this.#model.withParent = !this.#model.withParent
      this.#draw()
    })
    this.#idleOnly = [this.#train, undo, redo, branch]
    this.#rate = new RateControl(
      trans,
      (learningRate) => void this.#do({ action: 'set', changes: { learningRate } }),
      (text) => this.#say(trans.__('learning rate: received "%1". Expected a number above 0.', text)),
    )
    this.#batchSize.type = 'number'
    this.#batchSize.min = '1'
    this.#batchSize.setAttribute('aria-label', trans.__('batch size'))
    this.#batchSize.addEventListener('change', () => {
      const batchSize = Number(this.#batchSize.value)
      const fits = Number.isInteger(batchSize) && batchSize > 0
      this.#batchSize.setAttribute('aria-invalid', String(!fits))
      if (fits) void this.#do({ action: 'set', changes: { batchSize } })
      else
        this.#say(
          trans.__('batch size: received "%1". Expected a whole number above 0.', this.#batchSize.value),
        )
    })
    this.#batchRow = make('div', 'gb-row', make('span', 'gb-label', trans.__('batch size')), this.#batchSize)

    this.#why = new WhyField(trans, (why) => void this.#do({ action: 'why', why }))
    this.#steps = new StepList(trans, always)

    for (const [value, label] of [
      ['train', trans.__('training examples')],
      ['evaluation', trans.__('evaluation examples')],
    ]) {
      const option = make('option', '', label!)
      option.value = value!
      this.#of.append(option)
    }
    this.#of.setAttribute('aria-label', trans.__('examples to look at'))
    const look = button(trans.__('Look'), () => {
      void this.#do({ action: 'mistakes', k: 12, of: this.#lookedAt })
    })
    this.#of.addEventListener('change', () => this.#drawMistakes())
    this.#idleOnly.push(look)

    this.#body.append(
      this.#chart.node,
      this.#compared,
      make(
        'div',
        'gb-row',
        this.#train,
        this.#iterations,
        make('span', 'gb-quiet', trans.__('iterations')),
        this.#stop,
      ),
      make('div', 'gb-row gb-wraps', undo, redo, branch, this.#withParent),
      this.#message,
      this.#announcer.node,
      this.#rate.node,
      this.#batchRow,
      this.#why.node,
      section(trans.__('Adjustments'), this.#adjustments),
      section(trans.__('Not in a cell yet'), this.#steps.node),
      section(trans.__('Mistakes'), make('div', 'gb-row', look, this.#of), this.#mistakes),
      section(trans.__('Runs and branches'), this.#tree),
    )
    this.node.append(this.#empty, this.#body)
    this.#draw()
  }

  /** The runs to show; undefined: the notebook has no kernel of ours. */
  set model(model: RunsModel | undefined) {
    if (this.#model) {
      this.#model.changed.disconnect(this.#draw, this)
      this.#model.ledger.changed.disconnect(this.#draw, this)
      this.#model.watched = false
    }
    this.#model = model
    this.#drawn = {}
    this.#say('')
    this.#why.close()
    model?.changed.connect(this.#draw, this)
    model?.ledger.changed.connect(this.#draw, this)
    if (model) model.watched = this.isVisible
    this.#draw()
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message)
    if (this.#model) this.#model.watched = true
  }
  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message)
    if (this.#model) this.#model.watched = false
  }
  override dispose(): void {
    if (this.isDisposed) return
    this.model = undefined
    this.#chart.dispose()
    super.dispose()
  }

  async #do(action: Action): Promise<void> {
    const model = this.#model
    if (!model) return
    this.#say('')
    const { error, step } = await model.do(action)
    this.#say(error ?? '')
    if (model !== this.#model || error !== undefined) return
    const isChange = ['set', 'exclude', 'relabel'].includes(action.action)
    if (isChange && step) this.#why.ask(model.shown)
    else if (action.action !== 'mistakes') this.#why.close()
  }

  #say(text: string): void {
    this.#message.textContent = text
  }

  get #lookedAt(): 'train' | 'evaluation' {
    return this.#of.value as 'train' | 'evaluation'
  }

  #draw(): void {
    const trans = this.#trans
    const model = this.#model
    const run = model?.run
    this.#empty.hidden = run !== undefined
    this.#body.hidden = run === undefined
    if (!model || !run) {
      this.#empty.textContent = model
        ? trans.__('No run yet. A cell with train(model, …) makes one, and it shows here while it trains.')
        : trans.__('The notebook in front has no gradbook kernel.')
      return
    }
    const { data } = run
    this.#chart.update(data)
    this.#announcer.update(data, this.#chart.status)
    setOff(this.#stop, !data.live)
    for (const one of this.#idleOnly) setOff(one, data.live)
    this.#rate.update(run.learningRate)
    this.#batchRow.hidden = run.batchSize === undefined
    if (document.activeElement !== this.#batchSize) {
      this.#batchSize.value = String(run.batchSize ?? '')
      this.#batchSize.removeAttribute('aria-invalid')
    }
    this.#why.keepOf(run.id)
    this.#drawParent()
    this.#steps.draw(model.ledger)
    this.#drawAdjustments()
    this.#drawMistakes()
    this.#drawTree()
  }

  #drawAdjustments(): void {
    const { adjustments } = this.#model!.run!.data
    const key = JSON.stringify(adjustments)
    if (key === this.#drawn.adjustments) return
    this.#drawn.adjustments = key
    const rows = adjustments.toReversed().map(({ at, text, why }) => {
      const row = make('li', '', make('span', 'gb-at', formatNumber(at)), make('span', '', text))
      if (why) row.append(make('q', 'gb-quiet', why))
      return row
    })
    this.#adjustments.replaceChildren(
      ...(rows.length > 0 ? rows : [make('li', 'gb-quiet', this.#trans.__('none yet'))]),
    )
  }

  /** The parent's lines in the chart, and what the newest evaluations come to. */
  #drawParent(): void {
    const { parent, withParent, run } = this.#model!
    this.#withParent.hidden = parent === undefined
    this.#withParent.setAttribute('aria-pressed', String(withParent))
    this.#compared.textContent = withParent && parent ? comparedText(run!.data, this.#trans) : ''
  }

  /** What was looked at under the name that is chosen; else the newest evaluation's, under their own. */
  get #mistakeList(): MistakeList | undefined {
    const trans = this.#trans
    const { mistakes: looked, run } = this.#model!
    const { mistakes: newest, iteration: now } = run!.data
    const asked = looked?.of === this.#lookedAt ? looked : undefined
    const isNewer = this.#lookedAt === 'evaluation' && asked && newest && newest.iteration > asked.iteration
    const list = isNewer ? newest : (asked ?? newest)
    if (!list) return undefined
    const names: { readonly [split: string]: string } = {
      train: trans.__('training examples'),
      validation: trans.__('validation examples'),
      test: trans.__('test examples'),
    }
    const split = list.rows[0]?.split ?? (list === asked ? this.#lookedAt : 'evaluation')
    const { iteration, rows } = list
    return { what: names[split] ?? trans.__('evaluation examples'), iteration, now, rows }
  }

  #drawMistakes(): void {
    if (!this.#model?.run) return
    const list = this.#mistakeList
    const { labels } = this.#model.run
    const key = JSON.stringify(
      list && [list.what, list.iteration, list.now, labels, list.rows.map(({ id, loss }) => [id, loss])],
    )
    if (key === this.#drawn.mistakes) return
    this.#drawn.mistakes = key
    const reason = ({ expected, predicted }: ShownMistake) =>
      predicted ? { why: this.#trans.__('%1 taken for %2', expected, predicted) } : {}
    const actions = {
      exclude: (row: ShownMistake) => void this.#do({ action: 'exclude', ids: [row.id], ...reason(row) }),
      relabel: (row: ShownMistake, label: number) =>
        void this.#do({ action: 'relabel', example: row.id, label }),
    }
    redraw(this.#mistakes, ...(list ? [drawMistakes(list, this.#trans, labels, actions)] : []))
  }

  #drawTree(): void {
    const model = this.#model!
    const { run } = model
    // The list of runs comes when one begins or ends, the one that is shown more often.
    const runs = model.runs.map((one) =>
      one.id === run?.id ? { ...one, iteration: run.data.iteration, live: run.data.live } : one,
    )
    const key = JSON.stringify([runs, model.shown, run?.points])
    if (key === this.#drawn.tree) return
    this.#drawn.tree = key
    redraw(
      this.#tree,
      drawTree(runs, run, this.#trans, {
        choose: (id) => model.choose(id),
        goTo: (iteration) => void this.#do({ action: 'goTo', iteration }),
        branch: (at) => void this.#do({ action: 'branch', at }),
      }),
    )
  }
}
