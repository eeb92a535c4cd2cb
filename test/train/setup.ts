import * as tf from '@tensorflow/tfjs'
import { setHost } from '../../src/host.js'

await tf.setBackend('cpu')
process.env.GRADBOOK_RUNS ??= 'off'

/** A host that shows nothing and remembers what it was asked to show. */
export function silence() {
  const shown: any[] = []
  const host = {
    kind: 'silent' as const,
    display(value: unknown) {
      shown.push(value)
      return { id: String(shown.length), update: (next: unknown) => void shown.push(next) }
    },
    clearOutput() {},
    ask: async () => '',
    prompt: () => null,
    confirm: () => false,
    interrupt: new AbortController().signal,
    interrupted: false,
    comms: { open: () => ({}) as never, registerTarget() {} },
    cell: undefined as { number: number; source: string } | undefined,
    breathe: async () => {},
  }
  setHost(host)
  return { host, shown }
}

/** y = 2 x + 1 for 12 values of x. */
export function line(count = 12) {
  const x = Float32Array.from({ length: count }, (_, i) => i / count)
  return { x, y: x.map((value) => 2 * value + 1) }
}

/** Two blobs in the plane that a line separates, 40 examples. */
export function blobs(count = 40) {
  const x = tf.tensor2d(
    Array.from({ length: count }, (_, i) => [
      Math.cos(i * 1.7) + (i % 2 ? 2 : -2),
      Math.sin(i * 2.3) + (i % 2 ? 1 : -1),
    ]),
  )
  return { x, y: Int32Array.from({ length: count }, (_, i) => i % 2) }
}

export function classifier(options: { dropout?: number; batchNorm?: boolean; units?: number } = {}) {
  const layers: tf.layers.Layer[] = [
    tf.layers.dense({ units: options.units ?? 6, inputShape: [2], activation: 'relu' }),
  ]
  if (options.batchNorm) layers.push(tf.layers.batchNormalization())
  if (options.dropout) layers.push(tf.layers.dropout({ rate: options.dropout }))
  layers.push(tf.layers.dense({ units: 2, activation: 'softmax' }))
  return tf.sequential({ layers })
}

/** All weights of a model as plain numbers. */
export function weightsOf(model: tf.LayersModel): number[][] {
  return model.getWeights().map((weight) => Array.from(weight.dataSync()))
}

export function linearModel() {
  const w = tf.variable(tf.scalar(0))
  const b = tf.variable(tf.scalar(0))
  const model = {
    parameters: { w, b },
    loss: ({ x, y }: { x: tf.Tensor; y: tf.Tensor }) => {
      const perExample = x.mul(w).add(b).sub(y).square()
      return { loss: perExample.mean(), perExample }
    },
  }
  return { w, b, model }
}
