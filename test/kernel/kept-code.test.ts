import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { kernelCommand, packageFolder } from '../../kernel/cli/own-files.js'
import { result, startKernel, temporaryFolder } from '../kit/index.js'

/** An installation of its own, whose bytecode no other test writes. */
function copyKernel(): { folder: string; command: (file: string) => string[] } {
  const root = temporaryFolder()
  mkdirSync(join(root, 'dist'))
  cpSync(join(packageFolder, 'dist', 'kernel'), join(root, 'dist', 'kernel'), {
    recursive: true,
    filter: (path) => !path.includes('.cache'),
  })
  for (const name of ['package.json', 'node_modules', join('dist', 'src')])
    symlinkSync(join(packageFolder, name), join(root, name))
  return {
    folder: join(root, 'dist', 'kernel', 'bundle'),
    command: (file) => kernelCommand(file).map((part) => part.replace(packageFolder, root)),
  }
}

/** The file of what a kernel has kept, once there is one that is newer than `after`. */
async function findKept(folder: string, after = 0): Promise<string> {
  for (let tries = 0; tries < 200; tries++) {
    const name = readdirSync(folder).find((entry) => entry.endsWith('.cache'))
    const file = join(folder, name ?? '')
    if (name && statSync(file).mtimeMs > after) return file
    await sleep(50)
  }
  throw new Error(`no bytecode was kept in ${folder}`)
}

test('A kernel keeps the bytecode that it ran for the next one, which replaces what has been damaged', async () => {
  const { folder, command } = copyKernel()
  const runCell = async (after?: number) => {
    const kernel = await startKernel({ command })
    try {
      expect(result((await kernel.run('1 + 1')).outputs)).toBe('2')
      return await findKept(folder, after)
    } finally {
      await kernel.shutdown()
    }
  }
  const file = await runCell()
  const next = await startKernel({ command })
  try {
    // Its picture is drawn by a module that is imported then.
    const spec = { mark: 'bar', data: { values: [{ a: 1 }] }, encoding: { x: { field: 'a' } } }
    const $schema = 'https://vega.github.io/schema/vega-lite/v6.json'
    const { outputs } = await next.run(JSON.stringify({ $schema, ...spec }))
    expect(outputs).toMatchObject([{ data: { 'image/png': expect.any(String) } }])
  } finally {
    await next.shutdown()
  }
  const { size } = statSync(file)
  truncateSync(file, 1_000)
  expect(await runCell(statSync(file).mtimeMs)).toBe(file)
  expect(statSync(file).size).toBeGreaterThan(size / 2)
  writeFileSync(file, readFileSync(file).fill(0, size / 4, size / 2))
  expect(await runCell(statSync(file).mtimeMs)).toBe(file)
  expect(
    readFileSync(file)
      .subarray(size / 4, size / 2)
      .some((byte) => byte !== 0),
  ).toBe(true)
})
