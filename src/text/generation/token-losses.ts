import * as tf from '@tensorflow/tfjs'
import { compile } from '../../backend/compile/compile.js'
import { describe, InputError } from '../../errors.js'
import { during } from '../../settle.js'
import { named } from '../../suggest.js'
import type { TokenRow } from '../../views.js'
import type { Gpt } from '../models/gpt.js'
import { crossEntropy } from '../parts/layers.js'
import { checkId, checkText, type Tokenizer } from '../tokenizers/tokenizer.js'
import { checkTokenizer } from './arguments.js'
import { highest, logTotal } from './sample.js'

/** How little a token was expected. */
export interface TokenLoss extends TokenRow {
  /** The text of the token; parts of a character as U+FFFD. */
  token: string
  id: number
  /** In nats: minus the logarithm of its probability. */
  loss: number
}

/** Read like an array; as the last expression of a cell, the text with its losses behind it. */
export type TokenLosses = readonly TokenLoss[] & { readonly kind: 'tokens' }

export interface TokenLossOptions {
  /** How many of the most probable tokens are told for each place. Default: 0. `best: 5` */
  best?: number
}

/** What reads `length` tokens from `start` on: the loss of the token behind each, and its logits. */
interface Reading {
  read(
    ids: Int32Array,
    start: number,
    length: number,
    withLogits: boolean,
  ): { losses: ArrayLike<number>; logits: Float32Array | undefined }
  end(): void
}

function rowsOf(model: Gpt): Reading {
  const { context, vocabulary } = model.config
  const reader = model.held?.reader(1)
  if (reader)
    return {
      read(ids, start, length, withLogits) {
        const losses = new Float64Array(length)
        const kept = withLogits ? new Float32Array(length * vocabulary) : undefined
        reader.readAll(ids.subarray(start, start + length), (logits, from) => {
          kept?.set(logits, from * vocabulary)
          for (let at = 0; at * vocabulary < logits.length; at++) {
            const row = logits.subarray(at * vocabulary, (at + 1) * vocabulary)
            losses[from + at] = logTotal(row) - row[ids[start + from + at + 1]!]!
          }
        })
        return { losses, logits: kept }
      },
      end: () => reader.dispose(),
    }
  if (!compiled.has(model))
    compiled.set(
      model,
      compile(
        (x: tf.Tensor, y: tf.Tensor) => {
          const logits = model.logits(x).reshape([x.size, vocabulary])
          return { losses: crossEntropy(logits, y.flatten()), logits }
        },
        { otherwise: 'run' },
      ),
    )
  const rowOf = compiled.get(model)!
  return {
    read(ids, start, length, withLogits) {
      const padded = (from: number) => {
        const row = new Int32Array(context)
        row.set(ids.subarray(from, from + length))
        return tf.tensor2d(row, [1, context], 'int32')
      }
      return tf.tidy(() => {
        const row = rowOf(padded(start), padded(start + 1))
        return {
          losses: row.losses.dataSync(),
          logits: withLogits ? row.logits.dataSync() : undefined,
        } as never
      }) as { losses: Float32Array; logits: Float32Array | undefined }
    },
    end() {},
  }
}

type Row = { losses: tf.Tensor; logits: tf.Tensor }
const compiled = new WeakMap<Gpt, (x: tf.Tensor, y: tf.Tensor) => Row>()

export async function tokenLosses(
  model: Gpt,
  tokenizer: Tokenizer,
  text: string | Int32Array,
  options: TokenLossOptions = {},
): Promise<TokenLosses> {
  const where = 'model.tokenLosses(tokenizer, text)'
  const { best = 0 } = named(options, ['best'], where)
  if (!Number.isInteger(best) || best < 0)
    throw new InputError({ where: `${where}: best`, received: describe(best), expected: 'a whole number' })
  checkTokenizer(model, tokenizer, where)
  if (!(text instanceof Int32Array)) checkText(text, where)
  const ids = typeof text === 'string' ? tokenizer.encode(text) : text
  if (ids === text) for (const id of ids) checkId(id, tokenizer.size, where)
  if (ids.length < 2)
    throw new InputError({
      where,
      received: `a text of ${ids.length} ${ids.length === 1 ? 'token' : 'tokens'}`,
      expected: 'at least two: the first is only looked back at',
    })
  const { context, vocabulary } = model.config
  const reading = rowsOf(model)
  const told: TokenLoss[] = []
  // Windows overlap by half, so that no token has less than half of the context before it, where the text has that.
  const half = Math.max(1, Math.floor(context / 2))
  during(
    () => reading.end(),
    () => {
      for (let start = 0; ; start += half) {
        const length = Math.min(context, ids.length - 1 - start)
        const { losses, logits } = reading.read(ids, start, length, best > 0)
        for (let at = start === 0 ? 0 : context - half; at < length; at++) {
          const id = ids[start + at + 1]!
          const guesses =
            logits && guessesAt(logits.subarray(at * vocabulary, (at + 1) * vocabulary), best, tokenizer)
          told.push({
            token: tokenizer.decode([id]),
            id,
            loss: losses[at]!,
            ...(guesses && { best: guesses }),
          })
        }
        if (start + length >= ids.length - 1) break
      }
    },
  )
  // Not enumerable: it is an array like any other to whoever goes through it.
  return Object.defineProperty(told, 'kind', { value: 'tokens' }) as unknown as TokenLosses
}

/**
 * The most probable tokens, the most probable first.
 *
 * @param total `logTotal` of the logits.
 */
export function guessesAt(
  logits: Float32Array,
  k: number,
  tokenizer: Tokenizer,
  total: number = logTotal(logits),
) {
  return highest(logits, k).map((id) => ({
    id,
    token: tokenizer.decode([id]),
    probability: Math.exp(logits[id]! - total),
  }))
}
