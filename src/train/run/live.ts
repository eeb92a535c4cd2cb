import { Interrupted } from '../../errors.js'
import { maybeHost, type CellInfo, type Display } from '../../host.js'
import type { RunView } from '../../views.js'
import type { Core } from '../state/core.js'

/** Milliseconds between two updates of a live view, and between two breaths of the host. */
const updateEvery = 400
/** A view that is slow to draw (a million iterations take 90 ms) comes less often: at most a fiftieth of the time. */
const updateShare = 50
const breatheEvery = 100
const backgroundEvery = 15
/** A call that took less leaves no line in a terminal. */
const shortCall = 200

/** The view of one run while it trains: one display for each cell, changed in place. */
export class Live {
  readonly #core: Core
  #shown: { display: Display; cell: CellInfo | undefined } | undefined
  #updated = 0
  #wait = updateEvery
  /** Milliseconds that the latest views took. */
  #costs: number[] = []
  #breathed = 0
  #began = 0
  /** Nothing of the present call was shown yet. */
  #quiet = true
  #every = breatheEvery

  readonly #onView: (view: RunView) => void
  constructor(core: Core, onView: (view: RunView) => void = () => {}) {
    this.#core = core
    this.#onView = onView
  }

  /** Called between iterations: shows what is new and lets the host have its turn, each when it is due. */
  async refresh(view: () => RunView): Promise<void> {
    const now = performance.now()
    if (now - this.#updated >= this.#wait) this.#show(view(), now)
    if (now - this.#breathed >= this.#every) {
      await maybeHost()?.breathe()
      this.#breathed = performance.now()
    }
  }

  /** Lets the host have its turn, when it is due; throws where the user wants to stop. */
  async breathe(): Promise<void> {
    if (!this.due) return
    const host = maybeHost()
    if (host?.interrupted) throw new Interrupted(this.#core.state.iteration, undefined)
    await host?.breathe()
    this.#breathed = performance.now()
  }

  /** For a look at the data: gives what is to be awaited between batches. */
  pause(): () => Promise<void> {
    this.begin()
    return () => this.breathe()
  }

  /** In the background the host has its turn more often: other cells wait for it. */
  set background(on: boolean) {
    this.#every = on ? backgroundEvery : breatheEvery
  }

  /** Whether a turn would do anything; cheaper than awaiting one. */
  get due(): boolean {
    return performance.now() - this.#breathed >= this.#every
  }

  /** The first view of a call comes after a while: a short call shows only its end. */
  begin(): void {
    this.#began = this.#updated = this.#breathed = performance.now()
    this.#quiet = true
  }

  end(view: RunView): void {
    const now = performance.now()
    // A script's loop of short calls would fill the terminal; what it has not begun to show it need not end.
    if (maybeHost()?.kind === 'terminal' && this.#quiet && !view.stopReason && now - this.#began < shortCall)
      return
    this.#show(view, now)
  }

  /** The end of a call that cannot show it itself: where it was shown last. */
  close(view: RunView): void {
    this.#onView(view)
    if (this.#core.settings.progress) this.#shown?.display.update(view)
  }

  #show(view: RunView, now: number): void {
    this.#updated = now
    this.#quiet = false
    this.#onView(view)
    const host = maybeHost()
    if (!host || !this.#core.settings.progress) return
    const { cell } = host
    if (this.#shown && this.#shown.cell?.number === cell?.number) this.#shown.display.update(view)
    else this.#shown = { display: host.display(view), cell }
    // What another process took in the midst of one is not what a view costs: the least of the latest counts.
    this.#costs = [...this.#costs.slice(-2), performance.now() - now]
    this.#wait = Math.max(updateEvery, updateShare * Math.min(...this.#costs))
  }
}
