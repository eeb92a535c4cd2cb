import * as tf from '@tensorflow/tfjs'
import { createRandom } from '../../data/random.js'
import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { Gpt, type GptParameters, type GptRecord } from '../models/gpt.js'
import type { AdaptedLinear, LinearParameters } from '../parts/layers.js'
import { chosenPlaces, placesFor, type Place } from './places.js'

/** What is trained of one linear map: x W + scale x (x a) b. */
export type Adapter = {
  /** [in, rank] */
  a: tf.Variable
  /** [rank, out], zero at first. */
  b: tf.Variable
}

/** Adapters by the map that they change, as `transformers` calls it. */
export type LoraParameters = { readonly [place: string]: Adapter }

export interface LoraOptions {
  /** Numbers between the two maps of an adapter. Default: 8. `rank: 16` */
  rank?: number
  /** What an adapter adds is scaled by alpha / rank. Default: twice the rank. `alpha: 32` */
  alpha?: number
  /**
   * Which linear maps have one: by kind, by name, or by a pattern on names. Default: all but the output. `targets: ['q_proj', 'v_proj']`,
   * `targets: /layers\.[0-9]\./`
   */
  targets?: RegExp | readonly string[]
  /** Scales by alpha / √rank, so that higher ranks learn as fast (Kalajdzievski 2023, arXiv 2312.03732). Default: false. `rankStabilised: true` */
  rankStabilised?: boolean
  /** Of the first values. Default: 0. `seed: 1` */
  seed?: number
}

/** The options of a model's adapters, with nothing left open. */
export interface LoraConfig {
  readonly rank: number
  readonly alpha: number
  readonly rankStabilised: boolean
  readonly places: readonly Place[]
}

/** What an adapter's product is multiplied with. */
export const scaleOf = ({ rank, alpha, rankStabilised }: LoraConfig): number =>
  alpha / (rankStabilised ? Math.sqrt(rank) : rank)

/**
 * A model whose weights stay as they are, with adapters that are trained: a model like any other for `train`, branches, saving, writing and
 * looking. Its `base` computes with the same weights, so both are in memory once.
 */
export class LoraGpt extends Gpt<LoraParameters> {
  readonly base: Gpt<GptParameters>
  readonly lora: LoraConfig
  readonly #adapters: LoraParameters
  readonly #adapted: GptParameters

  constructor(base: Gpt<GptParameters>, lora: LoraConfig, adapters: LoraParameters) {
    super(base.config, noWeights)
    this.base = base
    this.lora = lora
    this.#adapters = adapters
    // Now, and not when an iteration that is being recorded first asks: weights of few bits would become float32 in the recording.
    this.#adapted = adapted(base.weights, lora, adapters)
  }

  /** The adapters. */
  override get parameters(): LoraParameters {
    return this.#adapters
  }

  /** The base's, with what the adapters make of its products. */
  override get weights(): GptParameters {
    return this.#adapted
  }

  override get held(): undefined {
    return undefined
  }

  override readonly copy = (): LoraGpt =>
    new LoraGpt(this.base, this.lora, createAdapters(this.lora.places, this.lora.rank, 0))

  override described(): GptRecord {
    const { rank, alpha, rankStabilised, places } = this.lora
    return {
      ...this.base.described(),
      lora: { rank, alpha, rankStabilised, places: places.map(({ name }) => name) },
    }
  }

  /**
   * A model with weights of its own that have the adapters in them: it computes the same without any more work for each token.
   *
   * @example saveModel(tuned.merge(), 'models/tuned', { tokenizer })
   */
  merge(): Gpt<GptParameters> {
    const merged = Gpt.blank(this.config)
    const scale = scaleOf(this.lora)
    copyTree(this.base.weights, merged.weights)
    for (const place of this.lora.places) {
      const { a, b } = this.#adapters[place.name]!
      const { weight } = place.weightOf(merged.weights)
      tf.tidy(() => {
        const columns = weight.shape[1]!
        const added = tf.matMul(a as tf.Tensor2D, b as unknown as tf.Tensor2D).mul(scale)
        const whole = tf.pad(added, [
          [0, 0],
          [place.from, columns - place.from - place.out],
        ])
        weight.assign(weight.add(whole))
      })
    }
    return merged
  }

  /** Frees the adapters; the base is used by others. */
  override dispose(): void {
    for (const { a, b } of Object.values(this.#adapters)) tf.dispose([a, b])
  }

  override toString(): string {
    const { rank, places } = this.lora
    const count = places.reduce((sum, place) => sum + rank * (place.in + place.out), 0)
    return `${super.toString()}, frozen, with ${count.toLocaleString('en')} parameters in ${places.length} adapters of rank ${rank}`
  }
}

/** It has none of its own: `weights` gives the base's. */
const noWeights: GptParameters = { tokens: undefined as never, blocks: [], norm: undefined as never }

const where = 'lora(model, options)'

/**
 * Low-rank adapters for a model (Hu et al. 2021, arXiv 2106.09685): of each linear map W stays as it is, and a product of two thin matrices that is
 * added to it is trained, 1 to 2 % of the numbers. At first it adds nothing, so the model writes what it wrote.
 *
 * Trains well at about ten times the rate of full training (Schulman et al. 2025, "LoRA Without Regret"): 1e-4 to 5e-4 for AdamW.
 *
 * @throws InputError for options that do not fit, and a model that has adapters already.
 * @example
 * const tuned = lora(gpt({ vocabulary: 256, context: 64, layers: 1, heads: 2, width: 32 }), { rank: 8, seed: 1 })
 */
export function lora(model: Gpt<GptParameters>, options: LoraOptions = {}): LoraGpt {
  const given = named(options, ['rank', 'alpha', 'targets', 'rankStabilised', 'seed'], where)
  const { rank = 8, rankStabilised = false, seed = 0, targets } = given
  const { alpha = 2 * rank } = given
  if (!(model instanceof Gpt))
    throw new InputError({
      where,
      received: describe(model),
      expected: 'a model of gpt, loadModel or smolLM2',
    })
  if (model instanceof LoraGpt)
    throw new InputError({
      where,
      received: 'a model that has adapters already',
      expected: 'one without',
      fix: 'lora(model.merge(), …) puts new ones on top of them; lora(model.base, …) leaves them out.',
    })
  const rows: [name: string, value: unknown, fits: boolean, expected: string][] = [
    ['rank', rank, Number.isInteger(rank) && rank >= 1, 'a whole number, at least 1'],
    ['alpha', alpha, typeof alpha === 'number' && alpha > 0 && Number.isFinite(alpha), 'a number above 0'],
    ['rankStabilised', rankStabilised, typeof rankStabilised === 'boolean', 'true or false'],
    ['seed', seed, Number.isFinite(seed), 'a finite number'],
  ]
  for (const [option, value, fits, expected] of rows)
    if (!fits) throw new InputError({ where: `${where}: ${option}`, received: describe(value), expected })
  const places = chosenPlaces(model.config, targets, where)
  return new LoraGpt(model, { rank, alpha, rankStabilised, places }, createAdapters(places, rank, seed))
}

/** First values as `peft` draws them: a uniform up to 1 / √in, b zero. */
export function createAdapters(places: readonly Place[], rank: number, seed: number): LoraParameters {
  const random = createRandom(seed)
  return Object.fromEntries(
    places.map(({ name, in: from, out }) => {
      const bound = 1 / Math.sqrt(from)
      const values = Float32Array.from({ length: from * rank }, () => bound * (2 * random.next() - 1))
      return [
        name,
        tf.tidy(() => ({
          a: tf.variable(tf.tensor2d(values, [from, rank])),
          b: tf.variable(tf.zeros([rank, out])),
        })),
      ] as unknown as [string, Adapter]
    }),
  )
}

/** The base's weights, those of linear maps with their adapters. */
function adapted(weights: GptParameters, lora: LoraConfig, adapters: LoraParameters): GptParameters {
  const byWeight = new Map<LinearParameters, Place[]>()
  for (const place of lora.places) {
    const linear = place.weightOf(weights)
    byWeight.set(linear, [...(byWeight.get(linear) ?? []), place])
  }
  const scale = scaleOf(lora)
  const withAdapters = (linear: LinearParameters): AdaptedLinear => {
    const places = byWeight.get(linear)
    if (!places) return linear
    return {
      ...linear,
      adapt: (x, product) => product.add(addedTo(x, places, adapters, linear.weight.shape[1]!).mul(scale)),
    }
  }
  return {
    ...weights,
    blocks: weights.blocks.map(({ attention, mlp, ...norms }) => ({
      ...norms,
      attention: {
        ...attention,
        qkv: withAdapters(attention.qkv),
        output: withAdapters(attention.output),
      },
      mlp: {
        up: withAdapters(mlp.up),
        ...(mlp.gate && { gate: withAdapters(mlp.gate) }),
        down: withAdapters(mlp.down),
      },
    })),
  }
}

/** What the adapters of one map add to x W, [rows, columns], before the scale. */
function addedTo(
  x: tf.Tensor,
  places: readonly Place[],
  adapters: LoraParameters,
  columns: number,
): tf.Tensor {
  const parts: tf.Tensor[] = []
  let at = 0
  const fillTo = (end: number) => {
    if (end > at) parts.push(tf.zeros([x.shape[0]!, end - at]))
    at = end
  }
  for (const { name, from, out } of places) {
    fillTo(from)
    const { a, b } = adapters[name]!
    const inner = tf.matMul(x as tf.Tensor2D, a as unknown as tf.Tensor2D)
    parts.push(tf.matMul(inner, b as unknown as tf.Tensor2D))
    at = from + out
  }
  fillTo(columns)
  return parts.length === 1 ? parts[0]! : tf.concat(parts, 1)
}

function copyTree(from: unknown, to: unknown): void {
  if (from instanceof tf.Variable) (to as tf.Variable).assign(from)
  else
    for (const [name, child] of Object.entries(from as object))
      copyTree(child, (to as { [name: string]: unknown })[name])
}

/** All places of a model by name. */
export const placesByName = (model: Gpt): Map<string, Place> =>
  new Map(placesFor(model.config).map((place) => [place.name, place]))
