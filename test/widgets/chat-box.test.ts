import { beforeEach, describe, expect, test } from 'vitest'
// The built ones: a template is filled in in a thread.
import { byteTokenizer, chat, gpt, presets, type Chat } from '../../dist/src/text/index.js'
import { chatBox } from '../../dist/src/widgets/index.js'
import { fakeNotebook, type FakeComm } from './fake.js'

const template = "{% for message in messages %}{{ message.role + ': ' + message.content + '\n' }}{% endfor %}"
const tokenizer = byteTokenizer()
const model = gpt({ ...presets.tiny, context: 256, vocabulary: tokenizer.size, seed: 1 })

describe('a box to talk in', () => {
  let notebook: ReturnType<typeof fakeNotebook>
  let talk: Chat
  beforeEach(() => {
    notebook = fakeNotebook()
    talk = chat(model, { tokenizer, template, tokens: 6, seed: 1 })
    chatBox(talk)
  })

  const stateOf = ({ opened, sent }: FakeComm) =>
    Object.assign({}, opened.state, ...sent.map(({ data }) => data?.state ?? {})) as { [name: string]: any }
  const comm = (name: 'description' | 'placeholder' | 'icon', text: string): FakeComm =>
    notebook.comms.find(({ opened }) => opened?.state?.[name] === text)!
  const click = (one: FakeComm) => one.receive({ method: 'custom', content: { event: 'click' } })
  const type = (one: FakeComm, value: string) => one.receive({ method: 'update', state: { value } })
  const transcript = (): string =>
    stateOf(notebook.comms.find(({ opened }) => opened?.state?._model_name === 'HTMLModel')!).value
  const said = () =>
    notebook.comms
      .filter(({ opened }) => opened?.state?._model_name === 'HTMLModel')
      .map((one) => stateOf(one).value as string)
      .join('\n')
  const idle = async (turns: number) => {
    while (talk.live || talk.turns.length < turns) await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
  }

  test('Enter says what is in the field, and the answer comes above it', async () => {
    const field = comm('placeholder', 'Say something, and press Enter')
    type(field, 'Hello <b>you</b>!')
    field.receive({ method: 'custom', content: { event: 'submit' } })
    await idle(2)
    expect(talk.turns.map(({ role }) => role)).toEqual(['user', 'assistant'])
    expect(transcript()).toContain('Hello &lt;b&gt;you&lt;/b&gt;!')
    expect(transcript()).toContain('assistant')
    expect(stateOf(field).value).toBe('')
    expect(notebook.shown).toEqual([])
  })

  test('Stop ends an answer, Again gives another, thumbs make a pair', async () => {
    talk.set({ tokens: 150 })
    type(comm('placeholder', 'Say something, and press Enter'), 'Hello!')
    click(comm('description', 'Send'))
    while (talk.turns.length < 2 || talk.turns[1]!.content === '')
      await new Promise((resolve) => setImmediate(resolve))
    expect(stateOf(comm('description', 'Send')).disabled).toBe(true)
    click(comm('description', 'Stop'))
    await idle(2)
    expect(talk.turns[1]!.end).toBe('stopped')
    expect(stateOf(comm('description', 'Send')).disabled).toBe(false)
    click(comm('icon', 'thumbs-down'))
    talk.set({ tokens: 5 })
    click(comm('description', 'Again'))
    while (talk.tree.length < 3 || talk.live) await new Promise((resolve) => setImmediate(resolve))
    click(comm('icon', 'thumbs-up'))
    expect(talk.preferences).toHaveLength(1)
    expect(transcript()).toContain('2 of 2')
  })

  test('what cannot be done is said beside the field', () => {
    click(comm('description', 'Again'))
    click(comm('icon', 'thumbs-up'))
    expect(said()).toContain('without an answer')
  })

  test('how answers are drawn can be changed', () => {
    type(comm('description', 'temperature'), 0.2 as never)
    type(comm('description', 'tokens'), 40 as never)
    expect(talk.settings).toMatchObject({ temperature: 0.2, tokens: 40 })
  })
})
