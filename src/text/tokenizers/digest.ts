import { Digest } from '../../data/table/digest.js'
import type { Tokenizer } from './tokenizer.js'

const digests = new WeakMap<Tokenizer, string>()

/** The same for tokenizers that give the same ids: of their JSON. */
export function digestOfTokenizer(tokenizer: Tokenizer): string {
  let digest = digests.get(tokenizer)
  if (digest === undefined)
    digests.set(tokenizer, (digest = new Digest().text(JSON.stringify(tokenizer.toJSON())).end()))
  return digest
}
