import { InputError } from '../errors.js'
import { maybeHost } from '../host.js'
import type { Core } from './core.js'
import { bytesOf, restoreSnapshot, takeSnapshot, type Snapshot } from './snapshots.js'

/** A point to go back to: what one cell, or one call, began from. */
interface Point {
  snapshot: Snapshot
  /** The cell that did what came after it; undefined outside a notebook, where each call is a point of its own. */
  cell: number | undefined
  /** The last rows of the point's history, where the run's own history may not have them. */
  tail?: { [name: string]: Float64Array }
  name?: string
}

/** Memory that points to go back to may take, in bytes, before older ones are thinned out. */
const budget = 512 * 2 ** 20

/** Where the run has been: points to go back to, and those that were taken back. */
export class Timeline {
  readonly #core: Core
  #past: Point[] = []
  #future: Point[] = []
  /** What the run was before its first change. */
  #first: Point | undefined
  readonly #named = new Map<string, Point>()
  /** The calls under way, one inside the other, each with the signal that stops it: where a cell was ended by force none comes back. */
  readonly #calls = new Map<object, AbortSignal | undefined>()

  constructor(core: Core) {
    this.#core = core
  }

  /** Runs `work` as one call that undo takes back: keeps the point it began from, unless an earlier call of the cell did. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.begin()
    const call = {}
    this.#calls.set(call, maybeHost()?.interrupt)
    this.#core.owner = call
    try {
      return await work()
    } finally {
      this.#calls.delete(call)
      if (this.#core.owner === call) this.#core.owner = undefined
    }
  }

  /** The call under way was ended from outside and will not say so. */
  abandon(): void {
    this.#calls.clear()
    this.#core.owner = undefined
  }

  /** Goes to where the run began; `undo` leads back. */
  fresh(): void {
    const first = this.#first
    if (!first || first.snapshot.iteration > 0)
      throw new InputError({
        where: 'run.fresh()',
        received: first
          ? `a run that was taken up at iteration ${first.snapshot.iteration}`
          : 'a run that has not changed',
        expected: 'one that began here and has trained',
        fix: 'train(model, …) makes a new run.',
      })
    this.#leave(first)
  }

  #leave(point: Point): void {
    const cell = maybeHost()?.cell?.number
    this.#future = []
    this.#past.push({ ...this.#swap(point), cell })
    this.#thin()
  }

  /** Keeps the point before a change. `snapshot`: taken earlier, where the change began before the call. */
  begin(snapshot?: Snapshot): void {
    if (this.busy) return
    const cell = maybeHost()?.cell?.number
    this.#future = []
    if (cell !== undefined && this.#past.at(-1)?.cell === cell) return
    const point = { snapshot: snapshot ?? takeSnapshot(this.#core), cell }
    this.#first ??= point
    this.#past.push(point)
    this.#thin()
  }

  get busy(): boolean {
    return [...this.#calls.values()].some((signal) => !signal?.aborted)
  }

  /** How many steps undo can take. */
  get length(): number {
    return this.#past.length
  }

  undo(): void {
    const point = this.#past.pop()
    if (!point)
      throw new InputError({
        where: 'run.undo()',
        received: 'a run at its beginning',
        expected: 'a call or cell to take back: iterate, set, exclude, …',
      })
    this.#future.push(this.#swap(point))
  }

  redo(): void {
    const point = this.#future.pop()
    if (!point)
      throw new InputError({
        where: 'run.redo()',
        received: 'a run that nothing was taken back from',
        expected: 'run.undo() before it',
        fix: 'What was taken back is gone once the run trains on or is changed.',
      })
    this.#past.push(this.#swap(point))
  }

  /** Goes to `point`; gives the present as a point that leads back. */
  #swap(point: Point): Point {
    const { history } = this.#core
    const shared = point.snapshot.historyLength - (point.tail?.iteration?.length ?? 0)
    const snapshot = takeSnapshot(this.#core)
    const tail = history.cut(Math.min(shared, history.length))
    restoreSnapshot(this.#core, point.snapshot)
    if (point.tail) history.paste(point.tail)
    return { snapshot, cell: point.cell, tail }
  }

  /** Keeps the present under a name, with a history of its own: the run may come to it from elsewhere. */
  name(name: string): void {
    const snapshot = takeSnapshot(this.#core)
    this.#named.set(name, { snapshot, cell: undefined, name, tail: this.#core.history.copy().cut(0) })
  }

  /** Goes to a named point, or to one that a call or cell began from at this iteration; `undo` leads back. */
  goTo(target: number | string): void {
    this.#leave(this.#find(target))
  }

  #find(target: number | string): Point {
    const points = [...this.#named.values(), ...this.#past]
    const found =
      typeof target === 'string'
        ? this.#named.get(target)
        : points.findLast(({ snapshot }) => snapshot.iteration === target)
    if (found) return found
    const known = [...new Set(points.map(({ snapshot, name }) => name ?? snapshot.iteration))]
    throw new InputError({
      where: 'run.goTo(target)',
      received: typeof target === 'string' ? `'${target}'` : `${target}`,
      expected: known.length
        ? `one of the kept points: ${known.join(', ')}`
        : 'a kept point; there is none yet',
      fix: 'run.keep(name) keeps the present one.',
    })
  }

  /** The oldest half gives every second point when memory is short; the very first stays. */
  #thin(): void {
    while (this.#past.length > 2 && this.bytes > budget) {
      const half = Math.ceil(this.#past.length / 2)
      this.#past = this.#past.filter((_point, i) => i === 0 || i >= half || i % 2 === 0)
      if (half <= 2) break
    }
  }

  /** Where `goTo` can go, oldest first. */
  get points(): { iteration: number; name?: string }[] {
    const named = [...this.#named.values()]
    return [...this.#past, ...named]
      .map(({ snapshot, name }) => ({ iteration: snapshot.iteration, ...(name !== undefined && { name }) }))
      .toSorted((a, b) => a.iteration - b.iteration)
  }

  get bytes(): number {
    const seen = new Set<object>()
    let bytes = 0
    for (const { snapshot } of [...this.#past, ...this.#future, ...this.#named.values()]) {
      bytes += bytesOf(snapshot, !seen.has(snapshot.tensors))
      seen.add(snapshot.tensors)
    }
    return bytes
  }
}
