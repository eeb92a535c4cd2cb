import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { sgd } from '../../src/backend/optimizers/sgd.js'
import { train } from '../../src/train/run/train.js'
import { controls } from '../../src/widgets/index.js'
import { fakeNotebook, type FakeComm } from './fake.js'
import { temporaryFolder } from '../kit/files.js'

// Runs write to disk beside the program.
process.chdir(temporaryFolder())

describe('the controls of a run', () => {
  let notebook: ReturnType<typeof fakeNotebook>
  let run: ReturnType<typeof newRun>
  beforeEach(() => {
    notebook = fakeNotebook()
    run = newRun()
    controls(run)
  })

  function newRun() {
    const w = tf.variable(tf.zeros([2, 1]))
    const x = Array.from({ length: 40 }, (_, i) => [i / 40, 1])
    return train(
      {
        parameters: { w },
        loss: (batch) =>
          tf.losses.meanSquaredError(
            batch.y,
            tf.matMul(batch.x as tf.Tensor2D, w as tf.Tensor2D),
          ) as tf.Scalar,
      },
      {
        data: { x: tf.tensor2d(x), y: tf.tensor2d(x.map(([a]) => [3 * a! + 1])) },
        batchSize: 8,
        optimizer: sgd({ learningRate: 0.1 }),
        seed: 1,
        progress: true,
      },
    )
  }
  /** The front end's side of the control with this text beside or on it. */
  const comm = (description: string): FakeComm =>
    notebook.comms.find(({ opened }) => opened?.state?.description === description)!
  const click = (description: string) =>
    comm(description).receive({ method: 'custom', content: { event: 'click' } })
  const touch = (description: string, state: object) => comm(description).receive({ method: 'update', state })
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve))
  }
  /** What the lines of text say now. */
  const labels = () =>
    notebook.comms
      .filter(({ opened }) => opened?.state?._model_name === 'HTMLModel')
      .map(
        (one) =>
          [one.opened, ...one.sent.map(({ data }) => data)].findLast(({ state }) => 'value' in state).state
            .value,
      )

  test('a rate that is dragged is the same adjustment as run.set, with the reason that stands beside it', async () => {
    touch('why', { value: 'loss is flat' })
    touch('learning rate', { value: 0.01 })
    expect(run.adjustments).toEqual([
      { at: 0, what: 'learningRate', from: 0.1, to: 0.01, why: 'loss is flat' },
    ])
  })

  test('the slider follows a rate that a cell sets, without recording it again', async () => {
    run.set({ learningRate: 0.05 })
    expect(comm('learning rate').sent.at(-1)!.data.state.value).toBe(0.05)
    expect(run.adjustments).toHaveLength(1)
  })

  test('a rate outside the slider widens it', () => {
    run.set({ learningRate: 1e-8 })
    expect(run.learningRate).toBe(1e-8)
    expect(comm('learning rate').sent.at(-1)!.data.state).toEqual({ min: -8, value: 1e-8 })
    expect(run.adjustments).toHaveLength(1)
  })

  test('Train trains a number of iterations, Undo takes them back', async () => {
    click('Train')
    await until(() => run.iteration === 100)
    await until(() => labels().some((text) => text.startsWith('iteration 100 ·')))
    click('Undo')
    await until(() => run.iteration === 0)
  })

  test('Train on goes on until it is stopped, and stops at a whole iteration', async () => {
    touch('Train on', { value: true })
    await until(() => run.iteration > 5)
    touch('Train on', { value: false })
    await until(() => comm('Train on').sent.some(({ data }) => data.state.description === 'Train on'))
    expect(run.state).toBe('paused')
    const { iteration } = run
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(run.iteration).toBe(iteration)
    expect(run.history.length).toBe(iteration)
  })

  test('Train on goes on where it was stopped, and a run that a cell started can be stopped', async () => {
    run.start()
    await until(() => comm('Train on').sent.some(({ data }) => data.state.value === true))
    touch('Train on', { value: false })
    await until(() => comm('Train on').sent.at(-1)!.data.state.description === 'Train on')
    const { iteration } = run
    touch('Train on', { value: true })
    await until(() => run.iteration > iteration)
    await run.stop()
    expect(run.state).toBe('idle')
  })

  test('Stop and Train on pressed at once leave it training, and it can still be stopped', async () => {
    run.start()
    await until(() => run.iteration > 2)
    void run.pause()
    run.resume()
    const { iteration } = run
    await until(() => run.iteration > iteration + 5)
    await run.stop()
  })

  test('what cannot be done is said beside the controls', async () => {
    click('Undo')
    await until(() => labels().some((text) => text.includes('a run at its beginning')))
    touch('leave out', { value: '123456' })
    click('Exclude')
    await until(() => labels().some((text) => text.includes('123456')))
    expect(run.adjustments).toEqual([])
    touch('leave out', { value: 'all of them' })
    click('Exclude')
    await until(() => labels().some((text) => text.includes('as in 12, 407')))
  })

  test('examples are left out by their ids', async () => {
    const { ids } = await run.nextBatch()
    touch('leave out', { value: `${ids[0]}, ${ids[1]}` })
    click('Exclude')
    await until(() => run.adjustments.length === 1)
    expect(run.adjustments[0]!.what).toBe('exclude')
  })

  test('dropout has a slider where the model has some, and none elsewhere', async () => {
    expect(comm('dropout')).toBeUndefined()
    const { dense, dropout } = tf.layers
    const model = tf.sequential({
      layers: [dense({ units: 4, inputShape: [2] }), dropout({ rate: 0.2 }), dense({ units: 1 })],
    })
    const other = train(model, {
      data: { x: tf.ones([8, 2]), y: tf.ones([8, 1]) },
      loss: 'meanSquaredError',
      optimizer: sgd({ learningRate: 0.1 }),
    })
    controls(other)
    expect(comm('dropout').opened!.state.value).toBe(0.2)
    touch('dropout', { value: 0.5 })
    expect(other.adjustments).toEqual([{ at: 0, what: 'dropout', from: 0.2, to: 0.5 }])
    other.set({ dropout: 0.1 })
    expect(comm('dropout').sent.at(-1)!.data.state.value).toBe(0.1)
    expect(other.adjustments).toHaveLength(2)
  })

  test('a note is written into the history', async () => {
    touch('note', { value: 'looks flat' })
    click('Write down')
    await until(() => run.adjustments.length === 1)
    expect(run.adjustments).toEqual([{ at: 0, what: 'note', from: null, to: 'looks flat' }])
    expect(comm('note').sent.at(-1)!.data.state.value).toBe('')
  })

  test('an option that is not known is refused, and what is known is said', () => {
    expect(() => controls(run, { steps: 10 } as object)).toThrow(/'steps'.*Did you mean 'step'/)
  })

  test('a page without widgets shows what they stand at', () => {
    const bundle = (controls(run) as any)[Symbol.for('Jupyter.display')]()
    expect(bundle['text/plain']).toContain('learning rate: 0.1')
    expect(bundle['text/plain']).toContain('iteration 0 · learning rate 0.1')
  })
})
