import * as tf from '@tensorflow/tfjs'
import { expect, test } from 'vitest'
import { sgd } from '../../../src/backend/optimizers/sgd.js'
import { knownRuns, onRuns } from '../../../src/train/run/announce.js'
import { train } from '../../../src/train/run/train.js'
import { temporaryFolder } from '../../kit/files.js'

// Runs write to disk beside the program.
process.chdir(temporaryFolder())

test('a run is announced when it is made and when a call has trained it', async () => {
  const news: (number | undefined)[] = []
  const stop = onRuns((_, view) => news.push(view?.iteration))
  const w = tf.variable(tf.scalar(1))
  const run = train(
    { parameters: { w }, loss: () => tf.square(w) as tf.Scalar },
    {
      data: { x: [1, 2, 3, 4], y: [1, 2, 3, 4] },
      batchSize: 2,
      optimizer: sgd({ learningRate: 0.1 }),
      progress: false,
    },
  )
  await run.iterate(3)
  stop()
  await run.iterate(1)
  expect([news[0], news.at(-1)]).toEqual([undefined, 3])
  expect(knownRuns()).toContain(run)
  expect(run.view()).toMatchObject({ kind: 'run', live: false, iteration: 4 })
})
