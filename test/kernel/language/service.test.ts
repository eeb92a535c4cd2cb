import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createLanguage } from '../../../kernel/language/language.js'
import { Service } from '../../../kernel/language/typescript/service.js'
import { createWorkspace } from '../../../kernel/language/typescript/workspace.js'
import { hangingTypescript } from '../../kit/hanging-typescript.js'
import { temporaryFolder } from '../../kit/files.js'
import { home } from './session.js'

test('TypeScript is started again when it ends, with the same documents', async () => {
  const workspace = createWorkspace(temporaryFolder(), home)
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
  const workspace = createWorkspace(temporaryFolder(), home)
  const path = join(workspace.folder, '$1.ts')
  const hasty = new Service(workspace.folder, home, { patience: 1 })
  await hasty.write(path, 'export const a: number = "s"')
  await expect(hasty.diagnose(path)).rejects.toThrow('TypeScript took more than 0.001 s')
  await expect(hasty.diagnose(path)).rejects.toThrow('TypeScript took more than')
  expect(hasty.starts).toBe(2)
  await hasty.close()
  workspace.close()
})

describe.skipIf(process.platform === 'win32')('a TypeScript that hangs', () => {
  /** What a test waits for in vain has a short limit there, all else a long one. */
  const hanging = (
    method: string,
    limits: { patience?: number; assistPatience?: number; startPatience?: number } = {},
  ) => {
    const folder = temporaryFolder()
    const workspace = createWorkspace(folder, home)
    const service = new Service(workspace.folder, hangingTypescript(home, method), {
      patience: 30_000,
      assistPatience: 1_000,
      startPatience: 30_000,
      ...limits,
    })
    const language = createLanguage({
      folder,
      home,
      started: { workspace, service, first: undefined, ready: Promise.resolve() },
    })
    onTestFinished(() => language.close())
    return { service, language }
  }
  const problems = async ({ language }: ReturnType<typeof hanging>) =>
    (await language.check({ number: 1, text: 'const a: number = "s"' })).map(({ code }) => code)

  test.each([
    ['completionItem/resolve', 'complete'],
    ['textDocument/completion', 'complete'],
    ['textDocument/hover', 'inspect'],
  ] as const)('at %s: the next cell is checked', async (method, ask) => {
    const hung = hanging(method)
    expect(await problems(hung)).toEqual(['TS2322'])
    const asked = hung.language[ask]('Math.abs', 6)
    // It waits for the answer that does not come, and no longer.
    expect(await problems(hung)).toEqual(['TS2322'])
    await asked
    expect(hung.service.starts).toBe(2)
  })

  test('at a completion that has its list: it comes without signatures', async () => {
    const { items } = await hanging('completionItem/resolve', { assistPatience: 4_000 }).language.complete(
      'Math.ab',
      7,
    )
    expect(items.map(({ text }) => text)).toEqual(['abs'])
  })

  test('at the cell in the editor: cells run, and it is asked about once', async () => {
    const hung = hanging('textDocument/diagnostic', { patience: 4_000 })
    const cells = [{ id: 'a', text: 'const b = 1' }]
    expect(await hung.language.diagnose(cells)).toEqual([{ id: 'a', diagnostics: [] }])
    const { starts } = hung.service
    expect(await hung.language.diagnose(cells)).toEqual([{ id: 'a', diagnostics: [] }])
    expect(hung.service.starts).toBe(starts)
  })

  test('at its start: cells run unchecked, and say so', async () => {
    const hung = hanging('initialize', { startPatience: 4_000 })
    expect(await hung.language.check({ number: 1, text: 'const a: number = "s"' })).toMatchObject([
      {
        severity: 'warning',
        message: 'the types of this cell were not checked: TypeScript took more than 4 s',
      },
    ])
  })
})
