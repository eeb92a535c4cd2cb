import type { EvaluationDetail } from '../../mistakes/detail.js'
import { idsRecord, refuseMade, trainingPositions, type Ids } from '../order/ids.js'
import { lookedAt, type Looked } from './looked.js'
import type { Subset } from '../rules/subsets.js'
import type { Core } from '../state/core.js'
import { evaluate } from '../step/evaluate.js'
import { note } from './adjust.js'

/** Some training examples to draw from, by position. */
interface Part {
  name: string
  positions: Int32Array
  chances?: Float32Array
}

/**
 * Chooses a part of the training data by what the run makes of it now; null: all of it.
 *
 * @param starts iterations at which the rounds so far began, the present one last.
 * @param pause is awaited between batches.
 */
export async function choosePart(
  core: Core,
  subset: Subset,
  starts: readonly number[],
  pause: () => Promise<void>,
): Promise<Part | null> {
  if (subset.record?.maker !== 'uniform') refuseMade(core.source, `subset ${subset.name}`)
  const looked = subset.looks ? lookedAt(core) : undefined
  if (looked?.sample) return chooseFrom(core, subset, looked, starts, pause)
  const positions = Int32Array.from(core.data.ids, (_, position) => position).filter(
    (position) => !core.state.order.isExcluded(position),
  )
  let seen: Promise<EvaluationDetail> | undefined
  const chosen = await subset.choose({
    positions,
    dataset: core.data,
    drawn: core.state.books.vectors().drawn,
    roundStarts: starts,
    detail: () => (seen ??= evaluate(core, core.data, pause).then(({ detail }) => detail)),
  })
  if (!chosen) return null
  const { chances } = chosen
  return {
    name: subset.name,
    positions: Int32Array.from(chosen.positions),
    ...(chances && { chances: Float32Array.from(chances) }),
  }
}

/** The same of a random sample: evaluated, and drawn from, are those in it alone. */
async function chooseFrom(
  core: Core,
  subset: Subset,
  { dataset, sample, positionIn }: Looked,
  starts: readonly number[],
  pause: () => Promise<void>,
): Promise<Part | null> {
  const { books } = core.state
  let seen: Promise<EvaluationDetail> | undefined
  const chosen = await subset.choose({
    positions: Int32Array.from({ length: dataset.length }, (_, place) => place),
    dataset,
    drawn: Uint32Array.from({ length: dataset.length }, (_, place) => books.drawn(positionIn(place))),
    roundStarts: starts,
    detail: () => (seen ??= evaluate(core, dataset, pause).then(({ detail }) => detail)),
  })
  return (
    chosen && {
      name: `${subset.name} of ${sample}`,
      positions: Int32Array.from(chosen.positions, positionIn),
      ...(chosen.chances && { chances: Float32Array.from(chosen.chances) }),
    }
  )
}

/** Chooses what to draw from until another part is chosen; the function that it gives begins with that. */
export async function prepareFocus(
  core: Core,
  on: Ids | Subset | null,
  why: string | undefined,
  pause: () => () => Promise<void>,
): Promise<() => void> {
  if (on === null) return () => focus(core, null, undefined, why)
  const { choose, record } = on as Partial<Subset>
  const part =
    typeof choose === 'function'
      ? await choosePart(core, on as Subset, [core.state.iteration], pause())
      : partOf(core, on as Ids)
  return () => focus(core, part, record, why)
}

function partOf(core: Core, ids: Ids): Part {
  const positions = Int32Array.from(new Set(trainingPositions(core, ids, 'run.focus(on)')))
  return { name: `${positions.length} examples`, positions }
}

/** Draws from a subset from now on; null: from everything. `record`: how the subset is chosen anew where it is replayed. */
function focus(core: Core, part: Part | null, record: Subset['record'], why: string | undefined): void {
  const from = core.state.order.subset?.name ?? 'all'
  core.state.order.focus(part)
  const how = record ?? (part && { ids: idsRecord(core, Array.from(part.positions)) })
  note(core, {
    what: 'focus',
    from,
    to: part ? { subset: part.name, count: part.positions.length, ...how } : 'all',
    why,
  })
}
