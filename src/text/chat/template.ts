import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { splitSpecial, type Tokenizer } from '../tokenizers/tokenizer.js'
import { fillTemplate } from './fill.js'
import { hideSpecial, unusedMarks } from './marks.js'

/** One message of a conversation. What else a template reads of it (`tool_calls`, …) may stand beside. */
export interface ChatMessage {
  /** 'system', 'user', 'assistant', or whatever the template knows. */
  role: string
  content: string
  [more: string]: unknown
}

export interface ChatTemplateOptions {
  /**
   * Whether it ends with what an answer of the assistant begins with. Default: unless the last message is the assistant's.
   * `addGenerationPrompt: false`
   */
  addGenerationPrompt?: boolean
  /** Descriptions of functions, for templates that know tools. Default: none. `tools: [{ type: 'function', function: … }]` */
  tools?: readonly object[]
  /** What else the template reads, by its name there. Default: none. `variables: { bos_token: '<s>', enable_thinking: false }` */
  variables?: { readonly [name: string]: unknown }
  /** Seconds after which a template is given up. Default: 10. `seconds: 1` */
  seconds?: number
}

const known = ['addGenerationPrompt', 'tools', 'variables', 'seconds']

/**
 * A conversation as the text that a model was trained on: what `apply_chat_template` of Python's `transformers` gives.
 *
 * @param template in Jinja, as models bring it: `(await loadModel(folder)).template`.
 * @throws InputError for a template that is none, refuses the messages, or loops without end.
 * @example
 * const template = "{% for message in messages %}{{ message.role + ': ' + message.content + '\\n' }}{% endfor %}"
 * await applyChatTemplate(template, [{ role: 'user', content: 'Hello!' }])
 */
export function applyChatTemplate(
  template: string,
  messages: readonly ChatMessage[],
  options: ChatTemplateOptions = {},
): Promise<string> {
  return fill(template, messages, options, 'applyChatTemplate(template, messages)')
}

async function fill(
  template: string,
  messages: readonly ChatMessage[],
  options: ChatTemplateOptions,
  where: string,
): Promise<string> {
  const { addGenerationPrompt, tools, variables, seconds = 10 } = named(options, known, where)
  if (typeof template !== 'string' || template === '')
    throw new InputError({
      where,
      received: `${describe(template)} as template`,
      expected: 'a template in Jinja',
      fix: 'Models that hold conversations bring one: const { template } = await loadModel(folder).',
    })
  checkMessages(messages, where)
  if (!(seconds > 0 && seconds <= 3600))
    throw new InputError({
      where: `${where}: seconds`,
      received: describe(seconds),
      expected: 'a number above 0',
    })
  const given = {
    ...variables,
    messages,
    tools: tools ?? null,
    add_generation_prompt: addGenerationPrompt ?? messages.at(-1)?.role !== 'assistant',
  }
  return fillTemplate({ template, variables: plain(given, where) }, seconds, where)
}

/** As JSON: what is no data has no place in a template. */
function plain(given: object, where: string): { [name: string]: unknown } {
  try {
    return JSON.parse(JSON.stringify(given)) as { [name: string]: unknown }
  } catch (error) {
    throw new InputError(
      { where, received: (error as Error).message, expected: 'messages that are plain data' },
      { cause: error },
    )
  }
}

function checkMessages(messages: unknown, where: string): asserts messages is readonly ChatMessage[] {
  const fix = "[{ role: 'user', content: 'Hello!' }]."
  if (!Array.isArray(messages) || messages.length === 0)
    throw new InputError({ where, received: describe(messages), expected: 'messages', fix })
  for (const [i, message] of messages.entries()) {
    const { role, content } = (message ?? {}) as Partial<ChatMessage>
    if (
      typeof role !== 'string' ||
      (typeof content !== 'string' && content !== null && content !== undefined)
    )
      throw new InputError({
        where,
        received: `${describe(message)} as message ${i}`,
        expected: 'a role and a content, both texts',
        fix,
      })
  }
}

/**
 * The tokens of a conversation. Special tokens are those that the template writes: what looks like one in a message is text, so
 * nobody ends a turn or speaks as another by writing it.
 *
 * @throws InputError as `applyChatTemplate`.
 * @example
 * const template = "{% for message in messages %}{{ message.content + '<|end|>' }}{% endfor %}"
 * await encodeChat(byteTokenizer({ special: ['<|end|>'] }), template, [{ role: 'user', content: 'Hello!' }])
 */
export async function encodeChat(
  tokenizer: Tokenizer,
  template: string,
  messages: readonly ChatMessage[],
  options: ChatTemplateOptions = {},
): Promise<Int32Array> {
  const where = 'encodeChat(tokenizer, template, messages)'
  if (typeof tokenizer?.encode !== 'function')
    throw new InputError({ where, received: `${describe(tokenizer)} as tokenizer`, expected: 'a tokenizer' })
  checkMessages(messages, where)
  const [mark] = unusedMarks(JSON.stringify([messages, options.tools, options.variables]), 1, where) as [
    string,
  ]
  const hidden = hideSpecial(messages, tokenizer.special, mark) as ChatMessage[]
  const tools = options.tools && (hideSpecial(options.tools, tokenizer.special, mark) as object[])
  const text = await fill(template, hidden, { ...options, ...(tools && { tools }) }, where)
  const parts = splitSpecial(text, tokenizer.special).flatMap(({ text: part, id }) =>
    id === undefined ? [...tokenizer.encode(part.replaceAll(mark, ''))] : [id],
  )
  return Int32Array.from(parts)
}
