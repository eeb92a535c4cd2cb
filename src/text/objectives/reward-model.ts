import * as tf from '@tensorflow/tfjs'
import { compile } from '../../backend/compile/compile.js'
import { calibration, type CalibrationBin, type Confidence } from '../../calibration.js'
import type { Dataset } from '../../data/dataset.js'
import { createRandom } from '../../data/random.js'
import { describe, InputError } from '../../errors.js'
import { shareInterval } from '../../mistakes/interval.js'
import { named } from '../../suggest.js'
import type { Batch } from '../../train/model/batch.js'
import type { OwnModel } from '../../train/model/own.js'
import type { Charted } from './curves.js'
import { checkPairs, softplus } from './dpo.js'
import { checkModel, type LanguageModel } from './language-model.js'

export interface RewardModelOptions {
  /** What keeps rewards near 0, of which pairs say only the differences: times the square of their sum. Default: 0.01. `centre: 0` */
  centre?: number
  /** Of the first values of the map from the last state to a reward. Default: 0. `seed: 1` */
  seed?: number
}

/** A model that says how good an answer is. */
export interface RewardModel<Model extends LanguageModel = LanguageModel> extends OwnModel, Charted {
  readonly parameters: { readonly model: Model['parameters']; readonly head: tf.Variable }
  readonly model: Model
  loss(batch: Batch): {
    loss: tf.Tensor
    perExample: tf.Tensor
    /** The reward of the chosen answer less that of the rejected one. */
    margin: tf.Tensor
    /** The share of pairs with a margin above 0. */
    accuracy: tf.Tensor
  }
  /** The rewards of answers: rows of tokens of prompt and answer, none padded. */
  score(rows: readonly ArrayLike<number>[]): Promise<number[]>
  /**
   * How it does on pairs that were set apart: the share it orders as they are, with an interval that holds the true share 19 times in
   * 20, and how sure it was beside how often it was right. `calibrationChart(predictions)` draws that.
   */
  check(pairs: Dataset): Promise<RewardCheck>
  copy(): RewardModel
}

export interface RewardCheck {
  accuracy: number
  from: number
  to: number
  /** Mean distance of confidence and accuracy (expected calibration error). */
  error: number
  bins: CalibrationBin[]
  predictions: Confidence[]
}

const where = 'rewardModel(model, options)'
const rowsAtOnce = 16
const charted: Charted['curves'] = {
  panels: [
    { title: 'margin', columns: ['margin'] },
    { title: 'share of pairs in their order', columns: ['accuracy'] },
  ],
  notes: ['Rewards are known up to a constant: pairs say only how far two answers are apart.'],
}

/**
 * A model to be trained to tell how good an answer is, from pairs (Bradley and Terry 1952; Ouyang et al. 2022, arXiv 2203.02155): the
 * probability that the chosen answer is the better one is the logistic function of the difference of their rewards. A reward is a
 * linear map of the model's last state, normed, at the last token of the answer. It trains the model that it is given: pass a copy of
 * one that is still to write.
 *
 * @throws InputError for options that do not fit; `train` throws one for data that is not of pairs.
 * @example
 * const tokenizer = charTokenizer('abc?! '), model = gpt({ ...presets.tiny, vocabulary: tokenizer.size })
 * const pairs = await preferences([{ prompt: 'a?', chosen: 'b!', rejected: 'c' }], tokenizer, { context: 16 })
 * const run = train(rewardModel(model), { data: pairs, optimizer: adam({ learningRate: 1e-4 }) })
 */
export function rewardModel<Model extends LanguageModel>(
  model: Model,
  options: RewardModelOptions = {},
): RewardModel<Model> {
  checkModel(model, where)
  const { centre = 0.01, seed = 0 } = named(options, ['centre', 'seed'], where)
  for (const [name, value, fits] of [
    ['centre', centre, centre >= 0],
    ['seed', seed, true],
  ] as const)
    if (!fits || !Number.isFinite(value))
      throw new InputError({
        where: `${where}: ${name}`,
        received: describe(value),
        expected: 'a number, at least 0',
      })
  const { width, layers, norm, epsilon } = model.config
  const random = createRandom(seed)
  const first = Float32Array.from({ length: width }, () => (random.next() - 0.5) / Math.sqrt(width))
  const head = tf.tidy(() => tf.variable(tf.tensor2d(first, [width, 1])))

  /** The reward at each row's place, x int32 [rows, T], last int32 [rows] -> [rows]. */
  function rewardsAt(x: tf.Tensor, last: tf.Tensor): tf.Tensor1D {
    const [rows, length] = x.shape as [number, number]
    let state: tf.Tensor | undefined
    const watching = {
      stream(count: number, stream: tf.Tensor) {
        if (count === layers) state = stream
      },
    }
    // Logits are of no use here: one row of them, which nothing reads.
    model.logits(x, { watching, writing: { pick: (stream) => stream.slice([0, 0, 0], [rows, 1, width]) } })
    const places = tf.range(0, rows, 1, 'int32').mul(tf.scalar(length, 'int32')).add(last.cast('int32'))
    const picked = tf.gather(state!.reshape([rows * length, width]), places.cast('int32'))
    const centred = norm === 'rms' ? picked : picked.sub(picked.mean(-1, true))
    const normed = centred.mul(centred.square().mean(-1, true).add(epsilon).rsqrt())
    return tf.matMul(normed as tf.Tensor2D, head as unknown as tf.Tensor2D).reshape([rows]) as tf.Tensor1D
  }

  /** Of pairs, [B, 2]. Rows of x end before their last token: it is the last of y. */
  function rewardsOfPairs({ x, y }: { x: tf.Tensor; y: tf.Tensor }): tf.Tensor {
    const [count, , length] = x.shape as [number, number, number]
    const flat = (tensor: tf.Tensor) => tensor.reshape([2 * count, length])
    const labels = flat(y)
    const places = tf.range(1, length + 1, 1, 'int32')
    const last = labels.greaterEqual(0).cast('int32').mul(places).max(-1)
    const isAt = (some: tf.Tensor) => some.equal(last.expandDims(1)).cast('int32')
    const final = labels.mul(isAt(places)).sum(-1, true)
    // One place longer: the last token stands behind the others.
    const whole = tf.concat([flat(x), tf.zeros([2 * count, 1], 'int32')], 1)
    const behind = isAt(tf.range(0, length + 1, 1, 'int32'))
    const rows = whole.mul(tf.scalar(1, 'int32').sub(behind)).add(behind.mul(final))
    return rewardsAt(rows.cast('int32'), last).reshape([count, 2])
  }

  const read = compile((x: tf.Tensor, last: tf.Tensor) => rewardsAt(x, last), {
    otherwise: 'run',
    signatures: 16,
  })
  const readPairs = compile((x: tf.Tensor, y: tf.Tensor) => rewardsOfPairs({ x, y }), {
    otherwise: 'run',
    signatures: 16,
  })

  return {
    model,
    curves: charted,
    parameters: { model: model.parameters, head },
    loss(batch) {
      const rewards = rewardsOfPairs(batch)
      const [chosen, rejected] = tf.unstack(rewards, 1) as [tf.Tensor, tf.Tensor]
      const margin = chosen.sub(rejected)
      const perExample = softplus(margin.neg()).add(chosen.add(rejected).square().mul(centre))
      return {
        loss: perExample.mean(),
        perExample,
        margin: margin.mean(),
        accuracy: margin.greater(0).cast('float32').mean(),
      }
    },
    async score(rows) {
      const found: number[] = []
      for (let from = 0; from < rows.length; from += rowsAtOnce) {
        const some = rows.slice(from, from + rowsAtOnce)
        const longest = Math.min(
          model.config.context,
          16 * Math.ceil(Math.max(...some.map((row) => row.length)) / 16),
        )
        const x = new Int32Array(rowsAtOnce * longest)
        const last = new Int32Array(rowsAtOnce)
        for (const [i, row] of some.entries()) {
          if (row.length < 1 || row.length > longest)
            throw new InputError({
              where: 'rewardModel.score(rows)',
              received: `a row of ${row.length} tokens`,
              expected: `from 1 to ${model.config.context}, the context of the model`,
            })
          x.set(Int32Array.from(row), i * longest)
          last[i] = row.length - 1
        }
        const values = tf.tidy(
          () => read(tf.tensor2d(x, [rowsAtOnce, longest]), tf.tensor1d(last)).dataSync() as never,
        ) as Float32Array
        found.push(...values.subarray(0, some.length))
      }
      return found
    },
    async check(pairs) {
      checkPairs(pairs, `${where}.check(pairs)`)
      const predictions: Confidence[] = []
      for (let from = 0; from < pairs.length; from += rowsAtOnce / 2) {
        // Of one size: what is missing in the last batch is its first pair again.
        const positions = Array.from({ length: rowsAtOnce / 2 }, (_, i) =>
          from + i < pairs.length ? from + i : from,
        )
        const rewards = tf.tidy(() => {
          const { x, y } = pairs.at(positions)
          return readPairs(x, y).dataSync() as never
        }) as Float32Array
        for (let i = 0; i < positions.length && from + i < pairs.length; i++) {
          const margin = rewards[2 * i]! - rewards[2 * i + 1]!
          predictions.push({ probability: 1 / (1 + Math.exp(-Math.abs(margin))), right: margin > 0 })
        }
      }
      const right = predictions.filter((one) => one.right).length
      const [accuracy, from, to] = shareInterval(right, predictions.length)
      return { accuracy, from, to, ...calibration(predictions), predictions }
    },
    checkData(data, at) {
      checkPairs(data, at)
      const [, length] = data.x.shape as [number, number]
      if (length < model.config.context) return
      throw new InputError({
        where: at,
        received: `rows of ${length} tokens and one behind them in ${data.name}`,
        expected: `at most ${model.config.context} together, the context of the model: the last one is read too`,
        fix: `preferences(pairs, tokenizer, { context: ${model.config.context - 1} }).`,
      })
    },
    copy() {
      const copy = rewardModel(model.copy(), options)
      copy.parameters.head.assign(head)
      return copy
    },
    ...(model.evaluated && {
      evaluated: (row, pause, notes) => model.evaluated!(row, pause, notes),
    }),
  }
}
