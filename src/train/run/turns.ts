import { InputError } from '../../errors.js'
import { maybeHost } from '../../host.js'
import { atomically, committing, during, settleLeft, settleOf, whileWaiting } from '../../settle.js'
import { Background, silence, type Piece } from './background.js'
import type { Core } from '../state/core.js'
import type { Course } from './course.js'
import type { Primitives } from './primitives.js'
import type { Journal } from '../disk/journal.js'
import type { Live } from './live.js'
import { interruptedAt, stretch } from './loop.js'
import { viewOf } from './run-view.js'
import { restoreSnapshot, takeSnapshot, type Snapshot } from '../state/snapshots.js'
import type { Move } from '../state/point.js'
import type { Timeline } from './timeline.js'

/** Whose turn it is with a run: one call trains at a time, or the background does; what Stop left behind is put right first. */
export class Turns {
  readonly #course: Course
  readonly #core: Core
  readonly #live: Live
  readonly #timeline: Timeline
  readonly #primitives: Primitives
  readonly #journal: Journal
  #background: Background | undefined
  /** The call that trained last, and the signal of the cell that made it. */
  #last: { interrupt: AbortSignal | undefined; ended: Promise<unknown> } | undefined

  constructor(at: { course: Course; timeline: Timeline; primitives: Primitives; journal: Journal }) {
    this.#course = at.course
    this.#core = at.course.core
    this.#live = at.course.live
    this.#timeline = at.timeline
    this.#primitives = at.primitives
    this.#journal = at.journal
  }

  /** A call that trains: one step for undo. What was begun by hand is over. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    this.#journal.checkOwn()
    await this.outlast()
    this.#refuseSecond()
    this.#primitives.forget()
    this.#journal.begin(this.#timeline.begin())
    const interrupt = maybeHost()?.interrupt
    this.#core.trainedIn = maybeHost()?.cell
    // A host that gives up what a cell was waiting for says so at once; else it is found out below.
    const isOver = whileWaiting(() => this.#abandon(), interrupt)
    const ended = this.#timeline.during(work).finally(() => {
      isOver()
      this.ended()
    })
    this.#last = { interrupt, ended: ended.catch(() => {}) }
    if (interrupt) this.#watch(interrupt, this.#last.ended)
    return ended
  }

  /** Where Stop ends a call in the middle, whoever looks at the run is told, also when no other call comes. */
  #watch(interrupt: AbortSignal, ended: Promise<unknown>): void {
    const { owner } = this.#core
    const onStop = (): void => {
      const isOver = (): boolean => !owner || this.#core.owner !== owner
      setTimeout(() => {
        if (!isOver()) this.#abandon()
      }, silence)
    }
    interrupt.addEventListener('abort', onStop, { once: true })
    void ended.then(() => interrupt.removeEventListener('abort', onStop))
  }

  /** A change made at once, in one step for undo. `before`: the point to go back to. */
  change(before: Snapshot | (() => Snapshot) | undefined): void {
    this.#journal.begin(this.#timeline.begin(before))
  }

  /** Makes adjustments, recorded, in one step for undo; one that does not fit changes nothing. */
  adjust(work: () => void): void {
    this.#journal.checkOwn()
    this.recover()
    const before = takeSnapshot(this.#core)
    let isMade = false
    const takeBack = () => {
      if (!isMade) restoreSnapshot(this.#core, before)
    }
    committing((commit) => {
      during(takeBack, () => {
        work()
        commit()
        isMade = true
      })
      this.change(before)
      for (const adjustment of this.#core.state.adjustments.slice(before.adjustments.length))
        this.#journal.event('adjustment', { ...adjustment })
      this.#journal.end()
    })
  }

  /** A batch or an update by hand, also in the code that adjusts between rounds; beside the background both would draw from one order. */
  async byHand(): Promise<void> {
    this.#journal.checkOwn()
    await this.outlast()
    if (this.#background?.state === 'training') throw this.#second(true)
  }

  /** A move to another point of the run's history: background training stands still first. */
  async travel(work: () => Move): Promise<void> {
    this.#journal.checkOwn()
    await this.#background?.pause()
    await this.outlast()
    this.#refuseSecond()
    this.#primitives.forget()
    this.#journal.begin(undefined, { forget: false })
    atomically(() => {
      const move = work()
      this.#journal.moved('moved', move, this.#timeline)
      this.#journal.end()
    })
  }

  /** Trains without a cell that waits for it. */
  start(iterations: number, signal: AbortSignal | undefined): void {
    this.#journal.checkOwn()
    this.recover()
    this.#refuseSecond()
    this.#primitives.forget()
    this.change(undefined)
    this.#core.trainedIn = maybeHost()?.cell
    this.#live.background = true
    const piece: Piece = async (paused, left) => {
      try {
        return await stretch(this.#course, { iterations: left, spent: 'done', signal, paused })
      } finally {
        this.ended()
      }
    }
    this.#background = new Background(
      piece,
      iterations,
      () => this.#core.state.iteration,
      () => {
        this.recover()
        settleOf(this.#core)
        this.#tellStopped()
      },
    )
  }

  get state(): 'idle' | 'training' | 'paused' {
    const state = this.#background?.state
    if (state === 'training' || state === 'paused') return state
    return this.#timeline.busy ? 'training' : 'idle'
  }

  async pause(): Promise<void> {
    await this.#background?.pause()
  }

  resume(): void {
    if (!this.#background || this.#background.state === 'over')
      throw new InputError({
        where: 'run.resume()',
        received: 'a run that is not paused',
        expected: 'run.start() and run.pause() before it',
        fix: 'run.start() trains in the background, await run.iterate(n) here.',
      })
    this.#background.resume()
  }

  async stop(): Promise<void> {
    const background = this.#background
    this.#background = undefined
    this.#live.background = false
    await background?.pause()
  }

  async finished(): Promise<void> {
    await this.#background?.ended()
  }

  /** One thing trains at a time. Background training that is over, or stands still, gives way. */
  #refuseSecond(): void {
    const training = this.#background?.state === 'training'
    if (!training && !this.#timeline.busy) {
      this.#background = undefined
      this.#live.background = false
      return
    }
    throw this.#second(training)
  }

  #second(training: boolean): InputError {
    return new InputError({
      where: `run ${this.#core.name}`,
      received: training ? 'a call while it trains in the background' : 'a second call while one is training',
      expected: 'one at a time',
      fix: training
        ? 'First: await run.pause(), or await run.stop().'
        : 'Put await before the first: await run.iterate(…).',
    })
  }

  /** Waits for a call whose cell was stopped to come to its iteration boundary. */
  async outlast(): Promise<void> {
    this.recover()
    if (!this.#core.owner || !this.#last?.interrupt?.aborted) return
    await Promise.race([this.#last.ended, new Promise((resolve) => setTimeout(resolve, silence))])
    if (this.#core.owner) this.#abandon()
  }

  /** The call under way was ended by Stop, in the middle or while it waited for something: it will not come back. */
  #abandon(): void {
    settleLeft()
    this.#core.left = undefined
    if (!this.#core.owner) return
    settleOf(this.#core)
    this.#timeline.abandon()
    this.#tellStopped()
  }

  /** Says what training that Stop ended in the middle would have said at its end. */
  #tellStopped(): void {
    const core = this.#core
    core.state.stopReason = interruptedAt(core)
    this.#live.close(viewOf(core, { live: false, from: core.state.iteration, started: performance.now() }))
    this.ended()
  }

  /** Puts right what was left where JavaScript was ended in the middle of something. */
  recover(): void {
    settleLeft()
    const { left, owner } = this.#core
    if (left && left === owner) this.#abandon()
  }

  /** Another object goes on with the run: whatever trains this one stands still at its next whole iteration. */
  leave(): void {
    settleOf(this.#core)
    this.#timeline.abandon()
    // What it ended with is told to nobody any more.
    this.stop().catch(() => {})
  }

  /** A call that changed the run is over. */
  ended(): void {
    const { stopReason } = this.#core.state
    if (stopReason) this.#journal.event('stop', { ...stopReason })
    this.#journal.end()
  }
}
