/** What a run tells of its past: each iteration, each evaluation. */
import type { Dataset } from '../../data/dataset.js'
import type { EvaluationDetail } from '../../mistakes/detail.js'
import { count, dictionary, list, maybe, object, oneOf, text, truth, type Shape } from '../../store/shape.js'
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
  shape: list(object({ iteration: count, name: text, outputs: maybe(dictionary(text)) })),
  encode(kept, draft) {
    for (const [i, detail] of kept.entries()) {
      const { losses, said = {}, predicted, probability, right, everRight, outputs = {} } = detail
      for (const [part, values] of Object.entries({ losses, predicted, probability, right, everRight }))
        if (values) draft.vector(`evaluation:${i}:${part}`, values)
      for (const [name, values] of Object.entries(said)) draft.vector(`evaluation:${i}:said:${name}`, values)
      for (const [name, { part: _, ...taken }] of Object.entries(outputs))
        for (const [part, values] of Object.entries(taken))
          draft.vector(`evaluation:${i}:output:${name}:${part}`, values)
    }
    return kept.map(({ iteration, dataset, outputs }) => ({
      iteration,
      name: dataset.name,
      ...(outputs && {
        outputs: Object.fromEntries(Object.entries(outputs).map(([name, { part }]) => [name, part])),
      }),
    }))
  },
  decode: (json: SavedDetail[], found) =>
    found.evaluateOn ? json.flatMap((saved, i) => detailFrom(found, found.evaluateOn!, saved, i)) : [],
}

interface SavedDetail {
  iteration: number
  /** Of each output the name of its part of y. */
  outputs?: { [output: string]: string }
}

/** Details of other data than `evaluateOn` is now are of no use. */
function detailFrom(
  { tensors }: Found,
  dataset: Dataset,
  { iteration, outputs }: SavedDetail,
  i: number,
): EvaluationDetail[] {
  const part = <T>(name: string, Kind: new (...at: any[]) => T) => {
    const found = tensors[`evaluation:${i}:${name}`]?.values
    return found instanceof Kind && found.length === dataset.length
      ? { [name.split(':').at(-1)!]: found }
      : {}
  }
  const takenFrom = (at: string) => ({
    ...part(`${at}predicted`, Float32Array),
    ...part(`${at}probability`, Float32Array),
    ...part(`${at}right`, Uint8Array),
  })
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
      ...takenFrom(''),
      ...(outputs &&
        Object.values(outputs).every((name) => dataset.y.parts?.[name]) && {
          outputs: Object.fromEntries(
            Object.entries(outputs).map(([name, part]) => [name, { part, ...takenFrom(`output:${name}:`) }]),
          ),
        }),
      ...part('everRight', Uint8Array),
    },
  ]
}
