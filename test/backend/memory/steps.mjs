// Trains a small model for many steps and prints what memory did: node --expose-gc steps.mjs compiled|lazy COUNT
import * as tf from '@tensorflow/tfjs'

const { compile } = await import(new URL('../../../dist/src/backend/index.js', import.meta.url))
const [mode, count] = process.argv.slice(2)
await tf.setBackend('onnxruntime')
const { dense } = tf.layers
const model = tf.sequential({
  layers: [dense({ inputShape: [64], units: 64, activation: 'tanh' }), dense({ units: 1 })],
})
const optimizer = tf.train.adam(1e-3)
const body = (x, y) => optimizer.minimize(() => model.apply(x).sub(y).square().mean(), true)
const step = mode === 'compiled' ? compile(body) : body
// Arrays of its own for each step, as a program that reads data has them.
function run(steps) {
  for (let at = 0; at < steps; at++)
    tf.tidy(() => {
      const x = tf.tensor(new Float32Array(64 * 64).fill(at % 7), [64, 64])
      step(x, tf.zeros([64, 1])).dataSync()
    })
}
/** Resident memory, the middle of nine readings over 900 steps: one reading differs from the next by up to 4 %. */
function resident() {
  const readings = Array.from({ length: 9 }, () => {
    run(100)
    gc()
    return process.memoryUsage().rss
  })
  return readings.sort((a, b) => a - b)[4]
}
// V8 sizes its heap, and ONNX Runtime its arenas, within the first four thousand steps (154, 175, 181 MB every 1,500, then 182 to 184).
run(9000)
// A busy machine lets the collector lag behind, so what counts is the least of three windows: a leak grows in each.
const windows = []
for (
  let before = { rss: resident(), ...tf.memory() };
  windows.length < 3 && !(windows.at(-1)?.growth < 0.05);
) {
  run(+count)
  const after = { rss: resident(), ...tf.memory() }
  windows.push({
    growth: after.rss / before.rss - 1,
    tensors: after.numTensors - before.numTensors,
    buffers: after.numDataBuffers - before.numDataBuffers,
  })
  before = after
}
console.log(JSON.stringify(windows))
