import { describe, InputError } from '../../errors.js'
import { beside, maybeHost } from '../../host.js'
import { maybeFiles, type Files } from '../../store/files.js'
import type { Core } from '../core.js'
import { claimNamed, claimUnnamed, hold, runsFolder } from './folders.js'
import { readRunFile, RunRecord, type RunFile } from './run-file.js'
import { lineOf, newest, RunFolder } from './run-folder.js'
import { say } from '../../say.js'
import type { Snapshot } from '../snapshots.js'
import type { Move, Point, Timeline } from '../timeline.js'

/** Milliseconds between snapshots within a call. */
const snapshotEvery = 60_000
/** Milliseconds after a call in which another may begin before a snapshot is written: a loop of short calls writes few. */
const settle = 1_000

/** Writes a run to its folder as it goes. What cannot be written is said once, and the run goes on in memory. */
export class Journal {
  readonly #core: Core
  readonly #record: RunRecord
  /** undefined: the run is not written as it goes. */
  readonly #files: Files | undefined
  /** undefined also where an unnamed run has not trained yet. */
  #folder: RunFolder | undefined
  #failed = false
  /** What happened beside the iterations and is not in the folder yet. */
  #lines: string[] = []
  #snapshotAt = performance.now()
  #pointAt = -Infinity
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param folder taken up where a run is resumed; else one is made for the name. */
  constructor(core: Core, at: { named: boolean; folder?: string; id?: string; parent?: RunFile['parent'] }) {
    this.#core = core
    this.#record = new RunRecord(core, at)
    const off = runsFolder(at.named) === undefined || !core.settings.save
    this.#files = off ? undefined : maybeFiles()
    if (at.folder !== undefined) this.#takeUp(at.folder)
    else if (at.named) this.#takeName()
  }

  /** Where the run is written; undefined where it is not, or not yet. */
  get folder(): string | undefined {
    return this.#folder?.path
  }

  #takeUp(path: string): void {
    if (!this.#files) return
    const before = readRunFile(this.#files, path)
    if (before) this.#record.carryOn(before)
    this.#open(path, before ?? { snapshot: null })
    this.#attempt(() => this.#folder!.writeRunFile())
  }

  /** Takes the name, or the next one that is free. */
  #takeName(): void {
    this.#attempt((files) => {
      const wanted = this.#core.name
      const { name, folder } = claimNamed(files, wanted)
      this.#core.name = name
      const own = this.#open(folder)
      if (name !== wanted)
        say(
          this.#record.parent?.name === wanted
            ? `The run '${wanted}' is alive and writes to its folder: this one goes on from there as '${name}'.`
            : `The run '${wanted}' is on disk already: this one is '${name}'. To take that one up: train(…, { name: '${wanted}', resume: true }).`,
        )
      own.writeRunFile()
    })
  }

  #open(path: string, before?: Pick<RunFile, 'snapshot'>): RunFolder {
    hold(this.#files!, path)
    this.#folder = new RunFolder(this.#core, this.#record, this.#files!, path, before)
    return this.#folder
  }

  #attempt(work: (files: Files) => void): void {
    if (!this.#files || this.#failed) return
    try {
      work(this.#files)
    } catch (error) {
      this.#failed = true
      say(
        `The run '${this.#core.name}' cannot be written to ${this.folder ?? 'disk'} (${(error as Error).message}). It goes on in memory; run.save('another/folder') writes it elsewhere.`,
      )
    }
  }

  /** A call that changes the run begins; `point`: where undo will go back to. What was taken back is over, unless it is to be redone. */
  begin(point?: Point, { forget = true }: { forget?: boolean } = {}): void {
    this.#attempt((files) => {
      clearTimeout(this.#timer)
      // A folder for an unnamed run is made when it first trains.
      const folder = this.#folder ?? this.#open(claimUnnamed(files))
      if (forget) folder.forgetRedo()
      const cell = maybeHost()?.cell
      if (cell && this.#record.goesOn(cell))
        this.event('cell', { number: cell.number, iteration: this.#core.iteration })
      this.#flush(folder)
      const last = point ? this.#pointAt : this.#snapshotAt
      if (performance.now() - last > settle || !folder.hasSnapshot)
        this.#writeSnapshot(folder, { quick: true, ...(point && { point }) })
    })
  }

  /** Between iterations, a few times a second. */
  turn(): void {
    this.#onFolder((folder) => {
      this.#flush(folder)
      if (performance.now() - this.#snapshotAt > snapshotEvery) this.#writeSnapshot(folder)
    })
  }

  /** A call that changed the run is over. */
  end(): void {
    this.#onFolder((folder) => {
      this.#flush(folder)
      clearTimeout(this.#timer)
      this.#timer = beside(() => setTimeout(() => this.settle(), settle))
      this.#timer.unref?.()
      writeAtExit(this)
    })
  }

  /** Writes what is not on disk yet, now. */
  settle(): void {
    clearTimeout(this.#timer)
    open.delete(this)
    this.#onFolder((folder) => {
      this.#flush(folder)
      this.#writeSnapshot(folder)
    })
  }

  /** Something that happened beside the iterations. */
  event(type: string, data: { [name: string]: unknown }): void {
    if (this.#files && !this.#failed) this.#lines.push(lineOf(type, data))
  }

  /** The run went to another point of its history. */
  moved(how: string, move: Move, timeline: Pick<Timeline, 'future'>): void {
    this.event(how, { iteration: this.#core.iteration })
    this.#folder?.passOver()
    this.#onFolder((folder) => folder.moved(move, timeline))
  }

  /** Writes what was kept by name, for `goTo` in a later process. */
  keep(name: string, snapshot: Snapshot): void {
    this.#attempt((files) => (this.#folder ?? this.#open(claimUnnamed(files))).keep(name, snapshot))
  }

  #onFolder(work: (folder: RunFolder) => void): void {
    this.#attempt(() => {
      if (this.#folder) work(this.#folder)
    })
  }

  #flush(folder: RunFolder): void {
    const lines = this.#lines
    this.#lines = []
    folder.append(lines)
  }

  #writeSnapshot(folder: RunFolder, how: { quick?: boolean; point?: Point } = {}): void {
    folder.writeSnapshot(how)
    this.#snapshotAt = performance.now()
    if (!how.point) return
    this.#pointAt = this.#snapshotAt
    how.point.written = true
  }

  /**
   * Writes the run as it stands: into its own folder, or all of it into one of the user's choice.
   *
   * @returns the folder.
   */
  save(
    given: string | undefined,
    overwrite: boolean,
    timeline: Pick<Timeline, 'past' | 'future' | 'named'>,
  ): string {
    const path = given ?? this.folder
    if (path === undefined || typeof path !== 'string')
      throw new InputError({
        where: 'run.save(folder)',
        received: given === undefined ? 'no folder, for a run that has none of its own yet' : describe(given),
        expected: "a folder, e.g. run.save('runs/first')",
      })
    const files = maybeFiles()
    if (!files)
      throw new InputError({
        where: 'run.save(folder)',
        received: 'a place without a file system',
        expected: 'Node',
      })
    const own = this.#folder
    try {
      if (own && (path === own.path || files.at(path) === own.place)) this.#settleAloud(own, timeline)
      else this.#writeCopy(files, path, overwrite, timeline)
    } catch (error) {
      if (error instanceof InputError) throw error
      throw new InputError({
        where: `run.save('${path}')`,
        received: `a folder that cannot be written: ${(error as Error).message}`,
        expected: 'one with room and with permission to write',
        fix: 'Nothing is lost: the run goes on, and can be saved elsewhere.',
      })
    }
    return path
  }

  /** With what undo and `goTo` would go to. What is overwritten stays until there is something in its place. */
  #writeCopy(
    files: Files,
    path: string,
    overwrite: boolean,
    timeline: Pick<Timeline, 'past' | 'future' | 'named'>,
  ): void {
    const file = files.join(path, 'run.json')
    if (!overwrite && files.exists(file) && readRunFile(files, path)?.id !== this.#record.id)
      throw new InputError({
        where: `run.save('${path}')`,
        received: 'a folder that holds another run',
        expected: 'a folder of its own',
        fix: `Choose another, or run.save('${path}', { overwrite: true }).`,
      })
    const place = overwrite ? `${path}.new` : path
    if (overwrite) files.remove(place)
    try {
      files.claim(place)
      new RunFolder(this.#core, this.#record, files, place).writeWhole(timeline)
      if (place !== path) {
        files.remove(path)
        files.move(place, path)
      }
    } catch (error) {
      // Half of a run is no run, and a folder of its own making is nobody else's.
      if (place !== path) files.remove(place)
      throw error
    }
  }

  /** Also points that are not in the folder: calls follow each other faster than they are written. */
  #settleAloud(folder: RunFolder, { past }: Pick<Timeline, 'past'>): void {
    clearTimeout(this.#timer)
    this.#flush(folder)
    folder.writePast(newest(past).filter(({ written }) => !written))
    for (const point of past) point.written = true
    this.#writeSnapshot(folder)
    open.delete(this)
  }
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
