import { InputError } from '../../errors.js'
import { checkTokenizer } from '../generation/arguments.js'
import type { Gpt } from '../models/gpt.js'
import { checkText, type Tokenizer } from '../tokenizers/tokenizer.js'

/** The ids of a text that a model is to read at once, whole. */
export function idsToRead(model: Gpt, tokenizer: Tokenizer, text: string, where: string): Int32Array {
  checkTokenizer(model, tokenizer, where)
  checkText(text, where)
  const ids = tokenizer.encode(text, { special: true })
  const { context } = model.config
  if (ids.length > 0 && ids.length <= context) return ids
  throw new InputError({
    where,
    received: `a text of ${ids.length} tokens`,
    expected: `from 1 to ${context}, the context of the model`,
    ...(ids.length > context && { fix: `Take a part of it: text.slice(0, ${Math.min(context, 200)}).` }),
  })
}
