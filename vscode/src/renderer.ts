/** The chart of a run in an output, by VS Code's renderer API: JupyterLab's own chart without JupyterLab. */
import { RunChart } from '../../labextension/src/chart/chart.js'
import { english } from '../../labextension/src/page/english.js'
/** Its style, which the build puts here. */
declare const $style: string

interface OutputItem {
  id: string
  json(): unknown
}

export function activate() {
  const sheet = document.createElement('style')
  sheet.textContent = $style
  document.head.append(sheet)
  const charts = new Map<string, RunChart>()
  const follow = (): void => {
    const isLight = !/vscode-(dark|high-contrast)(?!-light)/.test(document.body.className)
    document.body.dataset.jpThemeLight = String(isLight)
  }
  follow()
  new MutationObserver(follow).observe(document.body, { attributeFilter: ['class'] })
  return {
    renderOutputItem(item: OutputItem, element: HTMLElement): void {
      let chart = charts.get(item.id)
      if (!chart || !element.contains(chart.node)) {
        chart?.dispose()
        charts.set(item.id, (chart = new RunChart({ trans: english })))
        element.replaceChildren(chart.node)
      }
      chart.update(item.json())
    },
    disposeOutputItem(id?: string): void {
      for (const [key, chart] of charts)
        if (id === undefined || key === id) {
          chart.dispose()
          charts.delete(key)
        }
    },
  }
}
