/** Models, data and settings that tests of training share. Importing this sets the backend to cpu, which each may change. */
import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeEach } from 'vitest'
import { adam } from '../../src/backend/optimizers/index.js'
import { setHost } from '../../src/host.js'
import { seed } from '../../src/seed.js'
import { cosine } from '../../src/train/rules/schedules.js'
import { temporaryFolder } from './files.js'

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

/** Before each test a silent host of its own and the seed 1; the backend is cpu again after them all. */
export function useSilence(): void {
  beforeEach(() => {
    silence()
    seed(1)
  })
  afterAll(() => tf.setBackend('cpu'))
}

/** Before each test a silent host and an empty folder to work in, where runs are kept unless they say otherwise. */
export function useRuns(): void {
  beforeEach(() => {
    silence()
    process.chdir(temporaryFolder())
    process.env.GRADBOOK_RUNS = ''
  })
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

/** The same with two labels exchanged, of the examples 3 and 10. */
export function wrongLabels() {
  const { x, y } = blobs()
  y[3] = 0
  y[10] = 1
  return { x, y }
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

/** How a `classifier` is trained on `blobs` where a test asks for nothing else. */
export const usual = () => ({
  data: blobs(),
  evaluateOn: blobs(16),
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  batchSize: 8,
  seed: 1,
  optimizer: adam({ learningRate: 0.02 }),
})

/** A model with all that has to be taken back or saved to the bit: dropout, and moving averages. */
export const thoroughModel = () => classifier({ dropout: 0.3, batchNorm: true })

/** The same of its training: shuffling with a rest at the end of an epoch, a schedule, clipping. */
export const thorough = () => ({
  ...usual(),
  batchSize: 7,
  seed: 3,
  schedule: cosine({ warmup: 5, over: 60, to: 1e-3 }),
  clipNorm: 1,
  evaluateEvery: 10,
})

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
