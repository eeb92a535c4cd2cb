/** Conversations as a template writes them, with what the assistant says in them. */
import { InputError } from '../../errors.js'
import { fillAll } from '../chat/fill.js'
import { hideSpecial, unusedMarks } from '../chat/marks.js'
import { splitSpecial } from '../tokenizers/tokenizer.js'
import type { Conversation } from './source.js'
import type { Turn } from './forms.js'

/** A piece of the text of a conversation. */
export interface Piece {
  text: string
  /** The special token that it is. */
  special?: number
  /** The turn, by its place in the conversation, where the assistant says this. */
  turn?: number
}

/** What the assistant's turns lie between while a template is filled in, and what hides special tokens of users. */
interface Marks {
  begin: string
  end: string
  hide: string
}

/** A space that templates cut off with all others, and that no template writes. */
const rareSpace = '\u2003'

/** ChatML (OpenAI 2023), which SmolLM2 and Qwen speak too: the template where none is given. */
export const chatMl =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

const asChatMl = (turns: readonly Turn[]): string =>
  turns.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('')

/**
 * The pieces of each conversation. The assistant's are what it says and what ends its turn: up to the special token behind it, or, where a
 * template has none there, all that it writes behind the last turn.
 *
 * @throws InputError for a template that writes no turn of the assistant, or leaves one out or changes it.
 */
export function renderAll(
  conversations: readonly Conversation[],
  template: string | undefined,
  {
    special,
    variables,
    where,
  }: {
    special: { readonly [text: string]: number }
    variables?: { readonly [name: string]: unknown } | undefined
    where: string
  },
): Piece[][] {
  const texts = JSON.stringify([template, variables, conversations])
  const [begin, end, hide] = unusedMarks(texts, 3, where) as [string, string, string]
  const marks = { begin, end, hide }
  const probe: Turn[] = [
    { role: 'user', content: 'question' },
    { role: 'assistant', content: `${rareSpace}${begin}answer${end}${rareSpace}` },
  ]
  const fill = (all: readonly (readonly Turn[])[]): string[] =>
    template === undefined
      ? all.map(asChatMl)
      : fillAll(
          template,
          all.map((messages) => ({
            ...variables,
            messages: messages.map(({ skipped: _, ...message }) => message),
            tools: null,
            add_generation_prompt: false,
          })),
          { where: `${where}: template` },
        )
  const [tried] = fill([probe])
  const form = formOf(tried!, marks, special, where)
  const marked = conversations.map(({ turns }) => turns.map((turn) => markedTurn(turn, form, marks, special)))
  return fill(marked).map((text, at) =>
    piecesOf(text, conversations[at]!, { ...form, marks, special }, where),
  )
}

/** What a template makes of the assistant's turn. */
interface Form {
  /** Whether spaces before it and behind it stay. */
  keeps: { before: boolean; behind: boolean }
  /** What ends a turn. */
  ending: string
}

function formOf(
  text: string,
  { begin, end }: Marks,
  special: { readonly [text: string]: number },
  where: string,
): Form {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from === -1 || to === -1)
    throw new InputError({
      where: `${where}: template`,
      received: 'a template without a turn of the assistant: of an answer it writes nothing',
      expected: "one that writes messages whose role is 'assistant'",
    })
  const keeps = { before: text[from - 1] === rareSpace, behind: text[to + 1] === rareSpace }
  const behind = text.slice(to + (keeps.behind ? 2 : 1))
  const parts = splitSpecial(behind, special)
  const first = parts.findIndex(({ id }) => id !== undefined)
  const ending = parts
    .slice(0, first + 1 || undefined)
    .map((part) => part.text)
    .join('')
  return { keeps, ending }
}

/** Marks stand where spaces that the template leaves alone are within them, and such that it cuts off are not. */
function markedTurn(
  turn: Turn,
  { keeps }: Form,
  { begin, end, hide }: Marks,
  special: { readonly [text: string]: number },
): Turn {
  const safe = hideSpecial(turn, special, hide) as Turn
  if (turn.role !== 'assistant') return safe
  const { content } = safe
  const from = keeps.before ? 0 : content.length - content.trimStart().length
  const to = keeps.behind ? content.length : content.trimEnd().length
  return {
    ...safe,
    content: `${content.slice(0, from)}${begin}${content.slice(from, to)}${end}${content.slice(to)}`,
  }
}

function piecesOf(
  text: string,
  { id, turns }: Conversation,
  { marks, special, ending }: Form & { marks: Marks; special: { readonly [text: string]: number } },
  where: string,
): Piece[] {
  const said = turns.flatMap(({ role }, at) => (role === 'assistant' ? [at] : []))
  const unmarked = (part: string) => part.replaceAll(marks.hide, '')
  const pieces: Piece[] = []
  const add = (part: string, turn?: number) => {
    for (const one of splitSpecial(part, special)) {
      const plain = unmarked(one.text)
      if (plain !== '')
        pieces.push({
          text: plain,
          ...(one.id !== undefined && { special: one.id }),
          ...(turn !== undefined && { turn }),
        })
    }
  }
  let at = 0
  for (const turn of said) {
    const from = text.indexOf(marks.begin, at)
    const to = text.indexOf(marks.end, at)
    const isOnce = from !== -1 && to > from && !text.slice(from + 1, to).includes(marks.begin)
    if (!isOnce)
      throw new InputError({
        where: `${where}: template`,
        received: `a template that writes ${text.split(marks.begin).length - 1} of ${said.length} answers of the conversation ${JSON.stringify(id)} as they are`,
        expected: 'one that writes all that the assistant says, in its order',
      })
    add(text.slice(at, from))
    const behind = to + 1
    const ends = ending !== '' && text.startsWith(ending, behind)
    at = ends ? behind + ending.length : behind
    const learned = turns[turn]!.skipped ? undefined : turn
    add(text.slice(from + 1, to), learned)
    if (ends) add(ending, learned)
  }
  add(text.slice(at))
  return pieces
}
