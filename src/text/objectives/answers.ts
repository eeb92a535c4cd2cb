/** Prompts and answers as tokens: of texts as they are, of messages by a template. */
import { describe, InputError } from '../../errors.js'
import { encodeChat, type ChatMessage } from '../chat/template.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'

export type Messages = readonly ChatMessage[]

export interface Writing {
  tokenizer: Tokenizer
  /** In Jinja; texts are then what a user and an assistant say. */
  template: string | undefined
  /** The token behind an answer that is a text, where there is one. */
  end: number | undefined
}

/** The token that ends a text: that of this name, or the tokenizer's own. */
export function findEnd(tokenizer: Tokenizer, end: string | undefined, where: string): number | undefined {
  const id = tokenizer.special[end ?? '<|endoftext|>']
  if (id !== undefined || end === undefined) return id
  throw new InputError({
    where: `${where}: end`,
    received: describe(end),
    expected: `a special token of the tokenizer: ${Object.keys(tokenizer.special).map(describe).join(', ') || 'it has none'}`,
  })
}

/** A prompt as tokens, up to where the answer begins. */
export async function promptIds(
  prompt: string | Messages,
  { tokenizer, template }: Writing,
  where: string,
): Promise<Int32Array> {
  if (template !== undefined) return encodeChat(tokenizer, template, asMessages(prompt, 'user'))
  if (typeof prompt === 'string') return tokenizer.encode(prompt)
  throw new InputError({
    where,
    received: 'messages as prompt, and no template',
    expected: 'the template of the model',
    fix: 'const { template } = await loadModel(folder); pass it on: { template }.',
  })
}

/** Prompt and answer together, and where the answer begins. */
export async function answerIds(
  prompt: string | Messages,
  answer: string | Messages,
  writing: Writing,
  where: string,
): Promise<{ ids: Int32Array; begins: number }> {
  const before = await promptIds(prompt, writing, where)
  const { tokenizer, template, end } = writing
  if (template === undefined) {
    if (typeof answer !== 'string')
      throw new InputError({
        where,
        received: 'messages as answer, and no template',
        expected: 'the template of the model',
      })
    const ids = [...before, ...tokenizer.encode(answer), ...(end === undefined ? [] : [end])]
    return { ids: Int32Array.from(ids), begins: before.length }
  }
  const messages = [...asMessages(prompt, 'user'), ...asMessages(answer, 'assistant')]
  const ids = await encodeChat(tokenizer, template, messages, { addGenerationPrompt: false })
  // A template may write the last turn otherwise once it is answered: the answer begins where they part.
  let begins = 0
  while (begins < before.length && ids[begins] === before[begins]) begins++
  return { ids, begins }
}

export const asMessages = (text: string | Messages, role: string): Messages =>
  typeof text === 'string' ? [{ role, content: text }] : text

/** How it reads. */
export const textOf = (text: string | Messages): string =>
  typeof text === 'string' ? text : text.map(({ role, content }) => `${role}: ${content}`).join('\n')
