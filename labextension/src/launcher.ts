/** "New training notebook": a notebook that trains, shows mistakes and adjusts, ready to be run and changed. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application'
import { ICommandPalette } from '@jupyterlab/apputils'
import { ILauncher } from '@jupyterlab/launcher'
import type { NotebookPanel } from '@jupyterlab/notebook'
import { ITranslator, nullTranslator } from '@jupyterlab/translation'
import { icon } from './icon.js'
import { template } from './template.js'

const command = 'gradbook:new-training-notebook'
const kernel = 'gradbook'

export const launcher: JupyterFrontEndPlugin<void> = {
  id: 'gradbook:launcher',
  description: 'Offers a new training notebook in the launcher and the command palette.',
  autoStart: true,
  optional: [ILauncher, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null,
  ) => {
    const trans = (translator ?? nullTranslator).load('gradbook')
    const kernels = app.serviceManager.kernelspecs
    app.commands.addCommand(command, {
      label: trans.__('Training Notebook'),
      caption: trans.__('A notebook that trains a model, shows its mistakes and adjusts'),
      icon,
      isEnabled: () => Boolean(kernels.specs?.kernelspecs[kernel]),
      execute: async (args) => {
        const model = await app.serviceManager.contents.newUntitled({
          type: 'notebook',
          path: String(args['cwd'] ?? ''),
        })
        const spec = kernels.specs?.kernelspecs[kernel]
        const content = template(spec?.display_name ?? 'TypeScript (gradbook)', trans)
        await app.serviceManager.contents.save(model.path, { type: 'notebook', format: 'json', content })
        return (await app.commands.execute('docmanager:open', {
          path: model.path,
          factory: 'Notebook',
          kernel: { name: kernel },
        })) as NotebookPanel
      },
    })
    // Beside the kernels' cards, whose icons are pictures.
    const kernelIconUrl = `data:image/svg+xml,${encodeURIComponent(icon.svgstr)}`
    launcher?.add({ command, category: trans.__('Notebook'), rank: 1, kernelIconUrl })
    palette?.addItem({ command, category: trans.__('Notebook'), args: { isPalette: true } })
    kernels.specsChanged.connect(() => app.commands.notifyCommandChanged(command))
  },
}
