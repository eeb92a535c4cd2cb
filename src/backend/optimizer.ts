import type * as tf from '@tensorflow/tfjs'

/** Tensors by parameter name. */
export type Tensors = { [parameter: string]: tf.Tensor }

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
  /** Slots of one parameter, e.g. `{ m: zeros, v: zeros }`; fresh tensors. */
  init(parameter: tf.Tensor, name: string): Tensors
  /**
   * The new value and slots of one parameter.
   * `iteration` is a float32 scalar that counts from 1; `learningRate` a float32 scalar. No value may be read inside.
   */
  update(at: {
    name: string
    value: tf.Tensor
    gradient: tf.Tensor
    slots: Tensors
    learningRate: tf.Scalar
    iteration: tf.Scalar
  }): { value: tf.Tensor; slots: Tensors }
}
