import * as tf from '@tensorflow/tfjs'
import type { Dataset } from '../../data/dataset.js'
import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import type { Batch } from '../../train/model/batch.js'
import type { OwnModel } from '../../train/model/own.js'
import type { Charted } from './curves.js'
import { checkModel, type LanguageModel } from './language-model.js'
import { logLikelihoods } from './likelihood.js'

export interface DpoOptions {
  /**
   * How near the model stays to the reference: the larger, the nearer. Of 'simpo', the scale of the rewards. Default: 0.1; of
   * 'simpo' 2. `beta: 0.3`
   */
  beta?: number
  /**
   * 'dpo'; 'ipo', whose margin has a goal (1 / 2 beta) beyond which nothing is gained; 'simpo', without a reference and by the mean
   * token, so that length earns nothing. Default: 'dpo'. `variant: 'simpo'`
   */
  variant?: 'dpo' | 'ipo' | 'simpo'
  /** The margin that 'simpo' asks for. Default: 1. `gamma: 0.5` */
  gamma?: number
  /** The weight of the chosen answer's own loss, in nats a token, which keeps it from falling with the rejected one's. Default: 0. `likelihood: 0.2` */
  likelihood?: number
}

/** What `dpo` makes of a model. */
export interface Dpo<Model extends LanguageModel = LanguageModel>
  extends OwnModel<Batch<'reference'>>, Charted {
  readonly parameters: Model['parameters']
  /** The model that is trained. */
  readonly model: Model
  readonly options: Required<DpoOptions>
  /** The loss, and beside it what is charted. Rewards are beta times how much more probable than in the reference an answer is. */
  loss(batch: Batch<'reference'>): {
    loss: tf.Tensor
    perExample: tf.Tensor
    rewardChosen: tf.Tensor
    rewardRejected: tf.Tensor
    /** The reward of the chosen answer less that of the rejected one. */
    margin: tf.Tensor
    /** The share of pairs with a margin above 0. */
    accuracy: tf.Tensor
    /** Of a whole answer, in nats: it may fall while the margin grows. */
    logLikelihoodChosen: tf.Tensor
    logLikelihoodRejected: tf.Tensor
    /** In tokens. */
    lengthChosen: tf.Tensor
    lengthRejected: tf.Tensor
  }
  copy(): Dpo
}

const where = 'dpo(model, options)'

/**
 * A model to be trained on preferences: the chosen answer of a pair shall become more probable than the rejected one, compared with
 * the reference whose likelihoods the data brings (Rafailov et al. 2023, arXiv 2305.18290). Its loss begins at ln 2 and its margin
 * at 0 where the reference is the model itself. Dropout is off. Variants: IPO (Azar et al. 2023, arXiv 2310.12036, by the mean token
 * as its authors' code has it), SimPO (Meng et al. 2024, arXiv 2405.14734); `likelihood` as in Pang et al. 2024 (arXiv 2404.19733).
 *
 * @throws InputError for options that do not fit; `train` throws one for pairs without a reference.
 * @example
 * const tokenizer = charTokenizer('abc?! '), model = gpt({ ...presets.tiny, vocabulary: tokenizer.size })
 * const pairs = await preferences([{ prompt: 'a?', chosen: 'b!', rejected: 'c' }], tokenizer, { context: 16, reference: model })
 * const run = train(dpo(model, { beta: 0.1 }), { data: pairs, optimizer: adam({ learningRate: 1e-4 }) })
 */
export function dpo<Model extends LanguageModel>(model: Model, options: DpoOptions = {}): Dpo<Model> {
  checkModel(model, where)
  const settings = checked(options)
  const { beta, variant, gamma, likelihood } = settings
  return {
    model,
    options: settings,
    curves: charted,
    parameters: model.parameters,
    loss({ x, y, reference }) {
      const [count, , length] = x.shape as [number, number, number]
      const flat = (tensor: tf.Tensor) => tensor.reshape([2 * count, length])
      const likelihoods = logLikelihoods(model, flat(x), flat(y)).reshape([count, 2, length])
      const tokens = y.greaterEqual(0).sum(-1).cast('float32')
      const whole = likelihoods.sum(-1)
      // Token by token: the difference of two sums of hundreds would lose what the first steps change.
      const gained =
        variant === 'simpo' ? whole.div(tokens) : likelihoods.sub(reference ?? tf.scalar(0)).sum(-1)
      const sides = (tensor: tf.Tensor) => tf.unstack(tensor, 1) as [tf.Tensor, tf.Tensor]
      const [rewardChosen, rewardRejected] = sides(gained.mul(beta))
      const margin = rewardChosen.sub(rewardRejected)
      const [lengthChosen, lengthRejected] = sides(tokens)
      const [logLikelihoodChosen, logLikelihoodRejected] = sides(whole)
      let perExample: tf.Tensor
      if (variant === 'ipo') {
        const [chosen, rejected] = sides(gained.div(tokens))
        perExample = chosen
          .sub(rejected)
          .sub(1 / (2 * beta))
          .square()
      } else perExample = softplus(tf.scalar(variant === 'simpo' ? gamma : 0).sub(margin))
      if (likelihood > 0) perExample = perExample.sub(logLikelihoodChosen.div(lengthChosen).mul(likelihood))
      return {
        loss: perExample.mean(),
        perExample,
        rewardChosen: rewardChosen.mean(),
        rewardRejected: rewardRejected.mean(),
        margin: margin.mean(),
        accuracy: margin.greater(0).cast('float32').mean(),
        logLikelihoodChosen: logLikelihoodChosen.mean(),
        logLikelihoodRejected: logLikelihoodRejected.mean(),
        lengthChosen: lengthChosen.mean(),
        lengthRejected: lengthRejected.mean(),
      }
    },
    checkData(data, at) {
      checkPairs(data, at)
      if (variant === 'simpo' || data.fields?.['reference' as never]) return
      throw new InputError({
        where: at,
        received: `pairs without the likelihoods of a reference in ${data.name}`,
        expected: "those of the model before it is trained, or the variant 'simpo', which needs none",
        fix: 'preferences(pairs, tokenizer, { context, reference: model }).',
      })
    },
    described: () => model.described?.(),
    copy: () => dpo(model.copy(), options),
    ...(model.evaluated && {
      evaluated: (row, pause, notes) => model.evaluated!(row, pause, notes),
    }),
  }
}

const charted: Charted['curves'] = {
  panels: [
    { title: 'margin', columns: ['margin'] },
    { title: 'reward', columns: ['rewardChosen', 'rewardRejected'] },
    { title: 'share of pairs in their order', columns: ['accuracy'] },
    {
      title: 'log-likelihood of an answer (nats)',
      columns: ['logLikelihoodChosen', 'logLikelihoodRejected'],
    },
    { title: 'length (tokens)', columns: ['lengthChosen', 'lengthRejected'] },
  ],
  notes: [
    'What is asked for is the margin: the likelihood of the chosen answer may fall, as long as that of the rejected one falls more.',
    'A weight of its own, dpo(model, { likelihood: 0.2 }), holds it up.',
  ],
}

/** ln(1 + e^x), without overflow. */
export const softplus = (x: tf.Tensor): tf.Tensor => x.relu().add(x.abs().neg().exp().log1p())

/** Throws for data that is not of pairs, as `preferences` makes them. */
export function checkPairs(data: Dataset, where: string): void {
  const [sides, length] = data.x.shape
  const fits = data.x.shape.length === 2 && sides === 2 && data.y.shape.join() === data.x.shape.join()
  if (fits && data.x.dtype === 'int32') return
  throw new InputError({
    where,
    received: `x of ${data.x.dtype} and shape [${data.x.shape.join(', ')}] in ${data.name}`,
    expected: `pairs of answers, int32 [2, ${length ?? 'tokens'}]`,
    fix: 'preferences(pairs, tokenizer, { context, reference: model }) makes them.',
  })
}

function checked(given: DpoOptions): Required<DpoOptions> {
  const options = named(given, ['beta', 'variant', 'gamma', 'likelihood'], where)
  const { variant = 'dpo', gamma = 1, likelihood = 0 } = options
  const { beta = variant === 'simpo' ? 2 : 0.1 } = options
  const rows: [name: keyof DpoOptions, fits: boolean, expected: string][] = [
    ['variant', ['dpo', 'ipo', 'simpo'].includes(variant), "'dpo', 'ipo' or 'simpo'"],
    ['beta', beta > 0 && Number.isFinite(beta), 'a number above 0'],
    ['gamma', gamma >= 0 && Number.isFinite(gamma), 'a number, at least 0'],
    [
      'gamma',
      options.gamma === undefined || variant === 'simpo',
      "none: it is the margin that the variant 'simpo' asks for",
    ],
    ['likelihood', likelihood >= 0 && Number.isFinite(likelihood), 'a number, at least 0'],
  ]
  for (const [name, fits, expected] of rows)
    if (!fits)
      throw new InputError({ where: `${where}: ${name}`, received: describe(options[name]), expected })
  return { beta, variant, gamma, likelihood }
}
