// What a run costs over its bare compiled step: `npm run bench compute -- --works overhead`.
//
// Both train copies of the same model in one process, in turns, so that a busy moment meets both. The step is the run's own, called
// again and again on batches that are there already; the run draws them, counts, checks and writes its history.
// What a call costs once (a snapshot for undo, and for a loss of one's own a look whether it is still the same) is a row of its own.
import * as tf from '@tensorflow/tfjs'
import { adam, adamw, fromArrays, train } from '../../dist/src/index.js'
import { maybeCompiled } from '../../dist/src/train/step/compiled.js'
import { coreOf } from '../../dist/src/train/run/run.js'
import { createGpt, sizes, tokens } from './gpt.mjs'
import { perceptron } from './models.mjs'

/** A model of one's own, a data set for it, and how it is trained. */
const works = {
  perceptron: () => {
    const { x, y, model } = perceptron()
    const repeat = (tensor) => tf.tile(tensor, [20, 1])
    return {
      model,
      iterations: 2000,
      options: {
        data: fromArrays({ x: repeat(x), y: repeat(y) }),
        loss: 'meanSquaredError',
        batchSize: 64,
        optimizer: adam({ learningRate: 1e-3 }),
      },
      goal: (run, step) => [`${((run - step) * 1000).toFixed(0)} us`, '<= 60 us'],
    }
  },
  'gpt-small': () => {
    const size = sizes.small
    const { parameters, loss } = createGpt(size)
    const [x, y] = [7919, 104729].map((factor) =>
      tf.tensor2d(tokens(size, factor), [size.batch, size.context], 'int32'),
    )
    return {
      model: { parameters, loss: (batch) => loss(batch.x, batch.y) },
      iterations: 60,
      options: {
        data: fromArrays({ x: tf.tile(x, [4, 1]), y: tf.tile(y, [4, 1]) }),
        batchSize: x.shape[0],
        optimizer: adamw({ learningRate: 1e-3 }),
        clipNorm: 1,
      },
      goal: (run, step) => [`${(100 * (run / step - 1)).toFixed(1)} %`, '<= 5 %'],
    }
  },
}

const quiet = { save: false, progress: false, seed: 1 }

/** What a run is told before its state changes: here nobody undoes. */
const ignore = () => {}

/** Milliseconds an iteration of the step alone. */
function measureStep(core, iterations) {
  const step = maybeCompiled(core)
  const batch = core.batchAt(core.nextPositions())
  step.run(batch, undefined, 1e-3, core.paceOf(batch.x.shape[0]), ignore)
  const started = performance.now()
  for (let i = 0; i < iterations; i++) step.run(batch, undefined, 1e-3, core.paceOf(batch.x.shape[0]), ignore)
  const took = (performance.now() - started) / iterations
  tf.dispose([batch.x, batch.y])
  return took
}

export async function overhead(rounds) {
  await tf.setBackend('onnxruntime')
  const rows = []
  for (const [name, make] of Object.entries(works)) {
    const { model, options, iterations, goal } = make()
    const run = train(model, { ...options, ...quiet })
    const core = coreOf(run)
    await run.iterate(5)
    const times = { step: [], run: [], call: [] }
    const timed = async (n) => {
      const started = performance.now()
      await run.iterate(n)
      return performance.now() - started
    }
    for (let round = 0; round < rounds; round++) {
      times.step.push(measureStep(core, iterations))
      const one = await timed(1)
      const many = await timed(iterations + 1)
      times.run.push((many - one) / iterations)
      times.call.push(one - times.run.at(-1))
    }
    rows.push({ name, times, goal })
  }
  return rows
}
