import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Service } from '../../kernel/language/service.js'
import { createWorkspace } from '../../kernel/language/workspace.js'
import { emptyFolder, home } from './session.js'

test('TypeScript is started again when it ends, with the same documents', async () => {
  const workspace = createWorkspace(emptyFolder(), home)
  const service = new Service(workspace.folder, home)
  const path = join(workspace.folder, '$1.ts')
  await service.write(path, 'export const a: number = "s"')
  const codes = async () =>
    (await service.diagnose(path)).filter(({ severity }) => severity === 1).map(({ code }) => code)
  expect(await codes()).toEqual([2322])
  process.kill((await service.server()).pid!, 'SIGKILL')
  // While it is being ended, and after.
  expect(await codes()).toEqual([2322])
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(await codes()).toEqual([2322])
  expect(service.starts).toBe(2)
  await service.close()
  workspace.close()
})

test('a question that takes too long is given up, and the next one is answered', async () => {
  const workspace = createWorkspace(emptyFolder(), home)
  const path = join(workspace.folder, '$1.ts')
  const hasty = new Service(workspace.folder, home, { patience: 1 })
  await hasty.write(path, 'export const a: number = "s"')
  await expect(hasty.diagnose(path)).rejects.toThrow('TypeScript took more than 0.001 s')
  await expect(hasty.diagnose(path)).rejects.toThrow('TypeScript took more than')
  expect(hasty.starts).toBe(2)
  await hasty.close()
  workspace.close()
})
