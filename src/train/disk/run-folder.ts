import type { Files } from '../../store/files.js'
import { readableJson } from '../../store/json.js'
import { atomically } from '../../settle.js'
import { encodeTensors } from '../../store/safetensors.js'
import type { Core } from '../state/core.js'
import { isSnapshot } from './contents.js'
import { keptFile, maybePlace, presentFile, redoFile, undoFile } from './points.js'
import { encodeSnapshot } from './snapshot-file.js'
import type { RunFile, RunRecord } from './run-file.js'
import { takeSnapshot, type Snapshot } from '../state/snapshots.js'
import type { Move, Point, Points } from '../state/point.js'

/** Snapshots that stay on disk, the newest. */
const keptSnapshots = 3
/** Points for undo that stay on disk, the newest, and the bytes that they may take beyond the first few. */
const keptPoints = 12
const budget = 512 * 2 ** 20

/** A line of `events.jsonl`. */
export const lineOf = (type: string, data: object): string => readableJson({ type, ...data })

/** A folder that a run is written in: `events.jsonl` (one JSON line an event), `snapshots/*.safetensors`, `run.json`. */
export class RunFolder {
  readonly path: string
  readonly #core: Core
  readonly #record: RunRecord
  readonly #files: Files
  /** Rows of the history that are in it. */
  #rows = 0
  /** File of the newest snapshot. */
  #snapshot: string | null = null
  /** Whether it may hold points that redo goes to. */
  #redoable = false

  /** @param before where the run is taken up from it: the history is in it already. */
  constructor(core: Core, record: RunRecord, files: Files, path: string, before?: Pick<RunFile, 'snapshot'>) {
    this.#core = core
    this.#record = record
    this.#files = files
    this.path = path
    if (!before) return
    this.#snapshot = before.snapshot
    this.#redoable = true
    this.passOver()
  }

  /** Of the process before, the last line may have been cut off: the next one begins a line of its own. */
  mendEvents(): void {
    const path = this.#events
    const size = this.#files.size(path)
    const from = Math.max(0, size - 2 ** 20)
    const end = size > 0 ? this.#files.readPart(path, from, size - from) : new Uint8Array()
    const whole = end.lastIndexOf(10) + 1
    if (whole < end.length) this.#files.cut(path, from + whole)
  }

  get #events(): string {
    return this.#files.join(this.path, 'events.jsonl')
  }

  /** The path from the root of the file system. */
  get place(): string {
    return this.#files.at(this.path)
  }

  get hasSnapshot(): boolean {
    return this.#snapshot !== null
  }

  /** The history up to here is not new, whatever of it is in the folder. */
  passOver(): void {
    this.#rows = this.#core.state.history.length
  }

  /** Appends the rows of the history that are new, then these lines. */
  append(lines: readonly string[]): void {
    // Counted and not written, rows would be missing in it for good.
    atomically(() => this.#append(lines))
  }

  #append(lines: readonly string[]): void {
    const rows = this.#rows
    const text = this.#textOf(lines)
    if (!text) return
    const size = this.#files.size(this.#events)
    try {
      this.#files.append(this.#events, text)
    } catch (error) {
      // As it was before, so that what is tried again later is there once.
      this.#rows = rows
      if (this.#files.size(this.#events) > size) this.#files.cut(this.#events, size)
      throw error
    }
  }

  #textOf(lines: readonly string[]): string {
    const { history } = this.#core.state
    const rows: string[] = []
    for (; this.#rows < history.length; this.#rows++) rows.push(lineOf('iteration', history.row(this.#rows)))
    return [...rows, ...lines].map((line) => `${line}\n`).join('')
  }

  /** @param held whether this process goes on writing here. */
  writeRunFile({ held = true }: { held?: boolean } = {}): void {
    const text = readableJson(this.#record.at(this.#snapshot, held), 2)
    this.#files.write(this.#files.join(this.path, 'run.json'), `${text}\n`)
  }

  /** Writes the run as it stands, or `point`, where undo goes back to. */
  writeSnapshot({
    held = true,
    quick = false,
    point,
  }: { held?: boolean; quick?: boolean; point?: Point } = {}): void {
    const snapshot = point?.snapshot ?? takeSnapshot(this.#core)
    const file = point ? undoFile(snapshot) : presentFile(this.#core.state.iteration)
    this.#write(file, snapshot)
    this.#snapshot = file
    this.append([lineOf('snapshot', { iteration: snapshot.iteration, file })])
    if (!quick) this.#record.complete()
    this.writeRunFile({ held })
    this.#thin()
  }

  /** Writes what was kept by name. */
  keep(name: string, snapshot: Snapshot): void {
    const file = keptFile(snapshot.iteration, name)
    this.#write(file, snapshot)
    for (const other of this.#snapshots())
      if (other !== file && maybePlace(other)?.name === name) this.#remove(other)
  }

  /** Writes points that undo would go to. */
  writePast(points: readonly Point[]): void {
    for (const { snapshot } of points) this.#write(undoFile(snapshot), snapshot)
  }

  /** The run went to another point of its history: so do the points that redo goes to. */
  moved(move: Move, timeline: Pick<Points, 'future'>): void {
    if (move === 'left') this.forgetRedo()
    else if ('redone' in move) {
      // The only place where it is on disk, until the run is written as it stands.
      this.writeSnapshot()
      this.#remove(redoFile(move.redone))
    } else this.#writeRedo(timeline, 1)
  }

  /** What was taken back is over. */
  forgetRedo(): void {
    if (!this.#redoable) return
    this.#redoable = false
    for (const file of this.#snapshots()) if (maybePlace(file)?.redo) this.#remove(file)
  }

  /** Writes the whole run for another to take up, with what undo and `goTo` would go to. */
  writeWhole(timeline: Points): void {
    const { adjustments, evaluations, looks, notes } = this.#core.state
    const events = this.#textOf([
      ...adjustments.map((adjustment) => lineOf('adjustment', adjustment)),
      ...evaluations.map((row) => lineOf('evaluation', row)),
      ...notes.map((note) => lineOf('note', note)),
      ...looks.map((look) => lineOf('look', look)),
    ])
    this.#files.write(this.#events, events)
    this.writePast(newest(timeline.past))
    this.#writeRedo(timeline, keptPoints)
    for (const [name, { snapshot, tail }] of timeline.named)
      this.#write(keptFile(snapshot.iteration, name), snapshot, tail)
    this.writeSnapshot({ held: false })
  }

  /** Points that redo goes to, the nearest first. */
  #writeRedo(timeline: Pick<Points, 'future'>, most: number): void {
    let count = 0
    for (const { snapshot, tail, from } of timeline.future()) {
      if (count++ === most) break
      this.#redoable = true
      this.#write(redoFile(snapshot), snapshot, tail, from)
    }
  }

  #snapshots(): string[] {
    return this.#files.list(this.#files.join(this.path, 'snapshots'))
  }

  #pathOf(file: string): string {
    return this.#files.join(this.path, 'snapshots', file)
  }

  /** Nothing but a snapshot: a file of the user's may be called like one. */
  #remove(file: string): void {
    if (isSnapshot(this.#files, this.#pathOf(file))) this.#files.removeFile(this.#pathOf(file))
  }

  #write(file: string, snapshot: Snapshot, history?: Point['tail'], from?: string): void {
    const bytes = encodeTensors(encodeSnapshot(this.#core, snapshot, history, from))
    this.#files.write(this.#pathOf(file), bytes)
  }

  /** Of the files that are not kept by name the newest stay: a few of the run as it stood, and points for undo by a budget. */
  #thin(): void {
    const files = this.#files
    const aged = this.#snapshots()
      .flatMap((name) => {
        const place = maybePlace(name)
        if (!place || place.name !== undefined) return []
        return [{ name, place, at: files.modified(this.#pathOf(name)) }]
      })
      .toSorted((a, b) => b.at - a.at)
    const present = aged.filter(({ place }) => place.adjustments === undefined)
    for (const { name } of present.slice(keptSnapshots)) if (name !== this.#snapshot) this.#remove(name)
    let bytes = 0
    const points = aged.filter(({ place }) => place.adjustments !== undefined)
    for (const [i, { name }] of points.entries()) {
      bytes += files.size(this.#pathOf(name))
      const kept = i < keptSnapshots || (i < keptPoints && bytes <= budget)
      if (!kept && name !== this.#snapshot) this.#remove(name)
    }
  }
}

/** Of the points that undo would go to, those that a folder keeps. */
export const newest = (past: readonly Point[]): readonly Point[] => past.slice(-keptPoints)
