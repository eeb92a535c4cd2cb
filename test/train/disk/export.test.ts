import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { readParquet } from '../../../src/data/read/parquet.js'
import { sgd, train } from '../../../src/index.js'
import { decodeTensors } from '../../../src/store/safetensors.js'
import { python } from '../../kit/needs.js'
import { line, linearModel, silence } from '../../kit/training.js'
import { temporaryFolder } from '../../kit/files.js'

beforeEach(() => {
  silence()
  process.chdir(temporaryFolder())
})

async function trained() {
  const run = train(linearModel().model, {
    data: line(),
    evaluateOn: line(5),
    batchSize: 4,
    seed: 1,
    evaluateEvery: 4,
    optimizer: sgd({ learningRate: 0.1 }),
    save: false,
  })
  await run.evaluate()
  await run.iterate(10)
  return run
}

/** What a Python program prints about a file, as JSON. */
function ask(program: string, file: string): any {
  const { stdout, stderr } = spawnSync(python!, ['-c', program, file], { encoding: 'utf8' })
  if (!stdout) throw new Error(stderr)
  return JSON.parse(stdout)
}

describe('what a run exports is read', () => {
  test('as Parquet by this library: a row each iteration, evaluations beside them', async () => {
    const run = await trained()
    const file = await run.exportParquet('out/history.parquet')
    const rows = []
    for await (const row of readParquet(file)) rows.push(row)
    expect(rows).toHaveLength(11)
    expect(rows[0]).toMatchObject({ iteration: 0, loss: null, evaluation_loss: run.evaluations[0]!.loss })
    expect(rows[10]).toMatchObject({ iteration: 10, loss: run.history.at(-1)!.loss })
  })

  test.skipIf(!python)('as Parquet by pyarrow, to the bit', async () => {
    const run = await trained()
    const table = ask(
      'import sys, json, pyarrow.parquet as pq\nt = pq.read_table(sys.argv[1])\n' +
        'print(json.dumps({"types": [str(f.type) for f in t.schema], "names": t.column_names, "columns": t.to_pydict()}))',
      await run.exportParquet('out/history.parquet'),
    )
    const names = ['iteration', 'loss', 'learningRate', 'gradientNorm', 'milliseconds', 'evaluation_loss']
    expect(table.names).toEqual(names)
    expect(table.types).toEqual(['int32', ...names.slice(1).map(() => 'double')])
    expect(table.columns.iteration).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(table.columns.loss).toEqual([null, ...run.history.map(({ loss }) => loss)])
    const evaluated = new Map(run.evaluations.map(({ iteration, loss }) => [iteration, loss]))
    expect(evaluated.size).toBe(3)
    expect(table.columns.evaluation_loss).toEqual(
      table.columns.iteration.map((iteration: number) => evaluated.get(iteration) ?? null),
    )
  })

  test.skipIf(!python)('as events by TensorBoard', async () => {
    const run = await trained()
    await run.exportTensorBoard('board')
    const scalars = ask(
      'import sys, json\n' +
        'from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n' +
        'a = EventAccumulator(sys.argv[1]); a.Reload()\n' +
        'print(json.dumps({t: [[s.step, s.value] for s in a.Scalars(t)] for t in a.Tags()["scalars"]}))',
      'board',
    )
    expect(Object.keys(scalars).toSorted()).toEqual([
      'evaluation/loss',
      'train/gradientNorm',
      'train/learningRate',
      'train/loss',
      'train/milliseconds',
    ])
    // Events hold float32.
    expect(scalars['train/loss']).toEqual(
      run.history.map(({ iteration, loss }) => [iteration, Math.fround(loss)]),
    )
  })

  test.skipIf(!python)('as a snapshot by safetensors', async () => {
    const run = await trained()
    await run.save('out/run')
    const [b, loss] = ask(
      'import sys, json\nfrom safetensors import safe_open\n' +
        'f = safe_open(sys.argv[1], "numpy")\n' +
        'print(json.dumps([f.get_tensor("parameter:b").tolist(), f.get_tensor("history:loss").tolist()]))',
      'out/run/snapshots/00000010.safetensors',
    )
    expect(b).toBe(run.model.parameters.b.dataSync()[0])
    expect(loss).toEqual(run.history.map((row) => row.loss))
  })

  test.skipIf(!python)('and what safetensors of Python writes is read here', () => {
    ask(
      'import sys, numpy\nfrom safetensors.numpy import save_file\n' +
        'save_file({"a": numpy.arange(6, dtype=numpy.float32).reshape(2, 3), "b": numpy.array([1, 2], dtype=numpy.int32)}, sys.argv[1], metadata={"by": "Python"})\n' +
        'print(1)',
      'python.safetensors',
    )
    const { tensors, metadata } = decodeTensors(readFileSync('python.safetensors'))
    expect(metadata).toEqual({ by: 'Python' })
    expect(tensors.a).toMatchObject({ shape: [2, 3], values: new Float32Array([0, 1, 2, 3, 4, 5]) })
    expect(tensors.b).toMatchObject({ shape: [2], values: new Int32Array([1, 2]) })
  })
})
