import * as tf from '@tensorflow/tfjs'
import { InputError, describe } from '../../errors.js'
import { atomically, during, settleLeft } from '../../settle.js'
import { Program, type Changing } from './program.js'
import { Each } from './several.js'
import { maybeRandomness, recordingNow } from '../random/context.js'
import { collectTensors, guardVariables, isPromise, mapTensors, record } from './record.js'
import { backendName, onnxRuntime } from '../tfjs/register.js'
import type { Structure } from '../graph/structure.js'
import { isNative } from '../session/entry.js'
import type { NativeTensor } from '../session/native.js'
import { options } from '../session/options.js'
import { Unsteady, Untraceable } from './trace.js'

export interface CompileOptions<R = unknown> {
  /**
   * Picks a bool scalar from the result: where it is false, the run changes nothing; variables and the counts of optimizers
   * stay as they were.
   */
  valid?: (returned: R) => tf.Tensor
  /**
   * Variables that keep their values, to the bit, though the function changes them: frozen parameters and their optimizer's
   * slots. Asked at each call, so that others need no other recording.
   */
  frozen?: () => ReadonlySet<tf.Variable> | undefined
  /** Where the function cannot be recorded: 'throw' says why (the default), 'run' runs it kernel by kernel. */
  otherwise?: 'throw' | 'run'
  /**
   * Records the function twice before its first run, and refuses one that comes out otherwise the second time: a JavaScript
   * value that changes by itself, a counter or a clock, would stay what it was at the recording. Default: false.
   */
  steady?: boolean
  /** Recordings that are kept, one for each signature of arguments; 8. */
  signatures?: number
  /**
   * Called before a compiled run changes variables, with a function that takes the change back (none on a device): for whoever
   * has more to write down that must not be torn from it.
   */
  changing?: Changing
}

/** A compiled function. Called like the function it was made from. */
export type Compiled<F extends (...inputs: never[]) => unknown> = F & {
  /** Why the function runs uncompiled, where it does. */
  readonly reason: string | undefined
  /** How often it was recorded. */
  readonly recordings: number
  /**
   * Lets the next call with each signature record anew, and keep the session if the recording is the same: for functions
   * that use JavaScript values from around them, which may have changed.
   */
  refresh(): void
  /**
   * Several calls in one run of a session, each with the variables as the one before left them; undefined where that cannot be (it was not
   * recorded yet for such arguments, a device, `accepts` refuses), and nothing was done.
   *
   * @param given as for one call, with an `Each` for what is another in each.
   */
  several(given: readonly unknown[], options: SeveralOptions<ReturnType<F>>): unknown
  /** Frees its sessions and buffers; a later call records again. */
  dispose(): void
}

export interface SeveralOptions<R> {
  times: number
  /** The keys of randomness of each. */
  keys: readonly (readonly number[])[]
  /** What is wanted of the result. It comes with each tensor of all calls in a row: [times * size]. */
  take: (returned: R) => unknown
  /** Looks at that before variables change. */
  accepts: (taken: unknown) => boolean
  /** Whether that many shall be recorded as one, where they were not yet. */
  worthwhile: (work: { nodes: number; elements: number }) => boolean
}

interface Kept {
  /** Missing where the function returns no tensor and changes no variable. */
  program: Program | undefined
  returned: unknown
  structure: Structure
  /** The refresh after which it was recorded. */
  epoch: number
}

/** What a recording depends on besides the function: types and shapes of tensors, and all else that is passed. */
function signatureOf(tree: unknown): string {
  if (tree instanceof tf.Tensor) {
    if (tree.isDisposed || !isNative(tree.dtype))
      throw new InputError({
        where: 'an argument of a compiled function',
        received: tree.isDisposed ? 'a tensor that has been disposed' : `a tensor of the type ${tree.dtype}`,
        expected: 'tensors of the types float32, int32 and bool that have values',
      })
    return `${tree.dtype}[${tree.shape}]`
  }
  if (typeof tree === 'number') return 'number'
  if (tree instanceof Each) return tree.signature
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

/** Throws an InputError for what `compile` makes nothing of. */
function checkArguments(work: unknown, options: { [name: string]: unknown }): void {
  const isFunction = (value: unknown) => typeof value === 'function'
  const rows: { [name: string]: [expected: string, fits: (value: unknown) => boolean] } = {
    otherwise: ["'throw' or 'run'", (value) => value === 'throw' || value === 'run'],
    signatures: ['a whole number of at least 1', (value) => Number.isInteger(value) && Number(value) >= 1],
    steady: ['true or false', (value) => typeof value === 'boolean'],
    valid: ['a function from the result to a bool scalar', isFunction],
    frozen: ['a function that gives a Set of variables', isFunction],
    changing: ['a function', isFunction],
  }
  if (!isFunction(work))
    throw new InputError({
      where: 'compile(work)',
      received: describe(work),
      expected: 'a function of tensors',
      fix: 'const step = compile((x, y) => optimizer.minimize(() => lossOf(x, y), true))',
    })
  for (const [name, value] of Object.entries(options)) {
    const row = rows[name]
    const where = `compile(work, { ${name} })`
    if (!row)
      throw new InputError({
        where,
        received: `the option '${name}'`,
        expected: `one of ${Object.keys(rows).join(', ')}`,
      })
    if (value !== undefined && !row[1](value))
      throw new InputError({ where, received: describe(value), expected: row[0] })
  }
}

/** Numbers become scalars, so that another number needs no other recording. */
const withScalars = (tree: unknown): unknown => {
  if (typeof tree === 'number') return tf.scalar(tree)
  if (Array.isArray(tree)) return tree.map(withScalars)
  if (tree !== null && typeof tree === 'object' && Object.getPrototypeOf(tree) === Object.prototype)
    return Object.fromEntries(Object.entries(tree).map(([name, item]) => [name, withScalars(item)]))
  return tree
}

/** Tensors, and what differs, in the order in which a call has them; numbers that are the same in all become scalars. */
function collectLeaves(tree: unknown, leaves: (tf.Tensor | Each)[], fresh: tf.Tensor[]): void {
  if (tree instanceof tf.Tensor || tree instanceof Each) leaves.push(tree)
  else if (typeof tree === 'number') {
    const scalar = tf.scalar(tree)
    fresh.push(scalar)
    leaves.push(scalar)
  } else if (Array.isArray(tree)) for (const item of tree) collectLeaves(item, leaves, fresh)
  else if (tree !== null && typeof tree === 'object' && Object.getPrototypeOf(tree) === Object.prototype)
    for (const item of Object.values(tree)) collectLeaves(item, leaves, fresh)
}

/**
 * A function of tensors that is recorded at its first call and then runs as one graph: no JavaScript in between, its variables
 * changed in place. It is recorded anew for other shapes or types, never for other numbers. What it may do: compute with tensors,
 * assign variables, minimize with any optimizer. What it may not: read a value, draw random numbers that are not keyed
 * (`withRandomness`, `randomNormal`); then an `Untraceable` names the kernel and the line.
 * Numbers among its arguments arrive as float32 scalars. On another backend, and inside of another compiled function, it runs as it is.
 *
 *     const step = compile((x, y) => optimizer.minimize(() => lossOf(x, y), true))
 */
export function compile<F extends (...inputs: never[]) => unknown>(
  work: F,
  {
    otherwise = 'throw',
    signatures = 8,
    steady = false,
    valid,
    frozen,
    changing,
    ...unknown
  }: CompileOptions<ReturnType<F>> = {},
): Compiled<F> {
  checkArguments(work, { otherwise, signatures, steady, valid, frozen, changing, ...unknown })
  const kept = new Map<string, Kept>()
  let epoch = 0
  let reason: string | undefined
  let recordings = 0

  /** `inputs` has scalars in place of numbers. */
  const run = (self: unknown, inputs: unknown): unknown => work.apply(self, inputs as never[])

  function programFor(
    self: unknown,
    signature: string,
    inputs: unknown,
    tensors: readonly tf.Tensor[],
  ): Kept {
    const found = kept.get(signature)
    if (found?.epoch === epoch && !found.program?.isStale) return found
    const backend = onnxRuntime()
    let check: tf.Tensor | undefined
    const recordWork = () =>
      record(backend, tensors, (symbols) => {
        let at = 0
        const returned = run(
          self,
          mapTensors(inputs, () => symbols[at++]!),
        )
        check = valid?.(returned as ReturnType<F>)
        return returned
      })
    const { recording, variables, returned } = recordWork()
    const validAt = check ? collectTensors(returned).indexOf(check) : undefined
    if (validAt === -1)
      throw new InputError({
        where: 'compile(work, { valid })',
        received: 'a tensor that is not part of the result',
        expected: 'one of the tensors that the function returns',
      })
    const structure = Program.structureOf(recording)
    if (found?.structure.equals(structure))
      return atomically(() => {
        found.program?.rebind(recording, variables)
        found.epoch = epoch
        return found
      })
    if (steady && !Program.structureOf(recordWork().recording).equals(structure)) throw new Unsteady()
    const isEmpty = recording.results.length + recording.changes.length === 0
    const program = isEmpty ? undefined : new Program(backend, recording, variables, validAt)
    return atomically(() => {
      const entry = { program, returned, structure, epoch }
      recordings++
      kept.delete(signature)
      kept.set(signature, entry)
      found?.program?.dispose()
      if (kept.size > signatures) {
        const [oldest, gone] = kept.entries().next().value!
        kept.delete(oldest)
        gone.program?.dispose()
      }
      return entry
    })
  }

  /** Kernel by kernel, and taken back where the result is not valid, or a variable frozen. */
  function runUncompiled(self: unknown, inputs: unknown): unknown {
    const still = guardVariables(frozen?.() ?? [])
    const before = valid && guardVariables()
    // What it has not come to the end of has changed nothing that is guarded.
    let keeps = false
    const restore = () => {
      before?.end(!keeps)
      still.end(true)
    }
    return during(restore, () => {
      const returned = run(self, inputs)
      keeps = !valid || valid(returned as ReturnType<F>).dataSync()[0] !== 0
      return returned
    })
  }

  function runCompiled(self: unknown, signature: string, inputs: unknown, tensors: tf.Tensor[]): unknown {
    const { program, returned } = programFor(self, signature, inputs, tensors)
    const results = program?.run(tensors, maybeRandomness()?.key, frozen?.(), changing) ?? []
    let at = 0
    return mapTensors(returned, () => results[at++]!)
  }

  function call(this: unknown, ...given: unknown[]): unknown {
    // A recording that was ended in the middle would be taken for one that this call is a part of.
    if (recordingNow.active) settleLeft()
    const inputs = withScalars(given)
    // One that is called while another is recorded is a part of that one.
    if (recordingNow.active) {
      if (!valid && !frozen) return run(this, inputs)
      throw new Untraceable("a compiled function with 'valid' or 'frozen' is called inside of another one")
    }
    const tensors = collectTensors(inputs)
    const own = new Set(collectTensors(given))
    const fresh = new Set(tensors.filter((tensor) => !own.has(tensor)))
    const disposeFresh = () => tf.dispose([...fresh])
    const uncompiled = () => {
      const returned = runUncompiled(this, inputs)
      for (const tensor of collectTensors(returned)) fresh.delete(tensor)
      if (isPromise(returned)) {
        const after = [...fresh]
        fresh.clear()
        void returned.finally(() => tf.dispose(after)).catch(() => {})
      }
      return returned
    }
    return during(disposeFresh, () => {
      if (tf.getBackend() !== backendName || reason !== undefined) return uncompiled()
      const randomness = maybeRandomness()
      const signature = `${signatureOf(given)} ${randomness?.key ? randomness.place : ''}`
      try {
        return runCompiled(this, signature, inputs, tensors)
      } catch (error) {
        if (!(error instanceof Untraceable) || otherwise === 'throw') throw error
        reason = error.message
        return uncompiled()
      }
    })
  }

  function several(
    given: readonly unknown[],
    { times, keys, take, accepts, worthwhile }: SeveralOptions<ReturnType<F>>,
  ): unknown {
    if (tf.getBackend() !== backendName || options.device !== 'cpu' || reason !== undefined) return undefined
    const found = kept.get(`${signatureOf(given)} ${keys.length > 0 ? 0 : ''}`)
    if (!found?.program || found.epoch !== epoch || found.program.isStale || frozen?.()) return undefined
    const { program, returned } = found
    if (!worthwhile(program.work)) return undefined
    const all = collectTensors(returned)
    const taken = take(returned as ReturnType<F>)
    const wanted = collectTensors(taken).map((tensor) => all.indexOf(tensor))
    const withValues = (results: readonly NativeTensor[]) => {
      let at = 0
      return mapTensors(taken, () => results[at++]!.data)
    }
    const leaves: (tf.Tensor | Each)[] = []
    const fresh: tf.Tensor[] = []
    collectLeaves(given, leaves, fresh)
    return during(
      () => tf.dispose(fresh),
      () => {
        const results = program.runSeveral({
          times,
          inputs: leaves,
          keys,
          wanted,
          accepts: (made) => accepts(withValues(made)),
          changing,
        })
        return results && withValues(results)
      },
    )
  }

  return Object.defineProperties(call, {
    several: { value: several },
    reason: { get: () => reason },
    recordings: { get: () => recordings },
    refresh: { value: () => void epoch++ },
    dispose: {
      value() {
        for (const { program } of kept.values()) program?.dispose()
        kept.clear()
      },
    },
  }) as unknown as Compiled<F>
}
