import * as tf from '@tensorflow/tfjs'
import { InputError } from '../errors.js'
import { maybeHost } from '../host.js'
import { isAlive, maybeFiles, type Files } from '../store/files.js'
import { encodeTensors } from '../store/safetensors.js'
import { batchSizesRecord } from './batch-sizes.js'
import type { Core } from './core.js'
import { encodeSnapshot } from './record.js'
import { scheduleRecord } from './schedules.js'
import { keptFile, maybePlace, presentFile, redoFile, undoFile } from './points.js'
import { takeSnapshot, type Snapshot } from './snapshots.js'
import { ruleRecord } from './stops.js'
import type { Move, Point, Timeline } from './timeline.js'

/** Milliseconds between snapshots within a call. */
const snapshotEvery = 60_000
/** Milliseconds after a call in which another may begin before a snapshot is written: a loop of short calls writes few. */
const settle = 1_000
/** Snapshots that stay on disk, the newest. */
const keptSnapshots = 3
/** Points for undo that stay on disk, the newest, and the bytes that they may take beyond the first few. */
const keptPoints = 12
const budget = 512 * 2 ** 20
/** Unnamed runs that no live process holds and that stay on disk. */
const keptUnnamed = 5

/** A cell that trained, and the iteration it went on from. */
interface Cell {
  number: number
  source: string
  from: number
}

/** What is in `run.json`. */
export interface RunFile {
  format: 'gradbook.run/1'
  id: string
  name: string
  pid: number
  written: string
  iteration: number
  /** Of the newest snapshot, in `snapshots/`. */
  snapshot: string | null
  parent?: { name: string; iteration: number }
  [more: string]: unknown
}

/** Where runs of this name lie: named ones beside the notebook, others out of the way. */
export function runsFolder(named: boolean): string | undefined {
  const setting = globalThis.process?.env?.GRADBOOK_RUNS
  if (setting === 'off') return undefined
  return named ? setting || 'runs' : '.gradbook/runs'
}

/**
 * Writes a run to disk as it goes: `events.jsonl` (one JSON line an event), `snapshots/*.safetensors`, `run.json`. What
 * cannot be written is said once, and the run goes on in memory.
 */
export class Journal {
  readonly #core: Core
  #files: Files | undefined
  readonly #id: string
  readonly #parent: RunFile['parent']
  #folder: string | undefined
  #failed = false
  /** Whether the folder may hold points that redo goes to. */
  #redoable = false
  /** Rows of the history that are on disk. */
  #written = 0
  #lines: string[] = []
  #snapshotAt = performance.now()
  #pointAt = -Infinity
  #snapshot: string | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #details: { [name: string]: unknown } | undefined
  #carried: { [name: string]: unknown } | undefined
  readonly #cells: Cell[] = []

  /** @param folder taken up where a run is resumed; else one is made for the name. */
  constructor(core: Core, at: { named: boolean; folder?: string; id?: string; parent?: RunFile['parent'] }) {
    this.#core = core
    this.#id = at.id ?? crypto.randomUUID()
    this.#parent = at.parent
    const parent = runsFolder(at.named)
    this.#files = parent === undefined || !core.settings.save ? undefined : maybeFiles()
    if (!this.#files) return
    if (at.folder !== undefined) {
      this.#hold(at.folder)
      this.#redoable = true
      this.#carryOn(readRunFile(this.#files, at.folder))
      this.#attempt(() => this.#writeRunFile(this.#files!))
      this.#written = core.history.length
    } else if (at.named) this.#attempt(() => this.#claimNamed(this.#files!, parent!))
  }

  /** What the file of the process before says stays in it. */
  #carryOn(file: RunFile | undefined): void {
    if (!file) return
    this.#snapshot = file.snapshot
    if (Array.isArray(file.cells)) this.#cells.push(...(file.cells as Cell[]))
    const kept = ['parameters', 'data', 'evaluateOn', 'versions', 'backend', 'machine'] as const
    this.#carried = Object.fromEntries(kept.map((name) => [name, file[name]]))
  }

  /** Where the run is written; undefined where it is not, or not yet. */
  get folder(): string | undefined {
    return this.#folder
  }

  /** Takes the name, or the next one that is free. */
  #claimNamed(files: Files, parent: string): void {
    const wanted = this.#core.name
    for (let number = 1; ; number++) {
      const name = number === 1 ? wanted : `${wanted}-${number}`
      if (!files.claim(files.join(parent, name))) continue
      this.#core.name = name
      this.#hold(files.join(parent, name))
      const held = this.#parent?.name === wanted
      if (name !== wanted)
        say(
          held
            ? `The run '${wanted}' is alive and writes to its folder: this one goes on from there as '${name}'.`
            : `The run '${wanted}' is on disk already: this one is '${name}'. To take that one up: train(…, { name: '${wanted}', resume: true }).`,
        )
      this.#writeRunFile(files)
      return
    }
  }

  /** A folder of its own for an unnamed run, made when it first trains. */
  #claimUnnamed(files: Files): void {
    const parent = runsFolder(false)!
    tidyUnnamed(files, parent)
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
    let number = 1
    let folder = files.join(parent, stamp)
    while (!files.claim(folder)) folder = files.join(parent, `${stamp}-${++number}`)
    this.#hold(folder)
  }

  #hold(folder: string): void {
    this.#folder = folder
    held.add(this.#files!.at(folder))
  }

  #attempt(work: () => void): void {
    if (!this.#files || this.#failed) return
    try {
      work()
    } catch (error) {
      this.#failed = true
      say(
        `The run '${this.#core.name}' cannot be written to ${this.#folder ?? 'disk'} (${(error as Error).message}). It goes on in memory; run.save('another/folder') writes it elsewhere.`,
      )
    }
  }

  /** A call that changes the run begins; `point`: where undo will go back to. What was taken back is over, unless it is to be redone. */
  begin(point?: Point, { forget = true }: { forget?: boolean } = {}): void {
    this.#attempt(() => {
      clearTimeout(this.#timer)
      if (this.#folder === undefined) this.#claimUnnamed(this.#files!)
      if (forget) this.#forgetRedo()
      const cell = maybeHost()?.cell
      const last = this.#cells.at(-1)
      if (cell && !(last?.number === cell.number && last.source === cell.source)) {
        this.#cells.push({ number: cell.number, source: cell.source, from: this.#core.iteration })
        this.event('cell', { number: cell.number, iteration: this.#core.iteration })
      }
      this.#flush()
      const due = point
        ? performance.now() - this.#pointAt > settle
        : performance.now() - this.#snapshotAt > settle
      if (due || this.#snapshot === null) this.#writeSnapshot({ quick: true, ...(point && { point }) })
    })
  }

  /** Between iterations, a few times a second. */
  turn(): void {
    this.#attempt(() => {
      if (this.#folder === undefined) return
      this.#flush()
      if (performance.now() - this.#snapshotAt > snapshotEvery) this.#writeSnapshot()
    })
  }

  /** A call that changed the run is over. */
  end(): void {
    this.#attempt(() => {
      if (this.#folder === undefined) return
      this.#flush()
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => this.settle(), settle)
      this.#timer.unref?.()
      writeAtExit(this)
    })
  }

  /** Writes what is not on disk yet, now. */
  settle(): void {
    clearTimeout(this.#timer)
    open.delete(this)
    this.#attempt(() => {
      if (this.#folder === undefined) return
      this.#flush()
      this.#writeSnapshot()
    })
  }

  /** Something that happened beside the iterations. */
  event(type: string, data: { [name: string]: unknown }): void {
    if (this.#files && !this.#failed) this.#lines.push(JSON.stringify({ type, ...data }))
  }

  /** The run went to another point of its history. */
  moved(how: string, move: Move, timeline: Pick<Timeline, 'future'>): void {
    this.event(how, { iteration: this.#core.iteration })
    this.#written = this.#core.history.length
    this.#attempt(() => {
      if (this.#folder === undefined) return
      if (move === 'left') this.#forgetRedo()
      else if ('redone' in move) this.#files!.remove(this.#snapshotPath(redoFile(move.redone)))
      else this.#writeRedo(timeline, 1)
    })
  }

  #snapshotPath(file: string): string {
    return this.#files!.join(this.#folder!, 'snapshots', file)
  }

  /** Points that redo goes to, the nearest first. */
  #writeRedo(timeline: Pick<Timeline, 'future'>, most: number): void {
    let count = 0
    for (const { snapshot, tail, from } of timeline.future()) {
      if (count++ === most) break
      this.#redoable = true
      this.#writeFile(redoFile(snapshot), snapshot, tail, from)
    }
  }

  #forgetRedo(): void {
    if (!this.#redoable) return
    this.#redoable = false
    for (const file of this.#files!.list(this.#files!.join(this.#folder!, 'snapshots')))
      if (maybePlace(file)?.redo) this.#files!.remove(this.#snapshotPath(file))
  }

  #flush(): void {
    const { history } = this.#core
    const rows: string[] = []
    for (; this.#written < history.length; this.#written++)
      rows.push(JSON.stringify({ type: 'iteration', ...history.row(this.#written) }))
    const text = [...rows, ...this.#lines].map((line) => `${line}\n`).join('')
    this.#lines = []
    if (text) this.#files!.append(this.#files!.join(this.#folder!, 'events.jsonl'), text)
  }

  #writeSnapshot({
    writes = true,
    quick = false,
    point,
  }: { writes?: boolean; quick?: boolean; point?: Point } = {}): void {
    const files = this.#files!
    const core = this.#core
    const snapshot = point?.snapshot ?? takeSnapshot(core)
    const file = point ? undoFile(snapshot) : presentFile(core.iteration)
    this.#writeFile(file, snapshot)
    this.#snapshot = file
    this.#snapshotAt = performance.now()
    if (point) {
      this.#pointAt = this.#snapshotAt
      point.written = true
    }
    this.event('snapshot', { iteration: snapshot.iteration, file })
    this.#flush()
    if (!quick) this.#details ??= detailsOf(core)
    this.#writeRunFile(files, writes)
    this.#thin(files)
  }

  #writeFile(file: string, snapshot: Snapshot, history?: Point['tail'], from?: string): void {
    const bytes = encodeTensors(encodeSnapshot(this.#core, snapshot, history, from))
    this.#files!.write(this.#snapshotPath(file), bytes)
  }

  /** Of the files that are not kept by name the newest stay: a few of the run as it stood, and points for undo by a budget. */
  #thin(files: Files): void {
    const folder = files.join(this.#folder!, 'snapshots')
    const aged = files
      .list(folder)
      .flatMap((name) => {
        const place = maybePlace(name)
        const path = files.join(folder, name)
        return place && place.name === undefined ? [{ name, path, place, at: files.modified(path) }] : []
      })
      .toSorted((a, b) => b.at - a.at)
    const present = aged.filter(({ place }) => place.adjustments === undefined)
    for (const { path, name } of present.slice(keptSnapshots)) if (name !== this.#snapshot) files.remove(path)
    let bytes = 0
    const points = aged.filter(({ place }) => place.adjustments !== undefined)
    for (const [i, { path, name }] of points.entries()) {
      bytes += files.size(path)
      const kept = i < keptSnapshots || (i < keptPoints && bytes <= budget)
      if (!kept && name !== this.#snapshot) files.remove(path)
    }
  }

  /** Writes what was kept by name, for `goTo` in a later process. */
  keep(name: string, snapshot: Snapshot): void {
    this.#attempt(() => {
      if (this.#folder === undefined) this.#claimUnnamed(this.#files!)
      const folder = this.#files!.join(this.#folder!, 'snapshots')
      for (const file of this.#files!.list(folder))
        if (maybePlace(file)?.name === name) this.#files!.remove(this.#files!.join(folder, file))
      this.#writeFile(keptFile(snapshot.iteration, name), snapshot)
    })
  }

  /** Points that undo would go to and that are not in the folder: calls follow each other faster than they are written. */
  #writePoints(points: readonly Point[], all: boolean): void {
    for (const point of points.slice(-keptPoints))
      if (all || !point.written) this.#writeFile(undoFile(point.snapshot), point.snapshot)
  }

  #writeRunFile(files: Files, writes = true): void {
    const core = this.#core
    const record: RunFile = {
      format: 'gradbook.run/1',
      id: this.#id,
      name: core.name,
      pid: writes ? (globalThis.process?.pid ?? 0) : 0,
      written: new Date().toISOString(),
      iteration: core.iteration,
      snapshot: this.#snapshot,
      ...(this.#parent && { parent: this.#parent }),
      ...(this.#details ?? this.#carried),
      ...settingsOf(core),
      cells: this.#cells,
    }
    files.write(files.join(this.#folder!, 'run.json'), `${JSON.stringify(record, null, 2)}\n`)
  }

  /** Writes the run into a folder of the user's choice, with what undo and `goTo` would go to. */
  save(folder: string, overwrite: boolean, timeline: Pick<Timeline, 'past' | 'future' | 'named'>): void {
    const files = maybeFiles()
    if (!files)
      throw new InputError({
        where: 'run.save(folder)',
        received: 'a place without a file system',
        expected: 'Node',
      })
    const own =
      this.#folder !== undefined &&
      (folder === this.#folder || this.#files?.at(this.#folder) === files.at(folder))
    const file = files.join(folder, 'run.json')
    if (!own && files.exists(file) && readRunFile(files, folder)?.id !== this.#id && !overwrite)
      throw new InputError({
        where: `run.save('${folder}')`,
        received: 'a folder that holds another run',
        expected: 'a folder of its own',
        fix: `Choose another, or run.save('${folder}', { overwrite: true }).`,
      })
    if (own) return this.#settleAloud(timeline)
    // What is overwritten stays until there is something in its place.
    const place = overwrite ? `${folder}.new` : folder
    if (overwrite) files.remove(place)
    const before = {
      files: this.#files,
      failed: this.#failed,
      folder: this.#folder,
      written: this.#written,
      snapshot: this.#snapshot,
      lines: this.#lines,
    }
    try {
      files.claim(place)
      // Also of a run that is not written as it goes, or no longer can be.
      this.#files = files
      this.#failed = false
      this.#folder = place
      this.#written = 0
      this.#lines = []
      files.write(files.join(place, 'events.jsonl'), '')
      for (const adjustment of this.#core.adjustments) this.event('adjustment', { ...adjustment })
      for (const row of this.#core.evaluations) this.event('evaluation', row)
      for (const look of this.#core.looks) this.event('look', look)
      this.#flush()
      this.#writePoints(timeline.past, true)
      this.#writeRedo(timeline, keptPoints)
      for (const [name, { snapshot, tail }] of timeline.named)
        this.#writeFile(keptFile(snapshot.iteration, name), snapshot, tail)
      this.#writeSnapshot({ writes: false })
      if (place !== folder) {
        files.remove(folder)
        files.move(place, folder)
      }
    } catch (error) {
      // Half of a run is no run, and a folder of its own making is nobody else's.
      if (place !== folder) files.remove(place)
      throw error
    } finally {
      this.#files = before.files
      this.#failed = before.failed
      this.#folder = before.folder
      this.#written = before.written
      this.#snapshot = before.snapshot
      this.#lines = before.lines
    }
  }

  #settleAloud({ past }: Pick<Timeline, 'past'>): void {
    clearTimeout(this.#timer)
    this.#flush()
    this.#writePoints(past, false)
    for (const point of past) point.written = true
    this.#writeSnapshot()
    open.delete(this)
  }
}

export function readRunFile(files: Files, folder: string): RunFile | undefined {
  try {
    return JSON.parse(files.readText(files.join(folder, 'run.json'))) as RunFile
  } catch {
    return undefined
  }
}

/** Unnamed runs pile up: of those that no live process holds, the newest stay. */
function tidyUnnamed(files: Files, parent: string): void {
  const idle = files
    .list(parent)
    .filter((name) => {
      const pid = readRunFile(files, files.join(parent, name))?.pid
      return pid === undefined || pid === 0 || !isAlive(pid)
    })
    .toReversed()
  for (const name of idle.slice(keptUnnamed)) files.remove(files.join(parent, name))
}

/** What stays the same while a run goes on: computed once, as a digest of the data takes its time. */
function detailsOf(core: Core): { [name: string]: unknown } {
  const { data, evaluateOn, trainee } = core
  const about = (set: typeof data | undefined) =>
    set && { name: set.name, split: set.split, length: set.length, x: set.x, y: set.y, digest: set.digest() }
  return {
    parameters: trainee.parameters.map(({ name, variable }) => ({ name, shape: variable.shape })),
    data: about(data),
    evaluateOn: about(evaluateOn),
    versions: { node: globalThis.process?.versions.node, tfjs: tf.version.tfjs },
    backend: tf.getBackend(),
    machine: machine(),
  }
}

/** What the bits depend on beside the run: they are the same on the same kind of machine with as many threads. */
function machine(): { [name: string]: unknown } | undefined {
  const os = globalThis.process?.getBuiltinModule?.('node:os')
  return (
    os && {
      platform: `${os.platform()} ${os.arch()}`,
      processor: os.cpus()[0]?.model,
      threads: os.availableParallelism(),
    }
  )
}

function settingsOf({ settings, optimizer, peak, trainee }: Core): { [name: string]: unknown } {
  const {
    schedule,
    batchSchedule,
    stop,
    metrics,
    freeze,
    progress: _progress,
    save: _save,
    ...plain
  } = settings
  return {
    loss: trainee.lossName,
    settings: {
      ...plain,
      optimizer: { name: optimizer.name, ...optimizer.settings, peak },
      schedule: schedule ? scheduleRecord(schedule) : null,
      batchSchedule: batchSchedule ? batchSizesRecord(batchSchedule) : null,
      stop: stop ? ruleRecord(stop) : null,
      metrics: metrics.map(({ name }) => name),
      freeze: freeze === undefined ? null : String(freeze),
    },
  }
}

/** A line for the user, wherever output goes. */
export function say(line: string): void {
  maybeHost()?.display({ 'text/plain': line }, { raw: true })
}

/** Folders that runs of this process write to. */
const held = new Set<string>()

/** Whether a live process writes to this folder: another one, or this one. */
export function isHeld(files: Files, folder: string): boolean {
  if (held.has(files.at(folder))) return true
  const pid = readRunFile(files, folder)?.pid ?? 0
  return pid !== 0 && pid !== globalThis.process?.pid && isAlive(pid)
}

const open = new Set<Journal>()
let listening = false

/** Writes what this process's runs have not on disk yet: who reads their folders now finds where they stand. */
export function settleJournals(): void {
  for (const journal of open) journal.settle()
}

/** A process that ends in order leaves no run behind its last iteration. */
function writeAtExit(journal: Journal): void {
  open.add(journal)
  if (listening || typeof globalThis.process?.on !== 'function') return
  listening = true
  process.on('exit', settleJournals)
}
