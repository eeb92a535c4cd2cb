import * as tf from '@tensorflow/tfjs'
import { markEngine } from '../../backend/tfjs/unwind.js'
import { during } from '../../settle.js'

/** The user's own code that changes variables or lends them waits for each other: two runs may share some, and it may await. */
let last: Promise<unknown> = Promise.resolve()

/** Waits for its turn; gives what ends it. */
export async function turn(): Promise<() => void> {
  const before = last
  let done!: () => void
  last = new Promise<void>((resolve) => (done = resolve))
  await before
  return done
}

/** Runs `work`; tensors that it makes before its first await end by what is put into `ends`, but those it gives. */
export async function scoped<T extends object>(ends: (() => void)[], work: () => T | Promise<T>): Promise<T> {
  const engine = tf.engine()
  const leave = markEngine()
  engine.startScope('own iteration')
  const { state } = engine as unknown as {
    state: { activeScope: { track: tf.Tensor[] } | null; scopeStack: { track: tf.Tensor[] }[] }
  }
  const scope = state.activeScope!
  const kept = new Set<unknown>()
  ends.push(() => {
    for (const tensor of scope.track) if (!tensor.kept && !kept.has(tensor)) tensor.dispose()
  })
  const end = (left: boolean) => {
    if (!left) {
      // Taken from the stack without ending its tensors: what runs while the iteration awaits is not in this scope.
      const at = state.scopeStack.indexOf(scope)
      if (at >= 0) state.scopeStack.splice(at, 1)
    }
    leave()
  }
  const result = await during(end, work)
  for (const value of Object.values(result ?? {})) kept.add(value)
  return result
}
