import { beside, type CellInfo } from '../../host.js'
import { atomically } from '../../settle.js'
import type { Files } from '../../store/files.js'
import { acquire, isLockName, Lock, maybeTaken, signEvery, signLocks, type Taken } from '../../store/lock.js'
import { contentsOf, removeRests, removeRun } from './contents.js'
import { isRunAgain } from './made-by.js'
import { maybeSupervisor } from '../state/supervisor.js'
import { firstFree } from './names.js'

/** Unnamed runs that no live process holds and that stay on disk. */
const keptUnnamed = 5

/** What writes to a folder, and can leave it to another of this process. */
export interface Owner {
  /** Writes what is not on disk yet. */
  settle(): void
  /** The same, and gives the folder away. */
  handOver(): void
  /** Another takes its name; what it wrote lies in the folder `aside`, where it had written anything. */
  replace(aside: string | null): void
  /** The cell that it was made in. */
  readonly cell: CellInfo | undefined
}

/** A folder that this process holds. */
interface Held {
  readonly lock: Lock
  /** What writes there. A run that nobody else holds is let go. */
  owner?: WeakRef<Owner>
  /** Of a named run that was made here and not taken up: the name that was asked for and the one it got, and who asked. */
  made?: { readonly wanted: string; readonly name: string; readonly cell: CellInfo | undefined }
}

const held = new Map<string, Held>()

/** Where runs of this name lie: named ones beside the notebook, others out of the way. */
export function runsFolder(named: boolean): string | undefined {
  const setting = globalThis.process?.env?.GRADBOOK_RUNS
  if (setting === 'off') return undefined
  const supervisor = maybeSupervisor()
  if (supervisor) return supervisor.folder
  return named ? setting || 'runs' : '.gradbook/runs'
}

let signing = false

/** The folder for this process alone, with nothing left of a write that was broken off; or who has it. */
export function takeFolder(files: Files, folder: string): Lock | Taken {
  const lock = acquire(files, folder)
  if (!(lock instanceof Lock)) return lock
  held.set(lock.holder.folder, { lock })
  if (!signing) {
    signing = true
    beside(() => setInterval(signLocks, signEvery)).unref?.()
  }
  removeRests(files, folder)
  return lock
}

/** From now on this is what writes there; `wanted`: it is made there under a name, for which this one was asked for. */
export function own(lock: Lock, owner: Owner, made?: { wanted: string; name: string }): void {
  const { folder } = lock.holder
  held.set(folder, { lock, owner: new WeakRef(owner), ...(made && { made: { ...made, cell: owner.cell } }) })
}

/** The lock that this process has of the folder, and what writes there, if that is still there. */
export function maybeHeld(
  files: Files,
  folder: string,
): { lock: Lock; owner: Owner | undefined } | undefined {
  const { lock, owner } = held.get(files.real(folder)) ?? {}
  return lock?.holds() ? { lock, owner: owner?.deref() } : undefined
}

/**
 * A folder for the name, or for the next one that is free. The run for which the same cell asked this name before gives way;
 * not one that goes on in this one, its `parent`.
 *
 * @returns also where that one lies, `aside`: null where it had written nothing, undefined where there was none.
 */
export function claimNamed(
  files: Files,
  wanted: string,
  parent?: string,
): { name: string; folder: string; lock: Lock; aside?: string | null } {
  return atomically(() => {
    const aside = giveWay(files, wanted, parent)
    return firstFree(wanted, (name) => {
      const folder = files.join(runsFolder(true)!, name)
      const lock = files.claim(folder) && takeFolder(files, folder)
      return lock instanceof Lock ? { name, folder, lock, aside } : undefined
    })
  })
}

/** Moves the run aside that the cell made under this name before it was run again; removes one that never trained. */
function giveWay(files: Files, wanted: string, parent: string | undefined): string | null | undefined {
  const runs = files.real(runsFolder(true)!)
  for (const [folder, { lock, owner: maybeOwner, made }] of held) {
    if (made?.wanted !== wanted || made.name === parent || !isRunAgain(made.cell)) continue
    if (files.split(folder).parent !== runs || !lock.holds()) continue
    const owner = maybeOwner?.deref()
    let aside: string | null = null
    if (hasNothing(files, folder)) removeRun(files, folder)
    else {
      owner?.settle()
      aside = freeUnnamed(files)
      files.removeEmpty(aside)
      try {
        files.move(folder, aside)
      } catch {
        // On another disk, or open on Windows: it stays where it is, and has the name.
        return undefined
      }
    }
    held.delete(folder)
    owner?.replace(aside)
    // It went along with the folder, and says by its place that it is over.
    lock.release()
    tidyUnnamed(files)
    return aside
  }
  return undefined
}

/** Whether a run was made in the folder and nothing else. */
function hasNothing(files: Files, folder: string): boolean {
  const { ours, others } = contentsOf(files, folder)
  return others.length === 0 && ours.every((name) => name === 'run.json' || isLockName(name))
}

/** A folder for a run without a name. */
export function claimUnnamed(files: Files): { folder: string; lock: Lock } {
  tidyUnnamed(files)
  for (;;) {
    const folder = freeUnnamed(files)
    const lock = takeFolder(files, folder)
    if (lock instanceof Lock) return { folder, lock }
  }
}

/** A new folder beside those of unnamed runs, by the time. */
function freeUnnamed(files: Files): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  return firstFree(stamp, (name) => {
    const folder = files.join(runsFolder(false)!, name)
    return files.claim(folder) ? folder : undefined
  })
}

const stamped = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:-\d+)?$/

/**
 * Unnamed runs, and those that gave way, pile up: of those that no live process holds, the newest stay. What has another name there, or anything in it
 * that is not a run's, is somebody's.
 */
function tidyUnnamed(files: Files): void {
  const parent = runsFolder(false)!
  const idle = files
    .list(parent)
    .filter((name) => stamped.test(name))
    .map((name) => files.join(parent, name))
    .filter((folder) => files.kind(folder) === 'folder' && !maybeTaken(files, folder))
    .toReversed()
  for (const folder of idle.slice(keptUnnamed)) {
    if (contentsOf(files, folder).others.length > 0) continue
    const lock = acquire(files, folder)
    if (!(lock instanceof Lock)) continue
    removeRun(files, folder)
    lock.release()
  }
}
