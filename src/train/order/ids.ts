import type { Dataset } from '../../data/dataset.js'
import type { Generated } from '../../data/generate.js'
import { describe, InputError } from '../../errors.js'

/** Examples by id: one, several, or what carries theirs, as a row of `run.slices({ by, of: 'train' })` does. */
export type Ids = number | Iterable<number> | { readonly ids: Iterable<number> }

/** The ids as a list, not yet looked up. */
function idsOf(given: Ids, where: string): number[] {
  if (typeof given === 'number') return [given]
  const some = typeof given === 'object' && given !== null && 'ids' in given ? given.ids : given
  if (typeof some === 'object' && typeof some?.[Symbol.iterator] === 'function') return [...some]
  throw new InputError({
    where,
    received: describe(given),
    expected: "an id, a list of ids, or a row of run.slices({ by, of: 'train' })",
  })
}

/** What a run holds of its data; told here, since that is used before the state that has it. */
interface Held {
  data: Dataset
  evaluateOn: Dataset | undefined
  source?: Generated | undefined
}

/** Refuses what is done with training examples, where a batch is made for its iteration. */
export function refuseMade(
  source: Generated | undefined,
  where: string,
  fix = 'Say it where batches are made, in the function of generate; or train on some that stay: data: await source.fixed({ batches: 100 }).',
): void {
  if (!source) return
  throw new InputError({
    where,
    received: `${source.name}: each batch is made for its iteration, and gone after it`,
    expected: 'training examples that stay',
    fix,
  })
}

/** Positions of training examples; refuses ids that are held out or unknown. */
export function trainingPositions({ data, evaluateOn, source }: Held, ids: Ids, where: string): number[] {
  refuseMade(source, where)
  return idsOf(ids, where).map((id) => {
    const position = data.positionOf(id)
    if (position !== undefined) return position
    const split =
      data.splitOf(id) ?? (evaluateOn?.positionOf(id) === undefined ? undefined : evaluateOn.split)
    throw new InputError({
      where,
      received: split ? `the id ${id}, which is held out (${split})` : `the id ${describe(id)}`,
      expected: 'ids of training examples',
      fix: split
        ? "Training examples that go wrong: await run.mistakes({ of: 'train' })."
        : typeof id === 'number'
          ? 'Ids stand in the rows of run.mistakes() and in batch.ids.'
          : 'Of rows of mistakes: rows.map(({ id }) => id).',
    })
  })
}

/** How many ids are written out in a record; more are counted. */
const listed = 1000

/** Ids as they stand in an adjustment. */
export function idsRecord({ data }: { data: Dataset }, positions: readonly number[]): number[] | string {
  if (positions.length > listed) return `${positions.length} examples`
  return positions.map((position) => data.ids[position]!)
}
