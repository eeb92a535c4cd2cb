/**
 * What a cell showed while this page was not there to see it: after a reload, in a tab that was opened again, in a second
 * tab beside the one that runs the cell. The kernel keeps it until the notebook is saved; here it is put in its place.
 */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application'
import type { CodeCell } from '@jupyterlab/cells'
import type { DocumentRegistry } from '@jupyterlab/docregistry'
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook'
import type { IOutput } from '@jupyterlab/nbformat'
import type { Kernel, KernelMessage } from '@jupyterlab/services'
import { askUntilAnswered, followKernel } from './kernels.js'

const target = 'gradbook.outputs'

interface Summary {
  cell: string
  request: string
  running: boolean
}
interface Outputs extends Summary {
  number: number
  outputs: IOutput[]
}
type FromKernel = { method: 'cells'; cells: Summary[] } | ({ method: 'outputs' } & Outputs)

function findCell(panel: NotebookPanel, id: string): CodeCell | undefined {
  const cell = panel.content.widgets.find(({ model }) => model.id === id)
  return cell?.model.type === 'code' ? (cell as CodeCell) : undefined
}

/** Whether this page itself asked to run it, so that its outputs arrive by the usual way. */
const isOwn = (cell: CodeCell, request: string): boolean =>
  cell.outputArea.future?.msg.header.msg_id === request

function show(cell: CodeCell, { number, running, outputs }: Outputs): void {
  cell.model.outputs.fromJSON(outputs)
  cell.model.executionCount = running ? null : number
  cell.model.executionState = running ? 'running' : 'idle'
  cell.setPrompt(running ? '*' : String(number))
}

function follow(panel: NotebookPanel): void {
  const leave = followKernel(panel.sessionContext, (kernel: Kernel.IKernelConnection) => {
    const comm = kernel.createComm(target)
    /** Cells whose outputs are in this page, to be told of when they are saved. */
    const here = new Set<string>()

    const send = (message: object): void => {
      if (!comm.isDisposed && !kernel.isDisposed) comm.send(message as { [key: string]: never })
    }
    let answered = (): void => {}
    comm.onMsg = (message: KernelMessage.ICommMsgMsg) => {
      answered()
      const data = message.content.data as unknown as FromKernel
      if (data.method === 'cells')
        for (const { cell: id, request } of data.cells) {
          const cell = findCell(panel, id)
          if (!cell) continue
          if (isOwn(cell, request)) here.add(request)
          else send({ method: 'follow', request })
        }
      else if (data.method === 'outputs') {
        const cell = findCell(panel, data.cell)
        if (!cell || isOwn(cell, data.request)) return
        here.add(data.request)
        show(cell, data)
      }
    }
    const onSave = (_: unknown, state: DocumentRegistry.SaveState): void => {
      if (state === 'completed' && here.size > 0) send({ method: 'saved', requests: [...here] })
    }
    panel.context.saveState.connect(onSave)
    comm.open({})
    void panel.context.ready.then(() => (answered = askUntilAnswered(() => send({ method: 'state' }))))
    return () => {
      answered()
      panel.context.saveState.disconnect(onSave)
      if (!comm.isDisposed) comm.dispose()
    }
  })
  panel.disposed.connect(leave)
}

export const catchUp: JupyterFrontEndPlugin<void> = {
  id: 'gradbook:catch-up',
  description: 'Shows outputs of cells that ran while the page was closed or in another tab.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_app, notebooks: INotebookTracker) => {
    notebooks.widgetAdded.connect((_, panel) => follow(panel))
    notebooks.forEach(follow)
  },
}
