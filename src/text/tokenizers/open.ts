import { describe, InputError } from '../../errors.js'
import { maybeFiles } from '../../store/files.js'
import { bpeFrom } from './bpe.js'
import { byteTokenizer } from './bytes.js'
import { charactersFrom } from './characters.js'
import { huggingFaceTokenizer } from './huggingface.js'
import { bytesOfLetters } from './letters.js'
import { alphabet, keyOf, type Merge } from './merges.js'
import { splitPatterns, type SplitPattern } from './patterns.js'
import { checkText, type Tokenizer } from './tokenizer.js'

/**
 * Opens a `tokenizer.json` in Hugging Face's layout: one that `saveTokenizer` wrote, or one that a model was published with.
 *
 * @param file the file, or the folder it is in.
 * @throws InputError for a file that is none, or that asks for what is not known; it names the file.
 * @example const tokenizer = await loadTokenizer('models/small')
 */
export async function loadTokenizer(file: string): Promise<Tokenizer> {
  checkText(file, 'loadTokenizer(file)')
  const where = `loadTokenizer('${file}')`
  const files = maybeFiles()
  if (!files) throw new InputError({ where, received: 'a place without files (a browser)', expected: 'Node' })
  const path = file.endsWith('.json') ? file : files.join(file, 'tokenizer.json')
  if (!files.exists(path))
    throw new InputError({ where, received: `no file ${path}`, expected: 'a tokenizer.json' })
  let json: unknown
  try {
    json = JSON.parse(files.readText(path))
  } catch (error) {
    throw new InputError({ where, received: (error as Error).message, expected: 'JSON' }, { cause: error })
  }
  return openTokenizer(json, path)
}

/**
 * Writes a tokenizer as `tokenizer.json` in Hugging Face's layout, which Python's `tokenizers` opens.
 *
 * @param file the file, or a folder for it.
 * @example saveTokenizer(byteTokenizer(), 'models/small')
 */
export function saveTokenizer(tokenizer: Tokenizer, file: string): void {
  checkText(file, 'saveTokenizer(tokenizer, file)')
  const where = `saveTokenizer(tokenizer, '${file}')`
  if (typeof tokenizer?.toJSON !== 'function')
    throw new InputError({ where, received: describe(tokenizer), expected: 'a tokenizer' })
  const files = maybeFiles()
  if (!files) throw new InputError({ where, received: 'a place without files (a browser)', expected: 'Node' })
  files.write(
    file.endsWith('.json') ? file : files.join(file, 'tokenizer.json'),
    JSON.stringify(tokenizer.toJSON()),
  )
}

/** A tokenizer from what stands in `tokenizer.json`. Those that are made here come back as they were made. */
export async function openTokenizer(json: unknown, file: string): Promise<Tokenizer> {
  const parts = json as { [name: string]: any } | null
  if (typeof parts !== 'object' || parts === null || typeof parts.model !== 'object' || parts.model === null)
    throw new InputError({
      where: file,
      received: describe(json),
      expected: "a tokenizer in Hugging Face's layout, with a model in it",
    })
  return maybeOwn(parts) ?? huggingFaceTokenizer(parts, file)
}

/** The tokenizer that wrote this, where it is one of ours: its own JSON must be the same again. */
function maybeOwn(json: { [name: string]: any }): Tokenizer | undefined {
  try {
    const special = (json.added_tokens as { content: string }[]).map(({ content }) => content)
    const made = ownFrom(json, special)
    return made && JSON.stringify(made.toJSON()) === JSON.stringify(json) ? made : undefined
  } catch {
    return undefined
  }
}

function ownFrom(json: { [name: string]: any }, special: readonly string[]): Tokenizer | undefined {
  const { model } = json
  const texts = Object.keys(model.vocab as object).toSorted((a, b) => model.vocab[a] - model.vocab[b])
  const plain = texts.slice(0, texts.length - special.length)
  if (model.type === 'WordLevel')
    return charactersFrom(plain, Object.fromEntries(special.map((text, at) => [text, plain.length + at])))
  if (model.type !== 'BPE') return undefined
  if (json.pre_tokenizer.type === 'ByteLevel') return byteTokenizer({ special })
  const rust = json.pre_tokenizer.pretokenizers[0].pattern.Regex as string
  const pattern = Object.keys(splitPatterns).find((name) => splitPatterns[name as SplitPattern].rust === rust)
  const tokens = plain.map((letters) => bytesOfLetters(letters)!)
  if (!pattern || !alphabet.every((byte, id) => tokens[id]?.[0] === byte)) return undefined
  const idOf = new Map(tokens.map((bytes, id) => [keyOf(bytes), id]))
  const idOfLetters = (letters: string) => idOf.get(keyOf(bytesOfLetters(letters)!))!
  const merges = (model.merges as [string, string][]).map(([left, right]): Merge => [
    idOfLetters(left),
    idOfLetters(right),
  ])
  return bpeFrom({ merges, tokens, pattern: pattern as SplitPattern, special })
}
