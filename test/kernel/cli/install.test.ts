import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startKernel as start } from '../../../kernel/cli/client/index.js'
import { gradbook, python, runProgram, temporaryFolder } from '../../kit/index.js'

describe('gradbook install', () => {
  it("writes a kernelspec with logos to the user's Jupyter folder, in an empty home without Python", async () => {
    const home = temporaryFolder()
    const env = { HOME: home, XDG_DATA_HOME: '', JUPYTER_DATA_DIR: join(home, 'jupyter'), PATH: '' }
    const { code, stdout } = await gradbook(['install'], { env })
    const folder = join(home, 'jupyter', 'kernels', 'gradbook')
    expect(stdout).toContain(folder)
    expect(code).toBe(0)
    expect(readdirSync(folder).sort()).toEqual([
      'kernel.json',
      'logo-32x32.png',
      'logo-64x64.png',
      'logo-svg.svg',
    ])
    expect(readFileSync(join(folder, 'logo-32x32.png')).subarray(1, 4).toString()).toBe('PNG')
  })

  it('writes a command that starts the kernel: absolute paths, interrupted by message', async () => {
    const prefix = temporaryFolder()
    await gradbook(['install', '--prefix', prefix])
    const spec = JSON.parse(readFileSync(join(prefix, 'share/jupyter/kernels/gradbook/kernel.json'), 'utf8'))
    expect(spec).toMatchObject({
      display_name: 'TypeScript (gradbook)',
      language: 'typescript',
      interrupt_mode: 'message',
    })
    const kernel = await start({
      command: (file) => spec.argv.map((part: string) => part.replace('{connection_file}', file)),
    })
    expect(kernel.info.language_info).toMatchObject({ name: 'typescript', file_extension: '.ts' })
    // The two places where front ends look for a debugger agree.
    expect(spec.metadata.debugger).toBe(kernel.info.supported_features.includes('debugger'))
    await kernel.shutdown()
  })

  it('takes other names, and stands in for tslab and jslab', async () => {
    const prefix = temporaryFolder()
    const kernels = join(prefix, 'share/jupyter/kernels')
    for (const options of [
      ['--name', 'mine'],
      ['--as', 'tslab'],
      ['--as', 'jslab'],
    ])
      expect(await gradbook(['install', '--prefix', prefix, ...options])).toMatchObject({ code: 0 })
    expect(readdirSync(kernels).sort()).toEqual(['jslab', 'mine', 'tslab'])
    const jslab = JSON.parse(readFileSync(join(kernels, 'jslab/kernel.json'), 'utf8'))
    expect([jslab.language, jslab.argv.slice(-3)]).toEqual([
      'javascript',
      ['{connection_file}', '--as', 'jslab'],
    ])
    await gradbook(['uninstall', '--prefix', prefix, '--as', 'tslab'])
    expect(readdirSync(kernels).sort()).toEqual(['jslab', 'mine'])
  })

  it("neither overwrites nor removes another program's kernel", async () => {
    const prefix = temporaryFolder()
    const folder = join(prefix, 'share/jupyter/kernels/tslab')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'kernel.json'), '{"argv": ["tslab"], "display_name": "TypeScript"}')
    for (const command of ['install', 'uninstall'])
      expect(await gradbook([command, '--prefix', prefix, '--as', 'tslab'])).toMatchObject({ code: 1 })
    expect(JSON.parse(readFileSync(join(folder, 'kernel.json'), 'utf8')).argv).toEqual(['tslab'])
    expect(await gradbook(['install', '--prefix', prefix, '--as', 'tslab', '--force'])).toMatchObject({
      code: 0,
    })
    expect(JSON.parse(readFileSync(join(folder, 'kernel.json'), 'utf8')).argv).not.toEqual(['tslab'])
  })

  it.each([
    [['--user', '--prefix', '/tmp/x'], 'received --user and --prefix'],
    [['--as', 'deno'], "--as: received 'deno'. Expected one of tslab, jslab."],
    [['--name', '../up'], 'Expected letters, digits'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await gradbook(['install', ...args], { env: { HOME: temporaryFolder() } })
    expect(stderr).toContain(message)
    expect(code).toBe(1)
  })

  it.skipIf(!python)(
    'writes with --sys-prefix into the active environment, in a form that Jupyter reads',
    async () => {
      const prefix = temporaryFolder()
      const env = { VIRTUAL_ENV: prefix, HOME: temporaryFolder() }
      await gradbook(['install', '--sys-prefix'], { env })
      const { stdout } = await runProgram(python!, ['-m', 'jupyter', 'kernelspec', 'list', '--json'], {
        env: { ...env, JUPYTER_PATH: join(prefix, 'share/jupyter') },
      })
      expect(JSON.parse(stdout).kernelspecs.gradbook.spec.language).toBe('typescript')
    },
  )

  it('lays and removes its own files alone: what somebody put beside them stays, and no name leads out of the folder', async () => {
    const prefix = temporaryFolder()
    const data = join(prefix, 'share/jupyter')
    await gradbook(['install', '--prefix', prefix])
    const spec = join(data, 'kernels/gradbook')
    const extensions = join(data, 'labextensions')
    const extension = readdirSync(extensions, { recursive: true })
      .map(String)
      .find((file) => file.endsWith('install.json'))!
    const extensionFolder = join(extensions, extension, '..')
    writeFileSync(join(spec, 'kernel.js'), 'mine')
    writeFileSync(join(extensionFolder, 'notes.txt'), 'mine')
    for (const command of ['install', 'uninstall'])
      expect(await gradbook([command, '--prefix', prefix])).toMatchObject({ code: 0 })
    expect(readdirSync(spec)).toEqual(['kernel.js'])
    expect(readdirSync(extensionFolder)).toEqual(['notes.txt'])
    // A link to where somebody builds it goes, and what it leads to stays.
    const built = temporaryFolder()
    writeFileSync(join(built, 'package.json'), '{}')
    rmSync(extensionFolder, { recursive: true })
    symlinkSync(built, extensionFolder)
    await gradbook(['install', '--prefix', prefix])
    await gradbook(['uninstall', '--prefix', prefix])
    expect(readdirSync(built)).toEqual(['package.json'])
    expect(existsSync(extensionFolder)).toBe(false)
    for (const name of ['.', '..', '...']) {
      const { code, stderr } = await gradbook(['install', '--prefix', prefix, '--name', name])
      expect([code, stderr]).toEqual([1, expect.stringContaining('not dots alone')])
    }
  })

  it('is undone by uninstall, which says so when there is nothing to undo', async () => {
    const prefix = temporaryFolder()
    await gradbook(['install', '--prefix', prefix])
    expect((await gradbook(['uninstall', '--prefix', prefix])).stdout).toContain('is removed from')
    expect(existsSync(join(prefix, 'share/jupyter/kernels/gradbook'))).toBe(false)
    expect((await gradbook(['uninstall', '--prefix', prefix])).stdout).toContain('nothing to remove')
  })
})

describe('gradbook doctor', () => {
  it('lists what was found and exits with 0 where all that is needed is there', async () => {
    const { code, stdout } = await gradbook(['doctor'], { env: { HOME: temporaryFolder() } })
    for (const what of ['Node', 'Kernel', 'TensorFlow.js', 'Python', 'JupyterLab', 'Kernelspec', 'GPU'])
      expect(stdout).toMatch(new RegExp(`^. ${what} `, 'm'))
    expect(stdout).toContain(process.versions.node)
    expect(code).toBe(0)
  })

  it('exits with 1 and says what to do when a kernelspec names a file that is gone', async () => {
    const data = temporaryFolder()
    const env = { JUPYTER_DATA_DIR: data, HOME: data }
    await gradbook(['install'], { env })
    const file = join(data, 'kernels/gradbook/kernel.json')
    const spec = JSON.parse(readFileSync(file, 'utf8'))
    spec.argv[0] = '/gone/node'
    writeFileSync(file, JSON.stringify(spec))
    const { code, stdout } = await gradbook(['doctor'], { env })
    expect(stdout).toContain('names /gone/node, which is not there')
    expect(stdout).toContain('`gradbook install` writes it anew')
    expect(code).toBe(1)
  })
})
