/** A slider over the evaluations of a run: what each measured, and its worst examples where the notebook shows them. */
import type { TranslationBundle } from '@jupyterlab/translation'
import type { RunData } from '../chart/data.js'
import { MistakeStrip } from '../chart/mistakes.js'
import { formatNumber } from '../chart/scale.js'
import { make } from '../parts.js'

type Mistakes = NonNullable<RunData['mistakes']>

export class EvaluationSlider {
  readonly node = make('div', 'gb-evaluations')

  constructor(run: RunData, mistakes: readonly Mistakes[], trans: TranslationBundle) {
    const strip = new MistakeStrip(trans)
    const known = new Map(mistakes.map((one) => [one.iteration, one]))
    const measured = new Map(run.evaluations.map((row) => [row.iteration, row]))
    const at = [...new Set([...measured.keys(), ...known.keys()])].sort((a, b) => a - b)
    this.node.hidden = at.length === 0
    if (at.length === 0) return
    const slider = make('input', 'gb-slider')
    slider.type = 'range'
    slider.min = '0'
    slider.max = String(at.length - 1)
    slider.step = '1'
    slider.value = slider.max
    const values = make('span', 'gb-status')
    const none = make('div', 'gb-quiet', trans.__('The notebook shows no mistakes of this evaluation.'))
    const show = (): void => {
      const iteration = at[Number(slider.value)]!
      const row = measured.get(iteration)
      const numbers = ['loss', ...run.metrics.filter((name) => name !== 'loss')]
        .filter((name) => Number.isFinite(row?.[name]))
        .map((name) => `${name} ${formatNumber(row![name]!, 3)}`)
      const text = [trans.__('iteration %1', formatNumber(iteration)), ...numbers].join(' · ')
      values.textContent = text
      slider.setAttribute('aria-valuetext', text)
      strip.update(known.get(iteration))
      none.hidden = known.has(iteration) || known.size === 0
    }
    slider.addEventListener('input', show)
    const label = make('label', 'gb-row', make('span', 'gb-label', trans.__('evaluation')), slider)
    if (at.length > 1) this.node.append(label)
    this.node.append(values, none, strip.node)
    show()
  }
}
