/** Outputs that go elsewhere than under their cell: what `host.capture` runs shows in a place of its own. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Sink } from '../../../src/host.js'

const storage = new AsyncLocalStorage<Sink>()

/** Runs `body`, and all that it starts, with its outputs going to `sink`. */
export function captureInto<Result>(sink: Sink, body: () => Result): Result {
  return storage.run(sink, body)
}

/** Where the outputs of the running code go; undefined: under its cell. */
export function currentSink(): Sink | undefined {
  return storage.getStore()
}
