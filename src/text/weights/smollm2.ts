import { InputError } from '../../errors.js'
import { maybeFiles } from '../../store/files.js'
import { named } from '../../suggest.js'
import type { Gpt, GptParameters } from '../models/gpt.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { loadGguf } from './gguf.js'
import { checkActivations, type Activations } from './held.js'

/**
 * SmolLM2-135M-Instruct: a small language model of Hugging Face that answers, with its tokenizer and the template of its
 * conversations. Its weights were rounded to 4 bits when it was published. It writes with them as they are; when it is trained they
 * become float32, of the same values.
 *
 * @param options.context room for so many tokens; default 2,048, at most 8,192.
 * @param options.activations 'int8' rounds what is multiplied with the weights to 8 bits, as llama.cpp does: quicker, and not quite
 *   the same (docs/text.md has by how much). Default: 'float32'.
 * @throws InputError where it was not fetched: `npx gradbook fetch smollm2` does that once.
 * @example const { model, tokenizer } = await smolLM2({ context: 1024 })
 */
export async function smolLM2(
  options: { context?: number; activations?: Activations } = {},
): Promise<{ model: Gpt<GptParameters>; tokenizer: Tokenizer; template: string | undefined }> {
  const { context = 2048, activations } = named(options, ['context', 'activations'], 'smolLM2(options)')
  checkActivations(activations, 'smolLM2(options)')
  const files = maybeFiles()
  if (!files)
    throw new InputError({
      where: 'smolLM2()',
      received: 'a place without files (a browser)',
      expected: 'Node',
    })
  const path = await fetchedFile()
  if (files.exists(path)) {
    const opened = await loadGguf(files, path, { context, activations })
    opened.model.origin = 'smollm2'
    return opened
  }
  throw new InputError({
    where: 'smolLM2()',
    received: `no file ${path}`,
    expected: 'the weights, which are fetched once (93 MB)',
    fix: 'Run `npx gradbook fetch smollm2` in a terminal.',
  })
}

async function fetchedFile(): Promise<string> {
  const { pathOf, published } = await import('../../store/cache.js')
  return pathOf(published.smollm2!)
}
