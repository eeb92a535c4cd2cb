import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it, vi } from 'vitest'
import { isGradbook, positionAt } from '../../vscode/src/cells.js'
import { Checker } from '../../vscode/src/checker.js'
import { start } from '../../vscode/src/extension.js'
import { temporaryFolder } from '../kit/files.js'

/** Answers each question with one error in the second cell, and keeps what it was asked. */
const program = `
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, cells } = JSON.parse(line)
  console.log('npx says something')
  setTimeout(() => console.log(JSON.stringify({ id, cells: cells.map((cell, index) => ({
    id: cell.id,
    diagnostics: index === 1 ? [{ code: 'TS2339', severity: 'error', message: cell.text, place: { start: 2, end: 5 } }] : [],
  })) })), 30)
})`

function commandOf(text: string): string[] {
  const file = join(temporaryFolder(), 'answers.cjs')
  writeFileSync(file, text)
  return [process.execPath, file]
}

it('knows its notebooks by the name of their kernel, wherever it is said', () => {
  expect(isGradbook({ kernelspec: { name: 'gradbook' } })).toBe(true)
  expect(isGradbook({ metadata: { kernelspec: { name: 'gradbook-gpu' } } })).toBe(true)
  expect(isGradbook({ metadata: { kernelspec: { name: 'python3' } } })).toBe(false)
  expect(isGradbook(undefined)).toBe(false)
})

it('finds lines and characters of offsets', () => {
  expect(positionAt('ab\ncd', 4)).toEqual({ line: 1, character: 1 })
  expect(positionAt('ab\r\ncd', 99)).toEqual({ line: 1, character: 2 })
})

it('asks once at a time, the newest text next', async () => {
  const answers: string[] = []
  const checker = new Checker({
    command: commandOf(program),
    folder: temporaryFolder(),
    onAnswer: (answer) => answers.push(answer[1]!.diagnostics[0]!.message),
    onFailure: (reason) => answers.push(`failed: ${reason}`),
  })
  for (const text of ['one', 'two', 'three'])
    checker.ask([
      { id: 'a', text: '' },
      { id: 'b', text },
    ])
  await vi.waitFor(() => expect(answers).toEqual(['three']), { timeout: 20_000 })
  checker.close()
})

it('says once why nothing is checked', async () => {
  const failed = vi.fn()
  new Checker({
    command: commandOf('console.error("no gradbook here"); process.exit(3)'),
    folder: temporaryFolder(),
    onAnswer: () => {},
    onFailure: failed,
  })
  await vi.waitFor(() => expect(failed).toHaveBeenCalledOnce(), { timeout: 20_000 })
  expect(failed.mock.calls[0]![0]).toContain('no gradbook here')
})

/** The part of VS Code that the extension calls. */
function standIn({ choice, trusted = true }: { choice?: string; trusted?: boolean } = {}) {
  const settings = new Map<string, unknown>([['typescript.validate.enable', true]])
  const shown = new Map<string, any[]>()
  const disposable = { dispose() {} }
  const file = join(temporaryFolder(), 'a.ipynb')
  const cell = (id: string, text: string) => ({
    kind: 2,
    document: { uri: { toString: () => id }, getText: () => text },
  })
  const notebook = {
    uri: { scheme: 'file', toString: () => pathToFileURL(file).href },
    notebookType: 'jupyter-notebook',
    metadata: { metadata: { kernelspec: { name: 'gradbook' } } },
    getCells: () => [cell('a', 'const x = 1'), { ...cell('m', 'text'), kind: 1 }, cell('b', 'x.foo()')],
  }
  const asked = vi.fn(async () => choice)
  const code = {
    ConfigurationTarget: { Workspace: 2, Global: 1 },
    NotebookCellKind: { Code: 2 },
    DiagnosticSeverity: { Error: 0, Warning: 1 },
    Range: class {
      readonly ends: number[]
      constructor(...ends: number[]) {
        this.ends = ends
      }
    },
    Diagnostic: class {
      readonly range: unknown
      readonly message: string
      constructor(range: unknown, message: string) {
        this.range = range
        this.message = message
      }
    },
    Uri: { joinPath: () => ({ fsPath: temporaryFolder() }) },
    languages: {
      createDiagnosticCollection: () => ({
        set: (uri: object, list: any[]) => shown.set(String(uri), list),
        delete: (uri: object) => shown.delete(String(uri)),
        dispose() {},
      }),
    },
    window: { showInformationMessage: asked, showWarningMessage: vi.fn() },
    commands: { registerCommand: () => disposable },
    workspace: {
      isTrusted: trusted,
      workspaceFolders: [{}],
      notebookDocuments: [notebook],
      onDidOpenNotebookDocument: () => disposable,
      onDidCloseNotebookDocument: () => disposable,
      onDidChangeNotebookDocument: () => disposable,
      onDidGrantWorkspaceTrust: () => disposable,
      getConfiguration: (section?: string) => ({
        get: (name: string) => (section === 'gradbook' ? commandOf(program) : settings.get(name)),
        inspect: (name: string) =>
          settings.has(name) ? { defaultValue: true } : { defaultValue: undefined },
        update: async (name: string, value: unknown) => void settings.set(name, value),
      }),
    },
  }
  const kept = new Map<string, unknown>()
  const context = {
    subscriptions: [] as { dispose(): void }[],
    workspaceState: {
      get: (name: string) => kept.get(name),
      update: async (name: string, value: unknown) => void kept.set(name, value),
    },
  }
  return { code, context, settings, shown, asked, begin: () => start(code as never, context as never) }
}

it("shows gradbook's errors at their places in code cells, and turns VS Code's off when told to, asking once", async () => {
  const { context, settings, shown, asked, begin } = standIn({ choice: 'Turn off here' })
  begin()
  await vi.waitFor(() => expect(shown.get('b')).toHaveLength(1), { timeout: 20_000 })
  expect(shown.get('b')![0]).toMatchObject({
    message: 'x.foo()',
    code: 'TS2339',
    range: { ends: [0, 2, 0, 5] },
  })
  expect(shown.has('m')).toBe(false)
  expect(settings.get('typescript.validate.enable')).toBe(false)
  for (const one of context.subscriptions) one.dispose()
  expect(shown.has('b')).toBe(false)
  begin()
  expect(asked).toHaveBeenCalledOnce()
  for (const one of context.subscriptions) one.dispose()
})

it('starts nothing in a workspace that is not trusted, and leaves the errors of who keeps them', async () => {
  const { settings, shown, begin, code } = standIn({ choice: 'Keep', trusted: false })
  begin()
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect(shown.size).toBe(0)
  expect(code.window.showWarningMessage).not.toHaveBeenCalled()
  expect(settings.get('typescript.validate.enable')).toBe(true)
})
