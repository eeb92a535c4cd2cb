import * as tf from '@tensorflow/tfjs'
import { copyValues } from '../../backend/tfjs/copy.js'
import { Digest } from '../../data/table/digest.js'
import { describe, InputError } from '../../errors.js'
import { maybeFiles, type Files } from '../../store/files.js'
import { decodeTensors, encodeTensors, type StoredTensor } from '../../store/safetensors.js'
import { named } from '../../suggest.js'
import { maybeUnfinished } from '../../whole-file.js'
import { Gpt, type GptParameters } from '../models/gpt.js'
import { floatsOf } from '../quantised/half.js'
import { createAdapters, LoraGpt, placesByName } from './lora.js'
import { isGpt2, kindOf, type Place } from './places.js'

const configFile = 'adapter_config.json'
const tensorFile = 'adapter_model.safetensors'

/**
 * Writes a model's adapters as Python's `peft` lays them out: `adapter_config.json` and `adapter_model.safetensors`. It opens them with
 * `PeftModel.from_pretrained(base, folder)`, and `loadAdapter` here.
 *
 * @param options.base what `peft` calls the model that they belong to, e.g. 'HuggingFaceTB/SmolLM2-135M-Instruct'. Default: nothing.
 * @throws InputError for a model without adapters, and where the folder has other files.
 * @example saveAdapter(lora(gpt({ vocabulary: 256, context: 64 })), 'adapters/first')
 */
export function saveAdapter(model: LoraGpt, folder: string, options: { base?: string } = {}): void {
  const where = 'saveAdapter(model, folder)'
  const { base } = named(options, ['base'], where)
  if (!(model instanceof LoraGpt))
    throw new InputError({
      where,
      received: describe(model),
      expected: 'a model with adapters, of lora or loadAdapter',
      ...((model as unknown) instanceof Gpt && { fix: 'saveModel(model, folder) writes a whole one.' }),
    })
  if (base !== undefined && typeof base !== 'string')
    throw new InputError({ where: `${where}: base`, received: describe(base), expected: 'a name' })
  const files = checkFiles(where)
  const other = files
    .list(folder)
    .find((file) => ![configFile, tensorFile, 'README.md'].includes(maybeUnfinished(file) ?? file))
  if (other !== undefined)
    throw new InputError({
      where,
      received: `the folder '${folder}' with '${other}' in it`,
      expected: 'a new folder, an empty one, or one that an adapter was saved in',
    })
  const { rank, alpha, rankStabilised, places } = model.lora
  const tensors: { [name: string]: StoredTensor } = {}
  for (const { name } of places) {
    const { a, b } = model.parameters[name]!
    for (const [part, variable] of Object.entries({ lora_A: a, lora_B: b })) {
      const [rows, columns] = variable.shape as [number, number]
      const values = transposed(copyValues(variable) as Float32Array, rows, columns)
      tensors[`${prefix}${name}.${part}.weight`] = { shape: [columns, rows], values }
    }
  }
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base ?? null,
    inference_mode: true,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    use_rslora: rankStabilised,
    use_dora: false,
    bias: 'none',
    fan_in_fan_out: isGpt2(model.config),
    init_lora_weights: true,
    target_modules: targetsOf(model),
  }
  const write = (file: string, content: string | Uint8Array) => files.write(files.join(folder, file), content)
  write(
    tensorFile,
    encodeTensors({ tensors, metadata: { format: 'pt', 'gradbook.base': digestOfBase(model.base) } }),
  )
  write(configFile, `${JSON.stringify(config, null, 2)}\n`)
}

const prefix = 'base_model.model.'

/** Kinds where all maps of a kind have an adapter, as `peft` writes them itself; else whole names. */
function targetsOf(model: LoraGpt): string[] {
  const { places } = model.lora
  const names = new Set(places.map(({ name }) => name))
  const all = [...placesByName(model).keys()]
  const kinds = [...new Set([...names].map(kindOf))]
  const isWhole = all.every((name) => names.has(name) || !kinds.includes(kindOf(name)))
  return isWhole ? kinds.toSorted() : [...names].toSorted()
}

/**
 * A model with the adapters of a folder that `saveAdapter` or Python's `peft` wrote. Its base computes with the same weights.
 *
 * @throws InputError for the adapter of another model, one that does what is not known here, and a damaged file; it names what does not fit.
 * @example const tuned = loadAdapter(gpt({ vocabulary: 256, context: 64 }), 'adapters/first')
 */
export function loadAdapter(model: Gpt<GptParameters>, folder: string): LoraGpt {
  const where = `loadAdapter(model, '${folder}')`
  if (!(model instanceof Gpt) || model instanceof LoraGpt)
    throw new InputError({
      where,
      received: model instanceof LoraGpt ? 'a model that has adapters already' : describe(model),
      expected: 'the model that the adapter belongs to, without any',
      ...(model instanceof LoraGpt && { fix: 'loadAdapter(model.base, folder).' }),
    })
  const files = checkFiles(where)
  const config = readConfig(files, files.join(folder, configFile), where)
  const path = files.join(folder, tensorFile)
  if (!files.exists(path))
    throw new InputError({
      where,
      received: `a folder without ${tensorFile}`,
      expected: 'the adapter in that file',
    })
  const { tensors, metadata } = decodeTensors(files.read(path), path)
  const called = config.base === undefined ? 'another model' : `another model (it says: of ${config.base})`
  const digest = metadata['gradbook.base']
  const known = placesByName(model)
  const places = new Map<string, Place>()
  for (const [name, { shape }] of Object.entries(tensors)) {
    const [, place = '', part] =
      /^base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight$/.exec(name) ?? []
    const found = known.get(place)
    if (!found)
      throw new InputError({
        where,
        received: `the adapter of ${called}: it has ${name}, which nothing here is called`,
        expected: `adapters of ${[...known.keys()].slice(0, 2).join(', ')}, …`,
      })
    const expected = part === 'A' ? [config.rank, found.in] : [found.out, config.rank]
    if (shape.join() !== expected.join())
      throw new InputError({
        where,
        received: `the adapter of ${called}: ${name} is [${shape.join(', ')}]`,
        expected: `[${expected.join(', ')}], as this model and its rank of ${config.rank} have it`,
      })
    places.set(place, found)
  }
  if (places.size === 0)
    throw new InputError({ where, received: `${path} without a tensor`, expected: 'the adapter' })
  if (digest !== undefined && digest !== digestOfBase(model))
    throw new InputError({
      where,
      received: `the adapter of ${called}: of this form, with other weights`,
      expected: 'the model that it was trained on',
      fix: 'Open that model, or train the adapter anew on this one.',
    })
  const ordered = [...known.values()].filter(({ name }) => places.has(name))
  const read = ordered.map(({ name }) =>
    ['A', 'B'].map((part) => {
      const found = ['', '.default']
        .map((middle) => tensors[`${prefix}${name}.lora_${part}${middle}.weight`])
        .find((one) => one !== undefined)
      if (found) return found
      throw new InputError({
        where,
        received: `${name} with one half of an adapter`,
        expected: `lora_A and lora_B`,
      })
    }),
  )
  const { rank, alpha, rankStabilised } = config
  const adapters = createAdapters(ordered, rank, 0)
  for (const [at, { name }] of ordered.entries()) {
    const variables = [adapters[name]!.a, adapters[name]!.b]
    for (const [i, stored] of read[at]!.entries()) {
      const [rows, columns] = stored.shape as [number, number]
      const values = transposed(floatsOf(stored), rows, columns)
      tf.tidy(() => variables[i]!.assign(tf.tensor2d(values, [columns, rows])))
    }
  }
  return new LoraGpt(model, { rank, alpha, rankStabilised, places: ordered }, adapters)
}

/** Settings of `peft` that must be as they are here, one row each: what else they could be changes what is computed. */
const fixed: { readonly [setting: string]: readonly unknown[] } = {
  peft_type: ['LORA'],
  bias: ['none'],
  use_dora: [false],
  lora_bias: [false],
  modules_to_save: [null],
  layer_replication: [null],
  use_qalora: [false],
}

/** Those that give maps ranks of their own. */
const perMap = ['rank_pattern', 'alpha_pattern'] as const

function readConfig(
  files: Files,
  path: string,
  where: string,
): { rank: number; alpha: number; rankStabilised: boolean; base: string | undefined } {
  if (!files.exists(path))
    throw new InputError({
      where,
      received: `no file ${path}`,
      expected: `a folder with ${configFile} and ${tensorFile}, as saveAdapter and peft write them`,
    })
  let json: { [name: string]: unknown } | null
  try {
    json = JSON.parse(files.readText(path)) as typeof json
  } catch (error) {
    throw new InputError(
      { where: path, received: (error as Error).message, expected: 'JSON' },
      { cause: error },
    )
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new InputError({ where: path, received: describe(json), expected: 'a JSON object' })
  const settings = json
  const wrong = (name: string, expected: string) =>
    new InputError({ where: `${path}: ${name}`, received: describe(settings[name]), expected })
  for (const [name, known] of Object.entries(fixed)) {
    const value = settings[name]
    if (value !== undefined && value !== null && !known.includes(value))
      throw wrong(name, known.map((one) => JSON.stringify(one)).join(' or '))
  }
  for (const name of perMap)
    if (Object.keys((settings[name] as object | null | undefined) ?? {}).length > 0)
      throw wrong(name, 'one rank and one alpha for all maps')
  const { r, lora_alpha: alpha, use_rslora: rankStabilised = false, base_model_name_or_path: base } = settings
  if (!(Number.isInteger(r) && (r as number) >= 1 && (r as number) <= 2 ** 16))
    throw wrong('r', 'a whole number, at least 1')
  if (!(typeof alpha === 'number' && alpha > 0 && Number.isFinite(alpha)))
    throw wrong('lora_alpha', 'a number above 0')
  return {
    rank: r as number,
    alpha,
    rankStabilised: Boolean(rankStabilised),
    base: typeof base === 'string' && base !== '' ? base : undefined,
  }
}

/** Of a model's form and some of its values: enough to tell one of the same form from it. */
function digestOfBase({ config, weights }: Gpt<GptParameters>): string {
  const { context: _, window: __, dropout: ___, seed: ____, ...form } = config
  const digest = new Digest().text(JSON.stringify(form))
  const gains = [...weights.blocks.flatMap(({ norm1, norm2 }) => [norm1, norm2]), weights.norm]
  for (const { gain } of gains) digest.numbers(copyValues(gain) as Float32Array)
  const first = weights.blocks[0]
  if (first) digest.numbers(copyValues(first.attention.output.weight) as Float32Array)
  return digest.end()
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column]!
  return result
}

function checkFiles(where: string): Files {
  const files = maybeFiles()
  if (files) return files
  throw new InputError({ where, received: 'a place without files (a browser)', expected: 'Node' })
}
