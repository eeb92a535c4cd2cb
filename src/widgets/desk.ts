/** What the controls of one run share: the reason for what is changed, a line for what cannot be done, and the run they follow. */
import { Interrupted } from '../errors.js'
import { escapeHtml } from '../show/clean.js'
import { during } from '../settle.js'
import type { Run } from '../train/run/run.js'
import { isInstance, messageOf } from '../untrusted.js'
import { Text } from './buttons.js'
import { HTML } from './simple.js'
import type { Change, Widget } from './widget.js'

/** Looks that the controls of a run have in common. */
export const wide = { width: '34em' }
export const described = { description_width: '9em' }
export const shortField = { style: { description_width: 'auto' }, layout: { width: '11em' } }
export const fitting = { width: 'auto' }

export class Desk {
  readonly run: Run
  readonly why = Text({
    description: 'why',
    placeholder: 'a reason, kept with what you change',
    layout: wide,
    style: described,
  })
  readonly message = HTML({ layout: { display: 'none' } })
  readonly #followers: (() => void)[] = []
  #following = false

  constructor(run: Run) {
    this.run = run
  }

  /** What is written down with a change. */
  get reason(): { why?: string } {
    return this.why.value ? { why: this.why.value } : {}
  }

  /** Says a text beside the controls, or nothing. */
  say(text: string): void {
    this.message.value =
      text && `<span role="alert" style="color: var(--jp-error-color1)">${escapeHtml(text)}</span>`
    this.message.layout.display = text ? null : 'none'
  }

  /** Does something to the run; what cannot be done says why, in place of an error under another cell. */
  async attempt(work: () => unknown): Promise<void> {
    this.say('')
    try {
      await work()
    } catch (error) {
      if (!isInstance(error, Interrupted)) this.say(messageOf(error))
    }
    this.refresh()
  }

  /** Calls `update` whenever the run may have changed, to bring widgets to where it stands. */
  follow(update: () => void): void {
    this.#followers.push(update)
  }

  /** Brings all widgets to where the run stands, without their listeners taking that for a touch. */
  refresh(): void {
    during(
      () => void (this.#following = false),
      () => {
        this.#following = true
        for (const update of this.#followers) update()
      },
    )
  }

  /** Calls `listener` when the reader has touched the widget. */
  onTouch<Value>(widget: Widget<{ value: Value }>, listener: (value: Value) => unknown): void {
    widget.observe(({ value }: Change<Value>) => {
      if (!this.#following) listener(value)
    })
  }
}
