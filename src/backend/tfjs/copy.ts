import * as tf from '@tensorflow/tfjs'
import { backendName, onnxRuntime } from './register.js'
import { isNative } from '../session/entry.js'

/** The values of a tensor where they are: not to be changed, nor to be kept. Undefined where that is a device. */
export function valuesAt(tensor: tf.Tensor): tf.TypedArray | undefined {
  const backend = tf.getBackend() === backendName ? onnxRuntime() : undefined
  if (!backend?.data.has(tensor.dataId) || !isNative(tensor.dtype)) return tensor.dataSync()
  if (backend.data.get(tensor.dataId).place) return undefined
  return backend.tensorFor(tensor).data as tf.TypedArray
}

/** The largest of some values, without their signs; NaN where one of them is not finite. */
export function largestOf(values: ArrayLike<number>): number {
  let largest = 0
  // What is not finite is no number less itself, and that stays in a sum.
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    sum += value - value
    if (value > largest) largest = value
    else if (-value > largest) largest = -value
  }
  return sum === 0 ? largest : NaN
}

/**
 * The values of a tensor in an array that is the caller's alone. Of a tensor on this backend they are copied from where it
 * computes: `dataSync()` gives that array away, and a compiled step that has lost it must make another one.
 */
export function copyValues(tensor: tf.Tensor): tf.TypedArray {
  const backend = tf.getBackend() === backendName ? onnxRuntime() : undefined
  if (backend?.data.has(tensor.dataId) && isNative(tensor.dtype))
    return backend.tensorFor(tensor).data.slice() as tf.TypedArray
  return tensor.dataSync().slice()
}
