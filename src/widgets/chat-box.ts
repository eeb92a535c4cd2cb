/** A conversation to take part in, made of standard widgets: it works wherever widgets do. */
import { beside } from '../host.js'
import { chatHtml } from '../show/charts/text/chat.js'
import { escapeHtml } from '../show/clean.js'
import type { Chat } from '../text/dialogue/chat.js'
import { messageOf } from '../untrusted.js'
import { Accordion, HBox, VBox } from './boxes.js'
import { Button, Text, Textarea } from './buttons.js'
import { fitting } from './desk.js'
import { Dropdown } from './selection.js'
import { FloatSlider, HTML, IntSlider } from './simple.js'
import type { Widget } from './widget.js'

/** Milliseconds between two messages about an answer that is being written. */
const pause = 150

/**
 * A conversation with a field to write in: Enter says it, Stop ends an answer and keeps what is there, Again gives another beside
 * it, the thumbs say which was good (`talk.preferences`), Edit says something else in place of a turn, and how answers are drawn can
 * be changed. What is said here is said in `talk`, and cells go on from it.
 *
 * @example chatBox(chat(model, { tokenizer, template }))
 */
export function chatBox(talk: Chat): Widget {
  const transcript = HTML({ layout: { max_width: '48em' } })
  const message = HTML({ layout: { display: 'none' } })
  const field = Text({
    placeholder: 'Say something, and press Enter',
    continuous_update: true,
    layout: { width: '34em' },
  })
  const send = Button({ description: 'Send', icon: 'paper-plane', layout: fitting })
  const stop = Button({ description: 'Stop', icon: 'stop', disabled: true, layout: fitting })
  const again = Button({ description: 'Again', icon: 'repeat', tooltip: 'another answer', layout: fitting })
  const up = Button({ icon: 'thumbs-up', tooltip: 'a good answer', layout: fitting })
  const down = Button({ icon: 'thumbs-down', tooltip: 'a bad answer', layout: fitting })
  const turn = Dropdown({
    description: 'turn',
    options: { 'the last': -1 } as { [label: string]: number },
    layout: { width: '34em' },
  })
  const text = Textarea({ placeholder: 'another text in its place', layout: { width: '34em' } })
  const edit = Button({ description: 'Edit', icon: 'pencil', layout: fitting })
  const goTo = Button({
    description: 'Next branch',
    icon: 'code-fork',
    tooltip: 'what was said in place of this turn',
    layout: fitting,
  })
  let controller: AbortController | undefined

  function say(problem: string): void {
    message.value =
      problem && `<span role="alert" style="color: var(--jp-error-color1)">${escapeHtml(problem)}</span>`
    message.layout.display = problem ? null : 'none'
  }

  /** Asks, in its own time: the cell that showed this box has ended long ago. */
  async function answer(begin: (options: { signal: AbortSignal }) => Promise<unknown>): Promise<void> {
    if (talk.live) return say('An answer is being written: Stop ends it.')
    say('')
    controller = new AbortController()
    try {
      await begin({ signal: controller.signal })
    } catch (error) {
      say(messageOf(error))
    }
    draw()
  }
  const ask = () => {
    const said = field.value
    if (said.trim() === '') return
    void answer((options) => {
      field.value = ''
      return talk.ask(said, { ...options, show: false })
    })
  }
  field.onSubmit(ask)
  send.onClick(ask)
  stop.onClick(() => controller?.abort())
  again.onClick(() => void answer((options) => talk.again({ ...options, show: false })))
  up.onClick(() => attempt(() => talk.rate('up')))
  down.onClick(() => attempt(() => talk.rate('down')))
  edit.onClick(() => {
    const id = chosen()
    if (id === undefined) return say('Nothing was said yet.')
    void answer(async (options) => {
      await talk.edit(id, text.value, { ...options, show: false })
      text.value = ''
    })
  })
  goTo.onClick(() =>
    attempt(() => {
      const id = chosen()
      const at = id === undefined ? undefined : talk.tree[id]
      const others = talk.tree.filter(({ parent, role }) => parent === at?.parent && role === at?.role)
      const next = others[(others.findIndex((one) => one.id === id) + 1) % Math.max(1, others.length)]
      if (!next || next.id === id) return say('Nothing else was said in place of this turn.')
      talk.goTo(next.id)
    }),
  )

  function attempt(work: () => unknown): void {
    say('')
    try {
      work()
    } catch (error) {
      say(messageOf(error))
    }
  }
  const chosen = (): number | undefined => {
    const { value } = turn
    return value >= 0 ? value : talk.turns.at(-1)?.id
  }

  let soon: ReturnType<typeof setTimeout> | undefined
  let last = -Infinity
  let wasLive = false
  function draw(): void {
    clearTimeout(soon)
    soon = undefined
    last = performance.now()
    wasLive = talk.live
    transcript.value = chatHtml(talk)
    stop.disabled = !talk.live
    for (const button of [send, again, up, down, edit, goTo]) button.disabled = talk.live
    if (!talk.live) {
      turn.options = Object.fromEntries([
        ['the last', -1],
        ...talk.turns.map(({ id, role, content }, at) => [`${at + 1} ${role}: ${short(content)}`, id]),
      ]) as { [label: string]: number }
      turn.value = -1
    }
  }
  const forget = talk.onChange(() => {
    const wait = last + pause - performance.now()
    if (wait <= 0 || talk.live !== wasLive || !talk.live) draw()
    else soon ??= beside(() => setTimeout(draw, wait))
  })

  draw()
  return VBox([
    transcript,
    message,
    HBox([field, send, stop]),
    HBox([again, up, down]),
    Accordion({
      'Edit a turn': VBox([turn, text, HBox([edit, goTo])]),
      'How answers are drawn': VBox(settings(talk, say)),
    }),
  ]).onClose(() => {
    clearTimeout(soon)
    forget()
    controller?.abort()
  })
}

const short = (text: string): string => {
  const line = text.replace(/\s+/g, ' ')
  return line.length > 40 ? `${line.slice(0, 39)}…` : line
}

function settings(talk: Chat, say: (problem: string) => void): Widget[] {
  const { temperature = 1, topP = 1, tokens = 256 } = talk.settings
  const wide = { style: { description_width: '9em' }, layout: { width: '34em' } }
  const rows = [
    FloatSlider({ description: 'temperature', min: 0, max: 2, step: 0.05, value: temperature, ...wide }),
    FloatSlider({ description: 'top-p', min: 0.05, max: 1, step: 0.05, value: topP, ...wide }),
    IntSlider({ description: 'tokens', min: 1, max: Math.max(1024, tokens), value: tokens, ...wide }),
  ] as const
  for (const [at, name] of (['temperature', 'topP', 'tokens'] as const).entries())
    (rows[at] as Widget).observe(({ value }) => {
      try {
        talk.set({ [name]: value as number })
      } catch (error) {
        say(messageOf(error))
      }
    })
  return [...rows] as Widget[]
}
