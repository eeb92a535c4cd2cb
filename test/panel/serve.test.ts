import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { sgd } from '../../src/backend/optimizers/sgd.js'
import type { ToPanel } from '../../src/panel/protocol.js'
import { serveRuns } from '../../src/panel/serve.js'
import { findRun, repeat, train } from '../../src/train/index.js'
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

  describe('what is done comes back as code that does it again', () => {
    const codeOf = async (action: object) => (await act(action)).step?.code
    /** As a cell that runs code has it. */
    let names: [string, unknown][] = []
    beforeEach(() => {
      names = [['mine', run]]
      Object.assign(notebook.host, { names: () => names })
    })
    /** Runs the code of cells on a twin of the run. */
    async function again(twin: typeof run, codes: readonly (string | undefined)[]): Promise<void> {
      for (const code of codes) {
        const body = code!.replace(/^const (\w+) = /m, '')
        await new Function('mine', `return (async () => { ${body} })()`)(twin)
      }
    }

    test('in the order in which it was done, and the twin that runs it is the same', async () => {
      const codes = [
        await codeOf({ action: 'train', iterations: 6 }),
        await codeOf({ action: 'set', changes: { learningRate: 0.03 }, why: 'it\'s "flat"\n' }),
        await codeOf({ action: 'exclude', ids: [3, 4], why: 'odd' }),
        await codeOf({ action: 'relabel', example: 7, label: 2.5 }),
        await codeOf({ action: 'train', iterations: 4 }),
        await codeOf({ action: 'undo' }),
        await codeOf({ action: 'redo' }),
        await codeOf({ action: 'goTo', iteration: 6 }),
        await codeOf({ action: 'train', iterations: 2 }),
      ]
      expect(codes).toEqual([
        'await mine.iterate(6)',
        "mine.set({ learningRate: 0.03 }, { why: 'it\\'s \"flat\"\\n' })",
        "mine.exclude([3, 4], { why: 'odd' })",
        'mine.relabel(7, 2.5)',
        'await mine.iterate(4)',
        'await mine.undo()',
        'await mine.redo()',
        'await mine.goTo(6)',
        'await mine.iterate(2)',
      ])
      const twin = newRun('twin')
      await again(twin, codes)
      expect(twin.adjustments).toEqual(run.adjustments)
      expect(twin.history.map(({ loss }) => loss)).toEqual(run.history.map(({ loss }) => loss))
    })

    test('a branch gets a variable of its own, and later steps of it use that; by name it is found', async () => {
      await run.iterate(3)
      names.push([`${run.name}2`, 1])
      expect(await codeOf({ action: 'branch' })).toBe(`const ${run.name}2_2 = mine.branch('${run.name}-2')`)
      const branch = findRun(`${run.name}-2`)
      id = sent('runs').at(-1)!.active!
      expect(await codeOf({ action: 'train', iterations: 2 })).toBe(`await ${run.name}2_2.iterate(2)`)
      expect(branch.iteration).toBe(5)
      expect(() => findRun('no such')).toThrow(/received 'no such'.*Expected the name of a run/)
      names = []
      id = sent('runs')
        .at(-1)!
        .runs.find(({ name }) => name === run.name)!.id
      expect(await codeOf({ action: 'undo' })).toBe(
        `import { findRun } from 'gradbook'\nawait findRun('${run.name}').undo()`,
      )
    })

    test('a change in the middle of training is planned for the same iteration, above the cell that trained', async () => {
      Object.assign(notebook.host, { cell: { number: 2, source: '', id: 'cell-2' } })
      const abort = new AbortController()
      const training = run.iterate(1e7, { signal: abort.signal })
      while (run.iteration < 5) await new Promise((resolve) => setImmediate(resolve))
      const { step } = await act({ action: 'set', changes: { learningRate: 0.02 } })
      const planned = (await act({ action: 'why', why: 'slow' })).step!
      abort.abort()
      await expect(training).rejects.toThrow()
      Object.assign(notebook.host, { cell: undefined })
      const [made] = run.adjustments
      expect(step).toMatchObject({ above: 'cell-2', at: made!.at })
      expect(planned).toMatchObject({ key: step!.key, above: 'cell-2' })
      expect(planned.code).toContain("why: 'slow'")
      const twin = newRun('planned')
      await again(twin, [planned.code])
      await twin.iterate(run.iteration)
      expect(twin.adjustments).toEqual(run.adjustments)
      expect(twin.history.at(-1)!.loss).toBe(run.history.at(-1)!.loss)
    })

    test('what changes nothing is no step, and what failed is none', async () => {
      expect((await act({ action: 'mistakes', k: 2, of: 'train' })).step).toBeUndefined()
      expect((await act({ action: 'set', changes: { learningRate: -1 } })).step).toBeUndefined()
    })
  })

  test('the reason may come after the change, and is in every point that has it', async () => {
    await act({ action: 'set', changes: { learningRate: 0.01 } })
    await run.iterate(2)
    await act({ action: 'why', why: 'flat' })
    expect(run.adjustments).toMatchObject([{ what: 'learningRate', why: 'flat' }])
    await run.undo()
    expect(run.adjustments).toMatchObject([{ what: 'learningRate', why: 'flat' }])
    await run.undo()
    expect((await act({ action: 'why', why: 'gone' })).error).toMatch(/an adjustment that the run has not/)
  })

  test('of a run with a parent both are sent where they are compared', async () => {
    await run.iterate(3)
    const twin = run.branch(`${run.name}-b`)
    await twin.iterate(4)
    const watched = { method: 'watch', page: 'a', id: sent('runs').at(-1)!.active }
    comm.receive({ ...watched, withParent: true })
    expect(sent('run').at(-1)!.data).toMatchObject({ name: twin.name, beside: [{ name: run.name }] })
    comm.receive(watched)
    expect(sent('run').at(-1)!.data.beside).toBeUndefined()
  })

  test('runs that repeat makes do not take the place of the one that is looked at', async () => {
    await run.iterate(1)
    const made: unknown[] = []
    await repeat([1, 2], async (seed) => {
      const one = newRun(`seed ${seed}`)
      made.push(one)
      await one.iterate(2)
      return { iteration: 2, loss: one.history.at(-1)!.loss }
    })
    comm.receive({ method: 'state' })
    const { runs, active } = sent('runs').at(-1)!
    expect(runs.find((one) => one.id === active)!.name).toBe(run.name)
  })
})
