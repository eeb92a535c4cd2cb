import * as tf from '@tensorflow/tfjs'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sgd } from '../../../src/backend/index.js'
import { fromArrays } from '../../../src/data/index.js'
import { random, ray, rayNodes, sweep, uniform } from '../../../src/sweep/index.js'
import { train } from '../../../src/train/index.js'
import { long, python } from '../../kit/index.js'

/** The test environment's, or the one that is named; an environment from before Ray was in it has none. */
const own = process.env.GRADBOOK_PYTHON ?? python
const isThere = own !== undefined && spawnSync(own, ['-c', 'import ray']).status === 0
if (!isThere) console.error('Ray is not there: what needs it is skipped (npm test installs it)')
const command = own === undefined ? '' : join(dirname(own), 'ray')

const folder = mkdtempSync(join(tmpdir(), 'gb-ray-'))
const home = process.cwd()
const nodes: ChildProcess[] = []
let address = ''

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

/** A node with all its processes in a group of its own, so that all of it can be killed. */
function startNode(args: readonly string[]): ChildProcess {
  const child = spawn(
    command,
    [
      'start',
      '--block',
      '--num-cpus',
      '1',
      '--object-store-memory',
      '80000000',
      '--disable-usage-stats',
      ...args,
    ],
    {
      detached: true,
      stdio: 'ignore',
      // The machine of the tests may be full of other things.
      env: { ...process.env, RAY_memory_monitor_refresh_ms: '0' },
    },
  )
  nodes.push(child)
  return child
}
const startHead = () =>
  startNode([
    '--head',
    '--port',
    address.split(':')[1]!,
    '--include-dashboard=false',
    '--temp-dir',
    join(folder, 'h'),
  ])

const kill = (node: ChildProcess): void => {
  try {
    process.kill(-node.pid!, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

async function untilNodes(count: number): Promise<void> {
  for (let left = 120; ; left--) {
    const found = await rayNodes({ address, python: own! }).catch(() => ({ nodes: [] }))
    if (found.nodes.length >= count) return
    if (left === 0) throw new Error(`the cluster has ${found.nodes.length} nodes`)
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

beforeAll(async () => {
  if (!isThere) return
  process.chdir(folder)
  address = `127.0.0.1:${await freePort()}`
  startHead()
  await untilNodes(1)
}, 240_000)
afterAll(() => {
  process.chdir(home)
  for (const node of nodes) kill(node)
  rmSync(folder, { recursive: true, force: true })
})

const x = Float32Array.from({ length: 64 }, (_, i) => i / 64)
const data = fromArrays({ x, y: x.map((value) => 2 * value + 1) })
const small = { space: { learningRate: uniform(0.05, 0.5) }, search: random({ seed: 3 }), progress: false }

const trial = async ({ learningRate }: { learningRate: number }) => {
  const w = tf.variable(tf.scalar(0))
  const run = train(
    {
      parameters: { w },
      loss: ({ x: given, y }: { x: tf.Tensor; y: tf.Tensor }) =>
        given.mul(w).sub(y).square().mean() as tf.Scalar,
    },
    { data, evaluateOn: data, batchSize: 16, optimizer: sgd({ learningRate }), evaluateEvery: 10 },
  )
  for (let call = 0; call < 4; call++) {
    await run.iterate(10)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return run
}

it.skipIf(!isThere)(
  'trials as tasks of Ray come to what they come to here, and their runs come back',
  { timeout: 240_000 },
  async () => {
    const there = sweep({ ...small, name: 'there', trial, engine: ray({ address, python: own! }) })
    await there.run(2)
    await there.close()
    const here = sweep({ ...small, trial })
    await here.run(2)
    expect(there.trials.map(({ state, message }) => message ?? state)).toEqual(['complete', 'complete'])
    expect(there.trials.map(({ values, reports }) => ({ values, reports }))).toEqual(
      here.trials.map(({ values, reports }) => ({ values, reports })),
    )
    expect(existsSync(join(there.trials[1]!.folder!, 'run', 'run.json'))).toBe(true)
  },
)

it.skipIf(!isThere)(
  'a cluster that does not answer, and a Python without Ray, are said',
  { timeout: 60_000 },
  async () => {
    await expect(rayNodes({ address: `127.0.0.1:${await freePort()}`, python: own! })).rejects.toThrow(
      /no cluster answers/,
    )
    await expect(rayNodes({ address, python: join(folder, 'none') })).rejects.toThrow(/ENOENT/)
  },
)

it.runIf(isThere && long)(
  'a node is killed and the head restarted: no trial is lost, none doubled',
  { timeout: 900_000 },
  async () => {
    const others = [startNode(['--address', address]), startNode(['--address', address])]
    await untilNodes(3)
    const study = sweep({
      ...small,
      name: 'faults',
      trial,
      engine: ray({ address, python: own!, patience: 300_000 }),
    })
    const done = study.run(40)
    const complete = () => study.trials.filter(({ state }) => state === 'complete').length
    while (complete() < 8) await new Promise((resolve) => setTimeout(resolve, 100))
    kill(others[0]!)
    while (complete() < 16) await new Promise((resolve) => setTimeout(resolve, 100))
    for (const node of nodes) kill(node)
    startHead()
    await done
    await study.close()
    const whole = sweep({ ...small, trial })
    await whole.run(40)
    expect(study.trials.map(({ number, values }) => ({ number, values }))).toEqual(
      whole.trials.map(({ number, values }) => ({ number, values })),
    )
    expect(study.best!.number).toBe(whole.best!.number)
    for (const { reports } of study.trials)
      expect(reports.map(({ iteration }) => iteration).toSorted((p, q) => p - q)).toEqual([10, 20, 30, 40])
  },
)
