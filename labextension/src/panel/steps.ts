/** What was done in the panel and is in no cell yet, as code, with the way into the notebook. */
import type { TranslationBundle } from '@jupyterlab/translation'
import { button, make, redraw } from '../parts.js'
import type { Always, Ledger } from './ledger.js'

export class StepList {
  readonly node: HTMLElement
  readonly #trans: TranslationBundle
  readonly #switch = make('input')
  readonly #list = make('div')
  #drawn: string | undefined

  constructor(trans: TranslationBundle, always: Always) {
    this.#trans = trans
    this.#switch.type = 'checkbox'
    this.#switch.setAttribute('role', 'switch')
    this.#switch.addEventListener('change', () => void (always.on = this.#switch.checked))
    const update = (): void => void (this.#switch.checked = always.on)
    always.changed.connect(update)
    update()
    const label = make('label', 'gb-switch', this.#switch, trans.__('write each change as a cell'))
    this.node = make('div', '', label, this.#list)
  }

  draw(ledger: Ledger): void {
    const trans = this.#trans
    const { steps } = ledger
    const key = JSON.stringify(steps)
    if (key === this.#drawn) return
    this.#drawn = key
    const rows = steps.map((step) => {
      const insert = button(trans.__('insert as cell'), () => ledger.insert(step.key))
      const code = make('code', '', step.code)
      code.id = `gb-step-${step.key}`
      insert.setAttribute('aria-describedby', code.id)
      return make('li', '', code, insert)
    })
    const all = button(trans.__('Insert all as cells'), () => ledger.insertAll())
    redraw(
      this.#list,
      ...(rows.length > 0
        ? [make('ol', 'gb-steps', ...rows)]
        : [make('div', 'gb-quiet', trans.__('nothing; what is changed here comes here as code'))]),
      ...(rows.length > 1 ? [all] : []),
    )
  }
}
