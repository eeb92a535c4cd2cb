import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { activations, type Activation } from './layers.js'

/** What a GPT is made of. All but `vocabulary` and `context` have defaults: nanoGPT's form. */
export interface GptOptions {
  /** Tokens that there are: `tokenizer.size`. Required. `vocabulary: 65` */
  vocabulary: number
  /** The most tokens it looks back over, itself included. Required. `context: 256` */
  context: number
  /** Blocks of attention and MLP. Default: 4. `layers: 6` */
  layers?: number
  /** Heads of attention. Default: 4. `heads: 6` */
  heads?: number
  /** Heads of keys and values, each for a group of heads. Default: as many as heads. `keyValueHeads: 2` */
  keyValueHeads?: number
  /** Numbers of one token between the blocks. Default: 128. `width: 384` */
  width?: number
  /** Numbers of one head. Default: width / heads. `headSize: 128` */
  headSize?: number
  /** Width inside of an MLP. Default: 4 x width; 8/3 of it, to a whole multiple of 8, for 'swiglu'. `hidden: 512` */
  hidden?: number
  /** 'learned' vectors that are added, or 'rotary' turns of queries and keys. Default: 'learned'. `positions: 'rotary'` */
  positions?: 'learned' | 'rotary'
  /** The base of rotary frequencies. Default: 10000. `rotaryBase: 100_000` */
  rotaryBase?: number
  /** 'layer' or 'rms'. Default: 'layer'. `norm: 'rms'` */
  norm?: 'layer' | 'rms'
  /** Added below a norm's square root. Default: 1e-5. `epsilon: 1e-6` */
  epsilon?: number
  /** 'gelu' (its tanh form), 'relu2' or 'swiglu'. Default: 'gelu'. `activation: 'swiglu'` */
  activation?: Activation
  /** Whether linear maps and layer norms have a bias, or 'qkv' alone. Default: false. `bias: true` */
  bias?: boolean | 'qkv'
  /** Whether queries and keys are normed. Default: false. `qkNorm: true` */
  qkNorm?: boolean
  /** Whether the embedding of tokens is the last map too. Default: true. `tied: false` */
  tied?: boolean
  /** How far back attention looks: one number, or one a layer. Default: the context. `window: 64` */
  window?: number | readonly number[]
  /** Rate of dropout behind embeddings, attention and MLPs. Default: 0. `dropout: 0.2` */
  dropout?: number
  /** Of the first values. Default: 0. `seed: 1` */
  seed?: number
}

/** The same with nothing left open. */
export type GptConfig = Omit<Required<GptOptions>, 'window'> & { window: readonly number[] }

const known = [
  'vocabulary',
  'context',
  'layers',
  'heads',
  'keyValueHeads',
  'width',
  'headSize',
  'hidden',
  'positions',
  'rotaryBase',
  'norm',
  'epsilon',
  'activation',
  'bias',
  'qkNorm',
  'tied',
  'window',
  'dropout',
  'seed',
]

const where = 'gpt(options)'

export function checkGpt(given: GptOptions): GptConfig {
  const options = named(given, known, where, {
    nLayer: 'Its name here is layers.',
    nHead: 'Its name here is heads.',
    nEmbd: 'Its name here is width.',
    blockSize: 'Its name here is context.',
    vocabSize: 'Its name here is vocabulary.',
  })
  const { vocabulary, context, layers = 4, heads = 4, width = 128, activation = 'gelu' } = options
  const { keyValueHeads = heads, positions = 'learned', norm = 'layer', bias = false } = options
  const { qkNorm = false, tied = true, dropout = 0, epsilon = 1e-5, rotaryBase = 10_000, seed = 0 } = options
  const headSize = options.headSize ?? width / heads
  const hidden = options.hidden ?? (activation === 'swiglu' ? 8 * Math.ceil(width / 3) : 4 * width)
  for (const [name, value] of Object.entries({
    vocabulary,
    context,
    layers,
    heads,
    keyValueHeads,
    width,
    hidden,
  }))
    check(name, value, Number.isInteger(value) && value >= 1, 'a whole number, at least 1')
  check('positions', positions, positions === 'learned' || positions === 'rotary', "'learned' or 'rotary'")
  check('norm', norm, norm === 'layer' || norm === 'rms', "'layer' or 'rms'")
  check(
    'activation',
    activation,
    Object.hasOwn(activations, activation),
    Object.keys(activations)
      .map((name) => `'${name}'`)
      .join(', '),
  )
  check('bias', bias, typeof bias === 'boolean' || bias === 'qkv', "true, false or 'qkv'")
  for (const [name, value] of Object.entries({ qkNorm, tied }))
    check(name, value, typeof value === 'boolean', 'true or false')
  check('dropout', dropout, dropout >= 0 && dropout < 1, 'a rate from 0 to less than 1')
  check('epsilon', epsilon, epsilon > 0 && epsilon < 1, 'a small number above 0')
  check('rotaryBase', rotaryBase, rotaryBase > 1 && Number.isFinite(rotaryBase), 'a number above 1')
  check('seed', seed, Number.isFinite(seed), 'a finite number')
  check(
    'width',
    width,
    options.headSize !== undefined || width % heads === 0,
    `a multiple of ${heads}, the heads`,
    `width: ${heads * Math.ceil(width / heads)}, or other heads.`,
  )
  check('keyValueHeads', keyValueHeads, heads % keyValueHeads === 0, `a divisor of ${heads}, the heads`)
  check(
    'headSize',
    options.headSize,
    Number.isInteger(headSize) && headSize >= 1,
    'a whole number, at least 1',
  )
  if (positions === 'rotary')
    check(
      options.headSize === undefined ? 'width' : 'headSize',
      options.headSize ?? width,
      headSize % 2 === 0,
      `an even number for each of ${heads} heads, which rotary positions turn in pairs`,
    )
  const window = Array.isArray(options.window)
    ? (options.window as readonly number[])
    : Array.from({ length: layers }, () => (options.window as number | undefined) ?? context)
  check(
    'window',
    options.window,
    window.length === layers && window.every((tokens) => Number.isInteger(tokens) && tokens >= 1),
    `a whole number of tokens, or ${layers} of them, one a layer`,
  )
  return {
    vocabulary,
    context,
    layers,
    heads,
    keyValueHeads,
    width,
    headSize,
    hidden,
    positions,
    rotaryBase,
    norm,
    epsilon,
    activation,
    bias,
    qkNorm,
    tied,
    window: window.map((tokens) => Math.min(tokens, context)),
    dropout,
    seed,
  }
}

/** The same of what a file says: it is the file that is wrong. @param at the file, as messages name it. */
export function checkGptOf(given: GptOptions, at: string): GptConfig {
  try {
    return checkGpt(given)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    throw new InputError({ ...error.problem, where: (error.problem.where ?? where).replace(where, at) })
  }
}

function check(name: string, value: unknown, fits: boolean, expected: string, fix?: string): void {
  if (!fits) throw new InputError({ where: `${where}: ${name}`, received: describe(value), expected, fix })
}
