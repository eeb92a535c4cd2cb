import * as tf from '@tensorflow/tfjs'
import { compile, type Compiled } from '../backend/compile.js'
import { Untraceable } from '../backend/trace.js'
import { withRandomness } from '../backend/random.js'
import { mostSizes } from './batch-sizes.js'
import type { Core } from './core.js'
import { losses } from './losses.js'
import { gradientsOf, normOf, updatesOf, type Pace } from './step.js'
import type { Batch } from './trainee.js'

/** What one compiled iteration came to; where `finite` is false it changed nothing. */
export interface Report {
  loss: number
  gradientNorm: number
  losses: Float32Array | undefined
  finite: boolean
}

type Step = (
  x: tf.Tensor,
  y: tf.Tensor,
  weights: tf.Tensor1D | null,
  rate: number,
  count: number,
  mode: Pace['mode'],
  waiting: number | null,
  decay: number | null,
) => {
  /** Loss, gradient norm, and the losses of the examples where there are some: one tensor, one read. */
  report: tf.Tensor1D
  finite: tf.Tensor
}

/** The batch as a recorded loss sees it: what differs from one iteration to the next has no value there. */
function recordedBatch(x: tf.Tensor, y: tf.Tensor): Batch {
  const refuse = (what: string) => () => {
    throw new Untraceable(`the loss uses batch.${what}, which is another in each iteration`)
  }
  return Object.defineProperties({ x, y } as Batch, {
    ids: { get: refuse('ids') },
    iteration: { get: refuse('iteration') },
  })
}

/** Recordings that are kept: batch sizes, times what becomes of the gradients. */
const signatures = 3 * mostSizes

/**
 * A run's iteration as one graph: forward, loss, gradients, clipping, update. The same functions as uncompiled, recorded
 * once for each batch size (and once more where gradients only wait); parameters and slots are its state, rate, count, weights and randomness its inputs.
 */
export class CompiledStep {
  readonly #core: Core
  readonly #step: Compiled<Step>
  #made: unknown[] = []
  #config: string | undefined
  #reason: string | undefined

  constructor(core: Core) {
    this.#core = core
    this.#step = compile<Step>((...inputs) => this.#record(...inputs), {
      valid: ({ finite }) => finite,
      signatures,
    })
  }

  /** Why the run trains kernel by kernel, where it does. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** How often it was recorded. */
  get recordings(): number {
    return this.#step.recordings
  }

  /**
   * A call that trains begins. A loss of the user's own may use values that a cell has changed since, and a layer another
   * setting: then the step is recorded anew, and what comes out the same keeps its session.
   */
  begin(): void {
    const { model, lossName } = this.#core.trainee
    const config =
      model instanceof tf.LayersModel && losses.has(lossName) ? JSON.stringify(model.getConfig()) : undefined
    if (config === undefined || config !== this.#config) this.#refresh()
    this.#config = config
  }

  #refresh(): void {
    this.#reason = undefined
    this.#step.refresh()
  }

  /** One iteration; `undefined` where it cannot be compiled, and nothing was done. */
  run(
    batch: Batch,
    weights: tf.Tensor1D | undefined,
    learningRate: number,
    { mode, waiting }: Pace,
  ): Report | undefined {
    const core = this.#core
    const { freeze, clipNorm, clipValue } = core.settings
    const made = [core.optimizer, freeze, clipNorm, clipValue, core.dropouts.structure]
    if (made.some((part, at) => part !== this.#made[at])) this.#refresh()
    this.#made = made
    if (this.#reason !== undefined) return undefined
    let result: ReturnType<Step>
    try {
      result = withRandomness(core.randomnessOf(batch.iteration), () =>
        this.#step(
          batch.x,
          batch.y,
          weights ?? null,
          learningRate,
          core.updates + 1,
          mode,
          mode === 'update' ? waiting : null,
          core.settings.ema ?? null,
        ),
      )
    } catch (error) {
      if (error instanceof Untraceable) {
        this.#reason = error.message
        return undefined
      }
      throw error
    }
    const values = result.report.dataSync() as Float32Array
    const finite = result.finite.dataSync()[0] !== 0
    tf.dispose(result)
    return {
      loss: values[0]!,
      gradientNorm: values[1]!,
      losses: values.length > 2 ? values.slice(2) : undefined,
      finite,
    }
  }

  #record(
    x: tf.Tensor,
    y: tf.Tensor,
    weights: tf.Tensor1D | null,
    rate: number,
    count: number,
    mode: Pace['mode'],
    waiting: number | null,
    decay: number | null,
  ): ReturnType<Step> {
    const { trainee, parameters, optimizer, settings, slots } = this.#core
    return tf.tidy(() => {
      const found = gradientsOf(trainee, parameters, recordedBatch(x, y), weights ? { weights } : {})
      const norm = normOf(found.gradients)
      const updates = updatesOf({
        optimizer,
        parameters,
        gradients: found.gradients,
        norm,
        clipping: settings,
        slots,
        // Numbers arrive in a compiled function as scalars.
        learningRate: rate as unknown as tf.Scalar,
        count: count as unknown as tf.Scalar,
        pace: { mode, examples: x.shape[0] ?? 1, waiting: waiting as tf.Scalar | null },
        decay: decay as tf.Scalar | null,
      })
      for (const { changes } of updates) for (const [variable, value] of changes) variable.assign(value)
      for (const [i, { variable }] of trainee.state.entries()) variable.assign(found.state[i]!)
      const parts = [found.loss.reshape([1]), norm.reshape([1]), ...(found.losses ? [found.losses] : [])]
      return {
        report: tf.concat(parts) as tf.Tensor1D,
        finite: tf.isFinite(found.loss).logicalAnd(tf.isFinite(norm)),
      }
    })
  }

  dispose(): void {
    this.#step.dispose()
  }
}

const steps = new WeakMap<Core, CompiledStep>()

/** The compiled step of a run where there can be one: on the backend that compiles, for a loss (not an own iteration). */
export function maybeCompiled(core: Core): CompiledStep | undefined {
  if (tf.getBackend() !== 'onnxruntime' || !core.trainee.pass || core.trainee.iteration) return undefined
  let step = steps.get(core)
  if (!step) steps.set(core, (step = new CompiledStep(core)))
  return step
}
