import * as tf from '@tensorflow/tfjs'
import type { Entry } from '../session/entry.js'

/**
 * Which tensors are squares of deviations from a mean, in whatever mode they were made: their mean is a variance. The mean was
 * rounded, so the deviations are all off by the same, and of numbers near a million that deviate by less than one that is most
 * of what comes out: whoever knows the deviations can put it right.
 */

type Info = tf.TensorInfo

/** An entry with the values that it has now: those of a variable change. */
interface Values {
  entry: Entry
  generation: number
}

type Note =
  | { kind: 'mean'; of: Values; axes: readonly number[]; kept: readonly number[] }
  | { kind: 'deviations'; axes: readonly number[] }
  | { kind: 'squares'; axes: readonly number[]; of: Values; deviations: Info }

const valuesOf = (entry: Entry): Values => ({ entry, generation: entry.generation })

const same = (before: Values, entry: Entry) =>
  before.entry === entry && before.generation === entry.generation

const sameAxes = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((axis) => b.includes(axis))

/** The attributes of a reduction. */
type Reduction = { axis?: number | number[]; reductionIndices?: number | number[] }

const axesOf = ({ shape }: Info, { axis, reductionIndices }: Reduction) =>
  tf.util.parseAxisParam((reductionIndices ?? axis)!, shape)

type Inputs = { readonly [name: string]: Info | null | undefined }

/** Who holds the values of tensors. */
interface Holder {
  entryOf(tensor: Info): Entry
  isAlive(tensor: Info): boolean
}

/** What the tensors of one backend were made from, as far as that may be a variance. */
export class Lineage {
  private readonly notes = new WeakMap<Entry, { generation: number; note: Note }>()
  private readonly holder: Holder

  constructor(holder: Holder) {
    this.holder = holder
  }

  private keep(entry: Entry, note: Note): void {
    this.notes.set(entry, { generation: entry.generation, note })
  }

  private noteOf(tensor: Info): Note | undefined {
    const entry = this.holder.entryOf(tensor)
    const kept = this.notes.get(entry)
    return kept?.generation === entry.generation ? kept.note : undefined
  }

  /** Writes down what a kernel has made, if that is a step on the way to a variance. */
  note(kernel: string, inputs: Inputs, attributes: Reduction, result: Info): void {
    const { holder } = this
    const made = holder.entryOf(result)
    if (kernel === 'Mean') {
      const x = inputs.x!
      const axes = axesOf(x, attributes)
      const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
      this.keep(made, { kind: 'mean', of: valuesOf(holder.entryOf(x)), axes, kept })
    } else if (kernel === 'Sub') {
      const [a, b] = [inputs.a!, inputs.b!]
      const mean = this.noteOf(b)
      if (mean?.kind !== 'mean' || !same(mean.of, holder.entryOf(a))) return
      // Where it is spread along another axis than its own, these are no deviations.
      const whole = mean.kept.every((size) => size === 1) && tf.util.sizeFromShape(b.shape) === 1
      if (whole || tf.util.arraysEqual(b.shape, mean.kept as number[]))
        this.keep(made, { kind: 'deviations', axes: mean.axes })
    } else if (kernel === 'Square') {
      const x = inputs.x!
      const note = this.noteOf(x)
      if (note?.kind !== 'deviations') return
      this.keep(made, { kind: 'squares', axes: note.axes, of: valuesOf(holder.entryOf(x)), deviations: x })
    }
  }

  /** The deviations of whose squares, `x`, the mean over these axes is the variance. */
  maybeDeviations(x: Info, attributes: Reduction): Info | undefined {
    const note = this.noteOf(x)
    if (note?.kind !== 'squares') return undefined
    const { deviations } = note
    if (!this.holder.isAlive(deviations) || !same(note.of, this.holder.entryOf(deviations))) return undefined
    const fits = tf.util.arraysEqual(x.shape, deviations.shape) && sameAxes(axesOf(x, attributes), note.axes)
    return fits ? deviations : undefined
  }
}
