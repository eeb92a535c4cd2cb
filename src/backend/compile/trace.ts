import * as tf from '@tensorflow/tfjs'
import { GradbookError } from '../../errors.js'
import { during } from '../../settle.js'
import { KernelGraph } from '../fusions/kernel-graph.js'
import type { Value } from '../graph/graph.js'
import type { ElementType } from '../onnx/types.js'
import { target } from '../session/blocks.js'
import type { Recorder } from '../tfjs/recorder.js'
import type { Entry } from '../session/entry.js'

/** A function that cannot be recorded: what it did depends on numbers that a recording does not have. */
export class Untraceable extends GradbookError {
  override name = 'Untraceable'
}

/** One that comes out otherwise each time it is recorded. */
export class Unsteady extends Untraceable {
  constructor() {
    super(
      'it uses a JavaScript value that is another at each call (a counter, a clock), which a recording would keep as it was',
    )
  }
}

/** The line of the program that called us: the first of the stack that is neither a package's nor ours. */
function findUserLine(): string {
  // The whole library: a frame of training or of a change that lasts is not the user's either.
  const own = new URL('../..', import.meta.url).href.replace('file://', '')
  // tfjs's own frames are often more than the ten that an error keeps.
  const { stackTraceLimit } = Error
  const lines = during(
    () => void (Error.stackTraceLimit = stackTraceLimit),
    () => {
      Error.stackTraceLimit = 100
      return new Error('here').stack?.split('\n').slice(1) ?? []
    },
  )
  const line = lines.find(
    (one) =>
      !one.includes('node_modules') &&
      !one.includes(own) &&
      !one.includes('(node:') &&
      !one.includes('<anonymous>'),
  )
  return line ? ` (${line.trim()})` : ''
}

/** Random ops of tfjs make their numbers on the host, in the scope of their name. */
const randomScope =
  /^(rand|randomGamma|randomNormal|randomStandardNormal|randomUniform|randomUniformInt|truncatedNormal)__op$/

/** Names of the innermost scopes of tfjs, the innermost first. */
function scopes(): [string, string] {
  const { scopeStack } = (tf.engine() as unknown as { state: { scopeStack: { name?: string }[] } }).state
  return [scopeStack.at(-1)?.name ?? '', scopeStack.at(-2)?.name ?? '']
}

/** Whether random numbers of tfjs's are being written now. */
export const isRandomScope = (): boolean => randomScope.test(scopes()[0])

/** Whether the function that called tf.customGrad is a package's or ours, not the user's. */
export function isLibraryCall(): boolean {
  const own = new URL('../..', import.meta.url).href.replace('file://', '')
  const { stackTraceLimit } = Error
  const lines = during(
    () => void (Error.stackTraceLimit = stackTraceLimit),
    () => {
      Error.stackTraceLimit = 12
      return new Error('here').stack?.split('\n').slice(1) ?? []
    },
  )
  const at = lines.findLastIndex((line) => /\bcustomGrad\b/.test(line))
  const caller = lines[at + 1] ?? ''
  return caller.includes('node_modules/@tensorflow') || caller.includes(own)
}

const repeated = (what: string, fix: string) =>
  new Untraceable(
    `${what} on the host, so a recorded function would repeat the same for ever${findUserLine()}. ${fix}.`,
  )

/** A number that is read anew before each run, though the function wrote it down as a constant. */
export interface LiveNumber {
  /** What stood in its place while the function was recorded. */
  sentinel: number
  read(): number
}

/** Where an input of a trace comes from. */
export type Source =
  | { kind: 'argument'; index: number }
  | { kind: 'tensor'; entry: Entry }
  | { kind: 'live'; number: LiveNumber; sign: 1 | -1 }
  | { kind: 'key' }

/** The recording of a function: symbols in, symbols out, nothing run. */
export class Trace implements Recorder {
  readonly graph = new KernelGraph({ recorded: true, target })
  readonly sources = new Map<Value, Source>()
  readonly live: LiveNumber[] = []
  private readonly liveInputs = new Map<string, Value>()
  private readonly leaves = new Map<Entry, Value>()
  private readonly born = new Set<Entry>()

  /** A symbol for something that is known only when the recording runs. */
  input(shape: readonly number[], type: ElementType, source: Source): Value {
    const value = this.graph.input(shape, type)
    this.sources.set(value, source)
    return value
  }

  /** This value of the recording stands for what the entry holds: an argument that the function took from around it. */
  stand(entry: Entry, value: Value): void {
    if (!this.leaves.has(entry)) this.leaves.set(entry, value)
  }

  leafOf(entry: Entry): Value {
    let value = this.leaves.get(entry)
    if (!value) this.leaves.set(entry, (value = this.symbolFor(entry)))
    return value
  }

  private symbolFor(entry: Entry): Value {
    const type = entry.dtype as ElementType
    if (!this.born.has(entry)) return this.input(entry.shape, type, { kind: 'tensor', entry })
    if (entry.size === 1) {
      const number = entry.scalar()
      for (const live of this.live)
        for (const sign of [1, -1] as const)
          if (number === Math.fround(sign * live.sentinel) || number === sign * live.sentinel)
            return this.liveInput(entry.shape, type, { kind: 'live', number: live, sign })
      return this.graph.constant([number], entry.shape, type)
    }
    return this.graph.data(entry.tensor().data, entry.shape, type)
  }

  /** A rate that is written down for each parameter anew is one input. */
  private liveInput(shape: readonly number[], type: ElementType, source: Source & { kind: 'live' }): Value {
    const key = `${this.live.indexOf(source.number)} ${source.sign} ${type} ${shape}`
    let value = this.liveInputs.get(key)
    if (!value) this.liveInputs.set(key, (value = this.input(shape, type, source)))
    return value
  }

  written(entry: Entry): void {
    this.born.add(entry)
    const [scope, outer] = scopes()
    if (!randomScope.test(scope)) return
    if (outer === 'dropout__op')
      throw repeated(
        'dropout draws its mask',
        'Call the compiled function under withRandomness({ seed, iteration }, …), which makes another one in each iteration',
      )
    throw repeated(
      `tf.${scope.slice(0, -'__op'.length)} makes its numbers`,
      "Use randomUniform or randomNormal of 'gradbook/backend', which a run keys by itself and elsewhere withRandomness({ seed, iteration }, …), " +
        'or pass the numbers in as an argument',
    )
  }

  /** What `Math.random` is while a function is recorded. Random ops of tfjs, which take a seed from it, are refused by their own name. */
  random(original: () => number): number {
    const [scope] = scopes()
    if (randomScope.test(scope) || scope === 'multinomial__op') return original()
    throw repeated('Math.random makes a number', 'Pass it in as an argument')
  }

  made(): void {}
  disposed(): void {}
  beforeKernel(): void {}
  afterKernel(): void {}

  isKnown(entry: Entry): boolean {
    return this.born.has(entry) && entry.ready
  }

  checkHost(kernel: string, inputs: readonly Entry[]): void {
    if (inputs.every((entry) => this.isKnown(entry) || entry.dtype === 'complex64')) return
    const why =
      kernel === 'Multinomial'
        ? 'draws random numbers on the host'
        : 'has no form that can be recorded for these types and shapes'
    throw new Untraceable(
      `the kernel ${kernel} ${why}${findUserLine()}. Compute it outside of the compiled function.`,
    )
  }

  checkRead(entry: Entry): void {
    if (this.isKnown(entry) || entry.dtype === 'complex64') return
    const maker = this.graph.nodes.findLast(({ outputs }) => outputs.includes(entry.value!))
    const what = maker?.call ? `the value of a tensor that the kernel ${maker.call.kernel} makes` : 'a value'
    throw new Untraceable(
      `${what} is read inside of the function${findUserLine()}. While it is recorded, tensors have no values yet: ` +
        `return the tensor and read it outside; choose between values with tf.where.`,
    )
  }
}
