/** Asks why, once a change is made: the reason is written down with it. */
import type { TranslationBundle } from '@jupyterlab/translation'
import { make } from '../parts.js'

export class WhyField {
  readonly node: HTMLElement
  readonly #field = make('input', 'gb-field gb-why')
  #run: string | null = null

  constructor(trans: TranslationBundle, onWhy: (why: string) => void) {
    const field = this.#field
    field.placeholder = trans.__('reason of this change, then Enter')
    field.setAttribute('aria-label', trans.__('why'))
    field.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== 'Escape') return
      event.preventDefault()
      const why = field.value.trim()
      this.close()
      if (event.key === 'Enter' && why) onWhy(why)
    })
    this.node = make('div', 'gb-row', make('span', 'gb-label', trans.__('why')), field)
    this.node.hidden = true
  }

  /** Of the change that was just made to the run. */
  ask(run: string | null): void {
    this.#run = run
    this.#field.value = ''
    this.node.hidden = false
  }

  /** Another run came into view: the question is not about that one. */
  keepOf(run: string): void {
    if (run !== this.#run) this.close()
  }

  close(): void {
    const { activeElement } = document
    if (this.node.hidden) return
    this.#field.value = ''
    this.#run = null
    // Who works with the keyboard goes on where the reason is shown.
    const next =
      activeElement === this.#field ? this.node.nextElementSibling?.querySelector('summary') : undefined
    this.node.hidden = true
    next?.focus()
  }
}
