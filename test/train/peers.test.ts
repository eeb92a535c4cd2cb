/** What others read of a run, read by them. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { adam, seed, train } from '../../src/index.js'
import { decodeTensors } from '../../src/store/safetensors.js'
import { python } from '../kit/index.js'
import { blobs, classifier, silence } from './setup.js'

beforeEach(() => {
  silence()
  process.chdir(mkdtempSync(join(tmpdir(), 'peers-')))
  process.env.GRADBOOK_RUNS = ''
})

/** What a Python program prints as JSON. */
function ask(program: string, ...args: string[]): any {
  const { stdout, stderr, status } = spawnSync(python!, ['-c', program, ...args], { encoding: 'utf8' })
  expect(stderr + (status === 0 ? '' : ` exit code ${status}`)).toBe('')
  return JSON.parse(stdout)
}

async function trained() {
  seed(1)
  const model = classifier()
  const run = train(model, {
    data: blobs(),
    evaluateOn: blobs(16),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    batchSize: 8,
    seed: 1,
    optimizer: adam({ learningRate: 0.02 }),
    evaluateEvery: 5,
    name: 'first',
  })
  await run.iterate(10)
  return { run, model }
}

describe.skipIf(!python)('read by Python', { timeout: 120_000 }, () => {
  test('safetensors reads a snapshot, and is read', async () => {
    const { run, model } = await trained()
    await run.save()
    const folder = 'runs/first/snapshots'
    const file = join(folder, readdirSync(folder).toSorted().at(-1)!)
    const program = `
import json, sys
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
import numpy
tensors = load_file(sys.argv[1])
save_file({'a': numpy.arange(6, dtype=numpy.float32).reshape(2, 3), 'b': numpy.array([1, 2], dtype=numpy.int32)}, sys.argv[2], metadata={'who': 'Python'})
print(json.dumps({name: [list(value.shape), str(value.dtype), value.ravel().astype(float).tolist()] for name, value in tensors.items() if name.startswith('parameter:')}))
`
    const read = ask(program, file, 'python.safetensors')
    const expected = model
      .getWeights()
      .map((weights: tf.Tensor) => [weights.shape, 'float32', Array.from(weights.dataSync())])
    expect(Object.keys(read).toSorted()).toEqual([
      'parameter:dense_1/bias',
      'parameter:dense_1/kernel',
      'parameter:dense_2/bias',
      'parameter:dense_2/kernel',
    ])
    for (const [at, name] of ['dense_1/kernel', 'dense_1/bias', 'dense_2/kernel', 'dense_2/bias'].entries())
      expect(read[`parameter:${name}`], name).toEqual(expected[at])
    const { tensors, metadata } = decodeTensors(readFileSync('python.safetensors'))
    expect(metadata).toEqual({ who: 'Python' })
    expect(tensors.a).toMatchObject({ shape: [2, 3], values: new Float32Array([0, 1, 2, 3, 4, 5]) })
    expect(tensors.b).toMatchObject({ shape: [2], values: new Int32Array([1, 2]) })
  })

  test('TensorBoard reads the events of a run', async () => {
    const { run } = await trained()
    const file = await run.exportTensorBoard('board')
    const program = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
print(json.dumps({tag: [[one.step, one.value] for one in events.Scalars(tag)] for tag in events.Tags()['scalars']}))
`
    const read = ask(program, dirname(file))
    const losses = [...run.history].map(({ iteration, loss }) => [iteration, Math.fround(loss)])
    const of = (what: string) => Object.entries(read).find(([tag]) => tag.includes(what))?.[1]
    expect(Object.keys(read)).toHaveLength(6)
    expect(Object.values(read)).toContainEqual(losses)
    expect(of('accuracy')).toEqual(
      [...run.evaluations].map(({ iteration, accuracy }) => [iteration, Math.fround(accuracy!)]),
    )
  })
})
