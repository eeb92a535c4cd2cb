import { IndexOutside } from '../../backend/tfjs/indices.js'
import { tensorsOf, type AnyBatch } from '../model/batch.js'

/** What is known of an index that points outside: by our backend, or from what tfjs's cpu backend says. */
interface Found {
  index: number
  /** The last that is inside, where it is said. */
  last: number | undefined
  /** Which element of the indices it is, and how many there are. */
  place: { position: number; count: number } | undefined
}

function find(error: unknown): Found | undefined {
  if (error instanceof IndexOutside) {
    const { index, position, shape } = error
    const count = shape.reduce((product, size) => product * size, 1)
    return { index, last: undefined, place: { position, count } }
  }
  const said = /index value (-?\d+) is not in \[0, (\d+)\]/.exec((error as Error | undefined)?.message ?? '')
  return said ? { index: Number(said[1]), last: Number(said[2]), place: undefined } : undefined
}

/** The example of the batch that the index comes from: its row of the indices, where it has the number, or the first that has. */
function exampleOf({ index, place }: Found, batch: AnyBatch): number | undefined {
  const { ids } = batch
  const rows = ids.length
  const row =
    place && place.count % rows === 0 ? Math.floor(place.position / (place.count / rows)) : undefined
  for (const tensor of Object.values(tensorsOf(batch))) {
    if (tensor.shape[0] !== rows || tensor.size === 0 || tensor.dtype === 'string') continue
    const values = tensor.dataSync() as Float32Array
    const width = values.length / rows
    const has = (at: number) =>
      values.subarray(at * width, (at + 1) * width).some((value) => Math.trunc(value) === index)
    if (row !== undefined && has(row)) return ids[row]
    for (let at = 0; at < rows; at++) if (has(at)) return ids[at]
  }
  // What the model made of its input may be outside as well, a sum of two tokens.
  return row === undefined ? undefined : ids[row]
}

/** Runs work on a batch; an index outside of what it points into names the example that it is from. */
export function namingExample<T>(batch: AnyBatch, work: () => T): T {
  try {
    const result = work()
    if (!(result instanceof Promise)) return result
    return result.catch((error: unknown) => {
      throw withExample(error, batch)
    }) as T
  } catch (error) {
    throw withExample(error, batch)
  }
}

function withExample(error: unknown, batch: AnyBatch): unknown {
  const found = find(error)
  const id = found && exampleOf(found, batch)
  if (id === undefined) return error
  const own = error instanceof IndexOutside ? error : undefined
  return new IndexOutside(
    {
      where: own?.problem.where ?? (error as Error).message,
      received: own
        ? `${own.problem.received}, in example ${id}`
        : `the index ${found!.index} in example ${id}`,
      expected: own?.problem.expected ?? `whole numbers from 0 to ${found!.last}`,
      fix:
        own?.problem.fix ??
        `Count the indices from 0, and give what is indexed a place for each (the inputDim of an embedding).`,
    },
    own ?? { index: found!.index, position: 0, shape: [] },
    // What is said here says it all, where it was ours.
    own ? {} : { cause: error },
  )
}
