import { describe, InputError } from '../../errors.js'
import type { Gpt } from '../models/gpt.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'

/** Throws where a tokenizer has tokens that the model has not. */
export function checkTokenizer(model: Gpt, tokenizer: Tokenizer, at: string): void {
  if (typeof tokenizer?.encode !== 'function')
    throw new InputError({ where: at, received: describe(tokenizer), expected: 'the tokenizer of the model' })
  if (tokenizer.size > model.config.vocabulary)
    throw new InputError({
      where: at,
      received: `a tokenizer of ${tokenizer.size} tokens`,
      expected: `at most ${model.config.vocabulary}, the vocabulary of the model`,
      fix: 'Pass the tokenizer that the model was trained with.',
    })
}
