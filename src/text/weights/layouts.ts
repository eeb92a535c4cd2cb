import { describe, InputError } from '../../errors.js'
import type { GptConfig, GptOptions } from '../parts/config.js'
import type { GptParameters } from '../models/gpt.js'
import type * as tf from '@tensorflow/tfjs'

/** A tensor of a file and the part of a parameter that it is. */
export interface Entry {
  /** Its name in the file. */
  name: string
  variable: tf.Variable
  /** Columns of the parameter, where it is not the whole: queries, keys and values lie in one here. */
  columns?: readonly [from: number, to: number]
  /** Whether it lies transposed in the file: PyTorch's linear maps are [out, in]. */
  transposed?: boolean
}

/** How a family of models is called and laid out by Hugging Face's `transformers`. */
export interface Layout {
  /** Written as `model_type`. */
  type: string
  /** Written in `architectures`. */
  architecture: string
  /** Why a GPT of this form cannot be one of the family; nothing where it can. */
  misfit(config: GptConfig): string | undefined
  /** Its `config.json`. */
  write(config: GptConfig): { [name: string]: unknown }
  /** Options of `gpt` from a `config.json`. */
  read(file: ConfigFile): GptOptions
  entries(config: GptConfig, parameters: GptParameters): Entry[]
}

/** A `config.json` of a stranger: what is asked of it is checked. */
export class ConfigFile {
  readonly #values: { readonly [name: string]: unknown }
  readonly where: string
  constructor(values: { readonly [name: string]: unknown }, where: string) {
    this.#values = values
    this.where = where
  }

  count(name: string, otherwise?: number): number {
    const value = this.#values[name] ?? otherwise
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 2 ** 26)
      return value as number
    throw this.#unfit(name, 'a whole number, at least 1')
  }

  number(name: string, otherwise: number): number {
    const value = this.#values[name] ?? otherwise
    if (typeof value === 'number' && Number.isFinite(value)) return value
    throw this.#unfit(name, 'a number')
  }

  /** Throws where a setting is none of those that are built here. */
  only(name: string, known: readonly unknown[]): void {
    const value = this.#values[name]
    if (value === undefined || value === null || known.includes(value)) return
    throw this.#unfit(name, known.map((one) => JSON.stringify(one)).join(' or '))
  }

  flag(name: string, otherwise: boolean): boolean {
    return Boolean(this.#values[name] ?? otherwise)
  }

  value(name: string): unknown {
    return this.#values[name]
  }

  #unfit(name: string, expected: string): InputError {
    return new InputError({
      where: `${this.where}: ${name}`,
      received: describe(this.#values[name]),
      expected,
    })
  }
}

const gpt2: Layout = {
  type: 'gpt2',
  architecture: 'GPT2LMHeadModel',
  misfit: (config) =>
    differing(config, {
      positions: 'learned',
      norm: 'layer',
      activation: 'gelu',
      qkNorm: false,
      tied: true,
      keyValueHeads: config.heads,
      headSize: config.width / config.heads,
    }),
  write: ({ vocabulary, context, layers, heads, width, hidden, dropout, epsilon }) => ({
    vocab_size: vocabulary,
    n_positions: context,
    n_ctx: context,
    n_layer: layers,
    n_head: heads,
    n_embd: width,
    n_inner: hidden,
    activation_function: 'gelu_new',
    layer_norm_epsilon: epsilon,
    resid_pdrop: dropout,
    embd_pdrop: dropout,
    attn_pdrop: dropout,
  }),
  read(file) {
    file.only('activation_function', ['gelu_new', 'gelu_pytorch_tanh'])
    file.only('scale_attn_by_inverse_layer_idx', [false])
    file.only('scale_attn_weights', [true])
    const width = file.count('n_embd')
    return {
      vocabulary: file.count('vocab_size'),
      context: file.count('n_positions', file.value('n_ctx') as number | undefined),
      layers: file.count('n_layer'),
      heads: file.count('n_head'),
      width,
      hidden: file.count('n_inner', 4 * width),
      epsilon: file.number('layer_norm_epsilon', 1e-5),
      bias: true,
    }
  },
  entries(_, parameters) {
    const linear = (name: string, { weight, bias }: { weight: tf.Variable; bias?: tf.Variable }): Entry[] => [
      { name: `${name}.weight`, variable: weight },
      ...(bias ? [{ name: `${name}.bias`, variable: bias }] : []),
    ]
    const norm = (name: string, { gain, bias }: { gain: tf.Variable; bias?: tf.Variable }) =>
      linear(name, { weight: gain, ...(bias && { bias }) })
    return [
      { name: 'transformer.wte.weight', variable: parameters.tokens },
      { name: 'transformer.wpe.weight', variable: parameters.positions! },
      ...parameters.blocks.flatMap((block, layer) => {
        const at = `transformer.h.${layer}`
        return [
          ...norm(`${at}.ln_1`, block.norm1),
          ...linear(`${at}.attn.c_attn`, block.attention.qkv),
          ...linear(`${at}.attn.c_proj`, block.attention.output),
          ...norm(`${at}.ln_2`, block.norm2),
          ...linear(`${at}.mlp.c_fc`, block.mlp.up),
          ...linear(`${at}.mlp.c_proj`, block.mlp.down),
        ]
      }),
      ...norm('transformer.ln_f', parameters.norm),
    ]
  },
}

/** Llama and the families that are built like it. */
function llamaLike(type: string, architecture: string, form: Pick<GptConfig, 'bias' | 'qkNorm'>): Layout {
  return {
    type,
    architecture,
    misfit: (config) =>
      differing(config, { positions: 'rotary', norm: 'rms', activation: 'swiglu', ...form }) ??
      (config.window.some((tokens) => tokens < config.context) ? 'window' : undefined),
    write: (config) => ({
      vocab_size: config.vocabulary,
      max_position_embeddings: config.context,
      num_hidden_layers: config.layers,
      num_attention_heads: config.heads,
      num_key_value_heads: config.keyValueHeads,
      hidden_size: config.width,
      head_dim: config.headSize,
      intermediate_size: config.hidden,
      hidden_act: 'silu',
      rms_norm_eps: config.epsilon,
      rope_theta: config.rotaryBase,
      rope_scaling: null,
      attention_bias: false,
      mlp_bias: false,
      tie_word_embeddings: config.tied,
    }),
    read(file) {
      file.only('hidden_act', ['silu'])
      file.only('attention_bias', [false])
      file.only('mlp_bias', [false])
      file.only('use_sliding_window', [false])
      const rope = (file.value('rope_parameters') ?? file.value('rope_scaling')) as
        | { [name: string]: unknown }
        | null
        | undefined
      const kind = rope?.rope_type ?? rope?.type ?? 'default'
      if (kind !== 'default')
        throw new InputError({
          where: `${file.where}: rope_scaling`,
          received: describe(kind),
          expected: 'rotary positions that are not scaled',
        })
      const heads = file.count('num_attention_heads')
      const width = file.count('hidden_size')
      return {
        vocabulary: file.count('vocab_size'),
        context: file.count('max_position_embeddings'),
        layers: file.count('num_hidden_layers'),
        heads,
        keyValueHeads: file.count('num_key_value_heads', heads),
        width,
        headSize: file.count('head_dim', width / heads),
        hidden: file.count('intermediate_size'),
        positions: 'rotary',
        rotaryBase: new ConfigFile(
          { ...rope, ...definedOnly({ rope_theta: file.value('rope_theta') }) },
          file.where,
        ).number('rope_theta', 10_000),
        norm: 'rms',
        epsilon: file.number('rms_norm_eps', 1e-6),
        activation: 'swiglu',
        tied: file.flag('tie_word_embeddings', false),
        ...form,
      }
    },
    entries({ heads, keyValueHeads, headSize }, parameters) {
      const ends = [heads, heads + keyValueHeads, heads + 2 * keyValueHeads].map((end) => end * headSize)
      const columns = { q: [0, ends[0]!], k: [ends[0]!, ends[1]!], v: [ends[1]!, ends[2]!] } as const
      return [
        { name: 'model.embed_tokens.weight', variable: parameters.tokens },
        ...parameters.blocks.flatMap(({ norm1, attention, norm2, mlp }, layer) => {
          const at = `model.layers.${layer}`
          const map = (name: string, variable: tf.Variable): Entry => ({
            name: `${at}.${name}.weight`,
            variable,
            transposed: true,
          })
          return [
            { name: `${at}.input_layernorm.weight`, variable: norm1.gain },
            ...Object.entries(columns).flatMap(([part, range]): Entry[] => [
              { ...map(`self_attn.${part}_proj`, attention.qkv.weight), columns: range },
              ...(attention.qkv.bias
                ? [
                    {
                      name: `${at}.self_attn.${part}_proj.bias`,
                      variable: attention.qkv.bias,
                      columns: range,
                    },
                  ]
                : []),
            ]),
            map('self_attn.o_proj', attention.output.weight),
            ...(attention.queryNorm
              ? [
                  { name: `${at}.self_attn.q_norm.weight`, variable: attention.queryNorm.gain },
                  { name: `${at}.self_attn.k_norm.weight`, variable: attention.keyNorm!.gain },
                ]
              : []),
            { name: `${at}.post_attention_layernorm.weight`, variable: norm2.gain },
            map('mlp.gate_proj', mlp.gate!.weight),
            map('mlp.up_proj', mlp.up.weight),
            map('mlp.down_proj', mlp.down.weight),
          ]
        }),
        { name: 'model.norm.weight', variable: parameters.norm.gain },
        ...(parameters.output
          ? [{ name: 'lm_head.weight', variable: parameters.output, transposed: true }]
          : []),
      ]
    },
  }
}

/** What can be read and written, one row a family. */
export const layouts: readonly Layout[] = [
  gpt2,
  llamaLike('llama', 'LlamaForCausalLM', { bias: false, qkNorm: false }),
  llamaLike('qwen2', 'Qwen2ForCausalLM', { bias: 'qkv', qkNorm: false }),
  llamaLike('qwen3', 'Qwen3ForCausalLM', { bias: false, qkNorm: true }),
]

/** The option in which a form is another than asked. */
function differing(config: GptConfig, asked: Partial<GptConfig>): string | undefined {
  return Object.entries(asked).find(([name, value]) => config[name as keyof GptConfig] !== value)?.[0]
}

const definedOnly = (values: { [name: string]: unknown }) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null))

/** The family that a form belongs to. @throws InputError that names what each lacks. */
export function layoutFor(config: GptConfig, where: string): Layout {
  const found = layouts.find((layout) => layout.misfit(config) === undefined)
  if (found) return found
  throw new InputError({
    where,
    received: `a form of GPT that none of the known families has: ${layouts.map((layout) => `${layout.type} differs in ${layout.misfit(config)}`).join(', ')}`,
    expected: 'one that Hugging Face transformers can open',
    fix: 'run.save(folder) keeps any form.',
  })
}
