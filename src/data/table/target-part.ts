import type { AnyDataset, Dataset } from '../dataset.js'
import { valuesOfParts } from './parts.js'

const known = new WeakMap<object, Map<string, Dataset>>()

/** A dataset of several targets as one of this target alone: its y is the part of that name, and its classes are the part's. */
export function ofTarget(dataset: AnyDataset, part: string): Dataset {
  let parts = known.get(dataset)
  if (!parts) known.set(dataset, (parts = new Map()))
  let one = parts.get(part)
  if (!one) parts.set(part, (one = made(dataset, part)))
  return one
}

function made(dataset: AnyDataset, part: string): Dataset {
  const y = dataset.y.parts![part]!
  return Object.create(dataset, {
    y: { value: y },
    classes: { value: y.classes },
    valuesAt: {
      value: (position: number) => {
        const values = dataset.valuesAt(position)
        return { ...values, y: valuesOfParts(dataset.y, values.y as ArrayLike<number>)[part]! }
      },
    },
  }) as Dataset
}

/** The labels of one target, of those of all of them. */
export function labelsOfTarget(
  dataset: AnyDataset,
  labels: ReadonlyMap<number, ArrayLike<number>>,
  part: string,
): ReadonlyMap<number, ArrayLike<number>> {
  return new Map(
    Array.from(labels, ([position, values]) => [position, valuesOfParts(dataset.y, values)[part]!]),
  )
}
