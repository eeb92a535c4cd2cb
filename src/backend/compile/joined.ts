import type { Row } from '../passes/merge.js'
import type { NativeTensor } from '../session/native.js'
import { sizeOf } from '../onnx/types.js'
import { tensorOf } from '../session/buffers.js'

/** Several tensors in one array: each can be read by itself, and all of them as one. */
interface Shared {
  whole: NativeTensor
  parts: readonly NativeTensor[]
}

const sharedBy = new WeakMap<NativeTensor, Shared>()

function createShared({ value, parts }: Row): Shared {
  const data = new Float32Array(sizeOf(value.shape))
  let from = 0
  const shared: Shared = {
    whole: tensorOf('float32', data, value.shape),
    parts: parts.map(({ shape }) => tensorOf('float32', data.subarray(from, (from += sizeOf(shape))), shape)),
  }
  for (const part of shared.parts) sharedBy.set(part, shared)
  return shared
}

/** What these tensors are the parts of, in this order. */
function maybeShared(tensors: readonly (NativeTensor | undefined)[]): Shared | undefined {
  const shared = tensors[0] && sharedBy.get(tensors[0])
  if (!shared || shared.parts.length !== tensors.length) return undefined
  return shared.parts.every((part, at) => part === tensors[at]) ? shared : undefined
}

/** The tensors as one: the array that they share, or a copy where they do not. */
export function joined(row: Row, tensors: readonly NativeTensor[]): NativeTensor {
  const shared = maybeShared(tensors)
  if (shared) return shared.whole
  const copy = createShared(row)
  for (const [at, { data }] of tensors.entries())
    (copy.parts[at]!.data as Float32Array).set(data as Float32Array)
  return copy.whole
}

/** The array that a run writes next in place of several tensors. */
export class Spare {
  private readonly row: Row
  private shared: Shared | undefined

  constructor(row: Row) {
    this.row = row
  }

  /** To be written. */
  get whole(): NativeTensor {
    return (this.shared ??= createShared(this.row)).whole
  }

  /** Writes another array next: this one is read again. */
  forget(): void {
    this.shared = undefined
  }

  /** Gives away what it would write next. */
  take(): Shared | undefined {
    const { shared } = this
    this.shared = undefined
    return shared
  }

  giveBack(shared: Shared | undefined): void {
    this.shared ??= shared
  }

  /** Gives each part away, and keeps what comes back in exchange if that is all of another array. */
  exchange(give: (part: NativeTensor, at: number) => NativeTensor | undefined): void {
    const back = this.shared!.parts.map(give)
    this.shared = maybeShared(back)
  }
}
