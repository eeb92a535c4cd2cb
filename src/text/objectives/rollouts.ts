import type { Random } from '../../data/random.js'
import { createRandom } from '../../data/random.js'
import { maybeHost } from '../../host.js'
import { Decoder } from '../generation/decoder.js'
import type { Gpt } from '../models/gpt.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import type { LanguageModel } from './language-model.js'

/** An answer that a model drew. */
export interface Rollout {
  /** Its tokens, with the one that ended it. */
  ids: number[]
  /** The logarithm of the probability with which each was drawn. */
  logs: number[]
  /** What it reads as, without what ended it. */
  text: string
  /** Whether the model ended it, or it was cut. */
  ended: boolean
  /** Of the distributions that its tokens were drawn from, in nats, added up. */
  entropy: number
}

export interface Drawing {
  /** The most tokens of an answer. */
  tokens: number
  /** 0 takes the most probable. */
  temperature: number
  /** Special tokens and texts that end an answer. */
  stop: readonly string[]
}

/**
 * An answer to each prompt, drawn together: each row has a source of randomness of its own, so what one draws does not depend on how
 * long the others are.
 */
export async function drawAnswers(
  model: LanguageModel,
  tokenizer: Tokenizer,
  prompts: readonly Int32Array[],
  { tokens, temperature, stop }: Drawing,
  random: Random,
): Promise<Rollout[]> {
  const isStop = new Set(stop.flatMap((text) => tokenizer.special[text] ?? []))
  const texts = stop.filter((text) => tokenizer.special[text] === undefined)
  // A text that ends with the last token lies in as many tokens as it has bytes.
  const tail = Math.max(0, ...texts.map((text) => new TextEncoder().encode(text).length))
  const rollouts = prompts.map((): Rollout => ({ ids: [], logs: [], text: '', ended: false, entropy: 0 }))
  const randoms = prompts.map((_, row) => createRandom(random.next() + row))
  const isOver = (row: number) => {
    const { ids, ended } = rollouts[row]!
    // What is drawn last is not read any more, so it may stand behind the context.
    return ended || ids.length >= tokens || prompts[row]!.length + ids.length > model.config.context
  }
  const decoder = new Decoder(model as Gpt, prompts.length)
  const host = maybeHost()
  let breathed = performance.now()
  try {
    let logits = decoder.read(prompts)
    for (;;) {
      for (const [row, rollout] of rollouts.entries()) {
        if (isOver(row)) continue
        draw(rollout, logits[row]!, temperature, randoms[row]!)
        if (isStop.has(rollout.ids.at(-1)!)) rollout.ended = true
        else if (tail > 0) {
          const last = tokenizer.decode(rollout.ids.slice(-tail - 1))
          rollout.ended = texts.some((text) => last.includes(text))
        }
      }
      if (host?.interrupted) throw host.interrupt.reason
      if (host && performance.now() - breathed > 50) {
        await host.breathe()
        breathed = performance.now()
      }
      if (rollouts.every((_, row) => isOver(row))) break
      // Rows that are over read their last token again, in the place that it has.
      logits = decoder.next(
        rollouts.map(({ ids }) => ids.at(-1)!),
        rollouts.map(({ ids }, row) => Math.min(prompts[row]!.length + ids.length, model.config.context) - 1),
      )
    }
  } finally {
    decoder.dispose()
  }
  for (const rollout of rollouts) rollout.text = textOf(rollout.ids, tokenizer, isStop, texts)
  return rollouts
}

/** Draws one more token, with the logarithm of its probability. */
function draw(rollout: Rollout, logits: Float32Array, temperature: number, random: Random): void {
  const drawn = random.next()
  const scale = temperature === 0 ? 1 : 1 / temperature
  let highest = -Infinity
  let best = 0
  for (let id = 0; id < logits.length; id++)
    if (logits[id]! > highest) {
      highest = logits[id]!
      best = id
    }
  let sum = 0
  let weighted = 0
  const chances = new Float64Array(logits.length)
  for (let id = 0; id < logits.length; id++) {
    const log = (logits[id]! - highest) * scale
    chances[id] = Math.exp(log)
    sum += chances[id]!
    weighted += chances[id]! * log
  }
  rollout.entropy += Math.log(sum) - weighted / sum
  let id = best
  if (temperature > 0) {
    let left = drawn * sum
    for (let next = 0; next < chances.length; next++) {
      if (chances[next]! > 0) id = next
      if ((left -= chances[next]!) < 0) break
    }
  }
  rollout.ids.push(id)
  rollout.logs.push((logits[id]! - highest) * scale - Math.log(sum))
}

function textOf(
  ids: readonly number[],
  tokenizer: Tokenizer,
  isStop: ReadonlySet<number>,
  texts: readonly string[],
): string {
  const text = tokenizer.decode(isStop.has(ids.at(-1)!) ? ids.slice(0, -1) : ids)
  const found = texts.map((stop) => text.indexOf(stop)).filter((at) => at !== -1)
  return found.length > 0 ? text.slice(0, Math.min(...found)) : text
}
