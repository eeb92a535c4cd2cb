/** Runs and the branches that began from them, with the iterations that can be gone back to. */
import type { TranslationBundle } from '@jupyterlab/translation'
import { formatNumber } from '../chart/scale.js'
import type { RunState, RunSummary } from './model.js'
import { button, make, setOff } from '../parts.js'

export interface TreeActions {
  choose(id: string): void
  goTo(iteration: number): void
  branch(iteration: number): void
}

export function drawTree(
  runs: readonly RunSummary[],
  shown: RunState | undefined,
  trans: TranslationBundle,
  { choose, goTo, branch }: TreeActions,
): HTMLElement {
  const childrenOf = (name: string | undefined) => runs.filter((run) => run.parent?.name === name)
  const names = new Set(runs.map(({ name }) => name))
  const roots = runs.filter(({ parent }) => !parent || !names.has(parent.name))

  function drawPoint(point: number): HTMLElement {
    const at = trans.__('iteration %1', formatNumber(point))
    const back = button(trans.__('go back'), () => goTo(point))
    back.setAttribute('aria-label', trans.__('go back to iteration %1', formatNumber(point)))
    const twin = button(trans.__('branch'), () => branch(point))
    twin.setAttribute('aria-label', trans.__('branch from iteration %1', formatNumber(point)))
    for (const one of [back, twin]) setOff(one, shown?.data.live === true)
    return make('li', '', make('span', 'gb-quiet', at), back, twin)
  }

  function draw(run: RunSummary): HTMLElement {
    const chosen = run.id === shown?.id
    const label = button(run.name, () => choose(run.id))
    label.className = 'gb-branch'
    if (chosen) label.setAttribute('aria-current', 'true')
    if (run.live) label.classList.add('gb-training')
    const from = run.parent ? trans.__('branched at %1', formatNumber(run.parent.iteration)) : ''
    const count = formatNumber(run.iteration)
    const at = run.live ? trans.__('training, iteration %1', count) : trans.__('iteration %1', count)
    const item = make('li', '', label, make('span', 'gb-quiet', [at, from].filter(Boolean).join(', ')))
    if (chosen && shown) {
      const points = shown.points.filter((point) => point !== run.iteration).slice(-12)
      if (points.length > 0) {
        item.append(make('ul', 'gb-points', ...points.map((point) => drawPoint(point))))
      }
    }
    const children = childrenOf(run.name).filter((child) => child !== run)
    if (children.length > 0) item.append(make('ul', '', ...children.map(draw)))
    return item
  }
  return make('ul', 'gb-tree', ...roots.map(draw))
}
