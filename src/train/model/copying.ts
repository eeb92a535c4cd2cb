import * as tf from '@tensorflow/tfjs'
import { markEngine } from '../../backend/tfjs/unwind.js'
import { during } from '../../settle.js'

/** Makes a copy of a model, or more: where that ends in the middle, nothing of it stays. */
export function copying<T>(make: () => T): T {
  const known = new Set(variables())
  const leave = markEngine()
  let made: { copy: T } | undefined
  const end = () => {
    leave()
    if (!made) for (const variable of variables()) if (!known.has(variable)) variable.dispose()
  }
  return during(end, () => {
    let copy!: T
    // What a layer of the user's makes beside its variables is handed up.
    tf.tidy(() => {
      copy = make()
      return [...scope().track]
    })
    made = { copy }
    return copy
  })
}

const scope = () =>
  (tf.engine() as unknown as { state: { activeScope: { track: tf.Tensor[] } } }).state.activeScope

/** All that there are. */
const variables = (): tf.Variable[] =>
  Object.values(
    (tf.engine() as unknown as { registeredVariables: { [name: string]: tf.Variable } }).registeredVariables,
  )
