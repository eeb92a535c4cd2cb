/** Records of conversations as others lay them out. */
import type { ChatMessage } from '../chat/template.js'

/** One turn, in the roles that templates know. */
export type Turn = ChatMessage & {
  /** Whether nothing is learned of it though the assistant says it. */
  skipped?: boolean
}

export type FormName = 'messages' | 'ShareGPT' | 'Alpaca' | 'prompt and completion'

interface Form {
  fits(record: { [name: string]: unknown }): boolean
  /** What has to stand there, for whoever has another. */
  keys: string
  /** The turns, or what is wrong. */
  read(record: { [name: string]: unknown }): Turn[] | string
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isGiven = (value: unknown): value is string => isText(value) && value.trim() !== ''

/** A text, or OpenAI's parts of one. */
function contentOf(value: unknown): string | undefined {
  if (isText(value)) return value
  if (!Array.isArray(value)) return undefined
  const texts = value.map((part: { type?: unknown; text?: unknown } | null) =>
    part?.type === 'text' && isText(part.text) ? part.text : undefined,
  )
  return texts.every(isText) ? texts.join('') : undefined
}

function fromMessages(list: unknown): Turn[] | string {
  if (!Array.isArray(list)) return 'messages that are no list'
  const turns: Turn[] = []
  for (const message of list as ({ [name: string]: unknown } | null)[]) {
    const content = contentOf(message?.content)
    if (!isText(message?.role) || content === undefined) return 'a turn without role and text'
    const { weight, ...rest } = message
    turns.push({ ...rest, role: message.role, content, ...(weight === 0 && { skipped: true }) })
  }
  return turns
}

/** What ShareGPT calls those who speak. */
const speakers: { readonly [from: string]: string } = {
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  chatgpt: 'assistant',
  bing: 'assistant',
  bard: 'assistant',
  assistant: 'assistant',
  system: 'system',
  tool: 'tool',
  function_response: 'tool',
  observation: 'tool',
}

const withSystem = (system: unknown, turns: Turn[]): Turn[] =>
  isGiven(system) ? [{ role: 'system', content: system }, ...turns] : turns

/** A row a form, asked in this order. */
export const forms: { readonly [name in FormName]: Form } = {
  messages: {
    keys: "{ messages: [{ role: 'user', content: '…' }, { role: 'assistant', content: '…' }] }",
    fits: ({ messages }) => messages !== undefined,
    read: ({ messages }) => fromMessages(messages),
  },
  ShareGPT: {
    keys: "{ conversations: [{ from: 'human', value: '…' }, { from: 'gpt', value: '…' }] }",
    fits: ({ conversations }) => conversations !== undefined,
    read({ conversations, system }) {
      if (!Array.isArray(conversations)) return 'conversations that are no list'
      const turns: Turn[] = []
      for (const one of conversations as { from?: unknown; value?: unknown }[]) {
        if (!isText(one?.from) || !isText(one.value)) return 'a turn without from and value'
        if (!Object.hasOwn(speakers, one.from)) return `a turn from '${one.from}', whom nobody knows`
        turns.push({ role: speakers[one.from]!, content: one.value })
      }
      return withSystem(system, turns)
    },
  },
  Alpaca: {
    keys: "{ instruction: '…', input: '', output: '…' }",
    fits: ({ instruction, output }) => instruction !== undefined && output !== undefined,
    read({ instruction, input, output, system }) {
      if (!isText(instruction) || !isText(output)) return 'an instruction or output that is no text'
      const content = isGiven(input) ? `${instruction}\n\n${input}` : instruction
      return withSystem(system, [
        { role: 'user', content },
        { role: 'assistant', content: output },
      ])
    },
  },
  'prompt and completion': {
    keys: "{ prompt: '…', completion: '…' }",
    fits: ({ prompt, completion }) => prompt !== undefined && completion !== undefined,
    read({ prompt, completion, system }) {
      const turnsOf = (value: unknown, role: string) =>
        isText(value) ? [{ role, content: value }] : fromMessages(value)
      const [asked, answered] = [turnsOf(prompt, 'user'), turnsOf(completion, 'assistant')]
      if (isText(asked)) return asked
      if (isText(answered)) return answered
      return withSystem(system, [...asked, ...answered])
    },
  },
}

/** What is wrong with these turns, if anything is: what no template and no learning can make good. */
export function maybeWrong(turns: readonly Turn[]): string | undefined {
  if (turns.length === 0) return 'without a turn'
  if (turns.some(({ content }) => !isGiven(content))) return 'with a turn without text'
  if (!turns.some(({ role }) => role === 'assistant')) return 'without a turn of the assistant'
  const again = turns.findIndex(
    ({ role }, at) => at > 0 && role === turns[at - 1]!.role && (role === 'user' || role === 'assistant'),
  )
  if (again !== -1) return `with two turns of one role behind each other (${turns[again]!.role})`
  return undefined
}
