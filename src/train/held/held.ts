import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../../errors.js'
import { kindOf, placeOf, type Keepable, type KeptContent, type Node } from './kinds.js'

/** A state as it stood: values as they are, objects as nodes. */
export interface Taken {
  readonly root: unknown
  /** Whose it was; missing where it was read from a file. */
  readonly of?: Held
}

export const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null

/**
 * What a model holds beside its parameters: a replay buffer, an environment, a count. Plain data of any nesting, tensors, and
 * objects that say how they are kept. It goes back in place, so that whoever holds a part of it holds what is there now.
 */
export class Held {
  /** As it was passed. */
  readonly root: object

  /** @throws InputError where something in it cannot be kept, with its place. */
  constructor(root: object) {
    if (typeof root !== 'object' || root === null || !isOpen(root))
      throw new InputError({
        where: 'train({ state })',
        received: describe(root),
        expected: 'a plain object of what is kept, by name: { buffer, environment }',
      })
    this.root = root
    this.take()
  }

  take(): Taken {
    return { ...takenOf(this.root), of: this }
  }

  /** Puts back what was taken, here or of another state of the kind. Tensors that leave the state end. */
  restore(taken: Taken): void {
    const before = this.tensors()
    giveBack(this.root, taken, taken.of === this)
    this.endOthers(before)
  }

  tensors(): Set<tf.Tensor> {
    const seen = new Set<unknown>()
    const found = new Set<tf.Tensor>()
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null || seen.has(value)) return
      seen.add(value)
      if (value instanceof tf.Tensor) found.add(value)
      for (const part of kindOf(value)?.parts(value) ?? []) visit(part)
    }
    visit(this.root)
    return found
  }

  /** Its tensors outlive the scope they were made in. */
  keep(): Set<tf.Tensor> {
    const now = this.tensors()
    for (const tensor of now) if (!tensor.kept) tf.keep(tensor)
    return now
  }

  /** Tensors that were in the state and are no more end. */
  endOthers(before: ReadonlySet<tf.Tensor>): void {
    const now = this.keep()
    for (const tensor of before) if (!now.has(tensor) && !tensor.isDisposed) tensor.dispose()
  }

  /** What is wrong with one from a file that is to go back here: tried on a copy. */
  misfit(taken: Taken): string | undefined {
    if (!isNode(taken.root) || taken.root.kind !== kindOf({})) return '.held that is no object'
    const trial = this.copy()
    try {
      trial.restore(taken)
      return undefined
    } catch (error) {
      return (error as Error).message
    } finally {
      tf.dispose([...trial.tensors()])
    }
  }

  /** Another state with the same content. */
  copy(): Held {
    return new Held(giveBack(undefined, this.take(), false) as object)
  }
}

/** Some values as they stand. */
export function takenOf(root: unknown): Taken {
  const nodes = new Map<object, Node>()
  const take = (value: unknown, path: string): unknown => {
    if (typeof value === 'function' || typeof value === 'symbol') throw notKept(value, path)
    if (typeof value !== 'object' || value === null) return value
    const known = nodes.get(value)
    if (known) return known
    const kind = kindOf(value)
    if (!kind) throw notKept(value, path)
    const node: Node = { kind, path, live: value, content: undefined }
    nodes.set(value, node)
    node.content = kind.take(value, path, take)
    return node
  }
  return { root: take(root, '') }
}

/** All objects of a state that was taken, each once. */
function nodesOf({ root }: Taken): Set<Node> {
  const found = new Set<Node>()
  const visit = (value: unknown): void => {
    if (!isNode(value) || found.has(value)) return
    found.add(value)
    value.kind.inside(value.content, visit)
  }
  visit(root)
  return found
}

/** Bytes that one holds beside the one before it. */
export function bytesOf(taken: Taken, before: Taken | undefined): number {
  const snapshots = new Map<object, unknown>()
  for (const { live, content } of before ? nodesOf(before) : [])
    if (live && isSnapshot(content)) snapshots.set(live, content.snapshot)
  let bytes = 0
  for (const { kind, live, content } of nodesOf(taken))
    bytes += isSnapshot(content)
      ? ((live as Keepable).bytes?.(content.snapshot, snapshots.get(live!)) ?? 0)
      : kind.bytes(content)
  return bytes
}

const isSnapshot = (content: unknown): content is Extract<KeptContent, { snapshot: unknown }> =>
  typeof content === 'object' && content !== null && 'snapshot' in content

/**
 * What was taken, as values again: where they can in the objects that are there, else in new ones.
 *
 * @param same whether it was taken of the same state, whose objects may have it again.
 */
function giveBack(target: unknown, taken: Taken, same: boolean): unknown {
  const made = new Map<Node, object>()
  const used = new Set<object>()
  const give = (into: unknown, value: unknown): unknown => {
    if (!isNode(value)) return value
    const known = made.get(value)
    if (known) return known
    const { kind, content } = value
    const fits = (one: unknown): one is object =>
      typeof one === 'object' &&
      one !== null &&
      !used.has(one) &&
      kindOf(one) === kind &&
      kind.fits(one, content)
    const live = fits(into) ? into : same && fits(value.live) ? value.live : kind.make(value)
    made.set(value, live)
    used.add(live)
    kind.give(live, content, give)
    return live
  }
  return give(target, taken.root)
}

/** A plain object that can be changed. */
const isOpen = (root: object): boolean => kindOf(root) === kindOf({}) && !Object.isFrozen(root)

const methods = ['copy', 'encode', 'decode'] as const

function notKept(value: object | symbol | (() => unknown), path: string): InputError {
  const isObject = typeof value === 'object'
  const missing = methods.filter((name) => typeof (value as Partial<Keepable>)[name] !== 'function')
  const what = isObject ? `an object of class ${value.constructor?.name}` : describe(value)
  return new InputError({
    where: placeOf(path),
    received:
      isObject && missing.length < methods.length ? `${what} without ${missing.join('(), ')}()` : what,
    expected:
      'plain data (numbers, texts, arrays, typed arrays, objects, Maps, Sets, Dates), tensors, or an object with copy(), encode() and decode()',
    fix: isObject
      ? 'Give its class copy() { another of the same content }, encode() { its content as plain data } and decode(content) { takes it }.'
      : 'Leave it out: code need not be kept.',
  })
}
