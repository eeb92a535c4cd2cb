import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../../errors.js'
import type { Files } from '../../store/files.js'
import { openFolder } from '../../train/disk/load.js'
import { flattenParameters } from '../../train/model/own.js'
import { createAdapters, LoraGpt, placesByName } from '../adapters/lora.js'
import { Gpt, type GptParameters, type GptRecord } from '../models/gpt.js'
import { checkGptOf } from '../parts/config.js'
import { openTokenizer } from '../tokenizers/open.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { smolLM2 } from './smollm2.js'

interface Opened {
  model: Gpt<GptParameters>
  tokenizer: Tokenizer | undefined
  template: string | undefined
}

/** The model of a run, as its newest snapshot has it, with the tokenizer and the template of its data. */
export async function loadRunModel(
  files: Files,
  folder: string,
  where: string,
  how: {
    loadModel: (from: string, options: { context?: number }) => Promise<Opened>
    context: number | undefined
  },
): Promise<Opened> {
  const saved = openFolder(files, folder, where)
  const record = saved.file.model as GptRecord | undefined
  if (record?.kind !== 'gpt' || typeof record.config !== 'object')
    throw new InputError({
      where,
      received: `a run of ${record === undefined ? 'a model that it says nothing of' : describe(record)}`,
      expected: 'a run that trained a model of gpt, loadModel, smolLM2 or lora',
      fix: "saveModel(run.model, 'models/mine', { tokenizer, template }) writes one that is opened by itself.",
    })
  const { origin, lora } = record
  const config = checkGptOf(record.config, where)
  if (
    lora &&
    !(Number.isInteger(lora.rank) && lora.rank >= 1 && lora.alpha > 0 && Array.isArray(lora.places))
  )
    throw new InputError({
      where: `${where}: run.json, model.lora`,
      received: describe(lora),
      expected: 'rank, alpha and places as gradbook writes them',
    })
  const { context = config.context } = how
  if (!(Number.isInteger(context) && context >= 1 && context <= config.context))
    throw new InputError({
      where: `${where}: context`,
      received: describe(context),
      expected: `a whole number up to ${config.context}, that of the run's model`,
    })
  const base =
    origin === undefined
      ? undefined
      : await (origin === 'smollm2' ? smolLM2({ context }) : how.loadModel(origin, { context }))
  if (lora && !base)
    throw new InputError({
      where,
      received: 'a run of adapters beside weights that no file has',
      expected: 'adapters on a model of loadModel or smolLM2',
      fix: "saveModel(run.model.merge(), 'models/mine', { tokenizer, template }) in the notebook, and open that.",
    })
  const { data = {} } = saved.file as { data?: { tokenizer?: unknown; template?: unknown } }
  const tokenizer =
    base?.tokenizer ??
    (data.tokenizer === undefined
      ? undefined
      : await openTokenizer(data.tokenizer, files.join(folder, 'run.json')))
  const template = typeof data.template === 'string' ? data.template : base?.template
  const plain = base?.model ?? Gpt.blank(config.positions === 'rotary' ? { ...config, context } : config)
  const values = saved.decoded().snapshot.tensors.parameters
  const take = (model: Gpt): void => {
    for (const { name, variable } of flattenParameters(model.parameters).parameters) {
      const found = values[name]
      if (found?.shape.join() !== variable.shape.join())
        throw new InputError({
          where,
          received: `a snapshot in which ${name} is ${found ? `[${found.shape.join(', ')}]` : 'not there'}`,
          expected: `[${variable.shape.join(', ')}], as the model of the run has it`,
        })
      tf.tidy(() => variable.assign(tf.tensor(found.values as Float32Array, variable.shape)))
    }
  }
  if (!lora) {
    take(plain)
    return { model: plain, tokenizer, template }
  }
  const known = placesByName(plain)
  const places = lora.places.map((name) => {
    const place = known.get(name)
    if (place) return place
    throw new InputError({ where, received: `an adapter of ${name}`, expected: `one of a map of ${origin}` })
  })
  const { rank, alpha, rankStabilised } = lora
  const tuned = new LoraGpt(plain, { rank, alpha, rankStabilised, places }, createAdapters(places, rank, 0))
  take(tuned)
  const merged = tuned.merge()
  tuned.dispose()
  plain.dispose()
  return { model: merged, tokenizer, template }
}
