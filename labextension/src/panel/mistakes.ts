/** Examples that the run gets wrong, worst first; training examples can be taken out. */
import type { TranslationBundle } from '@jupyterlab/translation'
import { formatNumber } from '../chart/scale.js'
import type { ShownMistake } from './model.js'
import { button, make, picture, setOff } from '../parts.js'

export function drawMistakes(
  { iteration, rows }: { iteration: number; rows: readonly ShownMistake[] },
  trans: TranslationBundle,
  onExclude: (row: ShownMistake) => void,
): HTMLElement {
  const caption = make(
    'div',
    'gb-quiet',
    trans.__('worst first, after iteration %1', formatNumber(iteration)),
  )
  const list = make('ul', 'gb-mistakes')
  list.append(...rows.map((row) => drawMistake(row, trans, onExclude)))
  return make('div', '', caption, list)
}

function drawMistake(
  row: ShownMistake,
  trans: TranslationBundle,
  onExclude: (row: ShownMistake) => void,
): HTMLElement {
  const what = row.predicted ? trans.__('%1, predicted %2', row.expected, row.predicted) : row.expected
  const item = make('li', 'gb-mistake')
  item.title = `${row.split} ${row.id}, ${trans.__('loss')} ${formatNumber(Number(row.loss), 3)}`
  item.append(
    row.picture ? picture(row.picture, what) : make('div', 'gb-text', row.text ?? `#${row.id}`),
    make(
      'div',
      'gb-labels',
      make('b', 'gb-right', row.expected),
      ...(row.predicted ? [' → ', make('b', 'gb-wrong', row.predicted)] : []),
    ),
  )
  if (row.split === 'train') {
    // Stays where the keyboard is, but does nothing twice.
    const exclude = button(trans.__('exclude'), () => {
      setOff(exclude, true)
      exclude.textContent = trans.__('excluded')
      onExclude(row)
    })
    exclude.setAttribute('aria-label', trans.__('exclude example %1 from training', row.id))
    item.append(exclude)
  }
  return item
}
