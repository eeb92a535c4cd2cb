import type * as tf from '@tensorflow/tfjs'

/** Tensors by parameter name, or by slot name. */
export type Tensors = { [name: string]: tf.Tensor }

/** What an optimizer is given for one parameter in one iteration. */
export interface UpdateInput {
  /** The parameter's name: its place in the model, the same in every process. */
  name: string
  value: tf.Tensor
  gradient: tf.Tensor
  /** As `init` or the last `update` returned them. */
  slots: Tensors
  /** The scheduled rate; a tensor, so that a recorded graph need not be built anew when it changes. */
  learningRate: tf.Scalar
  /** float32, counts from 1. */
  iteration: tf.Scalar
}

/**
 * An optimizer as a value: pure functions from tensors to tensors, so the same code runs op by op, recorded, or
 * compiled into one graph. Its state is data by name, so that a snapshot can hold it.
 */
export interface Optimizer {
  /** E.g. 'adam'. */
  readonly name: string
  /** The peak rate; a schedule scales the rate that `update` receives. */
  readonly learningRate: number
  /** The settings it was made with, plain data: part of the run's record. */
  readonly settings: { readonly [name: string]: unknown }
  /** Slots of one parameter, e.g. `{ m: zeros, v: zeros }`; fresh tensors, which the caller disposes. */
  init(parameter: tf.Tensor, name: string): Tensors
  /**
   * How large, at most, one update can make a value or an entry of a slot: given gradients, and values and slots, of which no
   * entry is larger than `gradient` and `largest`. Missing, or Infinity: it cannot be said, as where there may be a division by 0;
   * then what each update writes is looked at.
   */
  reach?(at: { gradient: number; largest: number; learningRate: number }): number
  /** The new value and slots of one parameter. No value may be read inside; inputs are left alone. */
  update(at: UpdateInput): { value: tf.Tensor; slots: Tensors }
}
