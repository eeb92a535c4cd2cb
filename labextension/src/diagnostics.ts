/** Type errors while typing: the kernel checks the notebook's cells as they stand in the editors, in notebook order. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application'
import type { ICellModel } from '@jupyterlab/cells'
import { EditorExtensionRegistry, IEditorExtensionRegistry } from '@jupyterlab/codemirror'
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook'
import type { Kernel, KernelMessage } from '@jupyterlab/services'
import { lintKeymap, setDiagnostics, type Diagnostic as Underline } from '@codemirror/lint'
import { keymap, ViewPlugin, type EditorView } from '@codemirror/view'
import { followKernel, onCellEnd } from './kernels.js'

type SharedCell = ICellModel['sharedModel']

const target = 'gradbook.diagnostics'
/** Typing pauses this long, in milliseconds, before the cells are sent. */
const pause = 300
/** After so many milliseconds an answer is no longer waited for. */
const patience = 15_000

interface Diagnostic {
  code: string
  severity: 'error' | 'warning'
  message: string
  place: { start: number; end: number }
}
interface Answer {
  version: number
  cells: { id: string; diagnostics: Diagnostic[] }[]
}

/**
 * What is known of each cell, and the editors that show it: JupyterLab makes and drops editors as one scrolls, and a second
 * view of a notebook has its own. Cells are told apart by their model: a copy of a notebook has cells of the same ids.
 */
class Underlines {
  readonly #views = new WeakMap<object, Set<EditorView>>()
  readonly #diagnostics = new WeakMap<object, Diagnostic[]>()

  attach(cell: object, view: EditorView): void {
    this.#views.set(cell, (this.#views.get(cell) ?? new Set()).add(view))
    // An editor cannot be changed while it is being made.
    if (this.#diagnostics.has(cell)) queueMicrotask(() => this.#draw(cell))
  }
  detach(cell: object, view: EditorView): void {
    this.#views.get(cell)?.delete(view)
  }
  set(cell: object, diagnostics: Diagnostic[]): void {
    const before = this.#diagnostics.get(cell) ?? []
    if (before.length === 0 && diagnostics.length === 0) return
    this.#diagnostics.set(cell, diagnostics)
    this.#draw(cell)
  }

  #draw(cell: object): void {
    for (const view of this.#views.get(cell) ?? []) this.#underline(view, this.#diagnostics.get(cell) ?? [])
  }

  #underline(view: EditorView, diagnostics: readonly Diagnostic[]): void {
    const { length } = view.state.doc
    const underlines: Underline[] = diagnostics.map(({ code, severity, message, place }) => {
      const from = Math.min(place.start, length)
      return { from, to: Math.max(from, Math.min(place.end, length)), severity, message, source: code }
    })
    view.dispatch(setDiagnostics(view.state, underlines))
  }
}

function follow(panel: NotebookPanel, underlines: Underlines): void {
  const codeCells = (): SharedCell[] =>
    [...(panel.model?.cells ?? [])]
      .filter(({ type }) => type === 'code')
      .map(({ sharedModel }) => sharedModel)

  const leave = followKernel(panel.sessionContext, (kernel: Kernel.IKernelConnection) => {
    const comm = kernel.createComm(target)
    let version = 0
    let timer: ReturnType<typeof setTimeout> | undefined

    /** One question at a time: while the kernel works on one, the next waits and takes the newest text. */
    let waiting = false
    let again = false
    let asked = 0
    function send(): void {
      if (comm.isDisposed || kernel.isDisposed || !panel.model) return
      // What was lost on the way, with a connection that broke, is not waited for.
      waiting &&= Date.now() - asked < patience
      again = waiting
      if (waiting) return
      waiting = true
      asked = Date.now()
      const cells = codeCells().map((cell) => ({ id: cell.getId(), text: cell.getSource() }))
      comm.send({ method: 'diagnose', version: ++version, cells })
    }
    function schedule(): void {
      clearTimeout(timer)
      timer = setTimeout(send, pause)
    }
    comm.onMsg = (message: KernelMessage.ICommMsgMsg) => {
      const answer = message.content.data as unknown as Answer
      if (answer.version !== version) return
      waiting = false
      if (again) return send()
      const found = new Map(answer.cells.map(({ id, diagnostics }) => [id, diagnostics]))
      for (const cell of codeCells()) {
        const diagnostics = found.get(cell.getId())
        if (diagnostics) underlines.set(cell, diagnostics)
      }
    }
    comm.open({})
    schedule()
    const model = panel.model?.sharedModel
    model?.changed.connect(schedule)
    const leave = onCellEnd(kernel, schedule)
    return () => {
      clearTimeout(timer)
      model?.changed.disconnect(schedule)
      leave()
      for (const cell of codeCells()) underlines.set(cell, [])
      if (!comm.isDisposed) comm.dispose()
    }
  })
  panel.disposed.connect(leave)
}

export const diagnostics: JupyterFrontEndPlugin<void> = {
  id: 'gradbook:diagnostics',
  description: 'Underlines type errors in the cells of notebooks with a gradbook kernel.',
  autoStart: true,
  requires: [INotebookTracker, IEditorExtensionRegistry],
  activate: (_app, notebooks: INotebookTracker, extensions: IEditorExtensionRegistry) => {
    const underlines = new Underlines()
    extensions.addExtension({
      name: 'gradbook:diagnostics',
      factory: ({ model }) => {
        const cell = model.sharedModel
        if (!('getId' in cell)) return null
        const plugin = ViewPlugin.define((view) => {
          underlines.attach(cell, view)
          return { destroy: () => underlines.detach(cell, view) }
        })
        return EditorExtensionRegistry.createImmutableExtension([plugin, keymap.of([...lintKeymap])])
      },
    })
    notebooks.widgetAdded.connect((_, panel) => follow(panel, underlines))
    notebooks.forEach((panel) => follow(panel, underlines))
  },
}
