import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { cacheFolder } from '../../../kernel/cli/jupyter/folders.js'
import { buildTfjsNode } from '../../../scripts/tfjs-node.mjs'
import { long, temporaryFolder } from '../../kit/index.js'

const run = promisify(execFile)

/** tfjs-node calls `util.isNullOrUndefined`, which is gone since Node 23. */
const runs = process.platform === 'linux' && Number(process.versions.node.split('.')[0]) < 23

interface Trained {
  backend: string
  backendAtEnd: string
  losses: number[]
  accuracy: number
  undone: boolean
  repeated: boolean
}

async function train(backend: string, folder: string, addon?: string): Promise<Trained> {
  const script = join(import.meta.dirname, 'train.mjs')
  const args = [script, backend, folder, ...(addon ? [addon] : [])]
  const { stdout } = await run(process.execPath, args, { cwd: folder, maxBuffer: 2 ** 24 })
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
}

describe.runIf(long && runs)('a run on tfjs-node', () => {
  // oxfmt-ignore
  it('built against a current TensorFlow has the losses of onnxruntime, goes back, and goes on in another process', { timeout: 900_000 }, async () => {
    const addon = buildTfjsNode(join(cacheFolder(), 'tfjs-node'))
    const [here, there] = [temporaryFolder(), temporaryFolder()]
    const expected = await train('onnxruntime', here)
    const received = await train('tensorflow', there, addon)
    expect(received).toMatchObject({
      backend: 'tensorflow',
      backendAtEnd: 'tensorflow',
      undone: true,
      repeated: true,
    })
    // Both are float32 and add up in orders of their own; 40 Adam steps let that grow.
    for (const [at, loss] of expected.losses.entries())
      expect(Math.abs(received.losses[at]! / loss - 1), `loss ${at + 1}`).toBeLessThan(1e-5)
    expect(received.accuracy).toBeCloseTo(expected.accuracy, 2)
    const resumed = await train('tensorflow', there, addon)
    expect(resumed.losses).toEqual(received.losses)
    // A snapshot of one backend is one of the other.
    const moved = await train('onnxruntime', there)
    for (const [at, loss] of expected.losses.entries())
      expect(Math.abs(moved.losses[at]! / loss - 1), `moved, loss ${at + 1}`).toBeLessThan(1e-5)
  })
})
