import { describe, InputError } from '../../errors.js'
import type { GptConfig } from '../parts/config.js'
import { summarise } from '../parts/summary.js'
import { isInBlocks, maybeStacked, type BlockMatrix } from '../quantised/blocks.js'
import type { BlockWeights, Matrix, Weights } from '../quantised/graph.js'
import type { TensorSource } from './place.js'

/** What products with weights of few bits multiply with: float32, or the same rounded to 8 bits block by block. */
export type Activations = 'float32' | 'int8'

export function checkActivations(given: unknown, where: string): void {
  if (given !== undefined && given !== 'float32' && given !== 'int8')
    throw new InputError({
      where: `${where}: activations`,
      received: describe(given),
      expected: "'float32' or 'int8'",
    })
}

/** Weights of float32 are multiplied with float32. */
export const notHeld = (where: string): InputError =>
  new InputError({
    where: `${where}: activations`,
    received: "'int8' for a model whose weights are float32",
    expected: 'a GGUF file of few bits (Q4_0, Q4_1, Q4_K, Q5_0, Q5_1, Q6_K, Q8_0) of a Llama or Qwen model',
  })

/** A model of protobuf holds less than 2 GB. */
const mostBytes = 1.5e9

/** Whether weights can be used as the file has them: some are of few bits, and the form is one that ONNX Runtime's operators know. */
export function canBeHeld(config: GptConfig, infos: readonly { dtype: number }[], bytes: number): boolean {
  return (
    infos.some(({ dtype }) => isInBlocks(dtype)) &&
    bytes < mostBytes &&
    config.positions === 'rotary' &&
    config.norm === 'rms' &&
    config.activation === 'swiglu' &&
    config.bias !== true &&
    config.headSize % 16 === 0
  )
}

/** One row a tensor of a block: its name, and its shape. */
function blockShapes(config: GptConfig): [name: string, shape: readonly number[]][] {
  const { width, hidden, heads, keyValueHeads, headSize: size, bias, qkNorm } = config
  const inner = { q: heads * size, k: keyValueHeads * size, v: keyValueHeads * size }
  return [
    ['input_layernorm.weight', [width]],
    ...Object.entries(inner).map(([part, rows]): [string, number[]] => [
      `self_attn.${part}_proj.weight`,
      [rows, width],
    ]),
    ...(bias === 'qkv'
      ? Object.entries(inner).map(([part, rows]): [string, number[]] => [
          `self_attn.${part}_proj.bias`,
          [rows],
        ])
      : []),
    ...(qkNorm
      ? ['q', 'k'].map((part): [string, number[]] => [`self_attn.${part}_norm.weight`, [size]])
      : []),
    ['self_attn.o_proj.weight', [width, inner.q]],
    ['post_attention_layernorm.weight', [width]],
    ['mlp.gate_proj.weight', [hidden, width]],
    ['mlp.up_proj.weight', [hidden, width]],
    ['mlp.down_proj.weight', [width, hidden]],
  ]
}

const at = (layer: number, name: string) => `model.layers.${layer}.${name}`

/** A file must be able to hold what the form has, before memory is taken for it. @param most how many numbers it can hold. */
export function checkEnough(
  config: GptConfig,
  { file, most }: { file: string; most: number },
  where: string,
): void {
  const { parameters } = summarise(config)
  if (parameters > most)
    throw new InputError({
      where,
      received: `a configuration of ${parameters.toLocaleString('en')} parameters, and at most ${Math.floor(most).toLocaleString('en')} numbers in ${file}`,
      expected: 'all of them in the file',
      fix: 'Fetch the file again: it may have been cut off.',
    })
}

/** All that the form has must be there in its shape. Nothing is read before that. */
export function checkShapes(
  config: GptConfig,
  source: TensorSource,
  { file, most }: { file: string; most: number },
  where: string,
): void {
  checkEnough(config, { file, most }, where)
  const whole = [config.vocabulary, config.width]
  const shapes: [string, readonly number[]][] = [
    ['model.embed_tokens.weight', whole],
    ['model.norm.weight', [config.width]],
    ...(config.tied ? [] : ([['lm_head.weight', whole]] as [string, number[]][])),
  ]
  const block = blockShapes(config)
  for (let layer = 0; layer < config.layers; layer++)
    for (const [name, shape] of block) shapes.push([at(layer, name), shape])
  for (const [name, shape] of shapes) {
    const found = source(name)
    if (found?.shape.join() !== shape.join())
      throw new InputError({
        where,
        received: found ? `${name} of shape [${found.shape.join(', ')}]` : `no tensor ${name}`,
        expected: `${name} of shape [${shape.join(', ')}], as the configuration says`,
      })
  }
}

/** A matrix of a file as float32, which products take with its rows as columns. */
export function floatMatrix(values: Float32Array, rows: number, columns: number): Matrix {
  const transposed = new Float32Array(values.length)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      transposed[column * rows + row] = values[row * columns + column]!
  return { rows, columns, transposed }
}

/** Everything that a graph computes from. */
export function weightsOf(
  config: GptConfig,
  source: TensorSource,
  matrix: (name: string) => Matrix,
): Weights {
  const values = (name: string) => source(name)!.values()
  const block = (layer: number): BlockWeights => {
    const own = (name: string) => at(layer, name)
    const parts = ['q', 'k', 'v'].map((part) => matrix(own(`self_attn.${part}_proj.weight`)))
    const biases = ['q', 'k', 'v'].map((part) => own(`self_attn.${part}_proj.bias`))
    return {
      norm1: values(own('input_layernorm.weight')),
      qkv: stacked(parts),
      ...(config.bias === 'qkv' && {
        qkvBias: Float32Array.from(biases.flatMap((name) => [...values(name)])),
      }),
      ...(config.qkNorm && {
        queryNorm: values(own('self_attn.q_norm.weight')),
        keyNorm: values(own('self_attn.k_norm.weight')),
      }),
      output: [matrix(own('self_attn.o_proj.weight'))],
      norm2: values(own('post_attention_layernorm.weight')),
      gateUp: stacked(['gate', 'up'].map((part) => matrix(own(`mlp.${part}_proj.weight`)))),
      down: [matrix(own('mlp.down_proj.weight'))],
    }
  }
  return {
    block,
    norm: () => values('model.norm.weight'),
    output: () => [matrix(config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight')],
  }
}

/** One matrix where the parts are of one form: a product less for each that joins. */
function stacked(parts: readonly Matrix[]): readonly Matrix[] {
  if (parts.some((part) => 'transposed' in part)) return parts
  const whole = maybeStacked(parts as readonly BlockMatrix[])
  return whole ? [whole] : parts
}
