import type { ChatMessage } from '../chat/template.js'
import { describe, InputError } from '../../errors.js'
import { maybeFiles } from '../../store/files.js'
import { named } from '../../suggest.js'

/** What a customer may want, how it was said in twelve ways, and the one right answer. */
export interface Intent {
  name: string
  answer: string
  /** What every right answer has in it, and no other intent's answer. */
  contains: readonly string[]
  phrasings: readonly string[]
  /** Whether the right answer is to refuse. */
  refuse: boolean
}

/** A conversation to learn from. */
export interface Conversation {
  id: string
  messages: readonly ChatMessage[]
  /** The intent that it is about; `null` where it is of several turns. */
  intent: string | null
  refuse: boolean
}

/** A question to ask, in the form that `ask` takes. */
export interface ShopQuestion {
  id: string
  messages: readonly ChatMessage[]
  /** A right answer. */
  answer: string
  contains?: readonly string[]
  pattern?: string
  intent?: string
  slice: string
  refuse?: boolean
}

/** A prompt with a better and a worse answer, as `preferences` takes it. */
export interface ShopPair {
  id: string
  prompt: readonly ChatMessage[]
  chosen: string
  rejected: string
}

export interface Shop {
  intents: readonly Intent[]
  conversations: readonly Conversation[]
  heldOut: readonly ShopQuestion[]
  dialogues: readonly ShopQuestion[]
  controls: readonly ShopQuestion[]
  preferences: readonly ShopPair[]
}

export interface ShopOptions {
  /** What every conversation of the shop begins with, or `null` for nothing. Default: who the assistant is. `system: null` */
  system?: string | null
}

const usual = 'You answer customers of Copper Kettle, a small shop for tea and coffee.'

/**
 * Support conversations of a small shop for tea that does not exist, written by hand for gradbook: no customer ever said them.
 *
 * - `intents`: 44 with a right answer and 12 phrasings each; four of them are to be refused.
 * - `conversations`: to learn from, `{ messages }`: one for each phrasing (528), and 35 of several turns.
 * - `heldOut`: 60 paraphrases, none with five words in a row of what is learned from, written before anything was tuned on it.
 * - `dialogues`: 20 of several turns whose right answer needs an earlier turn.
 * - `controls`: 40 general questions that SmolLM2-135M-Instruct answers before it is tuned, and should after.
 * - `preferences`: 200 prompts with a better and a worse answer; the better is the longer in about half.
 *
 * @example const { conversations, heldOut, controls } = await shop()
 */
export async function shop(options: ShopOptions = {}): Promise<Shop> {
  const { system = usual } = named(options, ['system'], 'shop(options)')
  if (system !== null && (typeof system !== 'string' || system === ''))
    throw new InputError({
      where: 'shop(options): system',
      received: describe(system),
      expected: 'a text, or null for none',
    })
  const read = await reader()
  const first: ChatMessage[] = system === null ? [] : [{ role: 'system', content: system }]
  const said = (turns: readonly string[]): ChatMessage[] => [
    ...first,
    ...turns.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })),
  ]
  const intents = read<Omit<Intent, 'name' | 'refuse'> & { intent: string; refuse?: boolean }>('intents').map(
    ({ intent, answer, contains, phrasings, refuse = false }): Intent => ({
      name: intent,
      answer,
      contains,
      phrasings,
      refuse,
    }),
  )
  const byName = new Map(intents.map((intent) => [intent.name, intent]))
  const single = intents.flatMap(({ name, answer, phrasings, refuse }) =>
    phrasings.map((phrasing, i): Conversation => ({
      id: `${name} ${i + 1}`,
      messages: said([phrasing, answer]),
      intent: name,
      refuse,
    })),
  )
  const several = read<{ turns: string[]; refuse?: boolean }>('dialogues').map(
    ({ turns, refuse = false }, i): Conversation => ({
      id: `dialogue ${i + 1}`,
      messages: said(turns),
      intent: null,
      refuse,
    }),
  )
  return {
    intents,
    conversations: [...single, ...several],
    heldOut: read<{ intent: string; question: string }>('held-out').map(({ intent, question }, i) => {
      const { answer, contains, refuse } = byName.get(intent)!
      return {
        id: `held-out ${i + 1}`,
        messages: said([question]),
        answer,
        contains,
        intent,
        slice: intent,
        refuse,
      }
    }),
    dialogues: read<{ turns: string[]; answer: string; contains?: string[]; pattern?: string }>(
      'held-out-dialogues',
    ).map(({ turns, ...right }, i) => ({
      id: `held-out dialogue ${i + 1}`,
      messages: said(turns),
      ...right,
      slice: 'earlier turn',
    })),
    controls: read<{ question: string; answer: string; pattern: string }>('controls').map(
      ({ question, answer, pattern }, i) => ({
        id: `control ${i + 1}`,
        messages: [{ role: 'user', content: question }],
        answer,
        pattern,
        slice: 'control',
      }),
    ),
    preferences: read<{ prompt: string; chosen: string; rejected: string }>('preferences').map(
      ({ prompt, chosen, rejected }, i) => ({
        id: `pair ${i + 1}`,
        prompt: said([prompt]),
        chosen,
        rejected,
      }),
    ),
  }
}

async function reader(): Promise<<Row>(name: string) => Row[]> {
  const files = maybeFiles()
  if (!files)
    throw new InputError({ where: 'shop()', received: 'a place without files (a browser)', expected: 'Node' })
  const { fileURLToPath } = await import('node:url')
  const folder = fileURLToPath(new URL('./assets/', import.meta.url))
  return <Row>(name: string) =>
    files
      .readText(files.join(folder, `${name}.jsonl`))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Row)
}
