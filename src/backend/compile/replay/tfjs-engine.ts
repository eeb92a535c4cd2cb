import type * as tf from '@tensorflow/tfjs'

export type Inputs = { [key: string]: tf.Tensor | null | undefined }

export interface TapeNode {
  saved: tf.Tensor[]
}

export interface Scope {
  id: number
  track: Tracked[]
}

/** What the engine writes on a tensor beside its public face. */
export type Tracked = Omit<tf.Tensor, 'id' | 'dataId'> & {
  id: number
  dataId: object
  kept: boolean
  scopeId: number
  isDisposedInternal: boolean
  /** Whose it is, where it has no values of its own. */
  follower?: object | undefined
}

/** The part of tfjs's engine that a function can reach. */
export interface Engine {
  state: {
    activeScope: Scope
    scopeStack: Scope[]
    activeTape: TapeNode[]
    gradientDepth: number
    kernelDepth: number
    tensorInfo: WeakMap<object, unknown>
  }
  runKernel(name: string, inputs: Inputs, attributes?: object): tf.Tensor | tf.Tensor[]
  makeTensor(values: ArrayLike<number>, shape: number[], dtype?: tf.DataType, backend?: unknown): tf.Tensor
  makeVariable(...given: unknown[]): tf.Variable
  disposeTensor(tensor: tf.Tensor): void
  clone(tensor: tf.Tensor): tf.Tensor
  customGrad(f: Function): (...inputs: tf.Tensor[]) => tf.Tensor
  runKernelFunc(given: { forwardFunc?: Function }): tf.Tensor | tf.Tensor[]
  gradients(...given: unknown[]): unknown
  readSync(dataId: object): unknown
  read(dataId: object): Promise<unknown>
  isTapeOn(): boolean
  nextTensorId(): number
  addTapeNode(
    name: string,
    inputs: Inputs,
    outputs: readonly tf.Tensor[],
    gradient: null,
    saved: readonly tf.Tensor[],
    attributes: object | undefined,
  ): void
}

/** What is patched for the time of a call. */
export const patched = [
  'runKernel',
  'makeTensor',
  'makeVariable',
  'disposeTensor',
  'clone',
  'customGrad',
  'runKernelFunc',
  'gradients',
  'readSync',
  'read',
] as const

export type Original = Pick<Engine, (typeof patched)[number]> & { assign: tf.Variable['assign'] }

/** What stands for the values of a tensor that has none. */
export class Symbolic {
  readonly slot: number
  constructor(slot: number) {
    this.slot = slot
  }
}
