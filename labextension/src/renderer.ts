/** Shows a run in a cell's output as a chart to look into; other front ends show the Vega-Lite chart or the picture. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application'
import { IRenderMimeRegistry, type IRenderMime } from '@jupyterlab/rendermime'
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation'
import { Widget } from '@lumino/widgets'
import { RunChart } from './chart/chart.js'

const mimeType = 'application/vnd.gradbook.run+json'

class RunRenderer extends Widget implements IRenderMime.IRenderer {
  readonly #chart: RunChart
  constructor(trans: TranslationBundle) {
    super()
    this.addClass('gb-output')
    this.#chart = new RunChart({ trans })
    this.node.append(this.#chart.node)
  }
  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.#chart.update(model.data[mimeType])
  }
  override dispose(): void {
    if (!this.isDisposed) this.#chart.dispose()
    super.dispose()
  }
}

export const renderer: JupyterFrontEndPlugin<void> = {
  id: 'gradbook:renderer',
  description: 'Draws training runs in cell outputs.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [ITranslator],
  activate: (_app, registry: IRenderMimeRegistry, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('gradbook')
    registry.addFactory(
      { safe: true, mimeTypes: [mimeType], createRenderer: () => new RunRenderer(trans) },
      // Before Vega-Lite's, which comes with the same output.
      0,
    )
  },
}
