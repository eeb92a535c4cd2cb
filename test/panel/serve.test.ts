import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { sgd } from '../../src/backend/optimizers/sgd.js'
import type { ToPanel } from '../../src/panel/protocol.js'
import { serveRuns } from '../../src/panel/serve.js'
import { train } from '../../src/train/run/train.js'
import { fakeNotebook, type FakeComm } from '../widgets/fake.js'
import { temporaryFolder } from '../kit/files.js'

// Runs write to disk beside the program.
process.chdir(temporaryFolder())

const notebook = fakeNotebook()
serveRuns()

function newRun(name: string) {
  const w = tf.variable(tf.zeros([2, 1]))
  const x = Array.from({ length: 40 }, (_, i) => [i / 40, 1])
  return train(
    {
      parameters: { w },
      loss: (batch) =>
        tf.losses.meanSquaredError(batch.y, tf.matMul(batch.x as tf.Tensor2D, w as tf.Tensor2D)) as tf.Scalar,
    },
    {
      data: { x: tf.tensor2d(x), y: tf.tensor2d(x.map(([a]) => [3 * a! + 1])) },
      batchSize: 8,
      optimizer: sgd({ learningRate: 0.1 }),
      seed: 1,
      name,
    },
  )
}

describe('the kernel tells the panel of its runs', () => {
  let run: ReturnType<typeof newRun>
  let comm: FakeComm
  let id: string
  let requests = 0
  const sent = <M extends ToPanel['method']>(method: M) =>
    comm.sent.map(({ data }) => data).filter((data) => data.method === method) as Extract<
      ToPanel,
      { method: M }
    >[]
  async function act(action: object): Promise<Extract<ToPanel, { method: 'done' }>> {
    const request = `a-${++requests}`
    comm.receive({ method: 'do', id, request, ...action })
    for (;;) {
      const done = sent('done').find((answer) => answer.request === request)
      if (done) return done
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  beforeEach(() => {
    run = newRun(`r${requests}`)
    comm = notebook.comms.find(({ target }) => target === 'gradbook.runs')!
    comm.receive({ method: 'state' })
    id = sent('runs').at(-1)!.active!
    comm.receive({ method: 'watch', page: 'a', id })
  })

  test('over one comm, opened with the first run; a page that comes later asks for the state', () => {
    newRun('another')
    expect(notebook.comms.filter(({ target }) => target === 'gradbook.runs')).toHaveLength(1)
    comm.receive({ method: 'state' })
    expect(
      sent('runs')
        .at(-1)!
        .runs.map(({ name }) => name),
    ).toContain('another')
  })

  test('with its chart, now and when a call that trained has ended', async () => {
    expect(sent('run').at(-1)).toMatchObject({ id, learningRate: 0.1, batchSize: 8, data: { iteration: 0 } })
    await run.iterate(20)
    expect(sent('run').at(-1)!.data).toMatchObject({ live: false, iteration: 20 })
    expect(sent('run').at(-1)!.data.loss.x).toHaveLength(20)
  })

  test('each page looks at a run of its own', async () => {
    const other = newRun('other')
    const page = { method: 'watch', page: 'b' }
    comm.receive({ ...page, id: sent('runs').at(-1)!.active })
    const before = sent('run').length
    await run.iterate(3)
    await other.iterate(3)
    expect(
      new Set(
        sent('run')
          .slice(before)
          .map(({ data }) => data.name),
      ),
    ).toEqual(new Set([run.name, other.name]))
    comm.receive({ ...page, id: null })
  })

  test('what changes two runs at the same time is told of both', async () => {
    const other = newRun('beside')
    const page = { method: 'watch', page: 'b' }
    comm.receive({ ...page, id: sent('runs').at(-1)!.active })
    run.note('here')
    other.note('there')
    const isTold = ({ name }: { name: string }) =>
      sent('run').some(({ data }) => data.name === name && data.adjustments.length === 1)
    while (!isTold(run) || !isTold(other)) await new Promise((resolve) => setTimeout(resolve, 10))
    comm.receive({ ...page, id: null })
  })

  test('nothing of a run is sent when nobody watches', async () => {
    comm.receive({ method: 'watch', page: 'a', id: null })
    const before = sent('run').length
    await run.iterate(20)
    expect(sent('run')).toHaveLength(before)
  })

  test('a rate set in the panel is an adjustment like any other', async () => {
    await act({ action: 'set', changes: { learningRate: 0.01 } })
    expect(run.learningRate).toBe(0.01)
    expect(run.adjustments).toMatchObject([{ at: 0, what: 'learningRate', from: 0.1, to: 0.01 }])
    expect(sent('run').at(-1)!.data.adjustments[0]!.text).toBe('learning rate 0.1 → 0.01')
  })

  test('what cannot be done says why, and changes nothing', async () => {
    const { error } = await act({ action: 'set', changes: { learningRate: -1 } })
    expect(error).toMatch(/received -1/)
    expect(run.adjustments).toEqual([])
    expect((await act({ action: 'redo' })).error).toMatch(/nothing was taken back/)
  })

  test('trains, is taken back, and goes to a point again', async () => {
    await act({ action: 'train', iterations: 5 })
    await act({ action: 'train', iterations: 5 })
    expect(run.iteration).toBe(10)
    expect(sent('run').at(-1)!.points).toEqual([0, 5])
    await act({ action: 'undo' })
    expect(run.iteration).toBe(5)
    await act({ action: 'redo' })
    await act({ action: 'goTo', iteration: 5 })
    expect(run.iteration).toBe(5)
  })

  test('Stop ends what the panel began, at a whole iteration, and asks to interrupt what a cell began', async () => {
    const training = act({ action: 'train', iterations: 1e7 })
    while (run.iteration < 3) await new Promise((resolve) => setImmediate(resolve))
    await act({ action: 'stop' })
    expect((await training).error).toBeUndefined()
    expect(run.history.length).toBe(run.iteration)
    expect((await act({ action: 'stop' })).interrupt).toBeUndefined()
    const abort = new AbortController()
    const byCell = run.iterate(1e7, { signal: abort.signal })
    expect(await act({ action: 'stop' })).toMatchObject({ interrupt: true })
    abort.abort()
    await expect(byCell).rejects.toThrow(/stopped/)
    run.start()
    expect((await act({ action: 'stop' })).interrupt).toBeUndefined()
    expect(run.state).toBe('paused')
  })

  test('a branch has a name of its own, knows where it began, and is the one shown next', async () => {
    await run.iterate(7)
    await act({ action: 'branch' })
    const { runs, active } = sent('runs').at(-1)!
    const branch = runs.find((one) => one.id === active)!
    expect(branch).toMatchObject({ iteration: 7, parent: { name: run.name, iteration: 7 } })
    expect(branch.name).not.toBe(run.name)
  })

  test('a branch from an earlier point leaves the run where it stands', async () => {
    await run.iterate(4)
    await run.iterate(3)
    const losses = run.history.map(({ loss }) => loss)
    await act({ action: 'branch', at: 4 })
    const { runs, active } = sent('runs').at(-1)!
    expect(runs.find((one) => one.id === active)).toMatchObject({
      iteration: 4,
      parent: { name: run.name, iteration: 4 },
    })
    expect(run.iteration).toBe(7)
    expect(run.history.map(({ loss }) => loss)).toEqual(losses)
    expect((await act({ action: 'branch', at: 5 })).error).toMatch(/5/)
    expect(run.iteration).toBe(7)
  })

  test('excluding an example of a mistake is recorded with the reason', async () => {
    const excluded = run.history.length
    expect(excluded).toBe(0)
    const ids = (await run.nextBatch()).ids.slice(0, 1)
    await act({ action: 'exclude', ids, why: '7 taken for 1' })
    expect(run.adjustments).toMatchObject([{ what: 'exclude', why: '7 taken for 1' }])
  })
})
