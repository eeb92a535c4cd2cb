/** The extension: gradbook's type errors in the cells of its notebooks, and VS Code's own turned off where the user says so. */
import type * as Code from 'vscode'
import { isGradbook, positionAt, type Answer } from './cells.js'
import { Checker } from './checker.js'

/** Typing pauses this long, in milliseconds, before the cells are sent. */
const pause = 300
const answered = 'gradbook.askedAboutTypescriptErrors'
/** The newer name stands for both languages; an older VS Code does not know it and refuses to write it. */
const switches = ['js/ts.validate.enabled', 'typescript.validate.enable']

/** Of the switches those that this VS Code has. */
const knownSwitches = (vscode: typeof Code): string[] =>
  switches.filter((name) => vscode.workspace.getConfiguration().inspect(name)?.defaultValue !== undefined)

export async function setTypescriptErrors(vscode: typeof Code, on: boolean): Promise<void> {
  const { Workspace, Global } = vscode.ConfigurationTarget
  const target = vscode.workspace.workspaceFolders?.length ? Workspace : Global
  for (const name of knownSwitches(vscode))
    await vscode.workspace.getConfiguration().update(name, on ? undefined : false, target)
}

const areOn = (vscode: typeof Code): boolean =>
  knownSwitches(vscode).every((name) => vscode.workspace.getConfiguration().get(name) !== false)

async function askOnce(vscode: typeof Code, state: Code.Memento): Promise<void> {
  if (state.get(answered) || !areOn(vscode)) return
  const off = 'Turn off here'
  const choice = await vscode.window.showInformationMessage(
    "VS Code's own TypeScript errors underline names of earlier cells. gradbook checks the cells itself. Turn VS Code's off in this workspace, .ts files included?",
    off,
    'Keep',
  )
  if (choice === undefined) return
  await state.update(answered, true)
  if (choice === off) await setTypescriptErrors(vscode, false)
}

/** Checks one notebook until it is closed. */
class Followed {
  readonly #vscode: typeof Code
  readonly #notebook: Code.NotebookDocument
  readonly #problems: Code.DiagnosticCollection
  readonly #checker: Checker
  #timer: ReturnType<typeof setTimeout> | undefined
  #texts = new Map<string, { uri: Code.Uri; text: string }>()

  constructor(vscode: typeof Code, notebook: Code.NotebookDocument, problems: Code.DiagnosticCollection) {
    this.#vscode = vscode
    this.#notebook = notebook
    this.#problems = problems
    const command = vscode.workspace.getConfiguration('gradbook', notebook.uri).get<string[]>('command')
    this.#checker = new Checker({
      command: command?.length ? command : ['gradbook'],
      folder: vscode.Uri.joinPath(notebook.uri, '..').fsPath,
      onAnswer: (answer) => this.#show(answer),
      onFailure: (reason) =>
        void vscode.window.showWarningMessage(
          `gradbook checks no cells: ${reason}. The setting gradbook.command says how it is called.`,
        ),
    })
    this.schedule()
  }

  schedule(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#ask(), pause)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#checker.close()
    for (const { uri } of this.#texts.values()) this.#problems.delete(uri)
  }

  #ask(): void {
    const cells = this.#notebook
      .getCells()
      .filter(({ kind }) => kind === this.#vscode.NotebookCellKind.Code)
      .map(({ document }) => ({ id: document.uri.toString(), uri: document.uri, text: document.getText() }))
    for (const [id, { uri }] of this.#texts)
      if (!cells.some((cell) => cell.id === id)) this.#problems.delete(uri)
    this.#texts = new Map(cells.map(({ id, ...cell }) => [id, cell]))
    this.#checker.ask(cells.map(({ id, text }) => ({ id, text })))
  }

  #show(answer: Answer): void {
    const { Diagnostic, DiagnosticSeverity, Range } = this.#vscode
    for (const { id, diagnostics } of answer) {
      const cell = this.#texts.get(id)
      if (!cell) continue
      const shown = diagnostics.map(({ code, severity, message, place }) => {
        const [from, to] = [place.start, place.end].map((offset) => positionAt(cell.text, offset)) as [
          { line: number; character: number },
          { line: number; character: number },
        ]
        const range = new Range(from.line, from.character, to.line, to.character)
        const problem = new Diagnostic(
          range,
          message,
          severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
        )
        problem.source = 'gradbook'
        problem.code = code
        return problem
      })
      this.#problems.set(cell.uri, shown)
    }
  }
}

/** All that the extension does, with the part of VS Code that it calls; tests pass a stand-in. */
export function start(vscode: typeof Code, context: Code.ExtensionContext): void {
  const { workspace } = vscode
  const problems = vscode.languages.createDiagnosticCollection('gradbook')
  const followed = new Map<string, Followed>()
  const open = (notebook: Code.NotebookDocument): void => {
    const key = notebook.uri.toString()
    if (followed.has(key) || notebook.notebookType !== 'jupyter-notebook' || !isGradbook(notebook.metadata))
      return
    void askOnce(vscode, context.workspaceState)
    // A workspace may say how gradbook is called: only one that is trusted has anything started.
    if (workspace.isTrusted && notebook.uri.scheme === 'file')
      followed.set(key, new Followed(vscode, notebook, problems))
  }
  const close = (notebook: Code.NotebookDocument): void => {
    const key = notebook.uri.toString()
    followed.get(key)?.close()
    followed.delete(key)
  }
  context.subscriptions.push(
    problems,
    workspace.onDidOpenNotebookDocument(open),
    workspace.onDidCloseNotebookDocument(close),
    workspace.onDidChangeNotebookDocument(({ notebook }) => {
      // A kernel that is chosen later is said in the metadata.
      open(notebook)
      followed.get(notebook.uri.toString())?.schedule()
    }),
    workspace.onDidGrantWorkspaceTrust(() => workspace.notebookDocuments.forEach(open)),
    vscode.commands.registerCommand('gradbook.typescriptErrors', () =>
      setTypescriptErrors(vscode, !areOn(vscode)),
    ),
    { dispose: () => [...followed.values()].forEach((one) => one.close()) },
  )
  workspace.notebookDocuments.forEach(open)
}
