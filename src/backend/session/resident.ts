import { createSession, runSession, type DeviceTensor, type NativeSession } from './native.js'
import { encodeModel } from '../onnx/model.js'
import { sizeOf, type ElementType, type Elements } from '../onnx/types.js'
import { allocate, tensorOf } from './buffers.js'
import { type Place } from './entry.js'

/** Devices on which ONNX Runtime's binding for Node can leave a graph's results. */
export const keepsState = (device: string): boolean => device === 'webgpu'

const downloads = new Map<ElementType, NativeSession>()

/** Copies values of any number from the device: the binding has no other way. */
function downloadSession(type: ElementType): NativeSession {
  let session = downloads.get(type)
  if (!session) {
    const [x, y] = ['x', 'y'].map((name) => ({ name, shape: [1], type }))
    const model = encodeModel({
      nodes: [{ op: 'Identity', inputs: [x], outputs: [y!], attributes: {} }],
      inputs: [x!],
      outputs: [y!],
      dimensions: { x: ['size'], y: ['size'] },
    })
    downloads.set(type, (session = createSession(model, { threads: 1, device: 'webgpu' })))
  }
  return session
}

/** A session and what it has left on the device. That lies in memory of the session, so it must be gone before it. */
export class Home {
  readonly session: NativeSession
  private readonly living = new Set<Resident>()

  constructor(session: NativeSession) {
    this.session = session
  }

  add(resident: Resident): void {
    this.living.add(resident)
  }
  delete(resident: Resident): void {
    this.living.delete(resident)
  }

  /** Brings all that is still read to the host; the session can be disposed of then. */
  leave(): void {
    for (const resident of this.living) resident.leave()
  }
}

/**
 * Values that a graph has left on the device, of one variable or of several in a row. They are freed when none of these reads them
 * any more; on the host they are once somebody asks.
 */
export class Resident {
  readonly size: number
  private readonly home: Home
  /** Where they are, as long as they are on the device. */
  private onDevice: DeviceTensor | undefined
  private readers = 0
  private copy: Elements | undefined

  constructor(tensor: DeviceTensor, home: Home) {
    this.onDevice = tensor
    this.size = sizeOf(tensor.dims)
    this.home = home
    home.add(this)
  }

  get tensor(): DeviceTensor | undefined {
    return this.onDevice
  }

  /** The values from `from` on for one reader, who gives them back with `release`. */
  place(from: number, size: number): Place {
    this.readers++
    return {
      whole: this,
      from,
      size,
      read: () => (size === this.size ? this.data : this.data.subarray(from, from + size)),
      release: () => {
        this.readers--
        this.releaseUnread()
      },
    }
  }

  /** Frees them if nobody reads them. */
  releaseUnread(): void {
    if (this.readers === 0) this.free()
  }

  /** Leaves the device; the values are on the host alone. */
  leave(): void {
    if (this.readers > 0) this.copy = this.data
    this.free()
  }

  private free(): void {
    this.onDevice?.dispose()
    this.onDevice = undefined
    this.home.delete(this)
  }

  private get data(): Elements {
    if (this.copy) return this.copy
    const tensor = this.onDevice!
    const { type } = tensor
    const dims = [this.size]
    const copy = allocate(type, this.size)
    runSession(downloadSession(type), { x: { ...tensor, dims } }, { y: tensorOf(type, copy, dims) })
    return (this.copy = copy)
  }
}

/** What these are all the parts of, in this order, as one tensor. */
export function maybeWhole(places: readonly (Place | undefined)[]): DeviceTensor | undefined {
  const whole = places[0]?.whole
  let from = 0
  for (const place of places) {
    if (!place || place.whole !== whole || place.from !== from) return undefined
    from += place.size
  }
  return whole && from === whole.size ? whole.tensor : undefined
}
