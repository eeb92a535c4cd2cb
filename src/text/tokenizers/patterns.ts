import { describe, InputError } from '../../errors.js'

/**
 * How text is cut into words before merges are looked for, by the name of the model that made it known. `rust` is the
 * same for Python's `tokenizers`. White space is Unicode's property in both, which JavaScript's `\s` is not.
 *
 * Sources: openai/gpt-2 `encoder.py`; openai/tiktoken `openai_public.py` (cl100k_base, the tokenizer of GPT-4).
 */
export const splitPatterns = {
  gpt2: {
    pattern:
      /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu,
    rust: "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  },
  gpt4: {
    // ſ is an s where case does not count.
    pattern:
      /'(?:[sSſ]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*|\p{White_Space}*[\r\n]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu,
    rust: "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  },
} as const

export type SplitPattern = keyof typeof splitPatterns

export function checkPattern(name: unknown, where: string): SplitPattern {
  if (typeof name === 'string' && Object.hasOwn(splitPatterns, name)) return name as SplitPattern
  throw new InputError({
    where,
    received: describe(name),
    expected: `one of ${Object.keys(splitPatterns)
      .map((known) => `'${known}'`)
      .join(', ')}`,
  })
}
