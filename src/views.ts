/**
 * Results as plain data, each with a `kind`: what `train/`, `mistakes/` and `data/` give and `show/` draws. Neither side
 * imports the other; this file is what they agree on.
 */
import type { SplitName } from './data/dataset.js'

/** A recorded change while training: drawn on the chart, saved with the run, replayable. */
export interface Adjustment {
  /** The iteration after which it holds. */
  at: number
  /** 'learningRate', 'batchSize', 'exclude', 'reweight', 'freeze', … */
  what: string
  from: unknown
  to: unknown
  why?: string
}

export interface StopReason {
  kind: 'target' | 'iterations' | 'time' | 'plateau' | 'diverged' | 'notFinite' | 'interrupted'
  iteration: number
  message: string
  /** Where it came from, of a value that is not finite: ids, first layer, gradient norm, … */
  notFinite?: object
}

/** An iteration whose loss stood out from those before it, with the examples of its batch. */
export interface SpikeView {
  iteration: number
  loss: number
  /** What the iterations before it led to expect. */
  expected: number
  ids: readonly number[]
}

/** Loss and metrics on held-out data after `iteration` updates. */
export type EvaluationRow<Metrics extends string = string> = {
  iteration: number
  loss: number
} & { [metric in Metrics]: number }

/** What a model said of itself at an evaluation, as `evaluated` of the model returned it. */
export interface Note {
  readonly iteration: number
  readonly [name: string]: unknown
}

/** A look, on purpose, at data that is not evaluated while steering: the test split, at the end. */
export type LookRow<Metrics extends string = string> = {
  iteration: number
  /** The data's name. */
  data: string
  split: SplitName
  /** Whether the averages of the parameters stood in their place. */
  ema: boolean
  loss: number
} & { [metric in Metrics]: string extends Metrics ? unknown : number }

/** The history in columns of equal length; views of the run's own memory, not copies: read, don't keep. */
export interface HistoryColumns {
  length: number
  iteration: ArrayLike<number>
  loss: ArrayLike<number>
  learningRate: ArrayLike<number>
  gradientNorm: ArrayLike<number>
  milliseconds: ArrayLike<number>
}

/** The losses of iterations that were taken back. */
export interface UndoneView {
  iteration: readonly number[]
  loss: readonly number[]
}

/** A run as it stands, for its chart and its progress bar. */
export interface RunView {
  kind: 'run'
  name: string
  /** True while it trains: drawn quickly and without a PNG, to be updated soon. */
  live: boolean
  iteration: number
  /** Where the current call began, and where it will end if nothing stops it. */
  from: number
  to?: number
  history: HistoryColumns
  evaluations: readonly EvaluationRow[]
  adjustments: readonly Adjustment[]
  /** Names of the metrics in `evaluations`, without the loss. */
  metrics: readonly string[]
  stopReason: StopReason | null
  /** Of the current call. */
  milliseconds: number
  /** Batches to look at: their loss stood out. */
  spikes?: readonly SpikeView[]
  /** The worst examples of the newest evaluation. */
  mistakes?: MistakesView
  /** What `undo` took back and `redo` would bring again. */
  undone?: UndoneView
  /** Branches share the chart: other runs drawn thinner. */
  beside?: readonly { name: string; history: HistoryColumns; evaluations: readonly EvaluationRow[] }[]
}

/** One input as it can be drawn: an image when `picture` says how, else numbers or text. */
export interface InputView {
  values?: ArrayLike<number>
  shape?: readonly number[]
  /** [height, width, channels] of values in 0..1. */
  picture?: readonly [number, number, number]
  text?: string
  /** Where the input is several tensors, the values of each by name. */
  parts?: { readonly [part: string]: { values: ArrayLike<number>; shape: readonly number[] } }
}

export interface ExampleRow {
  id: number
  split: SplitName
  input: InputView
  /** Class name, number or text. */
  expected: string | number
}

/** How little the tokens of a text were expected, one after the other. */
export type TokensView = readonly TokenRow[] & { readonly kind: 'tokens' }

export interface TokenRow {
  token: string
  /** In nats. */
  loss: number
  /** What was most expected in its place. */
  best?: readonly { token: string; probability: number }[]
}

/** A conversation, up to where it stands. */
export interface ChatView {
  kind: 'chat'
  /** Whether an answer is being written. */
  live: boolean
  /** What stands before it. */
  system?: string | undefined
  turns: readonly ChatTurn[]
}

export interface ChatTurn {
  role: string
  content: string
  /** Where several answer the same: which one, of how many. */
  branch?: readonly [number, number] | undefined
  rating?: 'up' | 'down' | undefined
  /** How an answer ended. */
  end?: 'turn' | 'tokens' | 'stopped' | 'written' | undefined
  /** How many turns before it had no room in the context. */
  left?: number | undefined
}

/** What a model wrote at one evaluation. */
export interface SampleRow {
  iteration: number
  loss: number
  /** What it wrote behind each prompt. */
  texts: readonly string[]
  /** The share of the words it wrote, of three letters or more, that are words of the text it learns from, where that is known. */
  words?: number
}

/** What a model wrote from the same prompts at each evaluation. */
export interface SamplesView {
  kind: 'samples'
  prompts: readonly string[]
  rows: readonly SampleRow[]
}

/** What a model answered to one prompt while it was trained on rewards. */
export interface RolloutsView {
  kind: 'rollouts'
  prompt: string
  rows: readonly {
    iteration: number
    answers: readonly { text: string; reward: number }[]
  }[]
}

/** One line over iterations. */
export interface CurveLine {
  name: string
  /** Whether it was measured on held-out data, else on the batch of the iteration. */
  heldOut: boolean
  iterations: readonly number[]
  values: readonly number[]
}

/** What an objective says of its iterations beside the loss. */
export interface CurvesView {
  kind: 'curves'
  title: string
  /** What is worth knowing of them. */
  notes: readonly string[]
  panels: readonly { title: string; lines: readonly CurveLine[] }[]
}

/** How some tokens did that have something in common. Losses in nats. */
export interface TokenSlice {
  slice: string
  count: number
  /** The mean loss, and its interval, which holds the true mean 19 times in 20. */
  loss: number
  from: number
  to: number
  /** Of the loss of all tokens together. */
  share: number
}

/** The losses of many tokens by what kind of token it is, how often it comes, and where in the context it stands. */
export interface TokenSlicesView {
  kind: 'tokenSlices'
  /** How many tokens were looked at, and their mean loss. */
  count: number
  loss: number
  classes: readonly TokenSlice[]
  frequencies: readonly TokenSlice[]
  /** By the number of tokens before, `tokens` from the first to the last. */
  positions: readonly (TokenSlice & { tokens: readonly [first: number, last: number] })[]
}

/** Which tokens of a text heads look at: weights[head][from][to], rows that add up to 1. */
export interface AttentionView {
  kind: 'attention'
  layer: number
  heads: readonly number[]
  tokens: readonly string[]
  weights: readonly (readonly ArrayLike<number>[])[]
}

/** What each layer of a model would say comes next. */
export interface LensView {
  kind: 'lens'
  /** The tokens that were read. */
  tokens: readonly string[]
  /** One row a layer, from the embedding on; `places[i]` stands behind `tokens[i]`. */
  layers: readonly {
    name: string
    places: readonly {
      best: readonly { token: string; probability: number }[]
      /** In nats, of the token that does come next; missing behind the last. */
      loss?: number
    }[]
  }[]
}

/** The share of right answers in one part of the questions, with the interval that holds the true one 19 times in 20. */
export interface AnswerSlice {
  slice: string
  /** Questions. */
  count: number
  right: number
  from: number
  to: number
}

/** One answer of a model. */
export interface AnswerText {
  text: string
  right: boolean
}

/** A question with what a model answered. */
export interface AnswerRow {
  id: string
  slice: string
  /** Questions that are ways of asking the same have the same. */
  intent?: string
  /** Whether the right answer is to refuse. */
  refuse: boolean
  /** Its last turn; `messages` has all of them. */
  question: string
  messages?: readonly { readonly role: string; readonly content: string }[]
  expected: string
  /** Written, or chosen by its likelihood. */
  how: 'text' | 'likelihood'
  /** The share of its answers that are right. */
  right: number
  /** One a sample. */
  answers: readonly AnswerText[]
  choices?: readonly string[]
  /** Of each choice, in nats. */
  logLikelihoods?: readonly number[]
}

/** What a model answered, and how much of it is right. */
export interface AnswersView {
  kind: 'answers'
  name: string
  /** How often each question was asked. */
  samples: number
  /** Questions. */
  count: number
  right: number
  from: number
  to: number
  slices: readonly AnswerSlice[]
  rows: readonly AnswerRow[]
}

/** The same questions answered twice: by two models, or by one at two points. */
export interface AnswersComparisonView {
  kind: 'answersComparison'
  names: readonly [string, string]
  /** The shares that are right. */
  right: readonly [number, number]
  /** Questions that were wrong and are right, and the other way round. */
  mended: number
  broken: number
  /** How likely a difference as large is by chance, of those that changed (exact sign test). */
  chance: number
  rows: readonly {
    id: string
    question: string
    expected: string
    answers: readonly [string, string]
    change: 'mended' | 'broken' | 'right' | 'wrong'
    /** Whether the two are the same text. */
    same: boolean
  }[]
}

/** A share of some choices, with the interval that holds the true one 19 times in 20. */
export interface LeaningShare {
  count: number
  share: number
  from: number
  to: number
}

/** How often two judgements of the same pairs are the same, and Cohen's kappa. */
export interface AgreementRow {
  people: readonly [string, string]
  count: number
  same: number
  from: number
  to: number
  kappa: number
}

/** What people said of pairs of answers: how they agree, and what their choices lean to. */
export interface JudgementsView {
  kind: 'judgements'
  count: number
  /** Pairs to learn from. */
  pairs: number
  people: readonly {
    name: string
    sittings: number
    judged: number
    bothBad: number
    written: number
    /** Of clear choices, those of the left answer, and those of the longer one. */
    left: LeaningShare
    longer: LeaningShare
    /** What was said of the same pair in one sitting and in the next. */
    again?: Omit<AgreementRow, 'people'>
  }[]
  agreement: readonly AgreementRow[]
}

/** A power law of the loss, L(N) = E + A N^-alpha, fitted to runs of several sizes. */
export interface ScalingView {
  kind: 'scaling'
  /** What N counts, e.g. 'parameters'. */
  of: string
  /** The loss that no size would go below. */
  E: number
  A: number
  alpha: number
  points: readonly { size: number; loss: number }[]
  /** What the law says of sizes, with an interval for a run of that size (19 times in 20); NaN where there are too few points. */
  curve: readonly { size: number; loss: number; from: number; to: number }[]
  predictions: readonly { size: number; loss: number; from: number; to: number }[]
}

/** Many trainings of one kind, over a space of parameters. */
export interface StudyView {
  kind: 'study'
  /** '' where it has none. */
  name: string
  objectives: readonly { name: string; larger: boolean }[]
  parameters: readonly { name: string; kind: string; log: boolean }[]
  trials: readonly StudyTrialView[]
  /** Whether trials are made now. */
  running: boolean
  /** How much each parameter decides about which trials are the best, as shares of 1; missing where too few are complete. */
  importance?: readonly { parameter: string; importance: number }[]
}

export interface StudyTrialView {
  number: number
  state: 'running' | 'waiting' | 'complete' | 'pruned' | 'failed'
  parameters: { readonly [name: string]: unknown }
  /** The objectives by name; of a trial that is not complete, what it has. */
  values: { readonly [objective: string]: number }
  /** The best one; of several objectives, one to which none is better in all. */
  best: boolean
  /** Of its last evaluation. */
  iteration: number
  milliseconds: number
  /** The interval of each objective's mean over its seeds, 19 times in 20, where it has several. */
  spread?: { readonly [objective: string]: { from: number; to: number } }
  /** The first objective by iteration, with its first seed. */
  reports?: readonly { iteration: number; value: number }[]
  /** The trial that it goes on from. */
  from?: number
  message?: string
}

/** A text as its tokens. */
export interface TokenizationView {
  kind: 'tokenization'
  /** How many tokens the tokenizer has, and how many of them the text uses. */
  vocabulary: number
  used: number
  /** Of the text in UTF-8. */
  bytes: number
  bytesPerToken: number
  tokens: readonly { id: number; token: string }[]
  /** The longest first, with how often each comes. */
  longest: readonly { id: number; token: string; bytes: number; count: number }[]
}

/** Some examples of a dataset. */
export interface ExamplesView {
  kind: 'examples'
  title?: string
  rows: readonly ExampleRow[]
}

/** One example with what was expected and what was predicted. */
export interface Mistake extends ExampleRow {
  loss: number
  predicted: string | number
  /** Of the predicted class, where the model gives probabilities. */
  probability?: number
  /** The example token by token, where it is made of them. */
  tokens?: readonly TokenRow[]
  [more: string]: unknown
}

export interface MistakesView {
  kind: 'mistakes'
  of: 'train' | 'evaluation'
  by: string
  iteration: number
  /** How many examples were looked at, and how many of them were wrong (classification). */
  examined: number
  wrong?: number
  /** Where not all were looked at: which were. */
  sample?: string
  rows: readonly Mistake[]
}

export interface ConfusionView {
  kind: 'confusion'
  iteration: number
  split: SplitName
  labels: readonly string[]
  /** counts[expected][predicted] */
  counts: readonly (readonly number[])[]
}

/** One parameter in one iteration. Norms are Euclidean. */
export interface ParameterRow {
  name: string
  shape: readonly number[]
  norm: number
  gradientNorm: number
  updateNorm: number
}

/** What `iterate(1, { inspect: true })` shows; its tensors hang on the result object itself. */
export interface IterationView {
  kind: 'iteration'
  iteration: number
  loss: number
  learningRate: number
  gradientNorm: number
  examples: readonly Mistake[]
  parameters: readonly ParameterRow[]
  /** Share of units that never fired, or sat at the flat end of their activation, by layer. */
  activations?: readonly { layer: string; activation: string; dead: number; saturated: number }[]
}

/** What a call that trained did: shown as one line. */
export interface StretchView<Metrics extends string = string> {
  kind: 'stretch'
  run: string
  from: number
  to: number
  loss: number
  milliseconds: number
  evaluation?: EvaluationRow<Metrics>
  stopReason: StopReason | null
}

/** One round each row. */
export interface RoundsView<Metrics extends string = string> {
  kind: 'rounds'
  run: string
  rows: readonly {
    round: number
    subset: string
    from: number
    to: number
    before?: EvaluationRow<Metrics>
    after?: EvaluationRow<Metrics>
    adjustments: readonly Adjustment[]
  }[]
  stopReason: StopReason | null
}

/** What differs between two runs or more. */
export interface ComparisonView {
  kind: 'comparison'
  runs: readonly string[]
  rows: readonly { what: string; values: readonly (string | number | null)[] }[]
  charts?: readonly RunView[]
}

export type View =
  | RunView
  | ExamplesView
  | MistakesView
  | ConfusionView
  | IterationView
  | StretchView
  | RoundsView
  | ComparisonView
  | TokensView
  | TokenizationView
  | SamplesView
  | TokenSlicesView
  | AttentionView
  | LensView
  | ScalingView
  | StudyView
  | ChatView
  | RolloutsView
  | CurvesView
  | AnswersView
  | AnswersComparisonView
  | JudgementsView
