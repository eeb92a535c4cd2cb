import * as tf from '@tensorflow/tfjs'
import { InputError, describe } from '../errors.js'
import { Program } from './program.js'
import { maybeRandomness } from './random/context.js'
import { collectTensors, mapTensors, record } from './record.js'
import { backendName, onnxRuntime } from './register.js'
import { Untraceable } from './trace.js'

export interface CompileOptions {
  /** Where the function cannot be recorded: 'throw' says why (the default), 'run' runs it kernel by kernel. */
  otherwise?: 'throw' | 'run'
  /** Recordings that are kept, one for each signature of arguments; 8. */
  signatures?: number
}

/** A compiled function. Called like the function it was made from. */
export type Compiled<F extends (...inputs: never[]) => unknown> = F & {
  /** Why the function runs uncompiled, where it does. */
  readonly reason: string | undefined
  /** How often it was recorded. */
  readonly recordings: number
  /** Frees its sessions and buffers; a later call records again. */
  dispose(): void
}

interface Entry {
  program: Program
  returned: unknown
}

/** What a recording depends on besides the function: types and shapes of tensors, and all else that is passed. */
function signatureOf(tree: unknown): string {
  if (tree instanceof tf.Tensor) return `${tree.dtype}[${tree.shape}]`
  if (typeof tree === 'number') return 'number'
  if (Array.isArray(tree)) return `[${tree.map(signatureOf).join()}]`
  if (tree !== null && typeof tree === 'object' && Object.getPrototypeOf(tree) === Object.prototype)
    return `{${Object.entries(tree)
      .map(([name, item]) => `${name}:${signatureOf(item)}`)
      .join()}}`
  if (tree === null || tree === undefined || typeof tree === 'string' || typeof tree === 'boolean')
    return JSON.stringify(tree) ?? 'undefined'
  throw new InputError({
    where: 'an argument of a compiled function',
    received: describe(tree),
    expected: 'tensors, numbers, strings, booleans, and arrays and objects of these',
    fix: 'Use it from around the function instead of passing it.',
  })
}

/** Numbers become scalars, so that another number needs no other recording. */
const withScalars = (tree: unknown): unknown => {
  if (typeof tree === 'number') return tf.scalar(tree)
  if (Array.isArray(tree)) return tree.map(withScalars)
  if (tree !== null && typeof tree === 'object' && Object.getPrototypeOf(tree) === Object.prototype)
    return Object.fromEntries(Object.entries(tree).map(([name, item]) => [name, withScalars(item)]))
  return tree
}

/**
 * A function of tensors that is recorded at its first call and then runs as one graph: no JavaScript in between, its variables
 * changed in place. It is recorded anew for other shapes or types, never for other numbers. What it may do: compute with tensors,
 * assign variables, minimize with any optimizer. What it may not: read a value, draw random numbers that are not keyed
 * (`withRandomness`, `randomNormal`); then an `Untraceable` names the kernel and the line.
 * Numbers among its arguments arrive as float32 scalars. On another backend it runs as it is.
 *
 *     const step = compile((x, y) => optimizer.minimize(() => lossOf(x, y), true))
 */
export function compile<F extends (...inputs: never[]) => unknown>(
  work: F,
  { otherwise = 'throw', signatures = 8 }: CompileOptions = {},
): Compiled<F> {
  const kept = new Map<string, Entry>()
  let reason: string | undefined
  let recordings = 0

  const run = (inputs: unknown[]): unknown => work(...(inputs as never[]))

  function entryFor(signature: string, inputs: unknown, tensors: readonly tf.Tensor[]): Entry {
    const found = kept.get(signature)
    if (found) return found
    const backend = onnxRuntime()
    const { recording, variables, returned } = record(backend, tensors, (symbols) => {
      let at = 0
      return run(mapTensors(inputs, () => symbols[at++]!) as unknown[])
    })
    const entry = { program: new Program(backend, recording, variables), returned }
    recordings++
    kept.set(signature, entry)
    if (kept.size > signatures) {
      const [oldest, gone] = kept.entries().next().value!
      kept.delete(oldest)
      gone.program.dispose()
    }
    return entry
  }

  function call(...given: unknown[]): unknown {
    if (tf.getBackend() !== backendName || reason !== undefined) return run(given)
    const randomness = maybeRandomness()
    const signature = `${signatureOf(given)} ${randomness?.key ? randomness.place : ''}`
    const fresh: tf.Tensor[] = []
    const inputs = withScalars(given)
    const tensors = collectTensors(inputs)
    const own = new Set(collectTensors(given))
    for (const tensor of tensors) if (!own.has(tensor)) fresh.push(tensor)
    try {
      const { program, returned } = entryFor(signature, inputs, tensors)
      const results = program.run(tensors, randomness?.key)
      let at = 0
      return mapTensors(returned, () => results[at++]!)
    } catch (error) {
      if (!(error instanceof Untraceable) || otherwise === 'throw') throw error
      reason = error.message
      return run(given)
    } finally {
      tf.dispose(fresh)
    }
  }

  return Object.defineProperties(call, {
    reason: { get: () => reason },
    recordings: { get: () => recordings },
    dispose: {
      value() {
        for (const { program } of kept.values()) program.dispose()
        kept.clear()
      },
    },
  }) as unknown as Compiled<F>
}
