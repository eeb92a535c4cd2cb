import type * as tf from '@tensorflow/tfjs'
import type { Dataset } from '../../data/dataset.js'
import { createRandom, type Random } from '../../data/random.js'
import { describe, InputError } from '../../errors.js'
import { meanInterval } from '../../mistakes/interval.js'
import { say } from '../../say.js'
import { named } from '../../suggest.js'
import type { Batch } from '../../train/model/batch.js'
import type { IterationTools, OwnIteration } from '../../train/step/own-iteration.js'
import type { RolloutsView } from '../../views.js'
import type { Gpt } from '../models/gpt.js'
import { checkTokenizer } from '../generation/arguments.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { advantagesOf, type GrpoForm } from './advantages.js'
import type { Charted } from './curves.js'
import { checkModel, type LanguageModel } from './language-model.js'
import { readLikelihoods } from './likelihood.js'
import { PolicyStep, type PolicyPass, type PolicyRows } from './policy-step.js'
import { rewardsOf, type Answered, type Reward } from './rewards.js'
import { drawAnswers, type Rollout } from './rollouts.js'

export interface GrpoOptions<Example = { readonly [field: string]: unknown }> {
  /** How good an answer is. Required. `reward: (completion, prompt, { answer }) => Number(completion) === answer` */
  reward: Reward<Example>
  /** Answers to each prompt, which are compared with each other. Default: 8. `group: 16` */
  group?: number
  /** The most tokens of an answer. Default: 64. `tokens: 8` */
  tokens?: number
  /** What answers are drawn with, and learned at. Default: 1. `temperature: 0.8` */
  temperature?: number
  /** Special tokens and texts that end an answer. Default: '<|endoftext|>' and '<|im_end|>', where the tokenizer has them. `stop: '\n'` */
  stop?: string | readonly string[]
  /** What a nat away from the model as it is now costs, a token. Default: 0.04; 0 keeps no second set of weights. `beta: 0` */
  beta?: number
  /** By how much the probability of a token may move before its gradient is clipped, or how far below and above. Default: 0.2. `clip: [0.2, 0.28]` */
  clip?: number | readonly [below: number, above: number]
  /** Updates with the same answers; beyond the first, clipping matters. Default: 1. `updates: 2` */
  updates?: number
  /**
   * 'unbiased': advantages are not divided by the deviation of their group, nor losses by the length of their answer. 'original':
   * both are, which favours long wrong answers and questions of one outcome. Default: 'unbiased'. `form: 'original'`
   */
  form?: GrpoForm
  /** What else is measured of each answer: columns of the history, never trained on. Default: none. `measures: { length: (text) => text.length }` */
  measures?: { readonly [name: string]: Reward<Example> }
  /** Iterations from one look at the answers to the first prompt to the next, kept in `samples`; 0: none. Default: 10. `watch: 50` */
  watch?: number
}

/** What `grpo` makes of a model. */
export interface Grpo<
  Model extends LanguageModel = LanguageModel,
  Example = { readonly [field: string]: unknown },
>
  extends OwnIteration<Batch<'length' | 'record'>>, Charted {
  readonly parameters: Model['parameters']
  /** The model that is trained. */
  readonly model: Model
  /** The answers to the first prompt, iteration by iteration, with their rewards. */
  readonly samples: RolloutsView
  iteration(batch: Batch<'length' | 'record'>, tools: IterationTools): Promise<GrpoRow>
  /**
   * How good the model is as it stands, on prompts that were set apart: means of the reward and of the measures with intervals that
   * hold the true mean 19 times in 20, and the answers.
   *
   * @param options.temperature default 0: the most probable answer.
   */
  score(data: Dataset, options?: { temperature?: number; seed?: number }): Promise<GrpoScore<Example>>
  copy(): Grpo<LanguageModel, Example>
  /** What `run.json` says of the model that is trained. */
  described(): object | undefined
}

/** One iteration, as the history has it. Measures stand beside, by their names. */
export type GrpoRow = {
  loss: number
  /** Mean over the answers, and their deviation. */
  reward: number
  rewardDeviation: number
  /** Mean over tokens, in nats, to the reference; 0 without one. */
  kl: number
  /** Of the distributions that tokens were drawn from: mean over tokens, in nats. */
  entropy: number
  /** Mean over answers, in tokens, and the share of answers that the model ended itself. */
  length: number
  ended: number
  /** The share of tokens whose gradient was clipped away, over all updates. */
  clipped: number
  /** The share of groups whose answers all had the same reward: they teach nothing. */
  same: number
  [measure: string]: number
}

export interface Score {
  mean: number
  from: number
  to: number
}

export interface GrpoScore<Example = { readonly [field: string]: unknown }> {
  reward: Score
  measures: { [name: string]: Score }
  answers: (Answered<Example> & { id: number; reward: number })[]
}

const where = 'grpo(model, tokenizer, options)'

/** Iterations in a row that teach nothing, before it is said. */
const inVain = 3

/**
 * A model to be trained on rewards by group-relative policy optimisation (Shao et al. 2024, arXiv 2402.03300), without a critic: of
 * several answers to one prompt those above the mean of their group become more probable. By default in the form without the biases
 * of length and deviation (Liu et al. 2025, arXiv 2503.20783).
 *
 * Its data are `prompts`; an iteration draws `group` answers to each prompt of its batch, asks the reward, and makes `updates`
 * updates. What is drawn is keyed by the run's seed and the iteration: the same after undo. A reward that fails leaves the run as it was.
 *
 * @throws InputError for options that do not fit, and in an iteration for a reward that throws or is no finite number.
 * @example
 * const tokenizer = charTokenizer('0123456789+=\n'), model = gpt({ ...presets.tiny, vocabulary: tokenizer.size })
 * const sums = await prompts([{ prompt: '1+2=', answer: 3 }, { prompt: '4+4=', answer: 8 }], tokenizer)
 * const reward = (completion: string, _: string, { answer }: { answer: number }) => Number(completion) === answer
 * const run = train(grpo(model, tokenizer, { reward, tokens: 4, stop: '\n' }), { data: sums, optimizer: adam({ learningRate: 1e-4 }) })
 */
export function grpo<Model extends LanguageModel, Example = { readonly [field: string]: unknown }>(
  model: Model,
  tokenizer: Tokenizer,
  options: GrpoOptions<Example>,
): Grpo<Model, Example> {
  checkModel(model, where)
  checkTokenizer(model as unknown as Gpt, tokenizer, where)
  const settings = checked(options, tokenizer)
  return makeGrpo(model, tokenizer, settings, settings.beta > 0 ? frozenCopy(model) : undefined)
}

type Settings<Example> = ReturnType<typeof checked<Example>>

function makeGrpo<Model extends LanguageModel, Example>(
  model: Model,
  tokenizer: Tokenizer,
  settings: Settings<Example>,
  reference: LanguageModel | undefined,
): Grpo<Model, Example> {
  const { reward, group, beta, form, measures, updates, watch, temperature } = settings
  const drawing = { ...settings.drawing, temperature }
  const step = new PolicyStep(model, settings)
  const watching = new Watching<Example>()
  let vain = 0

  async function answer(asked: readonly Asked<Example>[], at: typeof drawing, random: Random) {
    const rollouts = await drawAnswers(
      model,
      tokenizer,
      asked.map(({ ids }) => ids),
      at,
      random,
    )
    const answers = rollouts.map(({ text }, row): Answered<Example> => {
      const { prompt, example } = asked[row]!
      return { completion: text, prompt, example }
    })
    return { rollouts, answers }
  }

  return {
    model,
    parameters: model.parameters,
    samples: watching.view,
    curves: {
      panels: [
        { title: 'reward', columns: ['reward', 'rewardDeviation'] },
        ...Object.keys(measures).map((name) => ({ title: name, columns: [name] })),
        ...(reference ? [{ title: 'distance from the reference (nats a token)', columns: ['kl'] }] : []),
        { title: 'entropy (nats a token)', columns: ['entropy'] },
        { title: 'length (tokens)', columns: ['length'] },
        { title: 'shares', columns: ['ended', 'clipped', 'same'] },
      ],
      notes: [
        'The reward is what is asked for, not what is meant: read the answers (samples), and measure beside it what is meant.',
        "same: groups of one reward throughout, which teach nothing. clipped: tokens whose probability moved too far for this iteration's answers.",
      ],
    },
    async iteration(batch, { optimizers, iteration, random }) {
      const asked = askedIn<Example>(batch, tokenizer, model.config.context)
      const repeated = asked.flatMap((one) => Array.from({ length: group }, () => one))
      const { rollouts, answers } = await answer(repeated, drawing, random)
      const rewards = await rewardsOf(reward, answers, 'reward')
      const measured: { [name: string]: number } = {}
      for (const [name, measure] of Object.entries(measures))
        measured[name] = meanOf(await rewardsOf(measure, answers, `measures: ${name}`))
      if (watch > 0 && (iteration === 1 || iteration % watch === 0)) {
        watching.first ??= asked[0]!
        const some = Array.from({ length: Math.min(4, group) }, () => watching.first!)
        const seen = await answer(some, drawing, random)
        watching.add(iteration, seen.answers, await rewardsOf(reward, seen.answers, 'reward'))
      }
      const { advantages, same } = advantagesOf(rewards, group, form)
      vain = same === asked.length ? vain + 1 : 0
      if (vain === inVain) sayVain(asked.length, rewards[0]!, temperature, group)
      const rows = rowsOf(repeated, rollouts, advantages, settings, model.config.context)
      if (reference) rows.reference = await readLikelihoods(reference, rows, temperature)
      const passes: Omit<PolicyPass, 'gradients'>[] = []
      // Nothing would be learned, and momentum is no reason to move.
      const made = same === asked.length && beta === 0 ? 0 : updates
      for (let update = 0; update < made; update++) {
        const { gradients, ...pass } = step.run(rows)
        Object.values(optimizers)[0]!.applyGradients(gradients)
        for (const gradient of Object.values(gradients)) gradient.dispose()
        passes.push(pass)
      }
      const tokens = rollouts.reduce((sum, { ids }) => sum + ids.length, 0)
      const mean = meanOf(rewards)
      return {
        loss: passes[0]?.loss ?? 0,
        reward: mean,
        rewardDeviation: Math.sqrt(meanOf(rewards.map((one) => (one - mean) ** 2))),
        kl: reference ? passes[0]!.kl : 0,
        entropy: rollouts.reduce((sum, { entropy }) => sum + entropy, 0) / tokens,
        length: tokens / rollouts.length,
        ended: meanOf(rollouts.map(({ ended }) => Number(ended))),
        clipped: passes.length > 0 ? meanOf(passes.map(({ clipped }) => clipped)) : 0,
        same: same / asked.length,
        ...measured,
      }
    },
    async score(data, { temperature: heat = 0, seed = 0 } = {}) {
      checkPrompts(data, `${where}.score(data)`)
      const random = createRandom(seed)
      const found: GrpoScore<Example>['answers'] = []
      const measured: { [name: string]: number[] } = {}
      for (let from = 0; from < data.length; from += scoredAtOnce) {
        const positions = Array.from(
          { length: Math.min(scoredAtOnce, data.length - from) },
          (_, i) => from + i,
        )
        const batch = data.at(positions) as Batch<'length' | 'record'>
        const asked = askedIn<Example>(batch, tokenizer, model.config.context)
        for (const tensor of [batch.x, batch.y, batch.length, batch.record]) tensor.dispose()
        const { answers } = await answer(asked, { ...drawing, temperature: heat }, random)
        const rewards = await rewardsOf(reward, answers, 'reward')
        for (const [i, one] of answers.entries())
          found.push({ ...one, id: data.ids[from + i]!, reward: rewards[i]! })
        for (const [name, measure] of Object.entries(measures))
          (measured[name] ??= []).push(...(await rewardsOf(measure, answers, `measures: ${name}`)))
      }
      const scored = (values: readonly number[]): Score => {
        const { mean, from, to } = meanInterval(values)
        return { mean, from, to }
      }
      return {
        reward: scored(found.map((one) => one.reward)),
        measures: Object.fromEntries(
          Object.entries(measured).map(([name, values]) => [name, scored(values)]),
        ),
        answers: found,
      }
    },
    checkData: checkPrompts,
    described: () => model.described?.(),
    copy: () => makeGrpo(model.copy(), tokenizer, settings, reference),
  }
}

const scoredAtOnce = 64

/** A prompt of a batch. */
interface Asked<Example> {
  ids: Int32Array
  prompt: string
  example: Example
}

function askedIn<Example>(
  { x, length, record, ids }: { x: tf.Tensor; length: tf.Tensor; record: tf.Tensor; ids: number[] },
  tokenizer: Tokenizer,
  context: number,
): Asked<Example>[] {
  const width = x.shape[1]!
  const tokens = x.dataSync() as Int32Array
  const lengths = length.dataSync()
  const records = record.dataSync() as unknown as string[]
  return ids.map((id, row) => {
    const own = tokens.slice(row * width, row * width + lengths[row]!)
    if (own.length > context)
      throw new InputError({
        where: 'grpo',
        received: `a prompt of ${own.length} tokens, in example ${id}`,
        expected: `at most ${context}, the context of the model`,
      })
    return { ids: own, prompt: tokenizer.decode(own), example: JSON.parse(records[row]!) as Example }
  })
}

/** Prompts and answers as rows of one length, a multiple of 16 where neither they nor the context are shorter: few graphs. */
function rowsOf<Example>(
  asked: readonly Asked<Example>[],
  rollouts: readonly Rollout[],
  advantages: readonly number[],
  { form, drawing }: Settings<Example>,
  context: number,
): PolicyRows {
  const lengths = rollouts.map(({ ids }, row) => asked[row]!.ids.length + ids.length - 1)
  const longest = Math.max(...asked.map(({ ids }) => ids.length)) + drawing.tokens - 1
  const length = Math.min(longest, context, 16 * Math.ceil(Math.max(...lengths) / 16))
  const count = rollouts.length
  const floats = () => new Float32Array(count * length)
  const rows: PolicyRows = {
    x: new Int32Array(count * length),
    y: new Int32Array(count * length).fill(-1),
    drawn: floats(),
    reference: floats(),
    advantages: floats(),
    weights: floats(),
    length,
  }
  for (const [row, { ids, logs }] of rollouts.entries()) {
    const before = asked[row]!.ids
    const start = row * length
    rows.x.set(before, start)
    rows.x.set(ids.slice(0, -1), start + before.length)
    const at = start + before.length - 1
    rows.y.set(ids, at)
    rows.drawn.set(logs, at)
    rows.advantages.fill(advantages[row]!, at, at + ids.length)
    // One number for all answers: none is divided by its own length.
    const share = form === 'original' ? ids.length : drawing.tokens
    rows.weights.fill(1 / (count * share), at, at + ids.length)
  }
  return rows
}

/** The answers to one prompt over iterations. After an undo, those that were taken back give way to the next. */
class Watching<Example> {
  first: Asked<Example> | undefined
  #rows: RolloutsView['rows'] = []
  readonly view: RolloutsView

  constructor() {
    const [rows, prompt] = [() => this.#rows, () => this.first?.prompt ?? '']
    this.view = {
      kind: 'rollouts',
      get prompt() {
        return prompt()
      },
      get rows() {
        return rows()
      },
    }
  }

  add(iteration: number, answers: readonly Answered<Example>[], rewards: readonly number[]): void {
    const row = {
      iteration,
      answers: answers.map(({ completion }, i) => ({ text: completion, reward: rewards[i]! })),
    }
    this.#rows = [...this.#rows.filter((one) => one.iteration < iteration), row]
  }
}

function sayVain(groups: number, reward: number, temperature: number, group: number): void {
  say(
    `In ${inVain} iterations in a row all answers to each of the ${groups} prompts had the same reward (${reward} for the first): answers are compared with others to the same prompt, so there is no gradient and nothing is learned. ` +
      `A higher temperature than ${temperature}, groups larger than ${group}, easier prompts, or a reward for a part of the answer make them differ.`,
  )
}

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

/** A model of the same values that nothing trains. */
function frozenCopy(model: LanguageModel): LanguageModel {
  const copy = model.copy()
  const values = (tree: unknown): tf.Variable[] => {
    if (isVariable(tree)) return [tree]
    return Object.values(tree as object).flatMap(values)
  }
  const from = values(model.parameters)
  for (const [i, variable] of values(copy.parameters).entries()) variable.assign(from[i]!)
  return copy
}

const isVariable = (tree: unknown): tree is tf.Variable =>
  typeof (tree as Partial<tf.Variable>).assign === 'function' && 'dataId' in (tree as object)

/** Throws for data that is not of prompts, as `prompts` makes them. */
function checkPrompts(data: Dataset, at: string): void {
  const { length, record } = (data.fields ?? {}) as { [field: string]: { dtype: string } }
  if (
    data.x.dtype === 'int32' &&
    data.x.shape.length === 1 &&
    length?.dtype === 'int32' &&
    record?.dtype === 'string'
  )
    return
  throw new InputError({
    where: at,
    received: `x of ${data.x.dtype} and shape [${data.x.shape.join(', ')}] in ${data.name}, with ${Object.keys(data.fields ?? {}).join(', ') || 'nothing'} beside`,
    expected: 'prompts',
    fix: "await prompts([{ prompt: '1+2=', answer: 3 }], tokenizer) makes them.",
  })
}

const known = [
  'reward',
  'group',
  'tokens',
  'temperature',
  'stop',
  'beta',
  'clip',
  'updates',
  'form',
  'measures',
  'watch',
]
/** What the history has of every iteration. */
const taken = [
  'iteration',
  'loss',
  'learningRate',
  'gradientNorm',
  'milliseconds',
  'reward',
  'rewardDeviation',
  'kl',
  'entropy',
  'length',
  'ended',
  'clipped',
  'same',
]

function checked<Example>(given: GrpoOptions<Example>, tokenizer: Tokenizer) {
  const options = named(given, known, where)
  const { reward, group = 8, tokens = 64, temperature = 1, beta = 0.04, clip = 0.2, updates = 1 } = options
  const { form = 'unbiased', measures = {}, watch = 10 } = options
  const usual = ['<|endoftext|>', '<|im_end|>'].filter((text) => tokenizer.special[text] !== undefined)
  const stop = options.stop === undefined ? usual : [options.stop].flat()
  const clips = (Array.isArray(clip) ? clip : [clip, clip]) as readonly [number, number]
  const isWhole = (value: number, least: number) => Number.isInteger(value) && value >= least
  const rows: [name: keyof GrpoOptions<Example>, fits: boolean, expected: string][] = [
    ['reward', typeof reward === 'function', 'a function (completion, prompt, example) => number'],
    ['group', isWhole(group, 2), 'a whole number of answers, at least 2: they are compared'],
    ['tokens', isWhole(tokens, 1), 'a whole number, at least 1'],
    [
      'temperature',
      temperature > 0 && Number.isFinite(temperature),
      'a number above 0: answers have to differ',
    ],
    ['stop', stop.every((text) => typeof text === 'string' && text !== ''), 'texts that are not empty'],
    ['beta', beta >= 0 && Number.isFinite(beta), 'a number, at least 0'],
    [
      'clip',
      clips.length === 2 && clips[0] > 0 && clips[0] <= 1 && clips[1] > 0,
      'a number above 0, at most 1, or two: how far below and above',
    ],
    ['updates', isWhole(updates, 1), 'a whole number, at least 1'],
    ['form', form === 'unbiased' || form === 'original', "'unbiased' or 'original'"],
    [
      'measures',
      Object.entries(measures).every(([name, one]) => typeof one === 'function' && !taken.includes(name)),
      `functions by names of their own, none of ${taken.join(', ')}`,
    ],
    ['watch', isWhole(watch, 0), 'a whole number of iterations'],
  ]
  for (const [name, fits, expected] of rows)
    if (!fits)
      throw new InputError({ where: `${where}: ${name}`, received: describe(options[name]), expected })
  return {
    reward,
    group,
    temperature,
    beta,
    clip: clips,
    updates,
    form,
    measures,
    watch,
    drawing: { tokens, stop },
  }
}
