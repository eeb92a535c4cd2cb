import { describe, InputError } from '../../errors.js'
import type { Files } from '../../store/files.js'
import type { Outside } from '../../store/kept.js'
import { checkGptOf, type GptConfig, type GptOptions } from '../parts/config.js'
import { Gpt, type GptParameters } from '../models/gpt.js'
import { blocksFrom, isInBlocks, readRows } from '../quantised/blocks.js'
import { graphOf, type Matrix } from '../quantised/graph.js'
import { Held } from '../quantised/held.js'
import { sessionOf } from '../quantised/reader.js'
import { huggingFaceTokenizer } from '../tokenizers/huggingface.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { quantisations } from '../quantised/dequantise.js'
import { ggufTokenizer } from './gguf-tokenizer.js'
import { ConfigFile, layouts } from './layouts.js'
import { canBeHeld, checkShapes, floatMatrix, notHeld, weightsOf, type Activations } from './held.js'
import { modelFrom, type TensorSource } from './place.js'

interface Info {
  name: string
  shape: number[]
  dtype: number
  offset: number
}

/** What a GGUF file says before its tensors. */
interface Head {
  metadata: { [name: string]: unknown }
  /** Tokens that there are, where they are listed. */
  vocabulary?: number
  infos: Info[]
  /** Where the tensors begin. */
  start: number
}

/** What a GGUF file is opened with. */
export interface GgufOptions {
  context?: number | undefined
  activations?: Activations | undefined
  /** Bytes of a file from which on what was made of it is kept: see `Kept`. */
  keepFrom?: number
}

/** A model of a GGUF file, and its tokenizer. Weights of few bits stay so until they are trained. */
export async function loadGguf(
  files: Files,
  path: string,
  { context, activations = 'float32', keepFrom }: GgufOptions,
): Promise<{ model: Gpt<GptParameters>; tokenizer: Tokenizer; template: string | undefined }> {
  const where = `loadModel('${path}')`
  const { Kept } = await import('../../store/kept.js')
  const kept = Kept.maybeOf(files, path, keepFrom)
  // Of what is kept the metadata have no tokenizer any more: it is there as `tokenizer.json` has it.
  const known = kept?.head<Head & { tokenizer: { [name: string]: unknown } }>([
    'metadata',
    'infos',
    'start',
    'tokenizer',
  ])
  const head = known ?? (await readHead(files, path, where))
  const { metadata, infos, start, vocabulary } = head
  const architecture = metadata['general.architecture']
  const layout = layouts.find(({ type }) => type !== 'gpt2' && type === architecture)
  if (!layout)
    throw new InputError({
      where: `${where}: general.architecture`,
      received: describe(architecture),
      expected: "'llama', 'qwen2' or 'qwen3'",
    })
  const tensors = new Map(infos.map((info) => [info.name, info]))
  const own = optionsOf(metadata, architecture as string, where)
  if (context !== undefined && !(Number.isInteger(context) && context >= 1 && context <= own.context))
    throw new InputError({
      where: `${where}: context`,
      received: describe(context),
      expected: `a whole number up to ${own.context}, the model's own`,
    })
  const config = checkGptOf(
    {
      ...own,
      ...(context !== undefined && { context }),
      vocabulary: vocabulary ?? own.vocabulary,
      tied: !tensors.has('output.weight'),
      bias: architecture === 'qwen2' ? 'qkv' : false,
      qkNorm: architecture === 'qwen3',
    },
    where,
  )
  checkTensors(infos, start, files.size(path), where)
  const reader = files.open(path)
  let isHeld = false
  try {
    const template = metadata['tokenizer.chat_template']
    const tokenizer = await huggingFaceTokenizer(known?.tokenizer ?? ggufTokenizer(metadata, where), path)
    if (!known) kept?.keepHead({ ...head, metadata: withoutTokens(metadata), tokenizer: tokenizer.toJSON() })
    const bytesOf = (info: Info, from: number, count: number) => {
      const { block, bytes } = quantisations.get(info.dtype)!
      const at = start + info.offset
      return reader.read(at + (from / block) * bytes, (count / block) * bytes)
    }
    const source: TensorSource = (name) => {
      const info = tensors.get(nameInFile(name))
      if (!info) return undefined
      // Dimensions are written the other way round.
      const shape = info.shape.toReversed()
      const values = () => {
        const count = shape.reduce((product, size) => product * size, 1)
        const into = new Float32Array(count)
        quantisations.get(info.dtype)!.read(bytesOf(info, 0, count), into)
        return isPaired(architecture, name) ? unpermuted(into, shape[1]!, config) : into
      }
      return { shape, values }
    }
    // A block of 256 numbers takes at least 144 bytes.
    const size = { file: path, most: files.size(path) * 2 }
    const floats = () => modelFrom(config, layout, source, size, where)
    let model: Gpt<GptParameters>
    if (canBeHeld(config, infos, files.size(path))) {
      checkShapes(config, source, size, where)
      const matrix = (name: string): Matrix => {
        const info = tensors.get(nameInFile(name))!
        const [columns, rows] = info.shape as [number, number]
        if (!isInBlocks(info.dtype)) return floatMatrix(source(name)!.values(), rows, columns)
        const bytes = bytesOf(info, 0, rows * columns)
        const ordered = isPaired(architecture, name) ? unpermuted(bytes, bytes.length / rows, config) : bytes
        return blocksFrom(info.dtype, ordered, rows, columns)
      }
      const embedding = tensors.get('token_embd.weight')!
      model = new Gpt<GptParameters>(
        config,
        new Held({
          open() {
            const weights = weightsOf(config, source, matrix)
            const graph = (outside?: Outside) =>
              graphOf(config, weights, { int8: activations === 'int8', outside })
            const embed = (ids: Int32Array) =>
              readRows(embedding.dtype, config.width, ids, (row) =>
                bytesOf(embedding, row * config.width, config.width),
              )
            const file = kept?.graph(activations, graph)
            if (!file) return sessionOf(config, graph(), embed)
            try {
              return sessionOf(config, file, embed)
            } catch {
              // What lies in the cache was cut off, or is another version's.
              kept!.forget(activations)
              return sessionOf(config, graph(), embed)
            }
          },
          floats: () => floats().weights,
          close: () => reader.close(),
        }),
      )
      isHeld = true
    } else {
      if (activations === 'int8') throw notHeld(where)
      model = floats()
    }
    model.origin = files.at(path)
    return { model, tokenizer, template: typeof template === 'string' ? template : undefined }
  } finally {
    if (!isHeld) reader.close()
  }
}

async function readHead(files: Files, path: string, where: string): Promise<Head> {
  const { gguf } = await import('@huggingface/gguf')
  let found
  try {
    found = await gguf(files.at(path), { allowLocalFile: true })
  } catch (error) {
    throw new InputError(
      {
        where,
        received: `a file that cannot be read as GGUF (${error instanceof Error ? error.message : String(error)})`,
        expected: 'a whole and sound one',
      },
      { cause: error },
    )
  }
  const metadata: { [name: string]: unknown } = { ...found.metadata }
  const tokens = metadata['tokenizer.ggml.tokens']
  return {
    metadata,
    ...(Array.isArray(tokens) && { vocabulary: tokens.length }),
    infos: found.tensorInfos.map(({ name, shape, dtype, offset }) => ({
      name,
      shape: shape.map(Number),
      dtype,
      offset: Number(offset),
    })),
    start: Number(found.tensorDataOffset),
  }
}

const withoutTokens = (metadata: { [name: string]: unknown }) =>
  Object.fromEntries(
    Object.entries(metadata).filter(
      ([name, value]) => !name.startsWith('tokenizer.ggml.') && typeof value !== 'bigint',
    ),
  )

function optionsOf(metadata: { [name: string]: unknown }, architecture: string, where: string): GptOptions {
  const file = new ConfigFile(metadata, where)
  const name = (key: string) => `${architecture}.${key}`
  const heads = file.count(name('attention.head_count'))
  const width = file.count(name('embedding_length'))
  const headSize = file.count(name('attention.key_length'), width / heads)
  file.only(name('attention.value_length'), [headSize])
  file.only(name('rope.dimension_count'), [headSize])
  file.only(name('rope.scaling.type'), ['none'])
  file.only(name('expert_count'), [0])
  file.only(name('attention.sliding_window'), [0])
  return {
    vocabulary: file.count(name('vocab_size'), 1),
    context: file.count(name('context_length')),
    layers: file.count(name('block_count')),
    heads,
    keyValueHeads: file.count(name('attention.head_count_kv'), heads),
    width,
    headSize,
    hidden: file.count(name('feed_forward_length')),
    positions: 'rotary',
    rotaryBase: file.number(name('rope.freq_base'), 10_000),
    norm: 'rms',
    epsilon: file.number(name('attention.layer_norm_rms_epsilon'), 1e-6),
    activation: 'swiglu',
  }
}

/** All tensors must be of types that are read here, and lie within the file: nothing is taken memory for before that. */
function checkTensors(infos: readonly Info[], start: number, size: number, where: string): void {
  for (const { name, shape, dtype, offset } of infos) {
    const kind = quantisations.get(dtype)
    if (!kind)
      throw new InputError({
        where: `${where}: ${name}`,
        received: `a tensor of ggml's type ${dtype}`,
        expected: `one of ${[...quantisations.values()].map(({ name: known }) => known).join(', ')}`,
      })
    const count = shape.reduce((product, length) => product * length, 1)
    const end = start + offset + (count / kind.block) * kind.bytes
    const sound =
      shape.every((length) => Number.isSafeInteger(length) && length >= 1) &&
      (shape[0] ?? 1) % kind.block === 0 &&
      Number.isSafeInteger(offset) &&
      offset >= 0 &&
      end <= size
    if (!sound)
      throw new InputError({
        where: `${where}: ${name}`,
        received: `a tensor of ${shape.join(' x ')} that ends at byte ${end}`,
        expected: `one that lies within the file of ${size} bytes, in whole blocks of ${kind.block}`,
        fix: 'Fetch the file again: it may have been cut off.',
      })
  }
}

/** One row a part of a layer: its name in `transformers`, and in GGUF. */
const parts: { readonly [name: string]: string } = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
}

const ends: { readonly [name: string]: string } = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
}

function nameInFile(name: string): string {
  const found = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name)
  return found ? `blk.${found[1]}.${parts[found[2]!]}.${found[3]}` : ends[name]!
}

/** Whether a file has the rows of this matrix in pairs. */
const isPaired = (architecture: unknown, name: string): boolean =>
  architecture === 'llama' && /\.self_attn\.[qk]_proj\.weight$/.test(name)

/**
 * Rows of queries and keys as rotary positions turn them here. Llama's files have them in pairs that lie side by side;
 * `transformers`, and `rotate`, have the first of all pairs before the second of all.
 *
 * @param length of a row.
 */
function unpermuted<T extends Float32Array | Uint8Array>(
  values: T,
  length: number,
  { headSize }: GptConfig,
): T {
  const result = values.slice() as T
  const half = headSize / 2
  for (let row = 0; row * length < values.length; row++) {
    const head = Math.floor(row / headSize) * headSize
    const within = row - head
    const from = head + (within < half ? 2 * within : 2 * (within - half) + 1)
    result.set(values.subarray(from * length, (from + 1) * length), row * length)
  }
  return result
}
