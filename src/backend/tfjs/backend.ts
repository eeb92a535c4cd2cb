import * as tf from '@tensorflow/tfjs'
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import { settleLeft } from '../../settle.js'
import type { Attributes, Inputs } from '../emitters/kernel.js'
import { writeCall } from '../fusions/write.js'
import type { Value } from '../graph/graph.js'
import { guardIndices, type Bounds } from '../graph/guards.js'
import { boundsOf, checkInside } from './indices.js'
import { Lineage } from './lineage.js'
import type { NativeTensor } from '../session/native.js'
import { Entries } from './entries.js'
import { elementTypes, type Elements, type ElementType } from '../onnx/types.js'
import { options } from '../session/options.js'
import { Pending } from './pending.js'
import type { Recorder } from './recorder.js'
import { count } from '../session/statistics.js'
import { Entry, isNative, type Materializer } from '../session/entry.js'

type Info = tf.TensorInfo
export type Tree = { [name: string]: Info | null | undefined }

/** Milliseconds from one look to the next whether a recording still goes on. */
const lookEvery = 5

const canRecord = ({ dtype, shape }: Info) => isNative(dtype) && !shape.includes(0)

/** Kernels that the variance of `tf.moments` is made of. */
const ofVariances = new Set(['Mean', 'Sub', 'Square'])

/** How one kernel runs. */
export interface Kernel {
  name: string
  /** Whether it has a row in `emitters/`. */
  hasRow: boolean
  /** Operations, in units of one addition. */
  cost(inputs: readonly Info[], attributes: Attributes): number
  host: tf.KernelFunc
  /** It looks at the shapes of its inputs alone, so it may run where they have no values yet. */
  shapeOnly: boolean
}

/**
 * TensorFlow.js's kernels on ONNX Runtime. Kernels with a row in `emitters/` are recorded and run as a graph when a value is read;
 * all others run through tfjs's cpu kernels on the same storage.
 */
export class OnnxRuntimeBackend extends MathBackendCPU implements Materializer {
  override data = new Entries(this, tf.engine() as never)
  readonly pending = new Pending()
  recorder: Recorder = this.pending
  private lookedAt = 0

  /** A recording that was ended by force would go on with what has nothing to do with it. To look costs 20 µs, so it is done now and then. */
  private leaveRecording(): void {
    const now = performance.now()
    if (now - this.lookedAt < lookEvery) return
    settleLeft()
    this.lookedAt = performance.now()
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    if (this.recorder !== this.pending) this.leaveRecording()
    const entry = new Entry(this, dtype, shape, values)
    this.recorder.written(entry)
    return this.hold(entry)
  }

  private hold(entry: Entry): object {
    this.data.add(entry)
    return entry
  }

  override move(
    dataId: object,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ) {
    const entry = new Entry(this, dtype, shape, values)
    entry.refCount = refCount
    this.data.set(dataId, entry)
  }

  override disposeData(dataId: object, force = false): boolean {
    if (!this.data.has(dataId)) return true
    const entry = this.data.get(dataId)
    if (--entry.refCount > 0 && !force) return false
    entry.refCount = 0
    if (entry.complexTensorInfos) {
      this.disposeData(entry.complexTensorInfos.real.dataId, true)
      this.disposeData(entry.complexTensorInfos.imag.dataId, true)
    }
    this.data.delete(dataId)
    if (entry.holders === 0) this.recorder.disposed(entry)
    return true
  }

  override readSync(dataId: object): tf.BackendValues {
    if (this.recorder !== this.pending) this.leaveRecording()
    this.recorder.checkRead(this.data.get(dataId))
    return super.readSync(dataId)
  }

  override async read(dataId: object): Promise<tf.BackendValues> {
    return this.readSync(dataId)
  }

  /** Milliseconds of `work`, what waits in the graph at its end included. */
  override async time(work: () => void): Promise<tf.BackendTimingInfo> {
    this.pending.flush()
    const started = performance.now()
    work()
    this.pending.flush()
    return { kernelMs: performance.now() - started } as tf.BackendTimingInfo
  }

  override dispose(): void {
    this.pending.dispose()
  }

  /** Waits for the values of an entry. */
  materialize(entry: Entry): void {
    if (this.recorder !== this.pending) this.leaveRecording()
    this.recorder.checkRead(entry)
    this.pending.materialize(entry)
  }

  /** The value of a tensor in the graph that is being recorded. */
  valueFor({ dataId, shape, dtype }: Info): Value {
    const { recorder } = this
    const { graph } = recorder
    const entry = this.data.get(dataId)
    const value = entry.graph === graph ? entry.value! : recorder.leafOf(entry)
    // Reshapes, and casts that keep every value, share the entry they were made from.
    return graph.reshape(graph.cast(value, dtype as ElementType), shape)
  }

  /** Runs one kernel: recorded where that is possible and worth it, on the host otherwise. */
  run(kernel: Kernel, inputs: Tree, attributes: Attributes): Info | Info[] {
    if (this.recorder !== this.pending) this.leaveRecording()
    let infos = Object.values(inputs) as Info[]
    // Optional inputs may be missing, and kernels of ragged tensors take lists.
    if (infos.some((info) => !info || Array.isArray(info))) infos = infos.flat().filter((info) => info)
    const unknown = this.checkIndices(kernel.name, inputs, attributes)
    if (ofVariances.has(kernel.name)) return this.runOfVariance(kernel, inputs, attributes, infos)
    return this.runAnywhere(kernel, inputs, attributes, infos, unknown)
  }

  private runAnywhere(
    kernel: Kernel,
    inputs: Tree,
    attributes: Attributes,
    infos: readonly Info[],
    unknown?: Bounds,
  ): Info | Info[] {
    if (kernel.hasRow && infos.every(canRecord) && !this.isSmall(kernel, infos, attributes)) {
      const made = this.recordCall(kernel, inputs, attributes, unknown)
      if (made) return made
    }
    return this.runOnHost(kernel, inputs, attributes, infos)
  }

  private readonly lineage = new Lineage({
    entryOf: ({ dataId }) => this.data.get(dataId),
    isAlive: ({ dataId }) => this.data.has(dataId),
  })

  /** A kernel of those that variances are made of: the last one is handed the deviations. */
  private runOfVariance(
    kernel: Kernel,
    inputs: Tree,
    attributes: Attributes,
    infos: readonly Info[],
  ): Info | Info[] {
    const deviations =
      kernel.name === 'Mean' ? this.lineage.maybeDeviations(inputs.x!, attributes) : undefined
    const given = deviations ? { ...inputs, deviations } : inputs
    const made = this.runAnywhere(kernel, given, attributes, infos)
    this.lineage.note(kernel.name, inputs, attributes, made as Info)
    return made
  }

  private isSmall(kernel: Kernel, infos: readonly Info[], attributes: Attributes): boolean {
    if (options.minimumSize === 0 || kernel.cost(infos, attributes) >= options.minimumSize) return false
    for (const { dataId } of infos) if (!this.recorder.isKnown(this.data.get(dataId))) return false
    return true
  }

  private runOnHost(
    kernel: Kernel,
    inputs: Tree,
    attributes: Attributes,
    infos: readonly Info[],
  ): Info | Info[] {
    if (!kernel.shapeOnly)
      this.recorder.checkHost(
        kernel.name,
        infos.map(({ dataId }) => this.data.get(dataId)),
      )
    count.host(kernel.name)
    return kernel.host({ inputs: inputs as tf.NamedTensorInfoMap, attrs: attributes as never, backend: this })
  }

  /**
   * Looks at the indices of a kernel that has some: one that is outside is an error at the line that takes it, so what waits runs before.
   * Gives their bounds where they have no values, in a recording.
   */
  private checkIndices(kernel: string, inputs: Tree, attributes: Attributes): Bounds | undefined {
    const bounds = boundsOf(kernel, inputs, attributes)
    if (!bounds) return undefined
    const { dataId, shape } = inputs[bounds.input]!
    const entry = this.data.get(dataId)
    if (this.recorder !== this.pending && !this.recorder.isKnown(entry)) return bounds
    checkInside(kernel, bounds, entry.readyTensor().data as tf.TypedArray, shape)
    return undefined
  }

  private recordCall(
    kernel: Kernel,
    inputs: Tree,
    attributes: Attributes,
    bounds: Bounds | undefined,
  ): Info | Info[] | undefined {
    this.recorder.beforeKernel()
    const { graph } = this.recorder
    const values: Inputs = {}
    for (const name in inputs) if (inputs[name]) values[name] = this.valueFor(inputs[name])
    const call = { kernel: kernel.name, inputs: values, attributes }
    graph.call = call
    // A graph for others says what is outside in its own way.
    if (bounds && !graph.isPortable)
      values[bounds.input] = guardIndices(graph, kernel.name, bounds, values[bounds.input]!)
    const result = writeCall(graph, call)
    if (result === undefined) {
      graph.call = undefined
      return undefined
    }
    const made = 'name' in result ? this.infoOf(result) : result.map((value) => this.infoOf(value))
    graph.call = undefined
    this.recorder.afterKernel()
    return made
  }

  /** A tensor for a value of the recorded graph. */
  infoOf(value: Value): Info {
    const { graph } = this.recorder
    // What comes out must be made by a node: an input or a constant may have other owners.
    const own = value.elements || value.name.startsWith('i') ? graph.unary('Identity', value) : value
    const entry = new Entry(this, own.type as tf.DataType, own.shape)
    entry.graph = graph
    entry.value = own
    const dataId = this.hold(entry)
    this.recorder.made(entry)
    return { dataId, shape: [...own.shape], dtype: entry.dtype }
  }

  /** A tensor's values as ONNX Runtime reads them, with the tensor's own type and shape. */
  tensorFor({ dataId, dtype, shape }: Info): NativeTensor {
    const entry = this.data.get(dataId)
    const tensor = entry.readyTensor()
    if (entry.dtype === dtype && tf.util.arraysEqual(tensor.dims as number[], shape)) return tensor
    const { array } = elementTypes[dtype as ElementType]
    const data = entry.dtype === dtype ? tensor.data : array.from(tensor.data as unknown as Iterable<never>)
    return { ...tensor, type: dtype as ElementType, data: data as Elements, dims: shape }
  }

  /** A tensor of tfjs for an entry that has none yet. */
  tensorOf(entry: Entry): tf.Tensor {
    const engine = tf.engine() as unknown as {
      makeTensorFromTensorInfo(info: Info, backend: OnnxRuntimeBackend): tf.Tensor
    }
    return engine.makeTensorFromTensorInfo(
      { dataId: this.hold(entry), shape: [...entry.shape], dtype: entry.dtype },
      this,
    )
  }

  /** A tensor for an entry whose values are held, whether or not one has it now. */
  revive(entry: Entry): tf.Tensor {
    if (entry.refCount > 0) {
      entry.refCount++
      const engine = tf.engine() as unknown as { makeTensorFromTensorInfo(info: Info): tf.Tensor }
      return engine.makeTensorFromTensorInfo({ dataId: entry, shape: [...entry.shape], dtype: entry.dtype })
    }
    entry.refCount = 1
    return this.tensorOf(entry)
  }

  /** A tensor for a symbol of the graph that is recorded now. */
  symbol(value: Value): tf.Tensor {
    const entry = new Entry(this, value.type as tf.DataType, value.shape)
    entry.graph = this.recorder.graph
    entry.value = value
    return this.tensorOf(entry)
  }
}
