import * as tf from '@tensorflow/tfjs'
import { compile, type Compiled } from '../../backend/compile/compile.js'
import type { Changing } from '../../backend/compile/program.js'
import { Unsteady, Untraceable } from '../../backend/compile/trace.js'
import { withRandomness } from '../../backend/random/index.js'
import { InputError } from '../../errors.js'
import { mostSizes } from '../rules/batch-sizes.js'
import { shapesChanged } from '../loss/aligned.js'
import type { Core, Pace } from '../state/core.js'
import { losses } from '../loss/losses.js'
import { Each } from '../../backend/compile/several.js'
import { maybeRandomness } from '../../backend/random/context.js'
import { isFiniteUpdate } from './update.js'
import { namingExample } from './outside.js'
import { say } from '../../say.js'
import { gradientsOf, unconnected } from '../model/gradients.js'
import { averageOf, sumOf } from '../state/slots.js'
import { normOf, updatesOf } from './step.js'
import type { Gradients } from '../model/gradients.js'
import type { Counted, Update } from './step.js'
import { activationTensors } from '../model/activations.js'
import type { OpenIteration } from './open-iteration.js'
import { readScalars } from '../model/said.js'
import type { Parameter, Trainee, Weights } from '../model/trainee.js'
import { checkPredicts } from '../model/measure.js'
import { batchFrom, tensorsOf, type Tensors, type AnyBatch } from '../model/batch.js'
import { rowsIn } from '../../data/table/parts.js'

/** What one compiled iteration came to; where `finite` is false it changed nothing. */
export interface Report {
  loss: number
  gradientNorm: number
  losses: Float32Array | undefined
  more: { [name: string]: number } | undefined
  finite: boolean
}

type Inputs = [
  batch: Tensors,
  weights: Weights | null,
  rate: number,
  count: number,
  mode: Pace['mode'],
  waiting: number | null,
  decay: number | null,
  trained: tf.Tensor1D,
]

/** What several iterations came to: rows of the report one after the other, and what each said. */
interface Taken {
  report: Float32Array
  said: { readonly [name: string]: ArrayLike<number> }
}

function maybeSaid(said: Taken['said'], t: number): { [name: string]: number } | undefined {
  const names = Object.keys(said)
  return names.length === 0 ? undefined : Object.fromEntries(names.map((name) => [name, said[name]![t]!]))
}

interface Computed {
  found: Gradients
  norm: tf.Scalar
  updates: Update[]
}

/** Which variable an update changes: a slot by its key and name, or the parameter itself. A recording outlives variables. */
interface Change {
  slot: readonly [key: string, name: string] | null
  value: tf.Tensor
}

type Opening = (
  ...inputs: Inputs
) => Omit<OpenIteration, 'updates'> & { updates: { name: string; changes: Change[] }[] }

type Step = (...inputs: Inputs) => {
  /** Loss, gradient norm, and the losses of the examples where there are some: one tensor, one read. */
  report: tf.Tensor1D
  said: Gradients['said']
  finite: tf.Tensor
}

/** The batch as a recorded loss sees it: what differs from one iteration to the next has no value there. */
function recordedBatch(tensors: Tensors): AnyBatch {
  const refuse = (what: string) => () => {
    throw new Untraceable(`the loss uses batch.${what}, which is another in each iteration`)
  }
  return Object.defineProperties(batchFrom(tensors) as AnyBatch, {
    ids: { get: refuse('ids') },
    iteration: { get: refuse('iteration') },
  })
}

const unsteady =
  'the loss uses a JavaScript value that is another at each call, a counter or a clock; batch.iteration counts too, and goes back with undo'

/** Recordings that are kept: batch sizes, times what becomes of the gradients. */
const signatures = 3 * mostSizes

/**
 * A run's iteration as one graph: forward, loss, gradients, clipping, update. The same functions as uncompiled, recorded
 * once for each batch size (and once more where gradients only wait); parameters and slots are its state, rate, count, weights,
 * randomness and which parameters are frozen its inputs.
 */
export class CompiledStep {
  readonly #core: Core
  readonly #step: Compiled<Step>
  readonly #opening: Compiled<Opening>
  #made: unknown[] = []
  #freeze: unknown
  /** The parameters that the graph updates: all that are trained, and those that were when it was recorded and are frozen now. */
  #recorded: readonly Parameter[] = []
  /** 1 for those of them that are trained, 0 for those that are frozen. */
  #trained = new Float32Array()
  /** The variables of the frozen ones: values, slots, sums and averages. */
  #frozen: ReadonlySet<tf.Variable> | undefined
  /** Which of `#recorded` the loss depends on; known once it was recorded. */
  #connected: readonly boolean[] | undefined
  #known: string | undefined
  #reason: string | undefined
  /** Whether the reason is one that no later call takes away: to look again would call a loss that counts its calls. */
  #unsteady = false
  #told = false
  #changing: Changing = () => {}

  constructor(core: Core) {
    this.#core = core
    this.#step = compile<Step>((...inputs) => this.#record(...inputs), {
      valid: ({ finite }) => finite,
      frozen: () => this.#frozen,
      changing: (takeBack, release) => this.#changing(takeBack, release),
      steady: this.#config() === undefined,
      signatures,
    })
    this.#opening = compile<Opening>((...inputs) => this.#recordOpening(...inputs), { signatures })
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
    const config = this.#config()
    if (config === undefined || config !== this.#known) this.#refresh()
    this.#known = config
  }

  /** What the step is made of where all of it is known: layers and a loss by name. */
  #config(): string | undefined {
    const { model, lossName, several } = this.#core.trainee
    const names = several ? several.map((output) => output.lossName) : [lossName]
    return model instanceof tf.LayersModel && names.every((name) => losses.has(name))
      ? JSON.stringify(model.getConfig())
      : undefined
  }

  /** Says once that the run is slower than it could be, and why. */
  tell(): void {
    if (this.#reason === undefined || this.#told) return
    this.#told = true
    const { name } = this.#core
    say(
      `The run '${name}' trains kernel by kernel, which is slower: its step cannot be compiled. ${this.#reason[0]!.toUpperCase()}${this.#reason.slice(1)}.`.replace(
        /\.\.$/,
        '.',
      ),
    )
  }

  #refresh(): void {
    if (this.#unsteady) return
    this.#reason = undefined
    this.#step.refresh()
    this.#opening.refresh()
  }

  /** Sees to it that the graph has all that is trained, with its slots as they are now; what is frozen stays in it. */
  #arrange(): void {
    const core = this.#core
    const { freeze, clipNorm, clipValue } = core.settings
    // Going back to where there were no slots ends their variables, which a recording holds.
    const made = [
      core.settings.optimizer,
      clipNorm,
      clipValue,
      core.dropouts.structure,
      ...core.slots.values(),
    ]
    const same = made.length === this.#made.length && made.every((part, at) => part === this.#made[at])
    if (same && freeze === this.#freeze) return
    const trained = new Set(core.parameters)
    const before = new Set(this.#recorded)
    const sums = core.parameters.some(({ name }) => core.slots.has(sumOf(name)))
    const isComplete = ({ name }: Parameter) => core.slots.has(name) && (!sums || core.slots.has(sumOf(name)))
    const recorded = core.trainee.parameters.filter(
      (parameter) => trained.has(parameter) || (before.has(parameter) && isComplete(parameter)),
    )
    if (!same || recorded.length !== before.size || !recorded.every((one) => before.has(one))) {
      this.#connected = undefined
      this.#refresh()
    }
    const frozen = recorded.filter((parameter) => !trained.has(parameter))
    const variablesOf = ({ name, variable }: Parameter) => [
      variable,
      ...[name, sumOf(name), averageOf(name)].flatMap((key) => Object.values(core.slots.get(key) ?? {})),
    ]
    this.#made = made
    this.#freeze = freeze
    this.#recorded = recorded
    this.#trained = Float32Array.from(recorded, (parameter) => Number(trained.has(parameter)))
    this.#frozen = frozen.length > 0 ? new Set(frozen.flatMap(variablesOf)) : undefined
  }

  /** Runs one of the two graphs; `undefined` where it cannot be compiled, and nothing was done. */
  #call<T>(
    graph: (...inputs: Inputs) => T,
    batch: AnyBatch,
    weights: Weights | undefined,
    learningRate: number,
    pace: Pace,
  ): T | undefined {
    const { mode, waiting } = pace
    const core = this.#core
    this.#arrange()
    if (this.#reason !== undefined) return undefined
    if (this.#connected) this.#checkConnected(this.#connected)
    const trained = tf.tensor1d(this.#trained)
    const shapes = shapesChanged()
    try {
      return namingExample(batch, () =>
        withRandomness(core.randomnessOf(batch.iteration), () =>
          graph(
            tensorsOf(batch),
            weights ?? null,
            learningRate,
            core.state.updates + 1,
            mode,
            mode === 'update' ? waiting : null,
            core.settings.ema ?? null,
            trained,
          ),
        ),
      )
    } catch (error) {
      if (error instanceof Unsteady && shapesChanged() !== shapes) {
        this.#refresh()
        return this.#call(graph, batch, weights, learningRate, pace)
      }
      if (error instanceof Untraceable) {
        this.#reason = error instanceof Unsteady ? unsteady : error.message
        this.#unsteady ||= error instanceof Unsteady
        return undefined
      }
      throw error
    } finally {
      trained.dispose()
    }
  }

  /** One iteration; `undefined` where it cannot be compiled, and nothing was done. `changing`: told before it changes the state. */
  run(
    batch: AnyBatch,
    weights: Weights | undefined,
    learningRate: number,
    pace: Pace,
    changing: Changing,
  ): Report | undefined {
    this.#changing = changing
    const result = this.#call(this.#step, batch, weights, learningRate, pace)
    if (!result) return undefined
    const values = result.report.dataSync() as Float32Array
    const finite = result.finite.dataSync()[0] !== 0
    const more = readScalars(result.said)
    tf.dispose(result)
    // It may be the gradient of a frozen parameter that is not finite. Uncompiled it is not computed.
    if (!finite && this.#frozen) return undefined
    return {
      loss: values[0]!,
      gradientNorm: values[1]!,
      losses: values.length > 2 ? values.slice(2) : undefined,
      more,
      finite,
    }
  }

  /**
   * Several iterations in one run of a session, each with the batch, the rate and the randomness that it would have by itself;
   * undefined where that cannot be, or one of them is not finite, and nothing was done.
   *
   * @param batch the examples of all of them, in their order.
   */
  several(
    batch: AnyBatch,
    learningRates: readonly number[],
    pace: Pace,
    worthwhile: (work: { nodes: number; elements: number }) => boolean,
    changing: Changing,
  ): Omit<Report, 'finite'>[] | undefined {
    const core = this.#core
    this.#arrange()
    if (this.#reason !== undefined || this.#frozen || !this.#connected) return undefined
    const times = learningRates.length
    this.#changing = changing
    const trained = tf.tensor1d(this.#trained)
    const size = 2 + pace.examples
    const rowOf = ({ report }: Taken, t: number) => {
      const length = report.length / times
      return report.subarray(t * length, (t + 1) * length)
    }
    const tensors = Object.entries(tensorsOf(batch)).map(
      ([place, tensor]) => [place, new Each(tensor, times)] as const,
    )
    const counts = learningRates.map((_, t) => core.state.updates + 1 + t)
    const inputs = [
      Object.fromEntries(tensors),
      null,
      new Each(learningRates, times),
      new Each(counts, times),
      pace.mode,
      null,
      core.settings.ema ?? null,
      trained,
    ]
    try {
      const taken = this.#step.several(inputs, {
        times,
        keys: counts.map((_, t) =>
          withRandomness(core.randomnessOf(batch.iteration + t), () => maybeRandomness()!.key!),
        ),
        take: ({ report, said }) => ({ report, said }),
        accepts: (results) =>
          learningRates.every((rate, t) => {
            const [loss, norm] = rowOf(results as Taken, t)
            return Number.isFinite(loss) && isFiniteUpdate(norm!, Math.fround(rate))
          }),
        worthwhile,
      }) as Taken | undefined
      return (
        taken &&
        learningRates.map((_, t) => {
          const row = rowOf(taken, t)
          return {
            loss: row[0]!,
            gradientNorm: row[1]!,
            losses: row.length === size ? row.slice(2) : undefined,
            more: maybeSaid(taken.said, t),
          }
        })
      )
    } finally {
      trained.dispose()
    }
  }

  /** One iteration opened up, by a second graph over the same state; `undefined` where it cannot be compiled. */
  open(
    batch: AnyBatch,
    weights: Weights | undefined,
    learningRate: number,
    pace: Pace,
  ): OpenIteration | undefined {
    const opened = this.#call(this.#opening, batch, weights, learningRate, pace)
    if (!opened) return undefined
    const { slots, parameters: trained } = this.#core
    const parameters = new Map(trained.map((parameter) => [parameter.name, parameter]))
    const gradients = opened.found.gradients.filter((_, i) => this.#trained[i] === 1)
    const updates = opened.updates.flatMap(({ name, changes }): Update[] => {
      const parameter = parameters.get(name)
      if (!parameter) return []
      const pairs = changes.map(
        ({ slot, value }) => [slot ? slots.get(slot[0])![slot[1]]! : parameter.variable, value] as const,
      )
      const value = pairs.find(([variable]) => variable === parameter.variable)?.[1]
      return [{ parameter, value, changes: pairs }]
    })
    return { ...opened, found: { ...opened.found, gradients }, updates }
  }

  /** A loss of the parameters that are frozen alone would train nothing. */
  #checkConnected(connected: readonly boolean[]): void {
    if (!connected.some((one, i) => one && this.#trained[i] === 1)) throw unconnected(this.#core.parameters)
  }

  #compute(
    predictions: boolean,
    counted: Counted,
    ...[batch, weights, rate, count, mode, waiting, decay]: Inputs
  ): Computed {
    const { trainee, settings, slots } = this.#core
    const parameters = this.#recorded
    const seen = recordedBatch(batch)
    const found = gradientsOf(trainee, parameters, seen, {
      ...(weights && { weights }),
      predictions,
    })
    checkPredicts(this.#core, found.predicts)
    this.#connected = found.gradients.map((gradient) => gradient !== null)
    this.#checkConnected(this.#connected)
    const norm = normOf(found.gradients, counted)
    const updates = updatesOf({
      optimizer: settings.optimizer,
      parameters,
      gradients: found.gradients,
      norm,
      clipping: settings,
      slots,
      // Numbers arrive in a compiled function as scalars.
      learningRate: rate as unknown as tf.Scalar,
      count: count as unknown as tf.Scalar,
      pace: { mode, examples: rowsIn(seen.x), waiting: waiting as tf.Scalar | null },
      decay: decay as tf.Scalar | null,
      counted,
    })
    return { found, norm, updates }
  }

  #record(...inputs: Inputs): ReturnType<Step> {
    const { trainee } = this.#core
    return tf.tidy(() => {
      const trained = tf.split(inputs.at(-1) as tf.Tensor1D, this.#recorded.length)
      // A product is the cheapest choice; where it makes NaN of a frozen gradient, `run` looks again.
      const counted: Counted = (square, i) => square.mul(trained[i]!)
      const { found, norm, updates } = this.#compute(false, counted, ...inputs)
      for (const { changes } of updates) for (const [variable, value] of changes) variable.assign(value)
      for (const [i, { variable }] of trainee.state.entries()) variable.assign(found.state[i]!)
      const parts = [found.loss.reshape([1]), norm.reshape([1]), ...(found.losses ? [found.losses] : [])]
      return {
        report: tf.concat(parts) as tf.Tensor1D,
        said: found.said,
        // The rate is an input, so what it makes of the gradients is part of the graph.
        finite: tf.isFinite(found.loss).logicalAnd(tf.isFinite(norm.mul(inputs[2]))),
      }
    })
  }

  #recordOpening(...inputs: Inputs): ReturnType<Opening> {
    const { model } = this.#core.trainee
    return tf.tidy(() => {
      const activations = activationTensors(model, batchFrom(inputs[0]).x)
      const trained = tf.unstack((inputs.at(-1) as tf.Tensor1D).toBool())
      const counted: Counted = (square, i) => tf.where(trained[i]!, square, 0)
      const { found, norm, updates } = this.#compute(true, counted, ...inputs)
      const named = updates.map(({ parameter, changes }) => ({
        name: parameter.name,
        changes: changes.map(([variable, value]): Change => ({ slot: this.#slotOf(variable), value })),
      }))
      // tf.tidy looks for tensors in arrays and plain objects.
      return { activations, found, norm, updates: named } as unknown as tf.TensorContainer
    }) as unknown as ReturnType<Opening>
  }

  #slotOf(variable: tf.Variable): Change['slot'] {
    for (const [key, entry] of this.#core.slots)
      for (const name in entry) if (entry[name] === variable) return [key, name]
    return null
  }

  dispose(): void {
    this.#step.dispose()
    this.#opening.dispose()
  }
}

const steps = new WeakMap<Core, { step: CompiledStep; trainee: Trainee }>()

/** The compiled step of a run where there can be one: on the backend that compiles, for a loss (not an own iteration). */
export function maybeCompiled(core: Core): CompiledStep | undefined {
  if (tf.getBackend() !== 'onnxruntime' || !core.trainee.pass || core.trainee.iteration) return undefined
  const found = steps.get(core)
  // Another stage of the run may train with another loss.
  if (found?.trainee === core.trainee) return found.step
  found?.step.dispose()
  const step = new CompiledStep(core)
  steps.set(core, { step, trainee: core.trainee })
  return step
}

/** What an inspected iteration is made of, through a graph. Throws an InputError where there can be none. */
export function openCompiled(
  core: Core,
  batch: AnyBatch,
  weights: Weights | undefined,
  learningRate: number,
  pace: Pace,
): OpenIteration {
  const step = maybeCompiled(core)
  const opened = step?.open(batch, weights, learningRate, pace)
  if (opened) return opened
  throw new InputError({
    where: "run.iterate(1, { inspect: 'compiled' })",
    received: step?.reason ?? `the backend '${tf.getBackend()}', which compiles nothing`,
    expected: 'an iteration that can be recorded, on the backend onnxruntime',
    fix: 'run.iterate(1, { inspect: true }) gives the same, op by op.',
  })
}
