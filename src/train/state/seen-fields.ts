/** What a run tells of its past: each iteration, each evaluation. */
import type { Dataset } from '../../data/dataset.js'
import type { EvaluationDetail } from '../../mistakes/detail.js'
import { count, list, maybe, object, oneOf, text, truth, type Shape } from '../../store/shape.js'
import type { EvaluationRow, LookRow } from '../../views.js'
import { measured, withNaN, type Field, type Found } from './field.js'
import { everyRow, History } from './history.js'

/** A name that a run can have, or a column of its history. */
const fieldName: Shape = (value, at = '') =>
  text(value, at) ??
  (value === '' || value === '__proto__' ? `${at} is '${value}', which names nothing` : undefined)

/** One row an iteration. */
export const history: Field<History> = {
  first: () => new History(),
  keep: (live) => live.copy(),
  name: 'historyNames',
  shape: list(fieldName),
  encode(rows, draft) {
    for (const name of rows.names)
      draft.vector(`history:${name}`, rows.column(name).subarray(0, draft.length))
    return rows.names
  },
  decode(names: string[], found) {
    const wrong = namesMisfit(names, found)
    if (wrong !== undefined) throw found.misfit(wrong)
    const read = new History()
    read.paste(Object.fromEntries(names.map((name) => [name, found.values(`history:${name}`, Float64Array)])))
    return read
  },
}

function namesMisfit(names: readonly string[], { tensors }: Found): string | undefined {
  if (new Set(names).size !== names.length) return '.historyNames names a column twice'
  const missing = everyRow.find((name) => !names.includes(name))
  if (missing) return `.historyNames is without ${missing}`
  const rows = tensors['history:iteration']?.values.length
  const other = names.find((name) => tensors[`history:${name}`]?.values.length !== rows)
  return other && `history:${other} has another length than the rest`
}

/** One row an evaluation on `evaluateOn`. */
export const evaluations: Field<EvaluationRow[]> = {
  first: () => [],
  shape: list(object({ iteration: count }, measured)),
  encode: (rows) => rows,
  decode: withNaN,
}

/** At data that was set apart. */
export const looks: Field<readonly LookRow[]> = {
  first: () => [],
  shape: maybe(
    list(
      object({
        iteration: count,
        data: text,
        split: oneOf('train', 'validation', 'test'),
        ema: truth,
        loss: measured,
      }),
    ),
  ),
  encode: (rows) => rows,
  decode: (json) => withNaN(json ?? []),
}

/** What was seen of each example in the last evaluations on `evaluateOn`, oldest first. */
export const details: Field<EvaluationDetail[]> = {
  first: () => [],
  shape: list(object({ iteration: count, name: text })),
  encode(kept, draft) {
    for (const [i, { losses, said = {}, predicted, probability, right, everRight }] of kept.entries()) {
      for (const [part, values] of Object.entries({ losses, predicted, probability, right, everRight }))
        if (values) draft.vector(`evaluation:${i}:${part}`, values)
      for (const [name, values] of Object.entries(said)) draft.vector(`evaluation:${i}:said:${name}`, values)
    }
    return kept.map(({ iteration, dataset }) => ({ iteration, name: dataset.name }))
  },
  decode: (json: { iteration: number }[], found) =>
    found.evaluateOn
      ? json.flatMap(({ iteration }, i) => detailFrom(found, found.evaluateOn!, iteration, i))
      : [],
}

/** Details of other data than `evaluateOn` is now are of no use. */
function detailFrom({ tensors }: Found, dataset: Dataset, iteration: number, i: number): EvaluationDetail[] {
  const part = <T>(name: string, Kind: new (...at: any[]) => T) => {
    const found = tensors[`evaluation:${i}:${name}`]?.values
    return found instanceof Kind && found.length === dataset.length ? { [name]: found } : {}
  }
  const { losses } = part('losses', Float32Array)
  if (!losses) return []
  const head = `evaluation:${i}:said:`
  const said = Object.fromEntries(
    Object.keys(tensors)
      .filter((key) => key.startsWith(head))
      .map((key) => [key.slice(head.length), tensors[key]!.values])
      .filter(([, values]) => values instanceof Float32Array && values.length === dataset.length),
  )
  return [
    {
      iteration,
      dataset,
      losses,
      ...(losses.every((loss) => Number.isNaN(loss)) && { onlyMean: true }),
      ...(Object.keys(said).length > 0 && { said }),
      ...part('predicted', Float32Array),
      ...part('probability', Float32Array),
      ...part('right', Uint8Array),
      ...part('everRight', Uint8Array),
    },
  ]
}
