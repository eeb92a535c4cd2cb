import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { setDevice } from '../../src/backend/index.js'
import { chromium, temporaryFolder } from '../kit/index.js'

const run = promisify(execFile)

/** Sets the device in a process of its own, trains three steps, and tells what came of it. */
async function trainOn(device: string, env: NodeJS.ProcessEnv = {}) {
  const program = `
    const tf = await import('@tensorflow/tfjs')
    const { compile, setBackendOptions, setDevice } = await import(process.argv[2])
    await tf.setBackend('onnxruntime')
    setBackendOptions({ minimumSize: 0 })
    let refused
    try { setDevice(process.argv[1]) } catch (error) { refused = error.message }
    const x = tf.randomNormal([32, 16], 0, 1, 'float32', 1)
    const w = tf.variable(tf.randomNormal([16, 16], 0, 1, 'float32', 2))
    const optimizer = tf.train.adam(0.01)
    const step = compile(() => optimizer.minimize(() => x.matMul(w).tanh().square().mean(), true))
    const losses = Array.from({ length: 3 }, () => step().dataSync()[0])
    process.stdout.write('\\n' + JSON.stringify({ refused, losses }), () => process.exit(0))`
  const module = new URL('../../dist/src/backend/index.js', import.meta.url).href
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program, device, module], {
    env: { ...process.env, ...env },
  })
  return JSON.parse(stdout.slice(stdout.lastIndexOf('\n'))) as { refused?: string; losses: number[] }
}

/** Chromium on Linux brings a Vulkan that computes on the processor. */
const swiftShader =
  process.platform === 'linux'
    ? [chromium && dirname(chromium), '/usr/lib/chromium'].find(
        (folder) => folder && existsSync(join(folder, 'vk_swiftshader_icd.json')) && existsSync(join(folder, 'libvulkan.so.1')), // oxfmt-ignore
      )
    : undefined

describe('a device', { timeout: 120_000 }, () => {
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
      expect(losses).toEqual((await trainOn('cpu')).losses)
    },
  )

  it.runIf(swiftShader)('that works trains to the losses of the processor', async () => {
    const { refused, losses } = await trainOn('webgpu', {
      LD_LIBRARY_PATH: swiftShader,
      VK_DRIVER_FILES: join(swiftShader!, 'vk_swiftshader_icd.json'),
      XDG_RUNTIME_DIR: temporaryFolder(),
    })
    expect(refused).toBeUndefined()
    for (const [at, loss] of (await trainOn('cpu')).losses.entries())
      expect(Math.abs(losses[at]! / loss - 1)).toBeLessThan(1e-4)
  })
})
