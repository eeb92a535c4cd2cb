import type * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'
import { elementTypes, sizeOf, type ElementType, type Elements } from '../onnx/types.js'
import { allocate, buffers, tensorOf } from './buffers.js'
import type { NativeTensor } from './native.js'
import type { Resident } from './resident.js'

/** tfjs's element types that ONNX Runtime works on; strings and complex numbers stay on the host. */
export const isNative = (dtype: string): dtype is 'float32' | 'int32' | 'bool' =>
  dtype === 'float32' || dtype === 'int32' || dtype === 'bool'

/** Values of an entry that a graph has left on the device. */
export interface Place {
  readonly whole: Resident
  /** Where they begin among all that lie there in a row, and how many they are. */
  readonly from: number
  readonly size: number
  /** Copies them to the host, together with all others of the row. */
  read(): Elements
  /** Must be called once, when they are not needed any more. */
  release(): void
}

/** Who can make an entry's values when they are not there yet. */
export interface Materializer {
  materialize(entry: Entry): void
}

/**
 * What a `dataId` stands for, and mostly is: values on the host, or a value of a graph that has not run yet. It has the shape of tfjs's
 * own record in the cpu backend (`values`, `dtype`, `refCount`, `complexTensorInfos`), so that its kernels work on it: to read
 * `values` is to wait for them.
 */
export class Entry {
  dtype: tf.DataType
  shape: readonly number[]
  refCount = 1
  complexTensorInfos: { real: tf.TensorInfo; imag: tf.TensorInfo } | undefined = undefined
  /** The graph that this is a value of, and that value. */
  graph: Graph | undefined = undefined
  value: Value | undefined = undefined
  /** Where it is kept, while it is its own `dataId`. */
  storage: object | undefined = undefined
  /** Somebody outside may hold the array, so it is never written again. */
  escaped = true
  /** How often it was given other values than it had. */
  generation = 0
  /** Who holds its values though no tensor may have it any more. */
  holders = 0
  /** Programs that read it for as long as they live. */
  pinned = 0
  /** Where they lie on the device, if a graph left them there. */
  private onDevice: Place | undefined = undefined
  /** Written by the host, not made by a graph. */
  readonly fromHost: boolean
  private held: tf.BackendValues | undefined
  private native: NativeTensor | undefined = undefined
  private readonly maker: Materializer

  constructor(maker: Materializer, dtype: tf.DataType, shape: readonly number[], values?: tf.BackendValues) {
    this.maker = maker
    this.dtype = dtype
    this.shape = shape
    this.held = values
    this.fromHost = values !== undefined
  }

  /** As a `dataId` it is part of what a tensor prints as: there it is nothing but an id. */
  toJSON(): object {
    return {}
  }
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return {}
  }

  get values(): tf.BackendValues {
    if (!this.ready && this.dtype !== 'complex64') this.maker.materialize(this)
    this.fetch()
    if (!this.escaped) this.leaveRow()
    this.escaped = true
    return this.held!
  }
  /** Nobody outside is given a part of an array that others share: `array.buffer` would be all of it. */
  private leaveRow(): void {
    const held = this.held as unknown as Elements
    if (!ArrayBuffer.isView(held) || held.byteLength === held.buffer.byteLength) return
    this.held = held.slice() as unknown as tf.BackendValues
    this.native = undefined
  }

  set values(values: tf.BackendValues) {
    this.generation++
    this.leaveDevice()
    this.held = values
    this.native = undefined
    this.escaped = true
  }

  /** Whether the values are at hand. */
  get ready(): boolean {
    return this.held !== undefined || this.onDevice !== undefined
  }

  /** Where they lie on the device, if they do. */
  get place(): Place | undefined {
    return this.onDevice
  }

  /** Brings the values to the host, where they are on the device alone. */
  private fetch(): void {
    if (this.held === undefined && this.onDevice)
      this.held = this.onDevice.read() as unknown as tf.BackendValues
  }

  private leaveDevice(): void {
    this.onDevice?.release()
    this.onDevice = undefined
  }

  /** Takes values that are on the device in place of its own. */
  settleAt(place: Place): void {
    this.generation++
    this.release()
    this.leaveDevice()
    this.held = this.native = undefined
    this.onDevice = place
    this.escaped = false
  }

  /** Takes values that a graph has made; the array is the entry's own. */
  settle(data: Elements): void {
    this.leaveDevice()
    this.held = data as unknown as tf.BackendValues
    this.native = undefined
    this.escaped = false
    this.graph = this.value = undefined
  }

  /** The values as ONNX Runtime reads them; they must be at hand. */
  tensor(): NativeTensor {
    if (this.native) return this.native
    this.fetch()
    const type = this.dtype as ElementType
    const { array } = elementTypes[type]
    const held = this.held as unknown as Elements
    const data = held instanceof array ? held : array.from(held as unknown as Iterable<never>)
    return (this.native = tensorOf(type, data as Elements, this.shape))
  }

  /** Makes the array the entry's own, by a copy where somebody else may hold and change it. */
  own(): void {
    if (!this.escaped) return
    const held = this.held as unknown as ArrayLike<number>
    const copy = allocate(this.dtype as ElementType, held.length) as Float32Array
    copy.set(held)
    this.held = copy
    this.native = undefined
    this.escaped = false
  }

  /** The values as ONNX Runtime reads them, waited for if need be. */
  readyTensor(): NativeTensor {
    if (!this.ready) this.maker.materialize(this)
    return this.tensor()
  }

  /** Takes values in place of its own, which are given back if nobody else can hold them. */
  exchange(values: NativeTensor): NativeTensor | undefined {
    this.generation++
    const isFree = !this.escaped && this.pinned === 0 && this.held !== undefined && !this.onDevice
    const old = isFree ? this.tensor() : undefined
    this.leaveDevice()
    this.held = values.data as unknown as tf.BackendValues
    this.native = values
    this.shape = values.dims
    this.escaped = false
    return old
  }

  /** The one number of a scalar that came from the host. */
  scalar(): number {
    this.fetch()
    return Number((this.held as ArrayLike<number>)[0])
  }

  get size(): number {
    return sizeOf(this.shape)
  }

  /** Gives the array back when nobody else can hold it. */
  release(): void {
    if (this.pinned > 0) return
    // What was copied from the device may be a copy for others too.
    if (!this.escaped && this.held && !this.onDevice) buffers.give(this.held as unknown as Elements)
    this.leaveDevice()
    this.held = this.native = undefined
  }
}
