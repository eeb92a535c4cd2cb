import type * as tf from '@tensorflow/tfjs'
import { Replay, type Step } from '../../backend/compile/replay/replay.js'
import { say } from '../../say.js'
import type { Core } from '../state/core.js'

/** Losses of one run that are kept recorded. */
const most = 32

/**
 * The updates in an iteration of the user's own, each recorded and replayed by itself: what lies between them is JavaScript, and
 * free. A loss is known by the text of its function; whether what was recorded is right for it is seen at each call.
 */
class OwnUpdates {
  readonly #replays = new Map<string, { replay: Replay; optimizer: string }>()
  readonly #told = new Set<string>()

  /** One update. `key`: what the loss is known by. */
  run(key: string, optimizer: string, step: Step): tf.Tensor {
    let found = this.#replays.get(key)
    if (!found) {
      this.#replays.set(key, (found = { replay: new Replay(), optimizer }))
      if (this.#replays.size > most) {
        const [oldest, gone] = this.#replays.entries().next().value!
        this.#replays.delete(oldest)
        gone.replay.dispose()
      }
    }
    return found.replay.run(step)
  }

  /** Why updates run kernel by kernel, where they do, by optimizer. */
  get reasons(): { [optimizer: string]: string } {
    const reasons: { [optimizer: string]: string } = {}
    for (const { replay, optimizer } of this.#replays.values())
      if (replay.reason !== undefined) reasons[optimizer] ??= replay.reason
    return reasons
  }

  /** A call that trains begins: a cell may have changed what the losses do. */
  begin(): void {
    for (const { replay } of this.#replays.values()) replay.refresh()
  }

  /** Says once that the run is slower than it could be, and why. */
  tell(name: string): void {
    for (const [optimizer, reason] of Object.entries(this.reasons)) {
      if (this.#told.has(optimizer)) continue
      this.#told.add(optimizer)
      say(
        `The run '${name}' makes the updates of '${optimizer}' kernel by kernel, which is slower: ${reason.replace(/\.$/, '')}.`,
      )
    }
  }

  dispose(): void {
    for (const { replay } of this.#replays.values()) replay.dispose()
    this.#replays.clear()
  }
}

export type { OwnUpdates }

const all = new WeakMap<Core, OwnUpdates>()

/** What is kept of the updates of a run's own iteration. */
export function ownUpdates(core: Core): OwnUpdates {
  let updates = all.get(core)
  if (!updates) all.set(core, (updates = new OwnUpdates()))
  return updates
}
