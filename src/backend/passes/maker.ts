import type { Value } from '../onnx/model.js'
import { toElements } from '../onnx/types.js'

/** Makes values for a graph. */
export interface Maker {
  /** What a node will make, of float32. */
  fresh(shape: readonly number[]): Value
  /** A constant of rank 0, the same for the same number. */
  constant(number: number): Value
}

export function createMaker(): Maker {
  let made = 0
  const fresh = (shape: readonly number[]): Value => ({ name: `s${made++}`, shape, type: 'float32' })
  const constants = new Map<number, Value>()
  const constant = (number: number): Value => {
    let value = constants.get(number)
    if (!value) {
      value = { ...fresh([]), elements: toElements([number], 'float32') }
      constants.set(number, value)
    }
    return value
  }
  return { fresh, constant }
}
