import { describe, InputError } from '../../errors.js'
import { maybeHost } from '../../host.js'
import type { UndoneView } from '../../views.js'
import type { Core } from '../state/core.js'
import { leadsHere, type SavedPoint } from '../disk/points.js'
import { say } from '../../say.js'
import type { Move, Point, Points } from '../state/point.js'
import { bytesOf, restoreSnapshot, takeSnapshot, type Snapshot } from '../state/snapshots.js'

/** Where a run stands, told from other places on its line and beside it. */
function placeOf({ state: { iteration, updates, adjustments, history } }: Core): string {
  return [iteration, updates, adjustments.length, history.length, history.last('loss')].join(' ')
}

/** Rows that a point has of its own. */
const lengthOf = ({ tail }: Point): number => tail?.iteration?.length ?? 0

/** Memory that points to go back to may take, in bytes, before older ones are thinned out. */
const budget = 512 * 2 ** 20

/** Where the run has been: points to go back to, and those that were taken back. */
export class Timeline implements Points {
  readonly #core: Core
  #past: Point[] = []
  #future: Point[] = []
  /** What the run was before its first change. */
  #first: Point | undefined
  readonly #named = new Map<string, Point>()
  /** Points of the process before this one, oldest first. */
  #saved: SavedPoint[] = []
  /** Those of them that redo goes to. */
  #savedFuture: SavedPoint[] = []
  /** The calls under way, one inside the other, each with the signal that stops it: where a cell was ended by force none comes back. */
  readonly #calls = new Map<object, AbortSignal | undefined>()

  constructor(core: Core) {
    this.#core = core
  }

  /** Takes points on disk as places to go back to. */
  adopt(points: readonly SavedPoint[]): void {
    this.#saved = points.filter(({ redo }) => !redo)
    this.#savedFuture = points.filter(({ redo }) => redo)
  }

  /** Runs `work` as one call. */
  async during<T>(work: () => Promise<T>): Promise<T> {
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
  fresh(): Move {
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
    return this.#leave(first)
  }

  #leave(point: Point): Move {
    const cell = maybeHost()?.cell?.number
    this.#forgetFuture()
    this.#past.push({ ...this.#swap(point), cell })
    this.#thin()
    return 'left'
  }

  #forgetFuture(): void {
    this.#future = []
    this.#savedFuture = []
  }

  /**
   * Keeps the point before a change, unless an earlier call of the cell did. `snapshot`: taken earlier, where the change
   * began before the call.
   */
  begin(snapshot?: Snapshot | (() => Snapshot)): Point | undefined {
    if (this.busy) return undefined
    const cell = maybeHost()?.cell?.number
    this.#forgetFuture()
    if (cell !== undefined && this.#past.at(-1)?.cell === cell) return undefined
    const taken = typeof snapshot === 'function' ? snapshot() : (snapshot ?? takeSnapshot(this.#core))
    const point: Point = { snapshot: taken, cell }
    this.#first ??= point
    this.#past.push(point)
    this.#thin()
    return point
  }

  /** Points on the run's own line, oldest first. */
  get past(): readonly Point[] {
    return this.#past.filter(({ tail }) => !tail?.iteration?.length)
  }

  /** Points that redo goes to, the nearest first, each with the whole history of its own. */
  *future(): Generator<Point> {
    const history = this.#core.state.history.copy()
    for (const point of this.#future.toReversed()) {
      history.cut(Math.min(point.snapshot.historyLength - lengthOf(point), history.length))
      if (point.tail) history.paste(point.tail)
      yield { ...point, tail: history.copy().cut(0) }
    }
  }

  /** The losses of the iterations that redo would bring again; undefined where there are none. */
  get undone(): UndoneView | undefined {
    const rows = { iteration: [] as number[], loss: [] as number[] }
    for (const { tail } of this.#future.toReversed()) {
      for (const at of tail?.iteration ?? []) rows.iteration.push(at)
      for (const loss of tail?.loss ?? []) rows.loss.push(loss)
    }
    return rows.iteration.length > 0 ? rows : undefined
  }

  get named(): ReadonlyMap<string, Point> {
    return this.#named
  }

  get busy(): boolean {
    return [...this.#calls.values()].some((signal) => !signal?.aborted)
  }

  /** How many steps undo can take. */
  get length(): number {
    return this.#past.length
  }

  undo(): Move {
    const point = this.#past.pop() ?? this.#popSaved()
    if (!point)
      throw new InputError({
        where: 'run.undo()',
        received: 'a run at its beginning',
        expected: 'a call or cell to take back: iterate, set, exclude, …',
      })
    const undone = this.#swap(point)
    undone.from = placeOf(this.#core)
    this.#future.push(undone)
    return { undone }
  }

  /** The newest point on disk that the present came from. */
  #popSaved(): Point | undefined {
    const { iteration, adjustments } = this.#core.state
    for (;;) {
      const at = this.#saved.findLastIndex(({ name }) => name === undefined)
      if (at < 0) return undefined
      const [saved] = this.#saved.splice(at, 1)
      const before =
        saved!.iteration < iteration ||
        (saved!.iteration === iteration && saved!.adjustments! < adjustments.length)
      const found = before ? saved!.read() : undefined
      if (found instanceof Error) say(`${found.message} Undo passes over it.`)
      else if (found && leadsHere(this.#core, found))
        return { snapshot: found.snapshot, cell: undefined, written: true }
    }
  }

  /** The point on disk that was taken back to where the run stands. */
  #popSavedFuture(): Point | undefined {
    const here = placeOf(this.#core)
    for (const saved of this.#savedFuture) {
      const found = saved.read()
      if (found instanceof Error) say(`${found.message} Redo passes over it.`)
      if (found instanceof Error || found.from !== here) continue
      this.#savedFuture = this.#savedFuture.filter((one) => one !== saved)
      return { snapshot: found.snapshot, cell: undefined, tail: found.history.cut(0) }
    }
    return undefined
  }

  redo(): Move {
    const point = this.#future.pop() ?? this.#popSavedFuture()
    if (!point)
      throw new InputError({
        where: 'run.redo()',
        received: 'a run that nothing was taken back from',
        expected: 'run.undo() before it',
        fix: 'What was taken back is gone once the run trains on or is changed.',
      })
    this.#past.push(this.#swap(point))
    return { redone: point.snapshot }
  }

  /** Goes to `point`; gives the present as a point that leads back. */
  #swap(point: Point): Point {
    const { history } = this.#core.state
    const shared = point.snapshot.historyLength - lengthOf(point)
    const snapshot = takeSnapshot(this.#core)
    const tail = history.cut(Math.min(shared, history.length))
    restoreSnapshot(this.#core, point.snapshot)
    if (point.tail) history.paste(point.tail)
    return { snapshot, cell: point.cell, tail }
  }

  /** Keeps the present under a name, with a history of its own: the run may come to it from elsewhere. */
  name(name: string): Point {
    if (typeof name !== 'string' || !name)
      throw new InputError({
        where: 'run.keep(name)',
        received: describe(name),
        expected: "a name, e.g. run.keep('before the branch')",
      })
    const snapshot = takeSnapshot(this.#core)
    const point: Point = { snapshot, cell: undefined, name, tail: this.#core.state.history.copy().cut(0) }
    this.#named.set(name, point)
    return point
  }

  /** Goes to a named point, or to one that a call or cell began from at this iteration; `undo` leads back. */
  goTo(target: number | string): Move {
    return this.#leave(this.#find(target))
  }

  #find(target: number | string): Point {
    const points = [...this.#named.values(), ...this.#past]
    const found =
      typeof target === 'string'
        ? this.#named.get(target)
        : points.findLast(({ snapshot }) => snapshot.iteration === target)
    if (found) return found
    let broken: Error | undefined
    for (const saved of this.#saved.toReversed()) {
      if (typeof target === 'string' ? saved.name !== target : saved.iteration !== target) continue
      const read = saved.read()
      if (read instanceof Error) broken ??= read
      else if (saved.name !== undefined || leadsHere(this.#core, read))
        return { snapshot: read.snapshot, cell: undefined, tail: read.history.cut(0) }
    }
    if (broken) throw broken
    const known = [...new Set(this.points.map(({ iteration, name }) => name ?? iteration))]
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
    const inMemory = [...this.#past, ...named].map(({ snapshot, name }) => ({
      iteration: snapshot.iteration,
      ...(name !== undefined && { name }),
    }))
    const onDisk = this.#saved.map(({ iteration, name }) => ({
      iteration,
      ...(name !== undefined && { name }),
    }))
    return [...onDisk, ...inMemory].toSorted((a, b) =>
      a.iteration === b.iteration ? Number(!!a.name) - Number(!!b.name) : a.iteration - b.iteration,
    )
  }

  get bytes(): number {
    const seen = new Set<object>()
    let bytes = 0
    let before: Snapshot | undefined
    for (const { snapshot } of [...this.#past, ...this.#future, ...this.#named.values()]) {
      bytes += bytesOf(snapshot, !seen.has(snapshot.tensors), before)
      seen.add(snapshot.tensors)
      before = snapshot
    }
    return bytes
  }
}
