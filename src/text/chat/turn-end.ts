import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { splitSpecial } from '../tokenizers/tokenizer.js'
import { applyChatTemplate, type ChatTemplateOptions } from './template.js'

/** Unlike anything that a template writes. */
const answer = 'zqx answer zqx'
const question = 'zqx question zqx'

/**
 * What a template writes behind an answer: the text at which a model that was taught with it is done. The first special token
 * there, or where there is none, all up to the next question; undefined for a template that writes nothing.
 *
 * @throws InputError for a template without an assistant's turn.
 */
export async function turnEnd(
  tokenizer: Tokenizer,
  template: string,
  options: ChatTemplateOptions = {},
): Promise<string | undefined> {
  const text = await applyChatTemplate(
    template,
    [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: answer },
      { role: 'user', content: question },
    ],
    { ...options, addGenerationPrompt: false },
  )
  const from = text.indexOf(answer)
  if (from < 0) return undefined
  const to = text.indexOf(question, from)
  const between = text.slice(from + answer.length, to < 0 ? undefined : to)
  const special = splitSpecial(between, tokenizer.special).find(({ id }) => id !== undefined)
  return special?.text ?? (between || undefined)
}
