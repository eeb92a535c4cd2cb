import * as tf from '@tensorflow/tfjs'
import { dropout } from '../../backend/random/index.js'
import { describe, InputError } from '../../errors.js'
import {
  generate,
  stream,
  type GenerateOptions,
  type Piece,
  type Prompt,
  type StreamOptions,
} from '../generation/generate.js'
import { tokenLosses, type TokenLosses, type TokenLossOptions } from '../generation/token-losses.js'
import { attentionOf, type AttentionOptions } from '../looking/attention.js'
import { lensOf, type LensOptions } from '../looking/lens.js'
import { placesOf } from '../looking/places.js'
import { doAfterEvaluation, type Columns } from '../looking/after-evaluation.js'
import { writeSamples, type SampleNote } from '../looking/samples.js'
import { tokenSlices, type TokenSlicesOptions } from '../looking/token-slices.js'
import type { Dataset } from '../../data/dataset.js'
import type { ParameterTree } from '../../train/model/own.js'
import type { PlaceSeen } from '../../train/model/trainee.js'
import type { AttentionView, EvaluationRow, LensView, TokenSlicesView, Note } from '../../views.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { Held } from '../quantised/held.js'
import { checkGpt, type GptConfig, type GptOptions } from '../parts/config.js'
import { initialise } from './initialise.js'
import * as layers from '../parts/layers.js'
import type {
  AttentionParameters,
  MlpParameters,
  NormParameters,
  Rotary,
  RotaryValues,
} from '../parts/layers.js'
import { summarise, type GptSummary } from '../parts/summary.js'

/** Parameters of one block. */
// A type, not an interface, so that it is a tree of parameters.
export type BlockParameters = {
  norm1: NormParameters
  attention: AttentionParameters
  norm2: NormParameters
  mlp: MlpParameters
}

/** All parameters of a GPT, by their place in it. */
export type GptParameters = {
  /** [vocabulary, width] */
  tokens: tf.Variable
  /** [context, width] where positions are learned. */
  positions?: tf.Variable
  blocks: BlockParameters[]
  norm: NormParameters
  /** [width, vocabulary] where it is not the embedding again. */
  output?: tf.Variable
}

/** What a forward pass that writes does otherwise than one over whole rows. */
export interface Writing {
  /** Where the tokens stand, int32 [B, T], all below `room`. Default: from the start. */
  positions?: tf.Tensor
  room?: number
  /** By layer: 0 where a token may look, very negative where not. Default: all before it. */
  masks?: readonly tf.Tensor[]
  /** The keys and values that attention looks at, given those of these tokens. */
  remember?(layer: number, keys: tf.Tensor, values: tf.Tensor): { keys: tf.Tensor; values: tf.Tensor }
  /** Takes the rows that logits are asked of from [B, T, W], as [B, rows, W]. Default: all. */
  pick?(stream: tf.Tensor): tf.Tensor
}

/** Who is shown what a forward pass goes through. */
export interface Watching {
  /** The weights of a layer's heads, [B, heads, T, keys]. */
  attention?(layer: number, weights: tf.Tensor): void
  /** What has been added up behind so many layers (0: the embedding), [B T, W]. */
  stream?(layers: number, stream: tf.Tensor): void
}

/** A batch of token ids: x and y int32 [B, T], y the token behind each of x; -1 in y is no token to learn. */
export interface TokenBatch {
  x: tf.Tensor
  y: tf.Tensor
  /** Where documents are kept apart: the place at which the document of each token begins, int32 [B, T]. */
  begins?: tf.Tensor
  /** The places of each row whose y is learned, int32 [B, places], filled up with -1: logits are computed there alone. Default: everywhere. */
  learned?: tf.Tensor
  training?: boolean
}

/** A model as `run.json` says it. */
export interface GptRecord {
  readonly kind: 'gpt'
  readonly config: GptConfig
  readonly origin?: string
  /** Of a model with adapters: by name the maps that have one. */
  readonly lora?: {
    readonly rank: number
    readonly alpha: number
    readonly rankStabilised: boolean
    readonly places: readonly string[]
  }
}

/**
 * A GPT: a decoder-only transformer in plain tfjs operations. It is a model of `train` (its loss is the mean
 * cross-entropy of the next token in nats), and writes.
 */
export class Gpt<Trained extends ParameterTree = ParameterTree> {
  readonly config: GptConfig
  /** What `loadModel` opens it from, where it was: a file, a folder, 'smollm2'. */
  origin: string | undefined
  #weights: GptParameters | undefined
  readonly #held: Held | undefined
  // Values, not tensors: one that the first of two recordings makes and the second finds would be no equal recording.
  readonly #masks = new Map<string, Float32Array>()
  readonly #rotary = new Map<number, RotaryValues>()

  constructor(config: GptConfig, weights: GptParameters | Held = initialise(config)) {
    this.config = config
    if (weights instanceof Held) this.#held = weights
    else this.#weights = weights
  }

  /**
   * All that is computed with, by its place. What was read from a file of few bits becomes float32 when it is first asked for, as
   * training does.
   */
  get weights(): GptParameters {
    if (!this.#weights) {
      this.#weights = this.#held!.floats()
      this.#held!.dispose()
    }
    return this.#weights
  }

  /** What is trained, by its place: all weights, or of a `lora` model the adapters alone. */
  get parameters(): Trained {
    return this.weights as ParameterTree as Trained
  }

  /** How another process makes it again; not of models that add something to it. */
  [Symbol.for('gradbook.recipe')](): object | undefined {
    if (this.constructor !== Gpt) return undefined
    return { module: 'gradbook/text', name: 'gpt', given: [this.config], values: this.parameters }
  }

  /** Its weights of few bits, as long as nothing has asked for them as float32. */
  get held(): Held | undefined {
    return this.#weights ? undefined : this.#held
  }

  /** One whose values are all zero, to be filled from a file: drawing 135 million numbers takes seconds. */
  static blank(config: GptConfig): Gpt<GptParameters> {
    return new Gpt<GptParameters>(
      config,
      initialise(config, (shape) => tf.zeros(shape)),
    )
  }

  /**
   * Logits of the token behind each, [B, T, vocabulary].
   *
   * @param ids int32 [B, T], T at most the context.
   * @param options.training whether dropout drops (under a run or `withRandomness`).
   * @param options.begins int32 [B, T], where several documents are in a row: the place at which that of each token begins.
   *   No token looks at another document's, and positions are counted from there.
   */
  logits(
    ids: tf.Tensor,
    {
      training = false,
      writing = {},
      watching,
      begins,
    }: { training?: boolean; writing?: Writing; watching?: Watching; begins?: tf.Tensor } = {},
  ): tf.Tensor {
    const { config, weights: parameters } = this
    const { heads, keyValueHeads, width, norm: kind, epsilon, activation, vocabulary } = config
    const [batch, length] = this.#checkIds(ids)
    const norm = (x: tf.Tensor, of: NormParameters) =>
      kind === 'rms' ? layers.rmsNorm(x, of, epsilon) : layers.layerNorm(x, of, epsilon)
    const drop = (x: tf.Tensor, name: string) =>
      training && config.dropout > 0 ? dropout(x, config.dropout, name) : x
    const rotary = this.#rotaryOf(length, writing)

    const positions = begins ? layers.positionsFrom(begins) : writing.positions
    const apart = begins && layers.documentMask(begins)

    let stream: tf.Tensor = tf.gather(parameters.tokens as tf.Tensor, ids.flatten().cast('int32'))
    if (parameters.positions)
      stream = stream
        .reshape([batch, length, width])
        .add(
          positions
            ? tf.gather(parameters.positions as tf.Tensor, positions.cast('int32'))
            : tf.slice(parameters.positions as tf.Tensor, [0, 0], [length, width]),
        )
    stream = drop(stream.reshape([batch * length, width]), 'embedding')
    watching?.stream?.(0, stream)
    for (const [layer, block] of parameters.blocks.entries()) {
      const mask = writing.masks?.[layer] ?? this.#maskOf(length, config.window[layer]!)
      const attended = layers.attention(norm(stream, block.norm1), block.attention, {
        batch,
        heads,
        keyValueHeads,
        rotary,
        mask: apart ? mask.add(apart) : mask,
        norm,
        dropout: training ? config.dropout : 0,
        ...(watching?.attention && { watch: (weights) => watching.attention!(layer, weights) }),
        ...(writing.remember && { remember: (keys, values) => writing.remember!(layer, keys, values) }),
      })
      stream = stream.add(drop(attended, 'attention output'))
      stream = stream.add(drop(layers.mlp(norm(stream, block.norm2), block.mlp, activation), 'mlp'))
      watching?.stream?.(layer + 1, stream)
    }
    let rows = length
    if (writing.pick) {
      const picked = writing.pick(stream.reshape([batch, length, width]))
      rows = picked.shape[1]!
      stream = picked.reshape([batch * rows, width])
    }
    return this.readout(stream).reshape([batch, rows, vocabulary])
  }

  /** What is said of the sum behind the layers, [rows, W] -> [rows, vocabulary]: the last norm and the last map. */
  readout(stream: tf.Tensor): tf.Tensor {
    const { norm: kind, epsilon } = this.config
    const { norm, output, tokens } = this.weights
    const last =
      kind === 'rms' ? layers.rmsNorm(stream, norm, epsilon) : layers.layerNorm(stream, norm, epsilon)
    return output ? tf.matMul(last, output as tf.Tensor) : tf.matMul(last, tokens as tf.Tensor, false, true)
  }

  /** The loss of `train`: mean cross-entropy of the next token, in nats, and that of each example. */
  readonly loss = ({
    x,
    y,
    begins,
    learned,
    training = false,
  }: TokenBatch): { loss: tf.Scalar; perExample: tf.Tensor1D } => {
    const { pick, labels } = learned ? layers.atPlaces(learned, y) : { labels: y }
    const [batch, places] = labels.shape as [number, number]
    const logits = this.logits(x, {
      training,
      ...(begins && { begins }),
      ...(pick && { writing: { pick } }),
    }).reshape([batch * places, this.config.vocabulary])
    const losses = layers.crossEntropy(logits, labels.flatten()).reshape([batch, places])
    const counts = labels.greaterEqual(0).sum(-1).maximum(1).cast('float32')
    const perExample = losses.sum(-1).div(counts) as tf.Tensor1D
    return { loss: perExample.mean() as tf.Scalar, perExample }
  }

  /** A GPT of the same form with first values of its own: for a branch, which then takes the values of its run. */
  readonly copy = (): Gpt<Trained> => {
    const copy = new Gpt<Trained>(this.config)
    copy.origin = this.origin
    return copy
  }

  /** What `run.json` says of it: `loadModel` makes it again from there, with the weights of the run. */
  described(): GptRecord {
    return { kind: 'gpt', config: this.config, ...(this.origin !== undefined && { origin: this.origin }) }
  }

  /**
   * Goes on from a text: the text and what is written after it.
   *
   *     const text = await model.generate(tokenizer, 'The ', { tokens: 100, temperature: 0.8, seed: 1 })
   *
   * Several prompts are gone on from together, and give as many texts. A prompt is a text, or its tokens: what `encodeChat` gives.
   *
   * @throws InputError for a tokenizer whose tokens are not the model's, an empty prompt, options that do not fit.
   */
  generate(tokenizer: Tokenizer, prompt: Prompt, options?: GenerateOptions): Promise<string>
  generate(tokenizer: Tokenizer, prompts: readonly Prompt[], options?: GenerateOptions): Promise<string[]>
  generate(
    tokenizer: Tokenizer,
    prompt: Prompt | readonly Prompt[],
    options?: GenerateOptions,
  ): Promise<string | string[]> {
    return generate(this, tokenizer, prompt, options)
  }

  /**
   * Writes piece by piece, as soon as each is there: the text of one token, which with that of the others is what
   * `generate` writes behind the prompt. A token that ends within a character comes with the one that ends it.
   *
   *     for await (const text of model.stream(tokenizer, 'The ', { tokens: 100 })) process.stdout.write(text)
   *
   * With `details: true` a piece is `{ text, id, probability, best }`: its probability, and the tokens that were most
   * probable in its place.
   */
  stream(
    tokenizer: Tokenizer,
    prompt: Prompt,
    options: StreamOptions & { details: true },
  ): AsyncIterableIterator<Piece>
  stream(tokenizer: Tokenizer, prompt: Prompt, options?: StreamOptions): AsyncIterableIterator<string>
  stream(
    tokenizer: Tokenizer,
    prompt: Prompt,
    options?: StreamOptions,
  ): AsyncIterableIterator<string | Piece> {
    return stream(this, tokenizer, prompt, options)
  }

  /**
   * The loss of each token of a text but the first, in nats: how little the model expected it, given what stands before.
   *
   *     const losses = await model.tokenLosses(tokenizer, 'some text')   // [{ token, loss }]
   *
   * As the last expression of a cell it is the text with its losses behind it; with `best: 5` also what was expected. Tokens may
   * stand in place of a text: what `encodeChat` gives.
   */
  tokenLosses(
    tokenizer: Tokenizer,
    text: string | Int32Array,
    options?: TokenLossOptions,
  ): Promise<TokenLosses> {
    return tokenLosses(this, tokenizer, text, options)
  }

  /** What it does after each evaluation of its run: it writes what `samples` asks for, and answers what `asking` asks. */
  readonly evaluated = async (
    row: EvaluationRow,
    pause: () => Promise<void>,
    notes: readonly Note[] = [],
  ): Promise<{ samples?: readonly SampleNote[]; columns?: Columns } | undefined> => {
    const written = await writeSamples(this, row, pause, notes)
    const columns = await doAfterEvaluation(this, row, pause)
    return columns ? { ...written, columns } : written
  }

  /** The tokens of a batch as mistakes show them. */
  readonly places = (batch: TokenBatch): PlaceSeen[][] => placesOf(this, batch)

  /**
   * Which tokens of a text a layer's heads look at.
   *
   *     await model.attention(tokenizer, 'the cat sat', { layer: 0, head: 1 })
   *
   * As the last expression of a cell it is a map for each head: a row for each token that looks.
   *
   * @throws InputError for a text longer than the context, and layers and heads that there are not.
   */
  attention(tokenizer: Tokenizer, text: string, options?: AttentionOptions): Promise<AttentionView> {
    return attentionOf(this, tokenizer, text, options)
  }

  /**
   * What each layer would say comes next, if it were the last (the logit lens).
   *
   *     await model.lens(tokenizer, 'the cat sat')
   *
   * @throws InputError for a text longer than the context.
   */
  lens(tokenizer: Tokenizer, text: string, options?: LensOptions): Promise<LensView> {
    return lensOf(this, tokenizer, text, options)
  }

  /**
   * The losses of many tokens by kind (letters, spaces, punctuation, …), by how often the token comes, and by how many tokens
   * stand before it: of windows, or of a text.
   *
   *     await model.tokenSlices(tokenizer, validation, { windows: 200 })
   */
  tokenSlices(
    tokenizer: Tokenizer,
    data: Dataset | string,
    options?: TokenSlicesOptions,
  ): Promise<TokenSlicesView> {
    return tokenSlices(this, tokenizer, data, options)
  }

  /** Parameters by part, floating-point operations and memory. Reads as a table in a cell. */
  summary(): GptSummary {
    return summarise(this.config)
  }

  /** Frees its parameters. It computes nothing any more. */
  dispose(): void {
    const free = (tree: object): void => {
      if (tree instanceof tf.Tensor) tree.dispose()
      else for (const child of Object.values(tree)) free(child as object)
    }
    if (this.#weights) free(this.#weights)
    else this.#held!.dispose()
  }

  /** How it reads in a cell and in the console. */
  toString(): string {
    const { layers: count, heads, width, context, vocabulary } = this.config
    return `Gpt of ${this.summary().parameters.toLocaleString('en')} parameters: ${count} layers, ${heads} heads, width ${width}, context ${context}, vocabulary ${vocabulary}`
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  #checkIds(ids: tf.Tensor): [batch: number, length: number] {
    const [batch, length] = ids.shape
    if (ids.rank !== 2)
      throw new InputError({
        where: 'a GPT',
        received: `ids of shape ${describe(ids.shape)}`,
        expected: '[batch, tokens]',
        fix: 'windows(text, tokenizer, { context }) makes such examples; ids.reshape([1, -1]) makes one row of a list.',
      })
    if (length! > this.config.context)
      throw new InputError({
        where: 'a GPT',
        received: `${length} tokens a row`,
        expected: `at most ${this.config.context}, its context`,
        fix: `Make windows of the model's context: windows(text, tokenizer, { context: ${this.config.context} }).`,
      })
    return [batch!, length!]
  }

  #maskOf(length: number, window: number): tf.Tensor {
    const key = `${length} ${Math.min(window, length)}`
    let mask = this.#masks.get(key)
    if (!mask) this.#masks.set(key, (mask = layers.causalMask(length, window)))
    return tf.tensor4d(mask, [1, 1, length, length])
  }

  /** Of tables whose length is a power of two: a context of millions takes no memory before it is used. */
  #rotaryOf(length: number, { positions: at, room = length }: Writing): Rotary | undefined {
    const { positions, headSize: size, rotaryBase } = this.config
    if (positions !== 'rotary') return undefined
    const rows = 2 ** Math.ceil(Math.log2(room))
    let values = this.#rotary.get(rows)
    if (!values) this.#rotary.set(rows, (values = layers.rotaryTables(rows, size, rotaryBase)))
    const tables = {
      cos: tf.tensor2d(values.cos, [rows, size / 2]),
      sin: tf.tensor2d(values.sin, [rows, size / 2]),
    }
    const take = (table: tf.Tensor) =>
      at ? tf.gather(table, at.cast('int32')).expandDims(1) : tf.slice(table, [0, 0], [length, size / 2])
    return { cos: take(tables.cos), sin: take(tables.sin) }
  }
}

/**
 * A GPT with new values (Radford et al. 2019): normal with a deviation of 0.02, that of the maps back into the stream
 * divided by the root of twice the layers, so that its loss begins at ln(vocabulary).
 *
 * @throws InputError where sizes do not fit together.
 * @example const model = gpt({ vocabulary: 65, layers: 4, heads: 4, width: 128, context: 64, dropout: 0, seed: 1 })
 */
export function gpt(options: GptOptions): Gpt<GptParameters> {
  return new Gpt<GptParameters>(checkGpt(options))
}
