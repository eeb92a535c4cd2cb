import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { adam, cosine, loadRun, seed, train, type Run } from '../../../src/index.js'
import { maybeCompiled } from '../../../src/train/step/compiled.js'
import { coreOf } from '../../../src/train/run/run.js'
import { long } from '../../kit/needs.js'
import { cameTo, kinds, losses } from './fixtures/kinds.mjs'
import { useRuns } from '../../kit/training.js'

useRuns()

const script = fileURLToPath(new URL('fixtures/continue.mjs', import.meta.url))

const settings = () => ({
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  batchSize: 7,
  seed: 3,
  optimizer: adam({ learningRate: 0.02 }),
  schedule: cosine({ warmup: 5, over: 60, to: 1e-3 }),
  clipNorm: 1,
  evaluateEvery: 10,
})

describe('a run on disk, for a new process', () => {
  /** What it takes to be exact: dropout, shuffling, moving averages, a schedule, and updates of three batches each. */
  const goesOn = async (
    kind: keyof typeof kinds,
    backend: string,
    path: keyof typeof losses,
    [half, taken]: readonly [number, number],
  ) => {
    await tf.setBackend(backend)
    const begin = (name: string) => {
      seed(1)
      const { model, data, evaluateOn } = kinds[kind]()
      return train(model, {
        ...settings(),
        data,
        evaluateOn,
        name,
        loss: losses[path],
        accumulate: 3,
        ema: 0.9,
        schedule: cosine({ warmup: 5, over: 3 * half, to: 1e-3 }),
      })
    }
    const adjust = (run: Run) => {
      run.exclude([4, 9])
      run.reweight([7], 3)
      run.relabel(11, 0)
      run.set({ dropout: 0.4 })
    }
    const straight = begin('straight')
    await straight.iterate(half)
    adjust(straight)
    await straight.iterate(half)
    expect(maybeCompiled(coreOf(straight)!)?.reason === undefined).toBe(path === 'compiled')
    const undone = begin('undone')
    await undone.iterate(half)
    await undone.iterate(taken)
    await undone.undo()
    adjust(undone)
    await undone.iterate(half)
    expect(cameTo(undone)).toEqual(cameTo(straight))
    const saved = begin('saved')
    await saved.iterate(half)
    adjust(saved)
    await saved.save('elsewhere/run')
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [script, kind, backend, 'elsewhere/run', String(half), path],
      { encoding: 'utf8' },
    )
    expect(stderr).not.toContain('Error')
    expect(JSON.parse(stdout)).toEqual(cameTo(straight))
    await tf.setBackend('cpu')
  }

  test.each([
    ['mlp', 'cpu', 'compiled'],
    ['mlp', 'onnxruntime', 'compiled'],
    ['convnet', 'onnxruntime', 'lazy'],
    ['recurrent', 'onnxruntime', 'compiled'],
  ] as const)(
    '%s on %s, %s: 40 iterations are 20, save, a new process and 20; and 20, 10, undo and 20; to the bit',
    (kind, backend, path) => goesOn(kind, backend, path, [20, 10]),
    60_000,
  )

  const whole = (['mlp', 'convnet', 'recurrent'] as const).flatMap((kind) =>
    (['compiled', 'lazy'] as const).map((path) => [kind, path] as const),
  )
  test.runIf(long).each(whole)(
    '%s, %s: 200 iterations are 100, save, a new process and 100; and 100, 50, undo and 100; to the bit',
    (kind, path) => goesOn(kind, 'onnxruntime', path, [100, 50]),
    300_000,
  )

  test('killed at any moment, the run on disk opens', async () => {
    seed(1)
    const { model, data, evaluateOn } = kinds.mlp()
    const run = train(model, { ...settings(), data, evaluateOn, name: 'killed' })
    await run.iterate(5)
    await run.save('runs/kill')
    const child = spawn(process.execPath, [script, 'mlp', 'cpu', 'runs/kill', 'endless'])
    await new Promise((resolve) => child.stdout.once('data', resolve))
    await new Promise((resolve) => setTimeout(resolve, 1500))
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
    const { model: fresh, ...rest } = kinds.mlp()
    const again = await loadRun('runs/kill', { model: fresh, ...rest })
    expect(again.iteration).toBeGreaterThanOrEqual(5)
    expect(again.history.length).toBe(again.iteration)
    // The events before the kill are there line by line, but for one that may be cut off.
    const text = readFileSync('runs/kill/events.jsonl', 'utf8').split('\n').slice(0, -1)
    expect(() => text.map((line) => JSON.parse(line))).not.toThrow()
    await again.iterate(3)
  })
})
