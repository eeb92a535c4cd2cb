/** Type errors while typing: the kernel checks the notebook's cells as they stand in the editors, in notebook order. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application'
import { EditorExtensionRegistry, IEditorExtensionRegistry } from '@jupyterlab/codemirror'
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook'
import type { Kernel, KernelMessage } from '@jupyterlab/services'
import { lintKeymap, setDiagnostics, type Diagnostic as Underline } from '@codemirror/lint'
import { keymap, ViewPlugin, type EditorView } from '@codemirror/view'
import { followKernel, onCellEnd } from './kernels.js'

const target = 'gradbook.diagnostics'
/** Typing pauses this long, in milliseconds, before the cells are sent. */
const pause = 300

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

/** What is known of each cell, and the editors that show it: JupyterLab makes and drops editors as one scrolls. */
class Underlines {
  readonly #views = new Map<string, EditorView>()
  readonly #diagnostics = new Map<string, Diagnostic[]>()

  attach(id: string, view: EditorView): void {
    this.#views.set(id, view)
    // An editor cannot be changed while it is being made.
    if (this.#diagnostics.has(id)) queueMicrotask(() => this.#draw(id))
  }
  detach(id: string, view: EditorView): void {
    if (this.#views.get(id) === view) this.#views.delete(id)
  }
  set(id: string, diagnostics: Diagnostic[]): void {
    const before = this.#diagnostics.get(id) ?? []
    if (before.length === 0 && diagnostics.length === 0) return
    this.#diagnostics.set(id, diagnostics)
    this.#draw(id)
  }
  clear(ids: Iterable<string>): void {
    for (const id of ids) {
      this.set(id, [])
      this.#diagnostics.delete(id)
    }
  }

  #draw(id: string): void {
    const view = this.#views.get(id)
    if (!view) return
    const { length } = view.state.doc
    const underlines: Underline[] = (this.#diagnostics.get(id) ?? []).map(
      ({ code, severity, message, place }) => {
        const from = Math.min(place.start, length)
        return { from, to: Math.max(from, Math.min(place.end, length)), severity, message, source: code }
      },
    )
    view.dispatch(setDiagnostics(view.state, underlines))
  }
}

function follow(panel: NotebookPanel, underlines: Underlines): void {
  const marked = new Set<string>()

  const leave = followKernel(panel.sessionContext, (kernel: Kernel.IKernelConnection) => {
    const comm = kernel.createComm(target)
    let version = 0
    let timer: ReturnType<typeof setTimeout> | undefined

    /** One question at a time: while the kernel works on one, the next waits and takes the newest text. */
    let waiting = false
    let again = false
    function send(): void {
      if (comm.isDisposed || kernel.isDisposed || !panel.model) return
      again = waiting
      if (waiting) return
      waiting = true
      const cells = [...panel.model.cells]
        .filter((cell) => cell.type === 'code')
        .map((cell) => ({ id: cell.id, text: cell.sharedModel.getSource() }))
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
      for (const { id, diagnostics } of answer.cells) {
        marked.add(id)
        underlines.set(id, diagnostics)
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
      underlines.clear(marked)
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
        const shared = model.sharedModel as { getId?: () => string }
        if (!shared.getId) return null
        const id = shared.getId()
        const plugin = ViewPlugin.define((view) => {
          underlines.attach(id, view)
          return { destroy: () => underlines.detach(id, view) }
        })
        return EditorExtensionRegistry.createImmutableExtension([plugin, keymap.of([...lintKeymap])])
      },
    })
    notebooks.widgetAdded.connect((_, panel) => follow(panel, underlines))
    notebooks.forEach((panel) => follow(panel, underlines))
  },
}
