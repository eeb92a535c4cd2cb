/** Examples that the run gets wrong, worst first; training examples can be taken out, or given another label. */
import type { TranslationBundle } from '@jupyterlab/translation'
import { formatNumber } from '../chart/scale.js'
import type { Labels, ShownMistake } from './model.js'
import { button, make, picture, setOff } from '../parts.js'

export interface MistakeActions {
  exclude(row: ShownMistake): void
  /** `label`: the index of a class, or a number. */
  relabel(row: ShownMistake, label: number): void
}

export interface MistakeList {
  /** What was looked at: "training examples". */
  what: string
  iteration: number
  /** Where the run stands now. */
  now: number
  rows: readonly ShownMistake[]
}

export function drawMistakes(
  { what, iteration, now, rows }: MistakeList,
  trans: TranslationBundle,
  labels: Labels | undefined,
  actions: MistakeActions,
): HTMLElement {
  const at = formatNumber(iteration)
  const said =
    now > iteration
      ? trans.__('%1, worst first, after iteration %2; the run is at %3 now', what, at, formatNumber(now))
      : trans.__('%1, worst first, after iteration %2', what, at)
  const list = make('ul', 'gb-mistakes')
  list.append(...rows.map((row) => drawMistake(row, trans, labels, actions)))
  return make('div', '', make('div', 'gb-quiet', said), list)
}

function drawMistake(
  row: ShownMistake,
  trans: TranslationBundle,
  labels: Labels | undefined,
  { exclude, relabel }: MistakeActions,
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
  if (row.split !== 'train') return item
  // Stays where the keyboard is, but does nothing twice.
  const out = button(trans.__('exclude'), () => {
    setOff(out, true)
    out.textContent = trans.__('excluded')
    exclude(row)
  })
  out.setAttribute('aria-label', trans.__('exclude example %1 from training', row.id))
  item.append(out)
  const name = trans.__('right label of example %1', row.id)
  if (labels === 'number') item.append(numberField(name, (label) => relabel(row, label)))
  else if (labels) item.append(classField(name, trans, labels, row, (label) => relabel(row, label)))
  return item
}

function classField(
  name: string,
  trans: TranslationBundle,
  labels: readonly string[],
  { expected }: ShownMistake,
  onChoose: (label: number) => void,
): HTMLElement {
  const field = make('select', 'gb-field gb-relabel')
  field.setAttribute('aria-label', name)
  const first = make('option', '', trans.__('relabel'))
  first.value = ''
  field.append(first)
  labels.forEach((label, i) => {
    if (label === expected) return
    const option = make('option', '', label)
    option.value = String(i)
    field.append(option)
  })
  field.addEventListener('change', () => {
    if (field.value !== '') onChoose(Number(field.value))
  })
  return field
}

function numberField(name: string, onChange: (label: number) => void): HTMLElement {
  const field = make('input', 'gb-field gb-relabel')
  field.type = 'number'
  field.step = 'any'
  field.setAttribute('aria-label', name)
  field.addEventListener('change', () => {
    if (field.value !== '' && Number.isFinite(field.valueAsNumber)) onChange(field.valueAsNumber)
  })
  return field
}
