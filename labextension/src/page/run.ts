/**
 * The chart of a run on a page that `gradbook run -o x.html` wrote: JupyterLab's own, without JupyterLab. Bundled into one file
 * when gradbook is built. What fails here leaves the picture as it was.
 */
import { RunChart } from '../chart/chart.js'
import { readRun, type RunData } from '../chart/data.js'
import { EvaluationSlider } from './evaluations.js'
import { english } from './english.js'

const dark = matchMedia('(prefers-color-scheme: dark)')

function followTheme(figure: HTMLElement): void {
  const follow = (): void => {
    figure.dataset.jpThemeLight = String(!dark.matches)
  }
  dark.addEventListener('change', follow)
  follow()
}

function draw(figure: HTMLElement): void {
  const picture = figure.querySelector('img')
  const { run, mistakes } = JSON.parse(figure.querySelector('script')!.textContent!) as {
    run: unknown
    mistakes: NonNullable<RunData['mistakes']>[]
  }
  const { mistakes: newest, ...course } = readRun(run)
  const chart = new RunChart({ trans: english })
  try {
    followTheme(figure)
    figure.append(chart.node)
    const shown = mistakes.filter(({ iteration }) => iteration <= course.iteration)
    const slider = new EvaluationSlider(course, newest && shown.length === 0 ? [newest] : shown, english)
    // The slider shows what the strip below the chart would.
    chart.update(course)
    chart.node.append(slider.node)
    if (picture) picture.hidden = true
    figure.dataset.drawn = 'true'
  } catch (error) {
    chart.dispose()
    console.warn('the chart of a run stays a picture:', error)
  }
}

for (const figure of document.querySelectorAll<HTMLElement>('figure.run')) draw(figure)
