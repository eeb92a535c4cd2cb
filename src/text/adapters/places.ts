import { describe, InputError } from '../../errors.js'
import type { GptParameters } from '../models/gpt.js'
import type { GptConfig } from '../parts/config.js'
import type { LinearParameters } from '../parts/layers.js'

/** A linear map that can have an adapter: all of one, or the columns of one that are queries, keys or values. */
export interface Place {
  /** As Hugging Face's `transformers` calls it: 'model.layers.0.self_attn.q_proj'. */
  name: string
  /** Numbers that go in and come out. */
  in: number
  out: number
  /** Where its columns begin in the weight that it is a part of. */
  from: number
  weightOf(weights: GptParameters): LinearParameters
}

/** The family whose names are taken: those of GPT-2 for learned positions, else those of Llama. */
export const isGpt2 = (config: GptConfig): boolean => config.positions === 'learned'

/** All places of a model, layer by layer. */
export function placesFor(config: GptConfig): Place[] {
  const { layers, heads, keyValueHeads, headSize, width, hidden, activation } = config
  const inner = heads * headSize
  const pair = keyValueHeads * headSize
  const hasGate = activation === 'swiglu'
  return Array.from({ length: layers }, (_, layer) => {
    const block = (weights: GptParameters) => weights.blocks[layer]!
    const whole = (name: string, from: number, to: number, weightOf: Place['weightOf']): Place => ({
      name,
      in: from,
      out: to,
      from: 0,
      weightOf,
    })
    const at = isGpt2(config) ? `transformer.h.${layer}` : `model.layers.${layer}`
    const names = isGpt2(config)
      ? { output: 'attn.c_proj', up: 'mlp.c_fc', gate: 'mlp.c_gate', down: 'mlp.c_proj' }
      : { output: 'self_attn.o_proj', up: 'mlp.up_proj', gate: 'mlp.gate_proj', down: 'mlp.down_proj' }
    const qkv: Place['weightOf'] = (weights) => block(weights).attention.qkv
    const inputs = isGpt2(config)
      ? [whole(`${at}.attn.c_attn`, width, inner + 2 * pair, qkv)]
      : [
          { part: 'q', out: inner, from: 0 },
          { part: 'k', out: pair, from: inner },
          { part: 'v', out: pair, from: inner + pair },
        ].map(({ part, out, from }) => ({
          name: `${at}.self_attn.${part}_proj`,
          in: width,
          out,
          from,
          weightOf: qkv,
        }))
    return [
      ...inputs,
      whole(`${at}.${names.output}`, inner, width, (weights) => block(weights).attention.output),
      ...(hasGate
        ? [whole(`${at}.${names.gate}`, width, hidden, (weights) => block(weights).mlp.gate!)]
        : []),
      whole(`${at}.${names.up}`, width, hidden, (weights) => block(weights).mlp.up),
      whole(`${at}.${names.down}`, hidden, width, (weights) => block(weights).mlp.down),
    ]
  }).flat()
}

/** The last part of a name: 'q_proj'. */
export const kindOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1)

/**
 * The places that targets name: by their kinds, by whole names, or by a pattern on whole names.
 *
 * @throws InputError for a target that names none.
 */
export function chosenPlaces(
  config: GptConfig,
  targets: RegExp | readonly string[] | undefined,
  where: string,
): Place[] {
  const places = placesFor(config)
  if (targets === undefined) return places
  const kinds = [...new Set(places.map(({ name }) => kindOf(name)))].map((kind) => `'${kind}'`).join(', ')
  const none = (received: string) =>
    new InputError({
      where: `${where}: targets`,
      received,
      expected: `some of ${kinds}, whole names such as '${places[0]!.name}', or a pattern on those`,
    })
  if (targets instanceof RegExp) {
    const found = places.filter(({ name }) => name.search(targets) !== -1)
    if (found.length === 0) throw none(`${targets}, which no map of the model is called by`)
    return found
  }
  if (!Array.isArray(targets) || targets.length === 0) throw none(describe(targets))
  const isNamed = ({ name }: Place, target: unknown) => name === target || name.endsWith(`.${String(target)}`)
  for (const target of targets)
    if (!places.some((place) => isNamed(place, target)))
      throw none(`${describe(target)}, which no map of the model is called`)
  return places.filter((place) => targets.some((target) => isNamed(place, target)))
}
