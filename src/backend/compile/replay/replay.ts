import * as tf from '@tensorflow/tfjs'
import { atomically, during } from '../../../settle.js'
import { maybeRandomness } from '../../random/context.js'
import type { OnnxRuntimeBackend } from '../../tfjs/backend.js'
import { backendName, onnxRuntime } from '../../tfjs/register.js'
import type { Structure } from '../../graph/structure.js'
import { Follower } from './follower.js'
import { Program, type Changing } from '../program.js'
import { record } from '../record.js'
import { sameNumbers, type Ref, type Script, type WriteAct } from './script.js'
import { Untraceable, type Trace } from '../trace.js'

/** A step: a loss, which is called once each time, and what is made of its gradients. */
export interface Step {
  loss(): tf.Tensor
  variables: readonly tf.Variable[]
  /** Scalars that differ from one step to the next. */
  numbers: readonly number[]
  /** Makes the update. Pure but for what it assigns; recorded once. Gives what the step comes to. */
  update(cost: tf.Scalar, gradients: readonly (tf.Tensor | null)[], numbers: readonly tf.Scalar[]): tf.Tensor
  /** Told before a recorded step changes variables. */
  changing?: Changing | undefined
  /** What the update is made of besides: with other parts it is recorded anew. */
  parts: readonly unknown[]
}

interface Recorded {
  program: Program
  structure: Structure
  parts: readonly unknown[]
  /** Tensors that the loss keeps beyond its end: they are results. */
  escaped: readonly Ref[]
  /** What it wrote that is an input, by act. */
  varying: readonly WriteAct[]
}

interface Variant {
  script: Script
  recorded: Recorded | undefined
}

/** Ways of one loss that are kept. */
const most = 8
/** Calls that went another way than all before, without one that did not, after which it is left. */
const patience = 12

const followed = new Error('followed')

/**
 * Steps whose loss is a function that is called anew each time, a closure over whatever it likes: it runs in JavaScript at each
 * call, and only there. If it does what it did before (`Follower`), kernel by kernel, on tensors of the same shapes, the whole step, gradients and
 * update too, is run as one graph, which was recorded once; what it took from around it are its inputs. If not, what it does is
 * written down and recorded. Where that cannot be done the step runs kernel by kernel, with a reason.
 */
export class Replay {
  #variants: Variant[] = []
  #reason: string | undefined
  #strayed = 0
  #refused = 0

  /** Why steps run kernel by kernel, where they do. */
  get reason(): string | undefined {
    return this.#reason
  }

  run(step: Step): tf.Tensor {
    const { ENV, state } = tf.engine() as unknown as {
      ENV: { getFlags(): { [flag: string]: unknown } }
      state: { profiling: boolean }
    }
    if (
      this.#reason !== undefined ||
      tf.getBackend() !== backendName ||
      state.profiling ||
      ENV.getFlags().DEBUG === true
    )
      return runPlain(step, step.loss)
    const scripts = this.#variants.map(({ script }) => script)
    const follower = new Follower(scripts, maybeRandomness()?.key)
    let cost: tf.Tensor | undefined
    let made: tf.Tensor | undefined
    try {
      made = runPlain(step, () => {
        cost = follower.run(() => step.loss().asScalar())
        if (follower.finish(cost)) throw followed
        return cost
      })
    } catch (error) {
      if (error !== followed) throw error
    }
    if (!made) return this.#replay(step, follower, cost!)
    // A look now and then, a line that prints every hundredth loss, is no reason to leave the others.
    if (this.#variants.length === 0 || ++this.#refused > patience) {
      this.#reason = follower.reason
      this.dispose()
    }
    return made
  }

  /** The way that the call went: kept from now on, where it is another than all before. */
  #variantOf(script: Script): Variant {
    const at = this.#variants.findIndex((one) => one.script === script)
    const [variant] = at < 0 ? [{ script, recorded: undefined }] : this.#variants.splice(at, 1)
    this.#variants.unshift(variant!)
    for (const { recorded } of this.#variants.splice(most)) recorded?.program.dispose()
    this.#strayed = at < 0 ? this.#strayed + 1 : 0
    return variant!
  }

  /** Of one that went a way that is known. */
  #replay(step: Step, follower: Follower, cost: tf.Tensor): tf.Tensor {
    const script = follower.following!
    const variant = this.#variantOf(script)
    const { escaped } = follower
    this.#noteWrites(script, follower)
    const backend = onnxRuntime()
    const { recorded } = variant
    const isFitting =
      recorded !== undefined &&
      !recorded.program.isStale &&
      same(recorded.parts, step.parts) &&
      same(recorded.escaped, escaped) &&
      recorded.varying.length === varyingOf(script).length
    if (!isFitting) {
      try {
        this.#record(backend, step, follower, cost, variant, escaped)
      } catch (error) {
        if (!(error instanceof Untraceable)) throw error
        this.#reason = error.message
        this.dispose()
        return runPlain(step, () => {
          follower.realize()
          return cost
        })
      }
    }
    const made = this.#run(step, follower, variant.recorded!)
    if (this.#strayed > patience) {
      this.#reason = 'its loss is computed in another way each time'
      this.dispose()
    }
    return made
  }

  /** What was written otherwise than when it was recorded is an input from now on. */
  #noteWrites(script: Script, follower: Follower): void {
    for (const act of script.acts)
      if (act.kind === 'write' && !act.varies && !sameNumbers(act.values, follower.values[act.first]!))
        act.varies = true
  }

  #inputs(step: Step, follower: Follower, varying: readonly WriteAct[]): tf.Tensor[] {
    return [
      ...step.numbers.map((number) => tf.scalar(number)),
      ...varying.map(({ made, first }) =>
        tf.tensor(follower.values[first] as number[], [...made.shape], made.dtype),
      ),
      ...follower.taken.filter((tensor) => !(tensor instanceof tf.Variable)),
    ]
  }

  #record(
    backend: OnnxRuntimeBackend,
    step: Step,
    follower: Follower,
    cost: tf.Tensor,
    variant: Variant,
    escaped: readonly Ref[],
  ): void {
    const varying = varyingOf(variant.script)
    const kept = escaped.map((ref) => follower.tensors[ref]!)
    // What stands for them in the recording ends with it.
    const end = () => {
      for (const tensor of kept) (tensor as unknown as tf.Tensor).dispose()
    }
    const recordStep = () => {
      const inputs = this.#inputs(step, follower, varying)
      const count = step.numbers.length
      const { recording, variables } = record(backend, inputs, (symbols) => {
        const trace = backend.recorder as Trace
        const value = (symbol: tf.Tensor) => backend.data.get(symbol.dataId).value!
        for (let at = count + varying.length; at < inputs.length; at++)
          trace.stand(backend.data.get(inputs[at]!.dataId), value(symbols[at]!))
        const written = new Map(varying.map(({ first }, at) => [first, symbols[count + at]!]))
        const forward = () => {
          follower.realize(written)
          return cost
        }
        const result = takeStep(step, forward, symbols.slice(0, count) as tf.Scalar[])
        return [result, ...(kept as unknown as tf.Tensor[])]
      })
      const structure = Program.structureOf(recording)
      const { recorded } = variant
      const parts = [...step.parts]
      if (recorded?.structure.equals(structure)) {
        recorded.program.rebind(recording, variables)
        variant.recorded = { ...recorded, parts, escaped, varying }
        return
      }
      const program = new Program(backend, recording, variables)
      atomically(() => {
        recorded?.program.dispose()
        variant.recorded = { program, structure, parts, escaped, varying }
      })
    }
    during(end, () => tf.tidy(recordStep))
  }

  #run(step: Step, follower: Follower, { program, escaped, varying }: Recorded): tf.Tensor {
    const { state } = tf.engine() as unknown as { state: { activeScope: { track: unknown[] } | null } }
    return tf.tidy(() => {
      const [result, ...kept] = program.run(
        this.#inputs(step, follower, varying),
        undefined,
        undefined,
        step.changing,
      )
      for (const [at, ref] of escaped.entries()) {
        const tensor = follower.tensors[ref]!
        const made = kept[at]! as unknown as typeof tensor
        const track = state.activeScope!.track
        track.splice(track.lastIndexOf(made), 1)
        tensor.dataId = made.dataId
        tensor.scopeId = made.scopeId
        tensor.kept = true
        tensor.isDisposedInternal = false
      }
      follower.leave()
      return result!
    })
  }

  /** A call that trains begins: what kept it from being recorded may be gone. */
  refresh(): void {
    this.#reason = undefined
    this.#strayed = this.#refused = 0
  }

  dispose(): void {
    for (const { recorded } of this.#variants) recorded?.program.dispose()
    this.#variants = []
  }
}

const varyingOf = (script: Script): WriteAct[] =>
  script.acts.filter((act): act is WriteAct => act.kind === 'write' && act.varies)

const same = (a: readonly unknown[], b: readonly unknown[]) =>
  a.length === b.length && a.every((part, at) => part === b[at])

/** Forward, gradients and update, kernel by kernel: or written down, while a recording is made. */
function takeStep(
  { variables, update }: Step,
  forward: () => tf.Tensor,
  numbers: readonly tf.Scalar[],
): tf.Tensor {
  const { value, grads } = tf.engine().gradients(forward, [...variables], undefined, true)
  return update(
    value as tf.Scalar,
    grads.map((gradient) => gradient ?? null),
    numbers,
  )
}

function runPlain(step: Step, forward: () => tf.Tensor): tf.Tensor {
  return tf.tidy(() =>
    takeStep(
      step,
      () => forward().asScalar(),
      step.numbers.map((number) => tf.scalar(number)),
    ),
  )
}
