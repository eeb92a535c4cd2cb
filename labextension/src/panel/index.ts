import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application'
import { ICommandPalette } from '@jupyterlab/apputils'
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook'
import { ITranslator, nullTranslator } from '@jupyterlab/translation'
import { icon } from '../icon.js'
import { followKernel } from '../kernels.js'
import { Always, Ledger } from './ledger.js'
import { RunsModel } from './model.js'
import { RunPanel } from './view.js'

const command = 'gradbook:show-runs'

/** The run panel in the right side bar. It follows the notebook in front. */
export const panel: JupyterFrontEndPlugin<void> = {
  id: 'gradbook:panel',
  description: 'Shows the training runs of the notebook in front, and steers them.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null,
  ) => {
    const trans = (translator ?? nullTranslator).load('gradbook')
    const always = new Always()
    const view = new RunPanel(trans, always)
    view.id = 'gradbook-runs'
    view.title.icon = icon
    view.title.caption = trans.__('Training runs')
    app.shell.add(view, 'right', { rank: 400 })
    restorer?.add(view, view.id)

    const models = new Map<NotebookPanel, RunsModel>()
    const follow = () => {
      const current = notebooks.currentWidget
      view.model = current ? models.get(current) : undefined
    }
    const watch = (notebook: NotebookPanel) => {
      const ledger = new Ledger(notebook.content, always)
      const leave = followKernel(notebook.sessionContext, (kernel) => {
        const model = new RunsModel(kernel, ledger, trans)
        models.set(notebook, model)
        follow()
        return () => {
          models.delete(notebook)
          follow()
          model.dispose()
        }
      })
      notebook.disposed.connect(leave)
    }
    notebooks.widgetAdded.connect((_, notebook) => watch(notebook))
    notebooks.forEach(watch)
    notebooks.currentChanged.connect(follow)

    app.commands.addCommand(command, {
      label: trans.__('Show Training Runs'),
      caption: trans.__('Charts, adjustments and mistakes of the runs of this notebook'),
      icon,
      execute: () => app.shell.activateById(view.id),
    })
    palette?.addItem({ command, category: trans.__('Notebook Operations') })
  },
}
