/** What a screen reader is told of a run: that it began to train, each quarter of what was asked for, and where it stands then. */
import type { TranslationBundle } from '@jupyterlab/translation'
import type { RunData } from '../chart/data.js'
import { make } from '../parts.js'

export class Announcer {
  readonly node = make('div', 'gb-unseen')
  readonly #trans: TranslationBundle
  #run = ''
  #stage = ''

  constructor(trans: TranslationBundle) {
    this.#trans = trans
    this.node.setAttribute('role', 'status')
  }

  /** `status` is how the run stands, in words. */
  update({ name, live, from, to, iteration }: RunData, status: string): void {
    const quarter =
      live && to !== undefined && to > from ? Math.floor((4 * (iteration - from)) / (to - from)) : 0
    const stage = live ? `${from} ${quarter}` : status
    // Another run came into view: how it stands is read where it is shown.
    const isNew = name !== this.#run
    const same = stage === this.#stage
    this.#run = name
    this.#stage = stage
    if (same || (isNew && !live)) return
    this.node.textContent = live && quarter === 0 ? this.#trans.__('training %1', name) : `${name}: ${status}`
  }
}
