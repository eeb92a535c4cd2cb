import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { setDevice } from '../../../src/backend/index.js'
import { chromium, temporaryFolder } from '../../kit/index.js'

const run = promisify(execFile)

/** What a program in a process of its own wrote as JSON; `device` is what it is told. */
async function runOn<T>(device: string, program: string, env: NodeJS.ProcessEnv = {}): Promise<T> {
  const begin = `
    const tf = await import('@tensorflow/tfjs')
    const { compile, setBackendOptions, setDevice } = await import(process.argv[2])
    await tf.setBackend('onnxruntime')
    setBackendOptions({ minimumSize: 0 })
    const device = process.argv[1]
    const end = (result) => process.stdout.write('\\n' + JSON.stringify(result), () => process.exit(0))
    `
  const module = new URL('../../../dist/src/backend/index.js', import.meta.url).href
  const given = ['--input-type=module', '-e', begin + program, device, module]
  const { stdout } = await run(process.execPath, given, { env: { ...process.env, ...env } })
  return JSON.parse(stdout.slice(stdout.lastIndexOf('\n'))) as T
}

/** Three steps, and why the device was refused, if it was. */
const training = `
  let refused
  try { setDevice(device) } catch (error) { refused = error.message }
  const x = tf.randomNormal([32, 16], 0, 1, 'float32', 1)
  const w = tf.variable(tf.randomNormal([16, 16], 0, 1, 'float32', 2))
  const optimizer = tf.train.adam(0.01)
  const step = compile(() => optimizer.minimize(() => x.matMul(w).tanh().square().mean(), true))
  end({ refused, losses: Array.from({ length: 3 }, () => step().dataSync()[0]) })`

const trainOn = (device: string, env?: NodeJS.ProcessEnv) =>
  runOn<{ refused?: string; losses: number[] }>(device, training, env)

/** All that can befall the state between two steps; what is read on the way. */
const stateProgram = `
  setDevice(device)
  const x = tf.randomNormal([32, 16], 0, 1, 'float32', 1)
  const normal = (shape, seed) => tf.variable(tf.randomNormal(shape, 0, 1, 'float32', seed))
  const [w, b, v, c] = [normal([16, 16], 2), normal([16], 3), normal([16, 16], 4), normal([16], 5)]
  const optimizer = tf.train.adam(0.01)
  const frozen = new Set()
  const step = compile((limit) => {
    const loss = optimizer.minimize(() => x.matMul(w).add(b).tanh().matMul(v).add(c).square().mean(), true)
    return { loss, valid: loss.less(limit) }
  }, { valid: ({ valid }) => valid, frozen: () => frozen })
  const seen = {}
  const read = () => [w, b, v, c].map((variable) => [...variable.dataSync()])
  const go = (count, limit = 1e9) => Array.from({ length: count }, () => tf.tidy(() => step(limit).loss.dataSync()[0]))
  seen.losses = go(3)
  seen.after = read()
  const kept = tf.clone(w)
  const before = tf.memory().numTensors
  seen.on = go(2)
  seen.tensors = tf.memory().numTensors - before
  seen.kept = [...kept.dataSync()]
  seen.lazy = tf.tidy(() => [...w.mul(2).add(b).dataSync()])
  seen.invalid = [go(1, 0), read()]
  frozen.add(w).add(c)
  seen.frozen = [go(2), read()]
  frozen.clear()
  seen.thawed = [go(2), read()]
  b.assign(tf.ones([16]))
  seen.assigned = [go(2), read()]
  if (device !== 'cpu') setDevice('cpu')
  seen.back = [go(2), read()]
  end(seen)`

/** Kernels that the device fails at, or computes otherwise, if they are left to it. */
const kernelProgram = `
  setDevice(device)
  const seen = []
  const see = (make) => seen.push([...tf.tidy(make).dataSync()])
  const image = tf.randomNormal([2, 7, 7, 3], 0, 1, 'float32', 1)
  const filter = tf.randomNormal([3, 3, 3, 4], 0, 1, 'float32', 2)
  const deep = tf.randomNormal([3, 3, 3, 2], 0, 1, 'float32', 3)
  for (const [pad, stride] of [['same', 1], ['valid', 1], ['same', 2]])
    see(() => tf.grad((x) => tf.conv2d(x, filter, stride, pad).sum())(image))
  see(() => tf.grad((x) => tf.depthwiseConv2d(x, deep, 1, 'valid').sum())(image))
  see(() => tf.grad((x) => tf.maxPool(x, 3, 2, 'same').sum())(image))
  const [a, b] = [tf.randomNormal([2, 3, 4], 0, 1, 'float32', 4), tf.randomNormal([2, 5, 4], 0, 1, 'float32', 5)]
  see(() => tf.matMul(a, b, false, true))
  see(() => tf.matMul(a.transpose([0, 2, 1]), b, true, true))
  see(() => tf.addN([a, a.mul(2), a.square()]))
  see(() => tf.softmax(a))
  see(() => tf.stridedSlice(tf.range(0, 9), [-1], [-6], [-2]))
  see(() => tf.topk(tf.tensor1d([3, -Infinity, 7, -Infinity]), 4).values)
  const volume = tf.randomNormal([1, 3, 3, 3, 1], 0, 1, 'float32', 6)
  see(() => tf.grad((x) => tf.avgPool3d(x, 2, 1, 'valid').square().sum())(volume))
  end(seen.map((row) => row.map((value) => (Number.isFinite(value) ? value : String(value)))))`

/** Chromium on Linux brings a Vulkan that computes on the processor. */
const swiftShader =
  process.platform === 'linux'
    ? [chromium && dirname(chromium), '/usr/lib/chromium'].find(
        (folder) => folder && existsSync(join(folder, 'vk_swiftshader_icd.json')) && existsSync(join(folder, 'libvulkan.so.1')), // oxfmt-ignore
      )
    : undefined

/** Programs that need a device that works run with this one. */
const works: NodeJS.ProcessEnv | undefined = swiftShader
  ? {
      LD_LIBRARY_PATH: swiftShader,
      VK_DRIVER_FILES: join(swiftShader, 'vk_swiftshader_icd.json'),
      XDG_RUNTIME_DIR: temporaryFolder(),
    }
  : undefined

/** Every number within `most` of the other, relative to it where it is large. */
function expectClose(got: unknown, expected: unknown, most: number): void {
  const numbers = (tree: unknown): unknown[] =>
    tree !== null && typeof tree === 'object' ? Object.values(tree).flatMap(numbers) : [tree]
  const pairs = numbers(expected).map((value, at) => [numbers(got)[at], value] as const)
  for (const [one, other] of pairs)
    if (typeof other !== 'number') expect(one).toBe(other)
    else expect(Math.abs((one as number) - other) / Math.max(1, Math.abs(other))).toBeLessThan(most)
}

describe('a device', () => {
  it('that ONNX Runtime does not have is refused with those that it has', () => {
    expect(() => setDevice('abacus')).toThrow(/abacus.*cpu/s)
  })

  it.runIf(process.platform === 'linux')(
    'that does not work here is refused with what is missing, and the graphs stay where they were',
    async () => {
      const { refused, losses } = await trainOn('webgpu', {
        VK_DRIVER_FILES: '/nowhere',
        VK_ICD_FILENAMES: '',
      })
      expect(refused).toMatch(/setDevice\('webgpu'\).*libvulkan1.*setDevice\('cpu'\)/s)
      expect(refused).not.toMatch(/\.cc|lambda/)
      expect(losses).toEqual((await trainOn('cpu')).losses)
    },
  )

  it.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'whose library is not there is refused with the command that gets it',
    async () => {
      const { refused } = await trainOn('cuda', { GRADBOOK_CACHE: temporaryFolder() })
      expect(refused).toMatch(/setDevice\('cuda'\).*npx gradbook fetch cuda.*setDevice\('cpu'\)/s)
    },
  )

  it('tells nobody what runs on it, and leaves nothing in the home folder', async () => {
    const home = temporaryFolder()
    await trainOn('cpu', { HOME: home, XDG_CACHE_HOME: '', ORT_DISABLE_TELEMETRY: undefined })
    expect(readdirSync(home)).toEqual([])
  })

  it.runIf(works)('that works trains to the losses of the processor', async () => {
    const { refused, losses } = await trainOn('webgpu', works)
    expect(refused).toBeUndefined()
    expectClose(losses, (await trainOn('cpu')).losses, 1e-4)
  })

  it.runIf(works)(
    'that keeps the state gives it to whoever reads, freezes, assigns or leaves it',
    async () => {
      const seen = await runOn<{ tensors: number }>('webgpu', stateProgram, works)
      expect(seen.tensors).toBe(0)
      expectClose(seen, await runOn('cpu', stateProgram), 1e-4)
    },
  )

  it.runIf(works)('is not given what it fails at', async () => {
    expectClose(await runOn('webgpu', kernelProgram, works), await runOn('cpu', kernelProgram), 1e-4)
  })
})
