import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { long, runProgram, temporaryFolder } from '../../kit/index.js'

const program =
  "import * as tf from '@tensorflow/tfjs'\nimport { seed } from 'gradbook'\nseed(1)\nif (tf.getBackend() !== 'onnxruntime') throw new Error(tf.getBackend())\ntf.ones([4096]).sum().dataSync()[0] / 4096 + 2\n"

/** Uses the package as its user does, from a folder that has nothing else. */
async function expectToWork(folder: string): Promise<void> {
  const bin = join(folder, 'node_modules', 'gradbook', 'bin', 'gradbook.mjs')
  const env = { HOME: folder, JUPYTER_DATA_DIR: join(folder, 'jupyter') }
  writeFileSync(join(folder, 'cells.ts'), program)
  const ran = await runProgram(process.execPath, [bin, 'run', 'cells.ts', '-o', 'page.html'], { folder, env })
  expect(ran).toMatchObject({ code: 0, stdout: '3\n' })
  expect(existsSync(join(folder, 'page.html'))).toBe(true)
  const installed = await runProgram(process.execPath, [bin, 'install'], { folder, env })
  expect(installed.code).toBe(0)
  const spec = JSON.parse(readFileSync(join(folder, 'jupyter/kernels/gradbook/kernel.json'), 'utf8'))
  expect(existsSync(spec.argv.find((part: string) => part.endsWith('main.cjs')))).toBe(true)
  expect(existsSync(join(folder, 'jupyter/kernels/gradbook/logo-64x64.png'))).toBe(true)
  const imported = await runProgram(
    process.execPath,
    ['--input-type=module', '-e', "console.log(typeof (await import('gradbook')).train)"],
    { folder, env },
  )
  expect(imported).toMatchObject({ code: 0, stdout: 'function\n' })
}

describe('the npm package', () => {
  let tarball: string
  beforeAll(async () => {
    const folder = temporaryFolder()
    expect((await runProgram(process.execPath, ['scripts/vendor.mjs'])).code).toBe(0)
    const packed = await runProgram('npm', ['pack', '--ignore-scripts', '--pack-destination', folder])
    expect(packed.code).toBe(0)
    tarball = join(
      folder,
      readdirSync(folder).find((name) => name.endsWith('.tgz'))!,
    )
  })

  it('is small but for the native library of ONNX Runtime, of one platform', async () => {
    expect(statSync(tarball).size).toBeLessThan(25_000_000)
    const { stdout } = await runProgram('tar', ['-tzvf', tarball])
    const sizes = stdout.split('\n').filter((line) => line && !line.includes('dist/vendor/'))
    // Of it 6 MB are TypeScript's declarations: one file of all, and one of what every version of Node has; 1 MB compressed.
    expect(sizes.reduce((sum, line) => sum + Number(line.split(/\s+/)[2]), 0)).toBeLessThan(14_000_000)
  })

  it('brings all that its commands need beyond its dependencies', async () => {
    const folder = temporaryFolder()
    const installed = join(folder, 'node_modules', 'gradbook')
    mkdirSync(installed, { recursive: true })
    await runProgram('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
    // The dependencies that it names, and no others, taken from here instead of the registry.
    const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    for (const name of Object.keys(dependencies)) {
      const link = join(folder, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(resolve('node_modules', name), link, 'dir')
    }
    await expectToWork(folder)
  })

  it.runIf(long)(
    'works when npm installs it in an empty folder',
    async () => {
      const folder = temporaryFolder()
      const installed = await runProgram('npm', ['install', '--prefer-offline', '--no-audit', tarball], {
        folder,
        timeout: 300_000,
      })
      expect(installed).toMatchObject({ code: 0 })
      await expectToWork(folder)
    },
    400_000,
  )
})
