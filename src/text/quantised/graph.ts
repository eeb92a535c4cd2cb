import { encodeModel, type Attribute, type Model, type Node, type Value } from '../../backend/onnx/model.js'
import { sizeOf, type Elements, type ElementType } from '../../backend/onnx/types.js'
import type { Outside } from '../../store/kept.js'
import type { GptConfig } from '../parts/config.js'
import { inHalves, type BlockMatrix } from './blocks.js'

/** A matrix [rows, columns] as it is held: in blocks, or as the float32 numbers of its transpose, [columns, rows]. */
export type Matrix = BlockMatrix | { rows: number; columns: number; transposed: Float32Array }

/** What one block of a model is computed from; matrices that read the same numbers lie below each other where they can. */
export interface BlockWeights {
  norm1: Float32Array
  qkv: readonly Matrix[]
  qkvBias?: Float32Array
  queryNorm?: Float32Array
  keyNorm?: Float32Array
  output: readonly Matrix[]
  norm2: Float32Array
  /** SwiGLU's two maps, below each other: what gates, what is gated. */
  gateUp: readonly Matrix[]
  down: readonly Matrix[]
}

/** What a model is computed from, part by part: each is read when it is asked for. */
export interface Weights {
  block(layer: number): BlockWeights
  norm(): Float32Array
  output(): readonly Matrix[]
}

export interface GraphOptions {
  /** Whether products round what they multiply with to 8 bits, block by block. */
  int8: boolean
  /** Default: all constants are in the model. */
  outside?: Outside | undefined
}

const ours = 'com.microsoft'

/** Bytes from which on a constant may lie outside. */
const large = 1024

/** Names of what goes in and comes out. */
export const names = {
  /** [B, T, width]: the rows of the embedding. */
  embedded: 'embedded',
  /** int32 [B]: tokens of each text but one, those of this run included. */
  lengths: 'lengths',
  /** int32 [1]: the longest of them, all of its tokens. */
  total: 'total',
  /** int64 [n]: rows of [B T] that logits are asked of. */
  rows: 'rows',
  /** [positions, S / 2]: at least as many as there are tokens. */
  cos: 'cos',
  sin: 'sin',
  logits: 'logits',
  before: (kind: 'keys' | 'values', layer: number) => `${kind} ${layer}`,
  after: (kind: 'keys' | 'values', layer: number) => `${kind} after ${layer}`,
}

/**
 * The whole of a model that reads as one graph: Llama's form, with ONNX Runtime's own operators for what a token costs most in,
 * `MatMulNBits` and `GroupQueryAttention`. Keys and values go in and come out in the same arrays, [B, key-value heads, room, S].
 */
export function graphOf(config: GptConfig, weights: Weights, options: GraphOptions): Uint8Array {
  return new Builder(config, options).model(weights)
}

class Builder {
  readonly #nodes: Node[] = []
  readonly #config: GptConfig
  readonly #options: GraphOptions
  #made = 0
  /** Sums of the blocks of a value, for all products that read it. */
  readonly #sums = new Map<string, Value>()
  readonly #ones = new Map<string, Value>()

  constructor(config: GptConfig, options: GraphOptions) {
    this.#config = config
    this.#options = options
  }

  model(weights: Weights): Uint8Array {
    const { width, layers, keyValueHeads, headSize, vocabulary } = this.#config
    const embedded = input(names.embedded, ['B', 'T', width])
    const lengths = input(names.lengths, ['B'], 'int32')
    const total = input(names.total, [1], 'int32')
    const rows = input(names.rows, ['n'], 'int64')
    const tables = [names.cos, names.sin].map((name) => input(name, ['positions', headSize / 2]))
    const inputs = [embedded, lengths, total, rows, ...tables]
    const outputs: Value[] = []
    let stream: Value = embedded.value
    let added: Value | undefined
    const norm = (gain: Float32Array): Value => {
      const [normed, sum] = this.#norm(stream, added, gain)
      stream = sum
      return normed
    }
    for (let layer = 0; layer < layers; layer++) {
      const block = weights.block(layer)
      const shape = ['B', keyValueHeads, 'room', headSize]
      const before = (['keys', 'values'] as const).map((kind) => input(names.before(kind, layer), shape))
      const after = (['keys', 'values'] as const).map((kind) => valueOf(names.after(kind, layer)))
      inputs.push(...before)
      outputs.push(...after)
      const attended = this.#attention(
        norm(block.norm1),
        block,
        layer,
        [
          ...before.map(({ value }) => value),
          lengths.value,
          total.value,
          ...tables.map(({ value }) => value),
        ],
        after,
      )
      added = this.#linear(attended, block.output)
      const inner = norm(block.norm2)
      added = this.#linear(this.#swiglu(inner, block), block.down)
    }
    const last = norm(weights.norm())
    const flat = this.#node('Reshape', [last, this.#constant('shape of rows', 'int64', [-1, width])])
    const picked = this.#node('Gather', [flat, rows.value], { axis: 0 })
    const logits = this.#node(
      'Identity',
      [this.#linear(picked, weights.output())],
      {},
      { name: names.logits },
    )
    const dimensions: { [name: string]: readonly (number | string)[] } = {
      [names.logits]: ['n', vocabulary],
    }
    for (const { value, shape } of inputs) dimensions[value.name] = shape
    for (const { name } of outputs) dimensions[name] = ['B', keyValueHeads, 'room', headSize]
    const model: Model = {
      nodes: this.#nodes,
      inputs: inputs.map(({ value }) => value),
      outputs: [logits, ...outputs],
      dimensions,
      ...(this.#options.outside && { data: this.#options.outside.name }),
    }
    return encodeModel(model)
  }

  #node(
    op: string,
    inputs: readonly (Value | undefined)[],
    attributes: { readonly [name: string]: Attribute } = {},
    { domain, outputs = 1, name }: { domain?: string; outputs?: number; name?: string } = {},
  ): Value {
    const made = Array.from({ length: outputs }, () => valueOf(name ?? `v${this.#made++}`))
    this.#nodes.push({ op, ...(domain && { domain }), inputs, outputs: made, attributes })
    return made[0]!
  }

  /** The norm of a stream that something is still to be added to, and the sum. */
  #norm(stream: Value, added: Value | undefined, gain: Float32Array): [normed: Value, sum: Value] {
    const scale = this.#constant(`gain ${this.#made}`, 'float32', gain)
    const epsilon = { float: this.#config.epsilon }
    if (!added)
      return [this.#node('SimplifiedLayerNormalization', [stream, scale], { axis: -1, epsilon }), stream]
    const normed = valueOf(`v${this.#made++}`)
    const sum = valueOf(`v${this.#made++}`)
    this.#nodes.push({
      op: 'SkipSimplifiedLayerNormalization',
      domain: ours,
      inputs: [stream, added, scale],
      outputs: [normed, valueOf(''), valueOf(''), sum],
      attributes: { epsilon },
    })
    return [normed, sum]
  }

  #constant(
    name: string,
    type: ElementType,
    values: Elements | readonly number[],
    shape?: readonly number[],
  ): Value {
    const elements = ArrayBuffer.isView(values)
      ? values
      : type === 'int64'
        ? BigInt64Array.from(values, BigInt)
        : Float32Array.from(values)
    const { outside } = this.#options
    const own = outside && elements.byteLength >= large ? { outside: outside.put(elements) } : { elements }
    return { name, type, shape: shape ?? [elements.length], ...own }
  }

  /** x W of matrices whose rows are the results one behind the other. */
  #linear(x: Value, matrices: readonly Matrix[], bias?: Float32Array): Value {
    const parts = matrices.map((matrix) => this.#product(x, matrix))
    const whole = parts.length === 1 ? parts[0]! : this.#node('Concat', parts, { axis: -1 })
    return bias ? this.#node('Add', [whole, this.#constant(`bias ${this.#made}`, 'float32', bias)]) : whole
  }

  #product(x: Value, matrix: Matrix): Value {
    if ('transposed' in matrix) {
      const { transposed, columns, rows } = matrix
      return this.#node('MatMul', [
        x,
        this.#constant(`w${this.#made}`, 'float32', transposed, [columns, rows]),
      ])
    }
    const int8 = this.#options.int8
    if (matrix.bits === 8 && !int8) return this.#product(this.#twice(x), inHalves(matrix))
    const { rows, columns, bits, block, data, scales, centres, shifts } = matrix
    const name = `w${this.#made}`
    const perRow = columns / block
    const product = this.#node(
      'MatMulNBits',
      [
        x,
        this.#constant(`${name} data`, 'uint8', data, [rows, perRow, (block * bits) / 8]),
        this.#constant(`${name} scales`, 'float32', scales, [rows, perRow]),
        centres && this.#constant(`${name} centres`, 'uint8', centres, [rows, (perRow * bits) / 8]),
      ],
      { K: columns, N: rows, bits, block_size: block, accuracy_level: int8 ? 4 : 1 },
      { domain: ours },
    )
    if (!shifts) return product
    const sums = this.#sumsOf(x, columns, block)
    const byBlock = this.#constant(`${name} shifts`, 'float32', transposed(shifts, rows, perRow), [
      perRow,
      rows,
    ])
    return this.#node('Add', [product, this.#node('MatMul', [sums, byBlock])])
  }

  #twice(x: Value): Value {
    const key = `${x.name} twice`
    const found = this.#sums.get(key)
    if (found) return found
    const made = this.#node('Concat', [x, x], { axis: -1 })
    this.#sums.set(key, made)
    return made
  }

  /** The sum of each block of x, [.., columns] -> [.., columns / block]: a product with ones, which takes one node. */
  #sumsOf(x: Value, columns: number, block: number): Value {
    const key = `${x.name} ${block}`
    const found = this.#sums.get(key)
    if (found) return found
    const kind = `ones ${columns} ${block}`
    let ones = this.#ones.get(kind)
    if (!ones) {
      const perRow = columns / block
      const values = new Float32Array(columns * perRow)
      for (let i = 0; i < columns; i++) values[i * perRow + Math.floor(i / block)] = 1
      this.#ones.set(kind, (ones = this.#constant(kind, 'float32', values, [columns, perRow])))
    }
    const made = this.#node('MatMul', [x, ones])
    this.#sums.set(key, made)
    return made
  }

  #attention(
    x: Value,
    block: BlockWeights,
    layer: number,
    [keys, values, lengths, total, cos, sin]: readonly Value[],
    after: readonly Value[],
  ): Value {
    const { heads, keyValueHeads, window, context } = this.#config
    const qkv = this.#linear(x, block.qkv, block.qkvBias)
    const [query, key, value] = block.queryNorm ? this.#normedHeads(qkv, block) : [qkv, undefined, undefined]
    const out = valueOf(`v${this.#made++}`)
    this.#nodes.push({
      op: 'GroupQueryAttention',
      domain: ours,
      inputs: [query, key, value, keys, values, lengths, total, cos, sin],
      outputs: [out, ...after],
      attributes: {
        num_heads: heads,
        kv_num_heads: keyValueHeads,
        do_rotary: 1,
        ...(window[layer]! < context && { local_window_size: window[layer]! }),
      },
    })
    return out
  }

  /** Queries, keys and values apart, the first two normed over each head. */
  #normedHeads(qkv: Value, { queryNorm, keyNorm }: BlockWeights): Value[] {
    const { heads, keyValueHeads, headSize: size, epsilon } = this.#config
    const parts = this.#split(qkv, [heads * size, keyValueHeads * size, keyValueHeads * size])
    const normed = (part: Value, count: number, gain: Float32Array) => {
      const apart = this.#node('Reshape', [
        part,
        this.#constant(`heads ${count}`, 'int64', [0, 0, count, size]),
      ])
      const scaled = this.#node(
        'SimplifiedLayerNormalization',
        [apart, this.#constant(`gain ${this.#made}`, 'float32', gain)],
        { axis: -1, epsilon: { float: epsilon } },
      )
      return this.#node('Reshape', [scaled, this.#constant(`joined ${count}`, 'int64', [0, 0, count * size])])
    }
    return [normed(parts[0]!, heads, queryNorm!), normed(parts[1]!, keyValueHeads, keyNorm!), parts[2]!]
  }

  #swiglu(x: Value, { gateUp }: BlockWeights): Value {
    const { hidden } = this.#config
    const [gating, gated] = this.#split(this.#linear(x, gateUp), [hidden, hidden])
    const swish = this.#node('QuickGelu', [gating], { alpha: { float: 1 } }, { domain: ours })
    return this.#node('Mul', [swish, gated])
  }

  /** Parts of these sizes of the last axis. */
  #split(whole: Value, sizes: readonly number[]): Value[] {
    const parts = sizes.map(() => valueOf(`v${this.#made++}`))
    this.#nodes.push({
      op: 'Split',
      inputs: [whole, this.#constant(`sizes ${sizes}`, 'int64', sizes)],
      outputs: parts,
      attributes: { axis: -1 },
    })
    return parts
  }
}

const valueOf = (name: string, type: ElementType = 'float32'): Value => ({ name, shape: [], type })

function input(name: string, shape: readonly (number | string)[], type: ElementType = 'float32') {
  return { value: valueOf(name, type), shape }
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(sizeOf([rows, columns]))
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column]!
  return result
}
