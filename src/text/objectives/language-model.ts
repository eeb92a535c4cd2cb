import type * as tf from '@tensorflow/tfjs'
import type { ParameterTree } from '../../train/model/own.js'
import { describe, InputError } from '../../errors.js'
import type { Noted } from '../../train/model/trainee.js'
import type { EvaluationRow, Note } from '../../views.js'
import type { Gpt } from '../models/gpt.js'

/** What an objective asks of a model: a `Gpt`, or what stands before one. */
export interface LanguageModel {
  readonly config: Gpt['config']
  readonly parameters: ParameterTree
  /** Logits of the token behind each, ids int32 [B, T] -> [B, T, vocabulary]. */
  logits(ids: tf.Tensor, options?: Parameters<Gpt['logits']>[1]): tf.Tensor
  copy(): LanguageModel
  described?(): object | undefined
  evaluated?(row: EvaluationRow, pause: () => Promise<void>, notes: readonly Note[]): Promise<Noted>
}

export function checkModel(model: unknown, where: string): asserts model is LanguageModel {
  const { logits, parameters, config } = (model ?? {}) as Partial<LanguageModel>
  if (typeof logits === 'function' && typeof parameters === 'object' && typeof config === 'object') return
  throw new InputError({
    where,
    received: `${describe(model)} as model`,
    expected: 'a language model',
    fix: 'gpt({ vocabulary, context }), or what loadModel and smolLM2 give.',
  })
}
