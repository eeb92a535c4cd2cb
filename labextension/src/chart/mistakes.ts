/** The worst examples of a run's newest evaluation, below its chart. A click shows one large, with all that is known of it. */
import type { TranslationBundle } from '@jupyterlab/translation'
import { button, make, picture, redraw } from '../parts.js'
import type { RunData } from './data.js'
import { formatNumber } from './scale.js'

type Mistakes = NonNullable<RunData['mistakes']>
type Row = Mistakes['rows'][number]

export class MistakeStrip {
  readonly node = make('div', 'gb-strip')
  readonly #trans: TranslationBundle
  readonly #heading = make('div', 'gb-quiet')
  readonly #list = make('ul', 'gb-mistakes')
  readonly #detail = make('div', 'gb-example')
  #key = ''
  #rows: readonly Row[] = []
  #opened: number | undefined

  constructor(trans: TranslationBundle) {
    this.#trans = trans
    this.node.setAttribute('role', 'group')
    this.node.setAttribute('aria-label', trans.__('worst examples'))
    this.#detail.setAttribute('role', 'status')
    this.node.append(this.#heading, this.#list, this.#detail)
    this.update(undefined)
  }

  update(mistakes: Mistakes | undefined): void {
    const key = mistakes
      ? JSON.stringify([mistakes.iteration, mistakes.rows.map(({ id, loss }) => [id, loss])])
      : ''
    if (key === this.#key && key) return
    this.#key = key
    this.#rows = mistakes?.rows ?? []
    this.node.hidden = this.#rows.length === 0
    if (!mistakes) return
    const trans = this.#trans
    const wrong =
      mistakes.wrong === undefined
        ? ''
        : ` · ${trans.__('%1 of %2 wrong', formatNumber(Number(mistakes.wrong)), formatNumber(Number(mistakes.examined)))}`
    this.#heading.textContent =
      trans.__('worst of the evaluation after iteration %1', formatNumber(Number(mistakes.iteration))) + wrong
    this.#list.classList.toggle(
      'gb-small',
      this.#rows.every(({ picture }) => picture),
    )
    redraw(this.#list, ...this.#rows.map((row, index) => this.#draw(row, index)))
    // While it trains the list changes under the pointer: what was opened is shown on if it is still there.
    const opened = this.#opened
    this.#open(this.#rows.some(({ id }) => id === opened) ? opened : undefined)
  }

  #draw(row: Row, index: number): HTMLElement {
    const what = this.#trans.__('%1, predicted %2', row.expected, row.predicted)
    const open = button('', () => this.#open(this.#opened === row.id ? undefined : row.id))
    open.className = 'gb-mistake'
    open.setAttribute('aria-label', this.#trans.__('example %1: %2', row.id, what))
    open.setAttribute('aria-expanded', 'false')
    open.dataset.index = String(index)
    open.append(
      row.picture ? picture(row.picture, what) : make('div', 'gb-text', row.text ?? `#${row.id}`),
      make(
        'div',
        'gb-labels',
        make('b', 'gb-right', String(row.expected)),
        ' → ',
        make('b', row.expected === row.predicted ? 'gb-right' : 'gb-wrong', String(row.predicted)),
      ),
    )
    return make('li', '', open)
  }

  #open(id: number | undefined): void {
    const trans = this.#trans
    this.#opened = id
    const row = this.#rows.find((one) => one.id === id)
    this.#detail.hidden = !row
    for (const [index, item] of [...this.#list.children].entries())
      item.firstElementChild?.setAttribute(
        'aria-expanded',
        String(this.#rows[index]?.id === id && id !== undefined),
      )
    if (!row) return
    const what = trans.__('%1, predicted %2', row.expected, row.predicted)
    const sure =
      row.probability === undefined
        ? []
        : [[trans.__('probability'), `${(100 * row.probability).toFixed(1)} %`]]
    const facts = [
      [trans.__('expected'), row.expected],
      [trans.__('predicted'), row.predicted],
      ...sure,
      [trans.__('loss'), formatNumber(Number(row.loss))],
      [trans.__('example'), `${row.id} (${row.split})`],
    ]
    const list = make('dl', 'gb-facts')
    for (const [name, value] of facts)
      list.append(make('dt', '', String(name)), make('dd', '', String(value)))
    const close = button(trans.__('close'), () => this.#open(undefined))
    this.#detail.replaceChildren(
      row.picture ? picture(row.picture, what) : make('div', 'gb-text', row.text ?? `#${row.id}`),
      list,
      close,
    )
  }
}
