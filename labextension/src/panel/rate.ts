/** The learning rate: a slider over powers of ten and a field for an exact value. Nothing is set while it is dragged. */
import type { TranslationBundle } from '@jupyterlab/translation'
import { make } from '../parts.js'

const bounds = { least: -7, most: 0 }

export class RateControl {
  readonly node: HTMLElement
  readonly #slider = make('input', 'gb-slider')
  readonly #field = make('input', 'gb-field')
  #dragging = false

  constructor(trans: TranslationBundle, onSet: (rate: number) => void, onInvalid: (text: string) => void) {
    const slider = this.#slider
    const field = this.#field
    slider.type = 'range'
    slider.min = String(bounds.least)
    slider.max = String(bounds.most)
    slider.step = '0.02'
    slider.setAttribute('aria-label', trans.__('learning rate, powers of ten'))
    field.type = 'text'
    field.inputMode = 'decimal'
    field.setAttribute('aria-label', trans.__('learning rate'))
    slider.addEventListener('input', () => {
      this.#dragging = true
      field.value = this.#dragged()
      slider.setAttribute('aria-valuetext', field.value)
    })
    slider.addEventListener('change', () => {
      this.#dragging = false
      onSet(Number(this.#dragged()))
    })
    field.addEventListener('change', () => {
      const rate = Number(field.value)
      field.setAttribute('aria-invalid', String(!(rate > 0)))
      if (rate > 0) onSet(rate)
      else onInvalid(field.value)
    })
    this.node = make('div', 'gb-row', make('span', 'gb-label', trans.__('learning rate')), slider, field)
  }

  /** Two digits: finer than one can drag. */
  #dragged(): string {
    return String(Number((10 ** Number(this.#slider.value)).toPrecision(2)))
  }

  update(rate: number): void {
    if (this.#dragging) return
    this.#slider.value = String(Math.log10(rate))
    this.#slider.setAttribute('aria-valuetext', String(rate))
    if (document.activeElement === this.#field) return
    this.#field.value = String(Number(rate.toPrecision(4)))
    this.#field.removeAttribute('aria-invalid')
  }
}
