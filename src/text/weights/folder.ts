import { describe, InputError } from '../../errors.js'
import { maybeFiles, type Files } from '../../store/files.js'
import { decodeTensors, encodeTensors, type StoredTensor } from '../../store/safetensors.js'
import { named } from '../../suggest.js'
import { maybeUnfinished } from '../../whole-file.js'
import { LoraGpt } from '../adapters/lora.js'
import { checkGptOf } from '../parts/config.js'
import { Gpt, type GptParameters } from '../models/gpt.js'
import { openTokenizer } from '../tokenizers/open.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { loadGguf } from './gguf.js'
import { floatsOf } from '../quantised/half.js'
import { checkActivations, notHeld, type Activations } from './held.js'
import { ConfigFile, layoutFor, layouts } from './layouts.js'
import { modelFrom, shapeInFile, valuesInFile } from './place.js'
import { loadRunModel } from './run-model.js'

/** Where `transformers` looks for the template of a model's conversations. */
const templateFile = 'chat_template.jinja'

/**
 * Writes a model as Hugging Face lays models out: `config.json`, `model.safetensors` and, with a tokenizer,
 * `tokenizer.json`; with a template of its conversations `chat_template.jinja`. Python's `transformers` opens it: `AutoModelForCausalLM.from_pretrained(folder)`.
 *
 * @throws InputError for a form that none of the families known here has (docs/text.md lists them), and where the folder
 *   has other files.
 * @example saveModel(gpt({ vocabulary: 65, context: 64 }), 'models/small')
 */
export function saveModel(
  model: Gpt,
  folder: string,
  options: { tokenizer?: Tokenizer | undefined; template?: string | undefined } = {},
): void {
  const where = 'saveModel(model, folder)'
  const { tokenizer, template } = named(options, ['tokenizer', 'template'], where)
  if (!(model instanceof Gpt))
    throw new InputError({ where, received: describe(model), expected: 'a model of gpt or loadModel' })
  if (model instanceof LoraGpt)
    throw new InputError({
      where,
      received: 'a model with adapters beside its weights',
      expected: 'whole weights',
      fix: 'saveModel(model.merge(), folder), or saveAdapter(model, folder) for the adapters alone.',
    })
  const files = checkFiles(where)
  const known = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json', templateFile]
  const other = files.list(folder).find((file) => !known.includes(maybeUnfinished(file) ?? file))
  if (other !== undefined)
    throw new InputError({
      where,
      received: `the folder '${folder}' with '${other}' in it`,
      expected: 'a new folder, an empty one, or one that a model was saved in',
    })
  const layout = layoutFor(model.config, where)
  const tensors: { [name: string]: StoredTensor } = {}
  for (const entry of layout.entries(model.config, model.weights))
    tensors[entry.name] = { shape: shapeInFile(entry), values: valuesInFile(entry) }
  if (layout.type === 'gpt2') addBiases(tensors)
  const config = {
    architectures: [layout.architecture],
    model_type: layout.type,
    torch_dtype: 'float32',
    bos_token_id: null,
    eos_token_id: tokenizer?.special['<|endoftext|>'] ?? null,
    ...layout.write(model.config),
  }
  const write = (file: string, content: string | Uint8Array) => files.write(files.join(folder, file), content)
  write('model.safetensors', encodeTensors({ tensors, metadata: { format: 'pt' } }))
  if (tokenizer) {
    write('tokenizer.json', JSON.stringify(tokenizer.toJSON()))
    write('tokenizer_config.json', JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast' }))
  }
  if (template !== undefined) write(templateFile, template)
  else files.removeFile(files.join(folder, templateFile))
  write('config.json', `${JSON.stringify(config, null, 2)}\n`)
}

/** GPT-2 of transformers has a bias behind each map and norm: zeros where the model has none. */
function addBiases(tensors: { [name: string]: StoredTensor }): void {
  for (const [name, { shape }] of Object.entries(tensors)) {
    const bias = name.replace(/\.weight$/, '.bias')
    if (/\.(ln_\w+|c_\w+)\.weight$/.test(name) && !tensors[bias])
      tensors[bias] = { shape: [shape.at(-1)!], values: new Float32Array(shape.at(-1)!) }
  }
}

/**
 * Opens a model: a folder in the layout of Hugging Face that `saveModel` wrote or that was published (the families gpt2, llama,
 * qwen2 and qwen3; float32, float16 or bfloat16 in one or several safetensors files), or a GGUF file of the last three. With
 * it come its tokenizer and the template of its conversations, where there are such. A model of a GGUF file of few bits writes with
 * its weights as they are; all others are float32, and so is that one when it is trained.
 *
 * The folder of a run is one too: the model as the run's newest snapshot has it, adapters merged into the weights that they were trained
 * on, which are opened from where they were.
 *
 * @param options.context a smaller context than the model's own: fewer positions to keep room for.
 * @param options.activations for a GGUF file of few bits: 'int8' rounds what is multiplied with its weights to 8 bits, as llama.cpp
 *   does; quicker, and not quite the same. Default: 'float32'.
 * @throws InputError for another family, a file that is damaged or does not fit; it names the file.
 * @example const { model, tokenizer } = await loadModel('models/small')
 */
export async function loadModel(
  folder: string,
  options: { context?: number; activations?: Activations } = {},
): Promise<{ model: Gpt<GptParameters>; tokenizer: Tokenizer | undefined; template: string | undefined }> {
  const where = `loadModel('${folder}')`
  const { context, activations } = named(options, ['context', 'activations'], 'loadModel(folder, options)')
  checkActivations(activations, 'loadModel(folder, options)')
  const files = checkFiles(where)
  if (folder.endsWith('.gguf')) {
    if (files.exists(folder)) return loadGguf(files, folder, { context, activations })
    throw new InputError({ where, received: 'no file of this name', expected: 'a GGUF file' })
  }
  if (!files.exists(files.join(folder, 'config.json')) && files.exists(files.join(folder, 'run.json')))
    return loadRunModel(files, folder, where, { loadModel, context })
  if (!files.exists(files.join(folder, 'config.json')))
    throw new InputError({
      where,
      received: files.exists(folder) ? 'a folder without config.json' : 'no folder of this name',
      expected: 'config.json and model.safetensors, as saveModel and Hugging Face write them',
    })
  if (activations === 'int8') throw notHeld(where)
  const json = readJson(files, files.join(folder, 'config.json'), where)
  const layout = layouts.find(({ type }) => type === json.model_type)
  if (!layout)
    throw new InputError({
      where: `${where}: model_type`,
      received: describe(json.model_type),
      expected: `one of ${layouts.map(({ type }) => `'${type}'`).join(', ')}`,
    })
  const config = layout.read(new ConfigFile(json, `${where}: config.json`))
  if (context !== undefined && !(Number.isInteger(context) && context >= 1 && context <= config.context))
    throw new InputError({
      where: `${where}: context`,
      received: describe(context),
      expected: `a whole number up to ${config.context}, the model's own`,
    })
  if (context !== undefined && config.positions === 'rotary') config.context = context
  const tensors = readTensors(files, folder, where)
  const model = modelFrom(
    checkGptOf(config, where),
    layout,
    (name) => {
      // GPT-2 was published without the prefix.
      const stored = tensors(name) ?? tensors(name.replace(/^transformer\./, ''))
      return stored && { shape: stored.shape, values: () => floatsOf(stored) }
    },
    { file: 'model.safetensors', most: sizeOfWeights(files, folder) / 2 },
    where,
  )
  model.origin = files.at(folder)
  const tokenizerFile = files.join(folder, 'tokenizer.json')
  const tokenizer = files.exists(tokenizerFile)
    ? await openTokenizer(readJson(files, tokenizerFile, where), tokenizerFile)
    : undefined
  return { model, tokenizer, template: maybeTemplate(files, folder, where) }
}

/** The tensors of `model.safetensors`, or of the several files that an index lists, each read when it is first asked for. */
function readTensors(
  files: Files,
  folder: string,
  where: string,
): (name: string) => StoredTensor | undefined {
  const opened = new Map<string, { [name: string]: StoredTensor }>()
  const open = (file: string) => {
    const path = files.join(folder, file)
    let tensors = opened.get(file)
    if (!tensors) opened.set(file, (tensors = decodeTensors(files.read(path), path).tensors))
    return tensors
  }
  const index = files.join(folder, 'model.safetensors.index.json')
  if (!files.exists(files.join(folder, 'model.safetensors')) && files.exists(index)) {
    const { weight_map: map } = readJson(files, index, where) as { weight_map?: unknown }
    if (typeof map !== 'object' || map === null)
      throw new InputError({
        where,
        received: `${index} without weight_map`,
        expected: 'a file for each tensor',
      })
    return (name) => {
      const file = (map as { [name: string]: unknown })[name]
      if (file === undefined) return undefined
      // A name of a stranger leads to no other folder.
      if (typeof file !== 'string' || !/^[\w.-]+\.safetensors$/.test(file))
        throw new InputError({
          where,
          received: `${describe(file)} in ${index}`,
          expected: 'names of files beside it',
        })
      return open(file)[name]
    }
  }
  if (!files.exists(files.join(folder, 'model.safetensors')))
    throw new InputError({
      where,
      received: 'a folder without model.safetensors',
      expected: 'the weights in that file',
    })
  return (name) => {
    const tensors = open('model.safetensors')
    return Object.hasOwn(tensors, name) ? tensors[name] : undefined
  }
}

/** The template of its conversations: a file of its own, or what `tokenizer_config.json` says. */
function maybeTemplate(files: Files, folder: string, where: string): string | undefined {
  const alone = files.join(folder, templateFile)
  if (files.exists(alone)) return files.readText(alone)
  const config = files.join(folder, 'tokenizer_config.json')
  const template = files.exists(config) ? readJson(files, config, where).chat_template : undefined
  return typeof template === 'string' ? template : undefined
}

/** Bytes of all its safetensors files. */
function sizeOfWeights(files: Files, folder: string): number {
  const names = files.list(folder).filter((file) => file.endsWith('.safetensors'))
  return names.reduce((sum, file) => sum + files.size(files.join(folder, file)), 0)
}

function readJson(files: Files, path: string, where: string): { [name: string]: unknown } {
  let value: unknown
  try {
    value = JSON.parse(files.readText(path))
  } catch (error) {
    throw new InputError(
      { where, received: `${path}: ${(error as Error).message}`, expected: 'JSON' },
      { cause: error },
    )
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as { [name: string]: unknown }
  throw new InputError({ where, received: `${path} with ${describe(value)}`, expected: 'a JSON object' })
}

function checkFiles(where: string): Files {
  const files = maybeFiles()
  if (files) return files
  throw new InputError({ where, received: 'a place without files (a browser)', expected: 'Node' })
}
