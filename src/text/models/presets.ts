import type { GptOptions } from '../parts/config.js'

/** Known forms of GPT, all but the vocabulary: `gpt({ ...presets.nanoGptCpu, vocabulary: tokenizer.size })`. */
export const presets = {
  /** Trains in seconds: for looking at each step. */
  tiny: { context: 32, layers: 2, heads: 2, width: 64 },
  /** nanoGPT's `shakespeare_char` with the values that its readme gives for a processor: 0.8 M parameters. */
  nanoGptCpu: { context: 64, layers: 4, heads: 4, width: 128, dropout: 0 },
  /**
   * The size of `nanoGptCpu` with parts that learn in fewer iterations: rotary positions, RMS norms, norms of queries and keys, ReLU².
   * With `fastRecipe` it reaches in 500 iterations less than that one's loss after 2,000 (dev/LOG.md has what each part brought).
   */
  fast: {
    context: 64,
    layers: 4,
    heads: 4,
    width: 128,
    dropout: 0,
    positions: 'rotary',
    norm: 'rms',
    qkNorm: true,
    activation: 'relu2',
  },
  /** nanoGPT's `config/train_shakespeare_char.py`, made for a graphics card: 10.7 M parameters. */
  nanoGptGpu: { context: 256, layers: 6, heads: 6, width: 384, dropout: 0.2 },
  /** The parts of Llama in a small size: rotary positions, RMS norms, SwiGLU, groups of heads, an output of its own. */
  llamaLike: {
    context: 256,
    layers: 6,
    heads: 6,
    keyValueHeads: 2,
    width: 384,
    positions: 'rotary',
    norm: 'rms',
    activation: 'swiglu',
    tied: false,
  },
} as const satisfies { [name: string]: Omit<GptOptions, 'vocabulary'> }
