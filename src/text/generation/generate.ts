import { createRandom, type Random } from '../../data/random.js'
import { describe, InputError } from '../../errors.js'
import { maybeHost } from '../../host.js'
import { named } from '../../suggest.js'
import type { Gpt } from '../models/gpt.js'
import { checkId, type Tokenizer } from '../tokenizers/tokenizer.js'
import { checkTokenizer } from './arguments.js'
import { Decoder } from './decoder.js'
import { checkSampling, logTotal, sample, sampleNames, type SampleOptions } from './sample.js'
import { guessesAt } from './token-losses.js'

export interface GenerateOptions extends SampleOptions {
  /** The most tokens to write. Default: 100. `tokens: 500` */
  tokens?: number
  /** The same seed writes the same text. Default: another each time. `seed: 1` */
  seed?: number
  /** Ends before any of these texts, or at such a special token. Default: none. `stop: ['\n\n']` */
  stop?: string | readonly string[]
}

export interface StreamOptions extends GenerateOptions {
  /** Whether pieces tell probabilities. Default: false, they are texts. `details: true` */
  details?: boolean
}

/** One token that was written. */
export interface Piece {
  text: string
  id: number
  /** What the model gave it, before temperature and all that narrows the choice. */
  probability: number
  /** The five most probable tokens in its place, the most probable first. */
  best: { id: number; token: string; probability: number }[]
}

/** What is gone on from: a text, in which special tokens may be written out, or its tokens as they are (`encodeChat` gives those). */
export type Prompt = string | Int32Array

const where = 'model.generate(tokenizer, prompt, options)'

export async function generate(
  model: Gpt,
  tokenizer: Tokenizer,
  prompt: Prompt | readonly Prompt[],
  options?: GenerateOptions,
): Promise<string | string[]> {
  const prompts = isPrompt(prompt) ? [prompt] : prompt
  const written = prompts.map(() => '')
  for await (const { row, text } of write(model, tokenizer, prompts, options)) written[row] += text
  const texts = prompts.map(
    (one, row) => (typeof one === 'string' ? one : tokenizer.decode(one)) + written[row],
  )
  return isPrompt(prompt) ? texts[0]! : texts
}

const isPrompt = (prompt: Prompt | readonly Prompt[]): prompt is Prompt => !Array.isArray(prompt)

export async function* stream(
  model: Gpt,
  tokenizer: Tokenizer,
  prompt: Prompt,
  options: StreamOptions = {},
): AsyncIterableIterator<string | Piece> {
  const { details = false, ...rest } = options
  for await (const { row: _, ended: __, ...piece } of write(model, tokenizer, [prompt], rest, details)) {
    if (details) yield piece
    else if (piece.text !== '') yield piece.text
  }
}

/** One text that is being written. */
interface Writer {
  ids: number[]
  random: Random
  /** How many of `ids` the decoder has read, counting from where it last began. */
  start: number
  decoder: TextDecoder
  /** What is written and not given out yet: it may be the beginning of a text to stop at. */
  held: string
  done: boolean
}

/** All tokens that are written, those of several texts in turn. `ended`: by itself, at what it was told to stop at. */
export async function* write(
  model: Gpt,
  tokenizer: Tokenizer,
  prompts: readonly Prompt[],
  given: GenerateOptions = {},
  details = false,
): AsyncGenerator<Piece & { row: number; ended: boolean }> {
  const options = named(given, [...sampleNames, 'tokens', 'seed', 'stop'], where)
  const { tokens = 100, seed = Math.random() } = options
  const stops = options.stop === undefined ? [] : [options.stop].flat()
  const sampling = checkSampling(options, where)
  if (!Number.isInteger(tokens) || tokens < 0)
    throw new InputError({
      where: `${where}: tokens`,
      received: describe(tokens),
      expected: 'a whole number',
    })
  if (!Number.isFinite(seed))
    throw new InputError({ where: `${where}: seed`, received: describe(seed), expected: 'a finite number' })
  if (stops.some((text) => typeof text !== 'string' || text === ''))
    throw new InputError({
      where: `${where}: stop`,
      received: describe(options.stop),
      expected: 'texts that are not empty',
    })
  checkTokenizer(model, tokenizer, where)
  const writers = prompts.map((prompt, row): Writer => {
    const ids = idsOf(prompt, tokenizer)
    if (ids.length === 0)
      throw new InputError({
        where,
        received: `${describe(prompt)} as prompt`,
        expected: 'a text of at least one token to go on from',
        fix: "A line's end is a neutral one: model.generate(tokenizer, '\\n').",
      })
    const random = createRandom(seed)
    // A batch's rows draw from streams of their own; the first is that of the text alone.
    const own = row === 0 ? random : createRandom(random.next() + row)
    return { ids, random: own, start: 0, decoder: new TextDecoder(), held: '', done: tokens === 0 }
  })
  if (writers.length === 0 || tokens === 0) return
  const { context } = model.config
  // Behind the context the last half of it is read anew, and written on from there.
  const half = Math.max(1, Math.floor(context / 2))
  const decoder = model.held?.reader(writers.length) ?? new Decoder(model, writers.length)
  const isStop = new Set(stops.flatMap((text) => tokenizer.special[text] ?? []))
  const host = maybeHost()
  let breathed = performance.now()
  try {
    const begin = () => {
      for (const writer of writers) writer.start = Math.max(0, writer.ids.length - half)
      return decoder.read(writers.map(({ ids, start }) => ids.slice(start)))
    }
    let logits: Float32Array[] | undefined
    for (let count = 0; count < tokens && writers.some(({ done }) => !done); count++) {
      if (!logits) {
        const fits = writers.every(({ ids }) => ids.length <= context)
        logits = fits ? decoder.read(writers.map(({ ids }) => ids)) : begin()
      } else if (writers.some(({ ids, start }) => ids.length - start > context)) logits = begin()
      else
        logits = decoder.next(
          writers.map(({ ids }) => ids.at(-1)!),
          writers.map(({ ids, start }) => ids.length - start - 1),
        )
      for (const [row, writer] of writers.entries()) {
        const token = sample(logits[row]!, sampling, writer.random, writer.ids)
        writer.ids.push(token)
        if (writer.done) continue
        const isLast = count === tokens - 1
        const text = isStop.has(token) ? ended(writer) : taken(writer, tokenizer.bytes(token), stops, isLast)
        if (isStop.has(token)) writer.done = true
        yield {
          row,
          text,
          ended: writer.done,
          ...(details ? told(logits[row]!, token, tokenizer) : bare(token)),
        }
      }
      if (host?.interrupted) throw host.interrupt.reason
      if (host && performance.now() - breathed > 50) {
        await host.breathe()
        breathed = performance.now()
      }
    }
  } finally {
    decoder.dispose()
  }
}

function idsOf(prompt: Prompt, tokenizer: Tokenizer): number[] {
  if (typeof prompt === 'string') return [...tokenizer.encode(prompt, { special: true })]
  if (!(prompt instanceof Int32Array))
    throw new InputError({
      where,
      received: `${describe(prompt)} as prompt`,
      expected: 'a text, or its tokens as an Int32Array',
    })
  for (const id of prompt) checkId(id, tokenizer.size, where)
  return [...prompt]
}

const bare = (id: number) => ({ id, probability: Number.NaN, best: [] })

function told(logits: Float32Array, id: number, tokenizer: Tokenizer) {
  const total = logTotal(logits)
  return { id, probability: Math.exp(logits[id]! - total), best: guessesAt(logits, 5, tokenizer, total) }
}

/** The text that a token adds, as far as it cannot be the beginning of one to stop at. */
function taken(writer: Writer, bytes: Uint8Array, stops: readonly string[], isLast: boolean): string {
  const text = writer.held + writer.decoder.decode(bytes, { stream: !isLast })
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at !== -1)
  if (found.length > 0) {
    writer.done = true
    return text.slice(0, Math.min(...found))
  }
  const hold = isLast ? 0 : Math.max(0, ...stops.map((stop) => overlap(text, stop)))
  writer.held = text.slice(text.length - hold)
  return text.slice(0, text.length - hold)
}

function ended(writer: Writer): string {
  const text = writer.held + writer.decoder.decode()
  writer.held = ''
  return text
}

/** How many letters at the end of `text` begin `stop`. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(stop.length - 1, text.length); length > 0; length--)
    if (text.endsWith(stop.slice(0, length))) return length
  return 0
}
