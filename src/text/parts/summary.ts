import type { GptConfig } from './config.js'

/** Sizes of a GPT as data. */
export interface GptSummary {
  /** Parameters by part; the parts add up to `parameters`. */
  parts: { part: string; shape: string; parameters: number }[]
  parameters: number
  /**
   * Floating-point operations of a training iteration for one token: 6 for each parameter of a product, and attention's 12 x
   * layers x width x context (Chowdhery et al. 2022, arXiv 2204.02311, appendix B).
   */
  flopPerToken: number
  /** Bytes of the parameters, their gradients and two slots of an optimizer such as AdamW, float32. */
  trainingBytes: number
  toString(): string
}

export function summarise(config: GptConfig): GptSummary {
  const { vocabulary, context, layers, heads, keyValueHeads, width, headSize: size, hidden, bias } = config
  const qkv = (heads + 2 * keyValueHeads) * size
  const inner = heads * size
  const perNorm = width * (bias === true && config.norm === 'layer' ? 2 : 1)
  const maps = config.activation === 'swiglu' ? 3 : 2
  const withBias = (from: number, to: number) => from * to + (bias === true ? to : 0)
  const parts = [
    { part: 'embedding of tokens', shape: `${vocabulary} x ${width}`, parameters: vocabulary * width },
    ...(config.positions === 'learned'
      ? [{ part: 'embedding of positions', shape: `${context} x ${width}`, parameters: context * width }]
      : []),
    {
      part: 'attention',
      shape: `${layers} x (${width} x ${qkv} + ${inner} x ${width})`,
      parameters:
        layers *
        (withBias(width, qkv) +
          (bias === 'qkv' ? qkv : 0) +
          withBias(inner, width) +
          (config.qkNorm ? 2 * size * (bias === true && config.norm === 'layer' ? 2 : 1) : 0)),
    },
    {
      part: 'MLP',
      shape: `${layers} x ${maps} x ${width} x ${hidden}`,
      parameters: layers * ((maps - 1) * withBias(width, hidden) + withBias(hidden, width)),
    },
    { part: 'norms', shape: `${2 * layers + 1} x ${width}`, parameters: (2 * layers + 1) * perNorm },
    ...(config.tied
      ? []
      : [{ part: 'output', shape: `${width} x ${vocabulary}`, parameters: width * vocabulary }]),
  ]
  const parameters = parts.reduce((sum, part) => sum + part.parameters, 0)
  const inProducts = layers * (width * qkv + inner * width + maps * width * hidden) + width * vocabulary
  const flopPerToken = 6 * inProducts + 12 * layers * inner * context
  const text = () => {
    const rows = [...parts, { part: 'in all', shape: '', parameters }]
    const lines = rows.map((row) =>
      `${row.part.padEnd(24)}${row.parameters.toLocaleString('en').padStart(14)}  ${row.shape}`.trimEnd(),
    )
    return [
      ...lines,
      `a training iteration: ${short(flopPerToken)}FLOP a token; parameters, gradients and AdamW: ${short(16 * parameters)}B`,
    ].join('\n')
  }
  const summary = { parts, parameters, flopPerToken, trainingBytes: 16 * parameters }
  return Object.defineProperties(summary, {
    toString: { value: text },
    [Symbol.for('nodejs.util.inspect.custom')]: { value: text },
  }) as GptSummary
}

/** 1,234,567 as '1.23 M'. */
function short(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P']
  let at = 0
  for (; value >= 1000 && at < units.length - 1; at++) value /= 1000
  return `${value.toPrecision(3)} ${units[at]}`
}
