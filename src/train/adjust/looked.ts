import type { Dataset } from '../../data/dataset.js'
import type { Core } from '../state/core.js'
import { manyExamples } from '../order/books.js'
import { keyOf } from '../order/key.js'
import { keyedOrder } from '../order/keyed-order.js'

/** Of so many examples all are not looked at: a random sample of this size stands for them. */
export const sampleSize = 4096

/** Training examples to look at: all, or a random sample of many. */
export interface Looked {
  readonly dataset: Dataset
  /** What is said of a sample; undefined where it is all. */
  readonly sample?: string
  /** Where an example of `dataset` is in the training data. */
  positionIn(position: number): number
}

/**
 * Of more than a million examples a random sample, another in each iteration, of those that are not excluded: the same for the same
 * seed and iteration.
 */
export function lookedAt(core: Core): Looked {
  const { data, state, settings } = core
  if (data.length <= manyExamples) return { dataset: data, positionIn: (position) => position }
  const at = keyedOrder(data.length, keyOf(settings.seed, 'looked', state.iteration))
  const drawn: number[] = []
  for (let place = 0; drawn.length < sampleSize && place < data.length; place++) {
    const position = at(place)
    if (!state.order.isExcluded(position)) drawn.push(position)
  }
  const positions = Int32Array.from(drawn)
  const count = (n: number) => n.toLocaleString('en')
  const sample = `${count(positions.length)} of ${count(data.length)} examples, drawn at random`
  return {
    dataset: sampleOf(core, positions, sample),
    sample,
    positionIn: (position) => positions[position]!,
  }
}

/** These examples of the training data, with labels as they were corrected. */
function sampleOf(core: Core, positions: Int32Array, sample: string): Dataset {
  const { data } = core
  const placeOf = new Map(Array.from(positions, (position, place) => [position, place]))
  const inData = (places: ArrayLike<number>) => Int32Array.from(places, (place) => positions[place]!)
  const { split, x, y, fields, picture, classes } = data
  return {
    name: `${data.name} (${sample})`,
    split,
    x,
    y,
    ...(fields && { fields }),
    ...(picture && { picture }),
    ...(classes && { classes }),
    length: positions.length,
    ids: Array.from(positions, (position) => data.ids[position]!),
    positionOf(id) {
      const position = data.positionOf(id)
      return position === undefined ? undefined : placeOf.get(position)
    },
    splitOf: (id) => data.splitOf(id),
    at(places) {
      const { iteration: _, ...examples } = core.batchAt(inData(places))
      return examples as ReturnType<Dataset['at']>
    },
    valuesAt: (place) => data.valuesAt(positions[place]!),
    ...(data.textAt && { textAt: (place) => data.textAt!(positions[place]!) }),
    ...(data.tokenText && { tokenText: (value) => data.tokenText!(value) }),
    ...(data.sourceAt && { sourceAt: (place) => data.sourceAt!(positions[place]!) }),
    digest: () => data.digest(),
  }
}
