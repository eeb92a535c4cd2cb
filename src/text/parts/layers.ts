/**
 * The parts of a GPT in plain tfjs operations. B is the batch, T the tokens of a row, W the width, S the size of a head.
 */
import * as tf from '@tensorflow/tfjs'
import { dropout } from '../../backend/random/index.js'

/** Parameters of one norm. */
export type NormParameters = {
  gain: tf.Variable
  bias?: tf.Variable
}

/** Parameters of one linear map: x W + b. */
export type LinearParameters = {
  weight: tf.Variable
  bias?: tf.Variable
}

export type AttentionParameters = {
  /** [W, (heads + 2 x key-value heads) x S]: queries, keys and values in one product. */
  qkv: LinearParameters
  output: LinearParameters
  /** Norms of queries and keys over the size of a head. */
  queryNorm?: NormParameters
  keyNorm?: NormParameters
}

export type MlpParameters = {
  up: LinearParameters
  /** SwiGLU's second map. */
  gate?: LinearParameters
  down: LinearParameters
}

/** A linear map that an adapter changes. */
export type AdaptedLinear = LinearParameters & {
  /** What the adapter makes of x W, [rows, out]. */
  adapt?(x: tf.Tensor, product: tf.Tensor): tf.Tensor
}

/** x [rows, in] -> [rows, out]. */
export function linear(x: tf.Tensor, { weight, bias, adapt }: AdaptedLinear): tf.Tensor {
  const product = tf.matMul(x as tf.Tensor2D, weight as unknown as tf.Tensor2D)
  const adapted = adapt ? adapt(x, product) : product
  return bias ? adapted.add(bias) : adapted
}

/** Layer normalisation over the last axis (Ba, Kiros and Hinton 2016, arXiv 1607.06450). */
export function layerNorm(x: tf.Tensor, { gain, bias }: NormParameters, epsilon: number): tf.Tensor {
  const centred = x.sub(x.mean(-1, true))
  const normed = centred.mul(centred.square().mean(-1, true).add(epsilon).rsqrt()).mul(gain)
  return bias ? normed.add(bias) : normed
}

/** Root mean square normalisation over the last axis (Zhang and Sennrich 2019, arXiv 1910.07467). */
export function rmsNorm(x: tf.Tensor, { gain }: NormParameters, epsilon: number): tf.Tensor {
  return x.mul(x.square().mean(-1, true).add(epsilon).rsqrt()).mul(gain)
}

/** GELU in its tanh form, as GPT-2 has it (Hendrycks and Gimpel 2016, arXiv 1606.08415). */
export function gelu(x: tf.Tensor): tf.Tensor {
  const inner = x.add(x.mul(x).mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI))
  return x.mul(0.5).mul(inner.tanh().add(1))
}

/** One row a nonlinearity: relu2 of So et al. 2021 (arXiv 2109.08668), SwiGLU of Shazeer 2020 (arXiv 2002.05202). */
export const activations = {
  gelu: (up: tf.Tensor) => gelu(up),
  relu2: (up: tf.Tensor) => up.relu().square(),
  swiglu: (up: tf.Tensor, gate?: tf.Tensor) => gate!.mul(gate!.sigmoid()).mul(up),
} as const

export type Activation = keyof typeof activations

/** x [rows, W] -> [rows, W]. */
export function mlp(x: tf.Tensor, { up, gate, down }: MlpParameters, activation: Activation): tf.Tensor {
  return linear(activations[activation](linear(x, up), gate && linear(x, gate)), down)
}

/** Cosines and sines of rotary positions, [positions, S / 2] each. */
export interface Rotary {
  cos: tf.Tensor
  sin: tf.Tensor
}

/** The same as numbers, a row a position. */
export interface RotaryValues {
  cos: Float32Array
  sin: Float32Array
}

/** Angles of the positions 0 .. length - 1 (Su et al. 2021, arXiv 2104.09864): halves of a head turn against each other. */
export function rotaryTables(length: number, size: number, base: number): RotaryValues {
  const half = size / 2
  const angles = Float64Array.from(
    { length: length * half },
    (_, i) => Math.floor(i / half) / base ** ((2 * (i % half)) / size),
  )
  return { cos: Float32Array.from(angles, Math.cos), sin: Float32Array.from(angles, Math.sin) }
}

/** Turns x [B, heads, T, S]; the tables broadcast against [B, heads, T, S / 2]. */
export function rotate(x: tf.Tensor, { cos, sin }: Rotary): tf.Tensor {
  const [first, second] = tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor]
  return tf.concat([first.mul(cos).sub(second.mul(sin)), second.mul(cos).add(first.mul(sin))], -1)
}

/** What attention needs beside its input. */
export interface AttentionAt {
  batch: number
  heads: number
  keyValueHeads: number
  /** Of queries and keys, where positions are rotary. */
  rotary?: Rotary
  /** 0 where a token may look, very negative where not; broadcasts against [B, heads, T, keys]. */
  mask: tf.Tensor
  /** Norm of queries and keys. */
  norm(x: tf.Tensor, parameters: NormParameters): tf.Tensor
  /** Keys and values as attention shall see them, given those of these tokens: what a cache adds. */
  remember?(keys: tf.Tensor, values: tf.Tensor): { keys: tf.Tensor; values: tf.Tensor }
  dropout: number
  /** Shown the weights, [B, heads, T, keys]. */
  watch?(weights: tf.Tensor): void
}

/**
 * Causal self-attention (Vaswani et al. 2017, arXiv 1706.03762), x [B T, W] -> [B T, W]. With fewer key-value heads than
 * heads, each serves a group of them (Ainslie et al. 2023, arXiv 2305.13245).
 */
export function attention(x: tf.Tensor, parameters: AttentionParameters, at: AttentionAt): tf.Tensor {
  const { batch, heads, keyValueHeads, rotary, mask, norm } = at
  const projected = linear(x, parameters.qkv)
  const size = projected.shape[1]! / (heads + 2 * keyValueHeads)
  const length = projected.shape[0]! / batch
  const [q, k, v] = tf.split(projected, [heads * size, keyValueHeads * size, keyValueHeads * size], -1)
  const byHead = (part: tf.Tensor, count: number) =>
    part.reshape([batch, length, count, size]).transpose([0, 2, 1, 3])
  let queries = byHead(q!, heads)
  let keys = byHead(k!, keyValueHeads)
  let values = byHead(v!, keyValueHeads)
  if (parameters.queryNorm) queries = norm(queries, parameters.queryNorm)
  if (parameters.keyNorm) keys = norm(keys, parameters.keyNorm)
  if (rotary) {
    queries = rotate(queries, rotary)
    keys = rotate(keys, rotary)
  }
  if (at.remember) ({ keys, values } = at.remember(keys, values))
  const grouped = keyValueHeads < heads
  // The heads of a group lie behind each other: one product for all that look at the same keys.
  if (grouped) queries = queries.reshape([batch, keyValueHeads, (heads / keyValueHeads) * length, size])
  let scores = tf.matMul(queries, keys, false, true).mul(1 / Math.sqrt(size))
  if (grouped) scores = scores.reshape([batch, heads, length, -1])
  let weights: tf.Tensor = tf.softmax(scores.add(mask))
  at.watch?.(weights)
  if (at.dropout > 0) weights = dropout(weights, at.dropout, 'attention')
  if (grouped) weights = weights.reshape([batch, keyValueHeads, (heads / keyValueHeads) * length, -1])
  const mixed = tf
    .matMul(weights, values)
    .reshape([batch, heads, length, size])
    .transpose([0, 2, 1, 3])
    .reshape([batch * length, heads * size])
  return linear(mixed, parameters.output)
}

/** [T, T]: 0 where a token may look at another, itself included, else -1e9; `window` tokens back at most. */
export function causalMask(length: number, window = Infinity): Float32Array {
  const values = new Float32Array(length * length)
  for (let query = 0; query < length; query++)
    for (let key = 0; key < length; key++)
      if (key > query || query - key >= window) values[query * length + key] = -1e9
  return values
}

/**
 * [B, 1, T, T]: very negative where a key stands before the document of the query begins, begins [B, T]. Those behind the query
 * the causal mask takes, so nothing crosses a border.
 */
export function documentMask(begins: tf.Tensor): tf.Tensor {
  const [batch, length] = begins.shape as [number, number]
  const keys = tf.range(0, length).reshape([1, 1, 1, length])
  return keys
    .less(begins.cast('float32').reshape([batch, 1, length, 1]))
    .cast('float32')
    .mul(-1e9)
}

/** The place of each token within its document, int32 [B, T]. Rotary positions need none: only distances count there. */
export function positionsFrom(begins: tf.Tensor): tf.Tensor {
  return tf.range(0, begins.shape[1]!).sub(begins.cast('float32')).cast('int32')
}

/**
 * What is asked for at some places of each row, int32 [B, places] with -1 for none: those rows of a stream [B, T, W], and the ids that y
 * [B, T] has there, -1 where there is none.
 */
export function atPlaces(
  places: tf.Tensor,
  y: tf.Tensor,
): { pick(stream: tf.Tensor): tf.Tensor; labels: tf.Tensor } {
  const [batch, length] = y.shape as [number, number]
  const count = places.shape[1]!
  const rows = tf.range(0, batch, 1, 'int32').mul(tf.scalar(length, 'int32')).reshape([batch, 1])
  const flat = places.maximum(tf.scalar(0, 'int32')).add(rows).flatten().cast('int32')
  const ids = tf.gather(y.flatten(), flat).reshape([batch, count])
  return {
    pick: (stream) =>
      tf.gather(stream.reshape([batch * length, -1]), flat).reshape([batch, count, stream.shape[2]!]),
    labels: tf.where(places.greaterEqual(0), ids, tf.scalar(-1, 'int32')),
  }
}

/** The loss of each token, logits [rows, V] and ids [rows]; 0 for an id of -1, which is no token. */
export function crossEntropy(logits: tf.Tensor, ids: tf.Tensor): tf.Tensor1D {
  const shifted = logits.sub(logits.max(-1, true))
  const logProbability = shifted.sub(shifted.exp().sum(-1, true).log())
  return logProbability
    .mul(tf.oneHot(ids as tf.Tensor1D, logits.shape[1]!))
    .sum(-1)
    .neg() as tf.Tensor1D
}
