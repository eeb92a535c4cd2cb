import { Worker } from 'node:worker_threads'
import { describe, InputError } from '../../errors.js'
import { maybeHost } from '../../host.js'
import { named } from '../../suggest.js'
import { bpeFrom } from './bpe.js'
import { maybeCut } from './cut.js'
import type { Task } from './bpe-worker.js'
import type { Merge } from './merges.js'
import { checkPattern, type SplitPattern } from './patterns.js'
import { numberSpecial, type Tokenizer } from './tokenizer.js'

export interface BpeOptions {
  /** How many tokens in all: 256 bytes, the merges, the special ones. Required. `vocabulary: 8192` */
  vocabulary: number
  /** How text is cut into words, over whose borders nothing is merged. Default: 'gpt4'. `pattern: 'gpt2'` */
  pattern?: SplitPattern
  /** Special tokens, numbered behind the others. Default: none. `special: ['<|endoftext|>']` */
  special?: readonly string[]
  /** Pairs that are rarer are not merged. Default: 1. `minimumCount: 2` */
  minimumCount?: number
  /** Is told now and then how many merges there are. `onProgress: ({ merges, of }) => console.log(merges, of)` */
  onProgress?: (progress: { merges: number; of: number }) => void
}

/** Texts are handed to the thread in pieces of about this many characters, cut between words: the counts are the whole text's. */
const piece = 1 << 20

/**
 * Learns a byte-level BPE tokenizer from texts, in a thread of its own: the cell goes on, and Stop ends it. The merges are
 * those that Python's `tokenizers` learns from the same texts. Knows every text afterwards.
 *
 * @param texts a text, texts (an array, or whatever gives one after the other, also asynchronously), or a corpus.
 * @throws InputError for options that do not fit; where the texts have fewer pairs than `vocabulary` asks for, the
 *   tokenizer is smaller.
 * @example const tokenizer = await trainBpe('low lower lowest newer newest', { vocabulary: 270 })
 */
export async function trainBpe(texts: Texts, options: BpeOptions): Promise<Tokenizer> {
  const where = 'trainBpe(texts, options)'
  const known = ['vocabulary', 'pattern', 'special', 'minimumCount', 'onProgress']
  const { vocabulary, special = [], minimumCount = 1, onProgress, ...rest } = named(options, known, where)
  const pattern = checkPattern(rest.pattern ?? 'gpt4', `${where}: pattern`)
  const most = vocabulary - 256 - special.length
  if (!Number.isInteger(vocabulary) || most < 0 || vocabulary > 2 ** 25)
    throw new InputError({
      where: `${where}: vocabulary`,
      received: describe(vocabulary),
      expected: `a whole number from ${256 + special.length} (256 bytes${special.length > 0 ? ` and ${special.length} special tokens` : ''}) on`,
    })
  if (!Number.isInteger(minimumCount) || minimumCount < 1)
    throw new InputError({
      where: `${where}: minimumCount`,
      received: describe(minimumCount),
      expected: 'a whole number, at least 1',
    })
  numberSpecial(special, 0, where)
  const learned = await learnInThread(texts, { pattern, most, minimum: minimumCount }, (merges) =>
    onProgress?.({ merges, of: most }),
  )
  return bpeFrom({ ...learned, pattern, special })
}

/** A text, texts, or documents as a corpus gives them. */
type Texts = string | Iterable<string | { text: string }> | AsyncIterable<string | { text: string }>

interface Learned {
  merges: Merge[]
  tokens: Uint8Array[]
}

function learnInThread(
  texts: Texts,
  { pattern, most, minimum }: { pattern: SplitPattern; most: number; minimum: number },
  onProgress: (merges: number) => void,
): Promise<Learned> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('bpe-worker.js', import.meta.url), { execArgv: [] })
    const signal = maybeHost()?.interrupt
    const end = () => {
      signal?.removeEventListener('abort', stop)
      void thread.terminate()
    }
    const fail = (error: unknown) => {
      end()
      reject(error as Error)
    }
    const stop = () => fail(signal!.reason)
    signal?.addEventListener('abort', stop)
    thread.on('message', (answer: { tokens: number } | { learned: Learned }) => {
      if ('tokens' in answer) return onProgress(answer.tokens)
      end()
      resolve(answer.learned)
    })
    thread.on('error', fail)
    const send = (task: Task) => thread.postMessage(task)
    send({ pattern })
    sendTexts(texts, send).then(() => send({ learn: { most, minimum } }), fail)
  })
}

async function sendTexts(texts: Texts, send: (task: Task) => void): Promise<void> {
  let count = 0
  for await (const given of typeof texts === 'string' ? [texts] : texts) {
    const text = typeof given === 'object' && given !== null ? given.text : given
    if (typeof text !== 'string')
      throw new InputError({
        where: 'trainBpe(texts)',
        received: `${describe(given)} as text ${count}`,
        expected: 'texts',
      })
    for (let from = 0; from < text.length;) {
      const to = text.length - from <= piece ? text.length : (maybeCut(text, from + piece) ?? text.length)
      send({ text: text.slice(from, to) })
      from = to
    }
    if (text !== '') count++
  }
  if (count === 0)
    throw new InputError({
      where: 'trainBpe(texts)',
      received: 'no text, or empty ones',
      expected: 'a text to learn from',
    })
}
