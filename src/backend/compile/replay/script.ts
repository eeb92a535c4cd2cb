import type * as tf from '@tensorflow/tfjs'

/**
 * What a function did with tfjs's engine, in order. A later call that does the same comes to the same, whatever its
 * JavaScript went through: nothing else of it reaches a tensor.
 */

/** A tensor that the function made, counted from 0; below 0 one that it took from around it: -1, -2, … */
export type Ref = number

export interface Made {
  shape: readonly number[]
  dtype: tf.DataType
}

/** Where the engine stood: within the forward pass of a `tf.customGrad`, within a gradient of a gradient. */
interface Depth {
  kernelDepth: number
  gradientDepth: number
}

export interface KernelAct extends Depth {
  kind: 'kernel'
  name: string
  keys: readonly string[]
  /** By place in `keys`; null where an input that may be missing is. */
  inputs: readonly (Ref | null)[]
  /** Whether the inputs came as an array. */
  areListed: boolean
  attributes: { readonly [name: string]: unknown } | undefined
  /** The first tensor that it made, and all of them. */
  first: Ref
  made: readonly Made[]
  isList: boolean
  /** Made by the engine to save a tensor: a clone that a gradient of a gradient goes through. */
  isClone: boolean
}

/** Values that came from JavaScript: a number, an array, random numbers of the host. */
export interface WriteAct {
  kind: 'write'
  made: Made
  first: Ref
  values: ArrayLike<number>
  /** Whether they were others once: then they are an input. */
  varies: boolean
}

export interface AssignAct {
  kind: 'assign'
  variable: Ref
  value: Ref
}

/** The end of a `tf.customGrad`: what its kernels came to has a gradient of its own. */
export interface CustomAct {
  kind: 'custom'
  source: string
}

/** The beginning and the end of a gradient that the function takes itself. */
export interface GradientAct {
  kind: 'gradient'
}

export type Act = KernelAct | WriteAct | AssignAct | CustomAct | GradientAct

/** What a function took from around it: a variable, or a tensor of a shape. */
export interface Leaf extends Made {
  variable: tf.Variable | undefined
  /** The first of those that share their values with it. */
  alias: number
}

export interface Script {
  readonly acts: readonly Act[]
  readonly leaves: readonly Leaf[]
  /** How many of the leaves were known after each act. */
  readonly known: readonly number[]
  readonly result: Ref
  /** Whether it takes gradients itself. */
  readonly hasGradients: boolean
}

export const sameShape = (a: readonly number[], b: readonly number[]): boolean => {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}

/** Whether attributes are the same: numbers, texts, and lists of them. */
export function sameAttributes(
  a: { readonly [name: string]: unknown } | undefined,
  b: { readonly [name: string]: unknown } | undefined,
): boolean {
  if (a === b) return true
  let count = 0
  for (const name in a) {
    if (!sameValue(a[name], b?.[name])) return false
    count++
  }
  for (const _ in b) count--
  return count === 0
}

function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  const isList = Array.isArray(a) || ArrayBuffer.isView(a)
  if (!isList || !(Array.isArray(b) || ArrayBuffer.isView(b))) return false
  const [one, two] = [a, b] as unknown as [ArrayLike<unknown>, ArrayLike<unknown>]
  if (one.length !== two.length) return false
  for (let at = 0; at < one.length; at++) if (!sameValue(one[at], two[at])) return false
  return true
}

/** Lists among attributes belong to whoever passed them. */
export function copyAttributes(
  attributes: { readonly [name: string]: unknown } | undefined,
): { readonly [name: string]: unknown } | undefined {
  if (!attributes) return undefined
  const copy: { [name: string]: unknown } = {}
  for (const name in attributes) {
    const value = attributes[name]
    copy[name] = Array.isArray(value) ? [...value] : value
  }
  return copy
}

/** Whether two lists of numbers are the same to the bit: -0 is not 0, and NaN is NaN. */
export function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++)
    if (a[at] !== b[at] || a[at] === 0) if (!Object.is(a[at], b[at])) return false
  return true
}

const sameMade = (a: Made, b: Made) => a.dtype === b.dtype && sameShape(a.shape, b.shape)

const sameLeaf = (a: Leaf, b: Leaf) => a.variable === b.variable && a.alias === b.alias && sameMade(a, b)

function sameAct(a: Act, b: Act): boolean {
  if (a.kind === 'kernel')
    return (
      b.kind === 'kernel' &&
      a.name === b.name &&
      a.isClone === b.isClone &&
      sameValue(a.inputs, b.inputs) &&
      sameValue(a.keys, b.keys) &&
      a.made.length === b.made.length &&
      a.made.every((made, at) => sameMade(made, b.made[at]!)) &&
      sameAttributes(a.attributes, b.attributes)
    )
  if (a.kind === 'write') return b.kind === 'write' && sameMade(a.made, b.made)
  if (a.kind === 'assign') return b.kind === 'assign' && a.variable === b.variable && a.value === b.value
  if (a.kind === 'custom') return b.kind === 'custom' && a.source === b.source
  return b.kind === a.kind
}

/** How far two scripts go together. */
export function commonLength(a: Script, b: Script): number {
  const most = Math.min(a.acts.length, b.acts.length)
  for (let at = 0; at < most; at++) {
    const known = a.known[at]!
    const before = at === 0 ? 0 : a.known[at - 1]!
    if (known !== b.known[at] || !sameAct(a.acts[at]!, b.acts[at]!)) return at
    for (let leaf = before; leaf < known; leaf++) if (!sameLeaf(a.leaves[leaf]!, b.leaves[leaf]!)) return at
  }
  return most
}
