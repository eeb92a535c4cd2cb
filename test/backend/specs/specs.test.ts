import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'
import { emitters } from '../../../src/backend/emitters/index.js'
import { bundleSpecs } from './bundle.js'
import { temporaryFolder } from '../../kit/files.js'

const long = process.env.GRADBOOK_LONG === '1'
const folder = temporaryFolder()
const bundle = join(folder, 'specs.cjs')
const run = promisify(execFile)

interface Result {
  passed: number
  failed: { name: string; message: string }[]
  statistics: { kernels: { [kernel: string]: { onnx: number; host: number } } }
}

/** One in `share` of the specs, all of them with 1. */
async function specs(mode: 'lazy' | 'eager', share: number): Promise<Result> {
  const { stdout } = await run(
    process.execPath,
    [join(import.meta.dirname, 'run.mjs'), bundle, 'onnxruntime', mode, String(share), '1'],
    { maxBuffer: 2 ** 26 },
  )
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
}

const messages = ({ failed }: Result) => failed.map(({ name, message }) => `${name}: ${message}`)

beforeAll(() => bundleSpecs(bundle))

it(
  'passes every spec of tfjs-core with all kernels forced through ONNX Runtime, lazily',
  { timeout: 300_000 },
  async () => {
    const result = await specs('lazy', 1)
    expect(messages(result)).toEqual([])
    expect(result.passed).toBeGreaterThan(4200)
    // Every kernel that we emit was seen to run in ONNX Runtime; the two of our own generator have tests of their own.
    const ran = Object.entries(result.statistics.kernels).flatMap(([kernel, { onnx }]) =>
      onnx ? [kernel] : [],
    )
    const ofTfjs = Object.keys(emitters).filter(
      (kernel) => kernel !== 'RandomKey' && kernel !== 'KeyedUniform',
    )
    expect(ran.sort()).toEqual(ofTfjs.sort())
    expect(ran.length).toBeGreaterThanOrEqual(140)
  },
)

it(
  `passes ${long ? 'every spec' : 'a third of the specs'} eagerly as well`,
  { timeout: 300_000 },
  async () => {
    const result = await specs('eager', long ? 1 : 3)
    expect(messages(result)).toEqual([])
    expect(result.passed).toBeGreaterThan(long ? 4200 : 1300)
  },
)
