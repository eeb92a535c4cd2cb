import { describe, InputError } from '../../errors.js'
import type { EvaluationDetail } from '../../mistakes/detail.js'
import type { EvaluationRow } from '../../views.js'
import type { Core } from '../state/core.js'
import type { Events } from '../state/events.js'
import { evaluate, type Evaluation } from './evaluate.js'
import { worstOf } from './worst.js'

/** Evaluates on `evaluateOn` and writes it down. The same iteration again replaces its row. */
export async function evaluateRun(
  core: Core,
  journal: Events,
  pause: () => Promise<void>,
  call?: object,
): Promise<Evaluation> {
  const found = await evaluate(core, core.evaluateOn!, pause, { call })
  const before = core.state.details.findLast(({ iteration }) => iteration < found.row.iteration)
  const everRight = before && everRightAt(before)
  if (everRight) found.detail.everRight = everRight
  const again = core.state.evaluations.at(-1)?.iteration === found.row.iteration
  core.state.evaluations = [...core.state.evaluations.slice(0, again ? -1 : undefined), found.row]
  journal.event('evaluation', found.row)
  core.state.details = [...core.state.details.slice(again ? 0 : -1, again ? -1 : undefined), found.detail]
  // Told now: the run's values are others when it is shown.
  if (!found.detail.predicted) worstOf(core, found.detail)
  // Written down by now: what is stopped or fails there does not take the evaluation with it.
  const { iteration } = found.row
  const earlier = core.state.notes.filter((note) => note.iteration < iteration)
  const said = await core.trainee.evaluated?.(found.row, pause, earlier)
  if (!said) return found
  const { columns, ...rest } = said
  if (Object.keys(rest).length > 0) {
    const note = { ...rest, iteration }
    core.state.notes = [...earlier, note]
    journal.event('note', note)
  }
  if (columns === undefined) return found
  const row = withColumns(found.row, columns)
  core.state.evaluations = core.state.evaluations.map((one) => (one === found.row ? row : one))
  journal.event('evaluation', row)
  return { ...found, row }
}

/** The row with the columns that the model's `evaluated` gives. */
function withColumns(row: EvaluationRow, columns: unknown): EvaluationRow {
  for (const [name, value] of Object.entries(columns as object)) {
    if (typeof value === 'number' && !(name in row)) continue
    throw new InputError({
      where: `evaluated, columns: ${name}`,
      received: name in row ? `${name}, which the evaluation has already` : describe(value),
      expected: 'numbers by names of their own',
    })
  }
  return { ...row, ...(columns as { [name: string]: number }) }
}

/** Which examples were right in this evaluation or one before it. */
function everRightAt({ right, everRight }: EvaluationDetail): Uint8Array | undefined {
  return everRight && right ? right.map((one, i) => one | everRight[i]!) : right
}
