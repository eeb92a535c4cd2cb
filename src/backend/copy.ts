import * as tf from '@tensorflow/tfjs'
import { backendName, onnxRuntime } from './register.js'
import { isNative } from './storage.js'

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
