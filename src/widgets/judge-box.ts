/** Two answers side by side, of which a person says which is the better: made of standard widgets. */
import { answerPairHtml } from '../show/charts/text/judgements.js'
import { escapeHtml } from '../show/clean.js'
import type { Choice, Judging } from '../text/judging/judge.js'
import { messageOf } from '../untrusted.js'
import { HBox, VBox } from './boxes.js'
import { Button, Text, Textarea } from './buttons.js'
import { fitting } from './desk.js'
import { HTML } from './simple.js'
import type { Widget } from './widget.js'

/** What a key does, in the field for keys. */
const keys: { readonly [key: string]: Choice | 'back' } = {
  '1': 'left',
  '2': 'right',
  '0': 'both bad',
  b: 'back',
}

/**
 * Two answers side by side, in places that chance decided. A click says which is the better, or that both are bad; a better one can
 * be written. With the cursor in the field for keys, 1, 2, 0 and b do the same. What is chosen here is chosen in `judging`, and
 * `judging.pairs` are the data of the next iterations.
 *
 * @example judgeBox(judge([{ prompt: 'Open?', answers: ['Yes, from ten.', 'Maybe.'] }], { by: 'Anna' }))
 */
export function judgeBox(judging: Judging): Widget {
  const shown = HTML({ layout: { max_width: '64em' } })
  const message = HTML({ layout: { display: 'none' } })
  const left = Button({ description: 'Left is better (1)', layout: fitting })
  const right = Button({ description: 'Right is better (2)', layout: fitting })
  const bad = Button({ description: 'Both bad (0)', layout: fitting })
  const back = Button({ description: 'Back (b)', icon: 'undo', layout: fitting })
  const key = Text({
    placeholder: '1 2 0 b',
    continuous_update: true,
    layout: { width: '6em' },
    description: 'keys',
  })
  const better = Textarea({ placeholder: 'a better answer than both', layout: { width: '34em' } })
  const write = Button({ description: 'This is better', icon: 'pencil', layout: fitting })

  function attempt(work: () => unknown): void {
    let problem = ''
    try {
      work()
    } catch (error) {
      problem = messageOf(error)
    }
    message.value =
      problem && `<span role="alert" style="color: var(--jp-error-color1)">${escapeHtml(problem)}</span>`
    message.layout.display = problem ? null : 'none'
  }
  const choose = (what: Choice | 'back') =>
    attempt(() => (what === 'back' ? judging.back() : judging.choose(what)))
  left.onClick(() => choose('left'))
  right.onClick(() => choose('right'))
  bad.onClick(() => choose('both bad'))
  back.onClick(() => choose('back'))
  write.onClick(() =>
    attempt(() => {
      judging.choose('both bad', { better: better.value })
      better.value = ''
    }),
  )
  key.observe(({ value }) => {
    if (value === '') return
    const what = keys[String(value).at(-1)!.toLowerCase()]
    key.value = ''
    if (what) choose(what)
  })

  function draw(): void {
    shown.value = answerPairHtml(judging)
    for (const button of [left, right, bad, write]) button.disabled = judging.next === undefined
    back.disabled = judging.next?.done === 0
  }
  const forget = judging.onChange(draw)
  draw()
  return VBox([shown, message, HBox([left, right, bad, back, key]), HBox([better, write])]).onClose(forget)
}
