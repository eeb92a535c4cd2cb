import type * as tf from '@tensorflow/tfjs'

export type SplitName = 'train' | 'validation' | 'test'

/** What one field of an example is: its shape without the batch axis. */
export interface FieldSpec {
  shape: number[]
  dtype: 'float32' | 'int32' | 'bool' | 'string'
  /** Whether the first axis of `shape` is the longest there is: each batch is as long as its own longest asks for. */
  ragged?: boolean
  /** Where x or y is several tensors by name, what each is; `shape` then says how many numbers they have together. */
  parts?: { readonly [part: string]: FieldSpec }
  /** Names of the classes, where a part of y is a class index. */
  classes?: readonly string[]
}

/** Several tensors by name. */
export type NamedTensors = { readonly [part: string]: tf.Tensor }

/** What x and y are: one tensor, or several by name. */
export type Parted = tf.Tensor | NamedTensors

/**
 * Examples as tensors, first axis = the batch: x and y, each one tensor or several by name, and the fields that the data has
 * beside them. Whoever gets it disposes of the tensors.
 */
export type Examples<
  Field extends string = never,
  X extends Parted = tf.Tensor,
  Y extends Parted = tf.Tensor,
> = {
  x: X
  y: Y
  ids: number[]
} & { [field in Field]: tf.Tensor }

/** The values of one example without a tensor; strings where the dtype is 'string'; of several parts one after the other. */
export type ExampleValues<Field extends string = never> = { [field in 'x' | 'y' | Field]: Values }

export type Values = ArrayLike<number> | readonly string[]

/** A better answer to an example, or to the conversation of that id. */
export interface Answered {
  readonly id: number | string
  readonly answer: string
}

/** An example in which other answers stand. */
export interface CorrectedExample {
  /** The example's id. */
  readonly id: number
  /** Its values by field, as a batch has them. */
  readonly values: { readonly [field: string]: ArrayLike<number> }
  /** What the last of the answers stands in place of. */
  readonly before: string
}

/**
 * A fixed number of examples that can be fetched by position. A model never sees positions: everything the user
 * reads or writes is an id, unique over the splits of one source of data.
 */
export interface Dataset<
  Field extends string = never,
  X extends Parted = tf.Tensor,
  Y extends Parted = tf.Tensor,
> {
  readonly name: string
  readonly split: SplitName
  readonly length: number
  readonly x: FieldSpec
  readonly y: FieldSpec
  /** What an example carries beside x and y (a condition, a mask, a length), by name. */
  readonly fields?: { readonly [field in Field]: FieldSpec }
  /** How an x is drawn as an image, [height, width, channels], where it is one. */
  readonly picture?: readonly [number, number, number]
  /** Names of the classes where y is a class index. */
  readonly classes?: readonly string[]
  /** The id of the example at each position. */
  readonly ids: ArrayLike<number>
  /** The position of an id, `undefined` when it is not in this split. */
  positionOf(id: number): number | undefined
  /** The split an id belongs to, over all splits of the source; `undefined` when no split has it. */
  splitOf(id: number): SplitName | undefined
  /** The examples at these positions, in this order. */
  at(positions: ArrayLike<number>): Examples<Field, X, Y>
  /** Begins to read these examples, where data lies on disk: while one batch is computed, the next is read. */
  prefetch?(positions: ArrayLike<number>): void
  /** The values of one example without a tensor, for tables and pictures. */
  valuesAt(position: number): ExampleValues<Field>
  /** How one example reads, where it is made of tokens: the text that the model gets, and what it should give. */
  textAt?(position: number): { x: string; y: string }
  /** How one value of y reads, where that is a token. */
  tokenText?(value: number): string
  /**
   * One example with better answers, all of that example: what `run.correct` asks for, where examples have answers.
   *
   * @throws InputError for ids that are none of its, and answers that do not fit.
   */
  corrected?(answers: readonly Answered[]): CorrectedExample
  /** The source at a position, where the data is a mixture of several. */
  sourceAt?(position: number): string
  /** What `run.json` says of how it was made, beside its shapes: data that JSON can hold. */
  described?(): object
  /** A digest of all values, for `run.json`: the same data gives the same text in any process. */
  digest(): string
  /** The digest where it is known or quick to make; else it is begun, beside other work. */
  maybeDigest?(): string | undefined
  /** The digest, made beside other work. */
  digestSoon?(): Promise<string>
}

/** A dataset, whatever its x and y are. */
export type AnyDataset = Dataset<never, Parted, Parted>
