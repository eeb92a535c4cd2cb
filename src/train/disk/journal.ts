import { describe, InputError } from '../../errors.js'
import { beside, maybeHost, type CellInfo } from '../../host.js'
import { maybeFiles, type Files } from '../../store/files.js'
import { atomically, isWaiting } from '../../settle.js'
import { releaseLocks, type Lock } from '../../store/lock.js'
import type { Core } from '../state/core.js'
import { writeCopy } from './copy.js'
import { claimNamed, claimUnnamed, own, runsFolder, type Owner } from './folders.js'
import { readRunFile, RunRecord, type RunFile } from './run-file.js'
import { lineOf, newest, RunFolder } from './run-folder.js'
import { say } from '../../say.js'
import type { Snapshot } from '../state/snapshots.js'
import type { Move, Point, Points } from '../state/point.js'

/** Milliseconds between snapshots within a call. */
const snapshotEvery = 60_000
/** Milliseconds after a call in which another may begin before a snapshot is written: a loop of short calls writes few. */
const settle = 1_000

/** Milliseconds for which a folder that was this run's is taken for its own: a loop of short calls asks seldom. */
const lookEvery = 250

/** Where a run is written. */
export interface JournalOptions {
  named: boolean
  /** The folder in which a run is taken up; else one is made for the name. */
  taken?: { folder: string; lock: Lock }
  /** Why the run's folder cannot be written to. */
  unwritable?: Error
  id?: string
  parent?: RunFile['parent']
}

/** Writes a run to its folder as it goes. What cannot be written is said once, and the run goes on in memory. */
export class Journal implements Owner {
  readonly #core: Core
  readonly #record: RunRecord
  /** undefined: the run is not written as it goes. */
  readonly #files: Files | undefined
  /** undefined also where an unnamed run has not trained yet. */
  #folder: RunFolder | undefined
  /** Of the folder; undefined where there is none. */
  #lock: Lock | undefined
  #failed = false
  /** Once another object goes on with its folder, or has its name. */
  #left: { readonly how: string; readonly folder: string | undefined; readonly isClosed?: true } | undefined
  readonly cell: CellInfo | undefined = maybeHost()?.cell
  readonly #onHandOver: () => void
  /** What happened beside the iterations and is not in the folder yet. */
  #lines: string[] = []
  #snapshotAt = performance.now()
  #pointAt = -Infinity
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(core: Core, at: JournalOptions, onHandOver: () => void) {
    this.#onHandOver = onHandOver
    this.#core = core
    this.#record = new RunRecord(core, at)
    const off = runsFolder(at.named) === undefined || !core.settings.save
    this.#files = off ? undefined : maybeFiles()
    if (at.unwritable)
      this.#attempt(() => {
        throw at.unwritable!
      })
    else if (at.taken) this.#takeUp(at.taken)
    else if (at.named) this.#takeName()
  }

  /** Where the run is written; undefined where it is not, or not yet. */
  get folder(): string | undefined {
    return this.#left ? this.#left.folder : this.#folder?.path
  }

  #takeUp({ folder: path, lock }: { folder: string; lock: Lock }): void {
    if (!this.#files) return
    const before = readRunFile(this.#files, path)
    if (before) this.#record.carryOn(before)
    const folder = this.#open(path, lock, before ?? { snapshot: null })
    this.#attempt(() => {
      folder.mendEvents()
      folder.writeRunFile()
    })
  }

  /** Takes the name, or the next one that is free. */
  #takeName(): void {
    this.#attempt((files) => {
      const wanted = this.#core.name
      const { name, folder, lock, aside } = claimNamed(files, wanted, this.#record.parent?.name)
      this.#core.name = name
      const opened = this.#open(folder, lock)
      own(lock, this, { wanted, name })
      if (aside !== undefined)
        say(
          `This cell has run again: the run '${name}' is made anew. ${aside === null ? 'The one before had not trained.' : `The one before lies in ${aside}, as long as unnamed runs stay there.`}`,
        )
      else if (name !== wanted)
        say(
          this.#record.parent?.name === wanted
            ? `The run '${wanted}' is alive and writes to its folder: this one goes on from there as '${name}'.`
            : `The run '${wanted}' is on disk already: this one is '${name}'. To take that one up: train(…, { name: '${wanted}', resume: true }).`,
        )
      opened.writeRunFile()
    })
  }

  #open(path: string, lock: Lock, before?: Pick<RunFile, 'snapshot'>): RunFolder {
    this.#lock = lock
    own(lock, this)
    writeAtExit()
    this.#folder = new RunFolder(this.#core, this.#record, this.#files!, path, before)
    return this.#folder
  }

  #openUnnamed(files: Files): RunFolder {
    const { folder, lock } = claimUnnamed(files)
    return this.#open(folder, lock)
  }

  handOver(): void {
    this.#onHandOver()
    this.settle()
    const { folder } = this
    const at = this.#core.state.iteration
    this.#left = {
      folder,
      how: `folder (${folder}) was handed over, at iteration ${at}, to the one that took the run up after it`,
    }
  }

  /** Writes what is not on disk yet and lets the folder go: whoever takes the run up reads it there. False where it is in memory alone. */
  close(): boolean {
    if (this.#left) return true
    this.#onHandOver()
    this.settle()
    const { folder } = this
    if (this.#failed || folder === undefined) return false
    const at = this.#core.state.iteration
    this.#left = {
      folder,
      how: `trial is over: it lies in ${folder}, as it was at iteration ${at}`,
      isClosed: true,
    }
    this.#lock?.release()
    return true
  }

  replace(aside: string | null): void {
    const at = this.#core.state.iteration
    const lies = aside === null ? '' : `; what it wrote lies in ${aside}`
    this.#left = {
      folder: aside ?? undefined,
      how: `name was given, at iteration ${at}, to the run that its cell made when it was run again${lies}`,
    }
    clearTimeout(this.#timer)
    open.delete(this)
    this.#onHandOver()
  }

  /** Refuses what would train or change a run whose folder another object goes on with: the model may be that one's too. */
  checkOwn(): void {
    if (!this.#left) return
    throw new InputError({
      where: `run ${this.#core.name}`,
      received: `a call on an object whose ${this.#left.how}`,
      ...(this.#left.isClosed
        ? { expected: 'the run as it is on disk', fix: 'await study.runOf(number) takes it up.' }
        : {
            expected: 'that one: the newer of the two',
            fix: "To have both, make a branch of this one: run.branch('other').",
          }),
    })
  }

  #attempt(work: (files: Files) => void): void {
    if (!this.#files || this.#failed || this.#left) return
    try {
      if (this.#lock && !this.#lock.holds(lookEvery))
        throw new Error('the folder is not its own any more: it was moved, or another process took it over')
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
      const folder = this.#folder ?? this.#openUnnamed(files)
      if (forget) folder.forgetRedo()
      const cell = maybeHost()?.cell
      if (cell && this.#record.goesOn(cell))
        this.event('cell', { number: cell.number, iteration: this.#core.state.iteration })
      this.#flush(folder)
      const last = point ? this.#pointAt : this.#snapshotAt
      if (performance.now() - last > settle || !folder.hasSnapshot)
        this.#writeSnapshot(folder, { quick: true, ...(point && { point }) })
    })
  }

  /** Between iterations, a few times a second. */
  keepUp(): void {
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
      open.add(this)
      writeAtExit()
    })
  }

  /** Writes what is not on disk yet, now. */
  settle(): void {
    clearTimeout(this.#timer)
    open.delete(this)
    this.#onFolder((folder) => {
      this.#flush(folder)
      // In the middle of an iteration of one's own it stands nowhere.
      if (!isWaiting(this.#core)) this.#writeSnapshot(folder)
    })
  }

  /** Something that happened beside the iterations. */
  event(type: string, data: { [name: string]: unknown }): void {
    if (this.#files && !this.#left) this.#lines.push(lineOf(type, data))
  }

  /** The run went to another point of its history. */
  moved(how: string, move: Move, timeline: Pick<Points, 'future'>): void {
    this.event(how, { iteration: this.#core.state.iteration })
    this.#folder?.passOver()
    this.#onFolder((folder) => folder.moved(move, timeline))
  }

  /** Writes what was kept by name, for `goTo` in a later process. */
  keep(name: string, snapshot: Snapshot): void {
    this.#attempt((files) => (this.#folder ?? this.#openUnnamed(files)).keep(name, snapshot))
  }

  #onFolder(work: (folder: RunFolder) => void): void {
    this.#attempt(() => {
      if (this.#folder) work(this.#folder)
    })
  }

  #flush(folder: RunFolder): void {
    atomically(() => {
      folder.append(this.#lines)
      this.#lines = []
    })
  }

  #writeSnapshot(folder: RunFolder, how: { quick?: boolean; point?: Point } = {}): void {
    folder.writeSnapshot(how)
    this.#snapshotAt = performance.now()
    if (!how.point) return
    this.#pointAt = this.#snapshotAt
    how.point.written = true
  }

  /** Makes what a whole record needs, beside other work. */
  async completeSoon(): Promise<void> {
    await this.#record.completeSoon()
  }

  /**
   * Writes the run as it stands: into its own folder, or all of it into one of the user's choice.
   *
   * @returns the folder.
   */
  save(given: string | undefined, overwrite: boolean, timeline: Points): string {
    const path = given ?? this.folder
    if (typeof path !== 'string' || path === '')
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
    const folder = this.#folder
    const isOwn = folder && (path === folder.path || files.real(path) === files.real(folder.place))
    if (isOwn) this.checkOwn()
    try {
      if (isOwn && this.#lock?.holds()) this.#settleAloud(folder, timeline)
      else
        writeCopy(files, path, { overwrite, id: this.#record.id }, (place) =>
          new RunFolder(this.#core, this.#record, files, place).writeWhole(timeline),
        )
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

  /** Also points that are not in the folder: calls follow each other faster than they are written. */
  #settleAloud(folder: RunFolder, { past }: Pick<Points, 'past'>): void {
    clearTimeout(this.#timer)
    this.#flush(folder)
    folder.writePast(newest(past).filter(({ written }) => !written))
    for (const point of past) point.written = true
    this.#writeSnapshot(folder)
    open.delete(this)
    // There is room again: it is written as it goes from here on.
    this.#failed = false
  }
}

const open = new Set<Journal>()
let listening = false

/** Writes what this process's runs have not on disk yet: who reads their folders now finds where they stand. */
export function settleJournals(): void {
  for (const journal of open) journal.settle()
}

/** A process that ends in order leaves no run behind its last iteration, and no folder locked. */
function writeAtExit(): void {
  if (listening || typeof globalThis.process?.on !== 'function') return
  listening = true
  process.on('exit', () => {
    settleJournals()
    releaseLocks()
  })
}
