import type * as tf from '@tensorflow/tfjs'
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import type { Dataset, NamedTensors, Parted } from '../../data/dataset.js'
import type { Random } from '../../data/random.js'
import type { EvaluationRow, Note } from '../../views.js'
import type { Held } from '../held/held.js'
import type { Task } from '../loss/task.js'
import type { AnyBatch } from './batch.js'
import type { Said } from './said.js'

/** How one place of an example did. */
export interface PlaceSeen {
  /** What is expected there; below 0 where nothing is. */
  expected: number
  loss: number
  /** What the model takes it for, the most probable first. */
  best: readonly { value: number; probability: number }[]
}

/** What the examples of a batch count: [batch], or of each output its own. */
export type Weights = tf.Tensor1D | NamedTensors

/** What the predictions of one output are. */
export interface OutputKind {
  /** How many classes they are over, where they are. */
  readonly classes?: number
  /** Whether they are the probability of 'yes'. */
  readonly binary?: boolean
}

/** One output of a model of several, with a loss of its own. */
export interface Output extends OutputKind {
  /** By its place in the model. */
  readonly name: string
  readonly lossName: string
  /** What its loss is multiplied with in the whole. */
  readonly weight: number
  /** The shape of what it predicts of one example. */
  readonly shape: readonly (number | null)[]
  /** What its predictions answer; `data`: with the y of this output alone. */
  taskOf(data: Dataset): Task
  /** The name of its part of y, among those that the data has. */
  partIn(parts: readonly string[]): string
}

/** What one forward pass gives. */
export interface Pass {
  /** The mean loss, with what regularizers add when training: what the gradient is taken of. */
  loss: tf.Scalar
  /** [batch]; missing where a loss of one's own gives only the mean. */
  losses?: tf.Tensor1D
  /** What a loss of one's own says beside it. */
  said?: Said
  /** Probabilities where the loss is a cross-entropy, else the model's outputs. Computed when called. */
  predictions?: () => Parted
}

/** A parameter: what the optimizer changes, by its place in the model. */
export interface Parameter {
  readonly name: string
  readonly variable: tf.Variable
  /** Applied to the new value after each update (a layer's kernelConstraint). */
  constrain?(value: tf.Tensor): tf.Tensor
}

export interface Lending {
  /** What the work did to the parameters is the copy's too. */
  keepParameters?: boolean
  /** And what it did to the state beside them. */
  keepHeld?: boolean
  /** Writes down how the lending ends, before it begins, and gives what ends it; by default within a `during`. */
  hold?(finish: () => void): () => void
}

/** Anything with parameters, as a run sees it. */
/** What a model says at an evaluation, if anything: data that JSON can hold. */
export type Noted = void | { readonly [name: string]: unknown }

export interface Trainee {
  /** The model as the user passed it. */
  readonly model: object
  readonly parameters: readonly Parameter[]
  /** Variables that a forward pass changes by itself: the moving averages of batch normalisation, states of recurrent layers. */
  readonly state: readonly Parameter[]
  /** Of the state, that of stateful recurrent layers: each batch goes on from the one before. */
  readonly states?: readonly Parameter[]
  /** Parameters whose layers say now that they are frozen, and weights whose layers say now that they are trained. */
  changedSince?(): { frozen: string[]; thawed: string[] }
  /** What the model holds beside its parameters, and goes back with them. */
  readonly held?: Held
  /** Layers that drop entries while training, with their names. */
  readonly dropouts?: ReadonlyMap<object, string>
  /** Whether the loss is the user's own, which may say more than the loss, by names of its own. */
  readonly saysMore?: boolean
  /** What the loss is called in records. */
  readonly lossName: string
  /** How many classes predictions are over, where they are. */
  readonly classes?: number
  /** Whether predictions are the probability of 'yes'. */
  readonly binary?: boolean
  /** Where the model has several outputs: each of them. Then `classes`, `binary`, `outputs` and `taskOf` say nothing. */
  readonly several?: readonly Output[]
  /** Of a model of one's own with several predictions by name: what each of them is. */
  kindOf?(output: string): OutputKind
  /** Forward and loss, differentiable. `weights` scale the examples' losses. Missing: an own iteration. */
  pass?(batch: AnyBatch, options: { training: boolean; weights?: Weights }): Pass
  /**
   * A copy of a model whose functions know only the original's variables: lends it the copy's values until the
   * function that it gives is called. `parameters[i]` is then differentiated through `through[i]`.
   */
  borrow?: {
    through: readonly tf.Variable[]
    begin(options?: Lending): () => void
    /** What the original's functions see. */
    model: object
    held?: Held
  }
  /** An iteration of the user's own, with its optimizers. */
  iteration?(
    batch: AnyBatch,
    tools: { optimizers: object; iteration: number; random: Random; state: object },
  ): Promise<{ loss: number | tf.Tensor }> | { loss: number | tf.Tensor }
  optimizers?: { readonly [name: string]: Optimizer }
  /** Predictions alone, where the model can give them without a target. */
  predict?(batch: AnyBatch): Parted
  /** The shape of the predictions of one example, where it is known. */
  readonly outputs?: readonly (number | null)[]
  /** What predictions answer, where the model says more of it than its predictions do. */
  taskOf?(data: Dataset): Task
  /** Throws an InputError when a target of the batch is none, and names its example. */
  checkBatch?(batch: AnyBatch, name: string, where: string): void
  /**
   * What the model does after each evaluation; `pause` is awaited now and then, and throws where the user wants to stop. What it
   * returns is kept with the run, `columns` in the evaluation's row; `notes` is what was kept so far.
   */
  evaluated?(row: EvaluationRow, pause: () => Promise<void>, notes: readonly Note[]): Promise<Noted>
  /** How each place of the examples of a batch did, where an example has many (the tokens of a text). */
  places?(batch: AnyBatch): PlaceSeen[][]
  /** Throws an InputError when examples of this kind do not fit; it looks at the first ones. */
  checkData(data: Dataset, where: string): void
  /** A trainee of its own with the same values. */
  copy(): Trainee
}
