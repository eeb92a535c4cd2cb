import * as tf from '@tensorflow/tfjs'
import { during } from '../../settle.js'
import { markEngine } from './unwind.js'

/**
 * tfjs's engine, where it keeps its books around every kernel, with fewer closures, sets and look-ups: half of what a lazy step
 * costs in JavaScript. What it does is what tfjs 4.22 does, in the same order; whatever is rarer than a plain kernel on this
 * backend goes the engine's own way.
 */

interface TapeNode {
  kernelName: string
}

interface Scope {
  id: number
  name: string
  track: Tracked[]
}

/** What the engine reads of a tensor beside its public face. */
type Tracked = tf.Tensor & { kept: boolean; scopeId: number }

type Inputs = { [name: string]: tf.Tensor }

interface Engine {
  backendName: string | undefined
  backend: tf.KernelBackend
  ENV: { getFlags(): { [flag: string]: unknown } }
  state: {
    activeScope: Scope | null
    scopeStack: Scope[]
    activeTape: TapeNode[]
    gradientDepth: number
    kernelDepth: number
    numDataMovesStack: number[]
    profiling: boolean
  }
  runKernel(name: string, inputs: Inputs, attributes?: object): tf.Tensor | tf.Tensor[]
  endScope(result?: unknown): void
  gradients(...given: unknown[]): unknown
  track(tensor: Tracked): void
  disposeTensor(tensor: tf.Tensor): void
  clone(tensor: tf.Tensor): tf.Tensor
  makeTensorFromTensorInfo(info: tf.TensorInfo): tf.Tensor
  getTensorsForGradient(name: string, inputs: Inputs, outputs: readonly tf.Tensor[]): tf.Tensor[]
  checkKernelForMemLeak(name: string, before: number, infos: readonly tf.TensorInfo[]): void
  addTapeNode(
    name: string,
    inputs: Inputs,
    outputs: readonly tf.Tensor[],
    gradient: null,
    saved: readonly tf.Tensor[],
    attributes: object | undefined,
  ): void
}

/** Another tensor of the same values, to be kept beyond the scope of the one that a gradient will need. */
function save(engine: Engine, tensor: tf.Tensor): tf.Tensor {
  // Only gradients of gradients look for it on the tape.
  if (engine.state.gradientDepth > 1) return engine.clone(tensor)
  engine.backend.incRef(tensor.dataId)
  return engine.makeTensorFromTensorInfo(tensor)
}

function saveForGradient(
  engine: Engine,
  name: string,
  inputs: Inputs,
  outputs: readonly tf.Tensor[],
): tf.Tensor[] {
  const gradient = tf.getGradient(name)
  if (!gradient) return []
  if (gradient.saveAllInputs)
    return engine.getTensorsForGradient(name, inputs, outputs).map((tensor) => save(engine, tensor))
  const saved: tf.Tensor[] = []
  for (const input of gradient.inputsToSave ?? []) saved.push(save(engine, inputs[input]!))
  if (engine.state.gradientDepth <= 1) saveOutputs(engine, gradient, outputs, saved)
  return saved
}

function saveOutputs(
  engine: Engine,
  { outputsToSave }: tf.GradConfig,
  outputs: readonly tf.Tensor[],
  saved: tf.Tensor[],
): void {
  if (outputsToSave)
    for (const [at, output] of outputs.entries()) if (outputsToSave[at]) saved.push(save(engine, output))
}

/**
 * Of a gradient of a gradient: what is saved of the outputs comes after their kernel on the tape, or nothing would lead from its inputs to
 * it. tfjs has it before, and takes the second derivative of tanh for 0.
 */
function saveForSecond(
  engine: Engine,
  name: string,
  outputs: readonly tf.Tensor[],
  saved: tf.Tensor[],
): void {
  const gradient = tf.getGradient(name)
  if (!gradient || gradient.saveAllInputs) return
  const before = saved.length
  // Inside of a kernel: a clone that saves puts itself on the tape, and no kernel does it once more.
  engine.state.kernelDepth++
  try {
    saveOutputs(engine, gradient, outputs, saved)
  } finally {
    engine.state.kernelDepth--
  }
  for (let at = before; at < saved.length; at++) (saved[at] as Tracked).kept = true
}

/** Runs a kernel of ours. `infos` may be tensors already. */
function runKernel(
  engine: Engine,
  { kernelFunc }: tf.KernelConfig,
  name: string,
  inputs: Inputs,
  attributes: object | undefined,
): tf.Tensor | tf.Tensor[] {
  const { state, backend } = engine
  const isTaped = state.gradientDepth > 0 && state.kernelDepth === 0
  const isChecked = engine.ENV.getFlags().IS_TEST === true
  if (isChecked) state.numDataMovesStack.push(0)
  const tensorOf = (info: tf.TensorInfo) =>
    (info as tf.Tensor).rank === undefined ? engine.makeTensorFromTensorInfo(info) : (info as tf.Tensor)
  let saved: tf.Tensor[] | undefined
  let result: tf.Tensor | tf.Tensor[]
  let outputs: tf.Tensor[]
  // As the engine itself has it: whoever ends JavaScript in the middle goes back by `markEngine`.
  state.kernelDepth++
  try {
    const before = isChecked ? backend.numDataIds() : 0
    const made = kernelFunc({ inputs, attrs: attributes as tf.NamedAttrMap, backend })
    if (isChecked) engine.checkKernelForMemLeak(name, before, Array.isArray(made) ? made : [made])
    result = outputs = Array.isArray(made) ? made.map(tensorOf) : [tensorOf(made)]
    if (!Array.isArray(made)) result = outputs[0]!
    if (isTaped) saved = saveForGradient(engine, name, inputs, outputs)
  } finally {
    state.kernelDepth--
  }
  if (isTaped) {
    // Kept from here on, where they are on the tape: until then they end with their scope.
    for (let at = 0; at < saved!.length; at++) (saved![at] as Tracked).kept = true
    engine.addTapeNode(name, inputs, outputs, null, saved!, attributes)
    if (state.gradientDepth > 1) saveForSecond(engine, name, outputs, saved!)
  }
  return result
}

/** Ends a scope whose result is one tensor, or none. */
function endScope(engine: Engine, result: Tracked | undefined): void {
  const { state } = engine
  const scope = state.activeScope!
  for (let at = 0; at < scope.track.length; at++) {
    const tensor = scope.track[at]!
    if (!tensor.kept && tensor.id !== result?.id) tensor.dispose()
  }
  state.scopeStack.pop()
  state.activeScope = state.scopeStack.at(-1) ?? null
  if (result && !result.kept && result.scopeId === scope.id) engine.track(result)
}

/** The version whose inner ways are followed here; another keeps its own. */
const version = '4.22.0'

/** Gives the engine the shorter ways, for kernels of this backend. */
export function quickenEngine(backendName: string): void {
  if (tf.version['tfjs-core'] !== version) return
  const engine = tf.engine() as unknown as Engine
  const original = {
    runKernel: engine.runKernel,
    endScope: engine.endScope,
    gradients: engine.gradients,
    disposeTensor: engine.disposeTensor,
  }
  engine.runKernel = function (name, inputs, attributes) {
    if (this.backendName === backendName && !this.state.profiling && this.ENV.getFlags().DEBUG !== true) {
      const kernel = tf.getKernel(name, backendName)
      if (kernel) return runKernel(this, kernel, name, inputs, attributes)
    }
    return original.runKernel.call(this, name, inputs, attributes)
  }
  engine.endScope = function (result) {
    if (result === undefined || result === null || result instanceof tf.Tensor)
      endScope(this, (result as Tracked | null) ?? undefined)
    else original.endScope.call(this, result)
  }
  // Marked before its values are counted down: ended in between, whoever disposes of what is left would count them down again.
  engine.disposeTensor = function (tensor) {
    if (!(tensor instanceof tf.Variable))
      (tensor as unknown as { isDisposedInternal: boolean }).isDisposedInternal = true
    original.disposeTensor.call(this, tensor)
  }
  // A function that throws would leave what its tape has saved.
  engine.gradients = function (...given) {
    return during(markEngine(), () => original.gradients.apply(this, given))
  }
}
