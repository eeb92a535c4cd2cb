import { beside } from '../../host.js'
import type { Files } from '../../store/files.js'
import { acquire, Lock, maybeTaken, signEvery, signLocks, type Taken } from '../../store/lock.js'
import { contentsOf, removeRests, removeRun } from './contents.js'

/** Unnamed runs that no live process holds and that stay on disk. */
const keptUnnamed = 5

/** What writes to a folder, and can leave it to another of this process. */
export interface Owner {
  /** Writes what is not on disk yet. */
  settle(): void
  /** The same, and gives the folder away. */
  handOver(): void
  /** The cell that it was made in. */
  readonly cell: { readonly number: number; readonly id?: string } | undefined
}

/** Who writes to the folders that this process holds, by the lock. A run that nobody else holds is let go. */
const owners = new WeakMap<Lock, WeakRef<Owner>>()
/** The locks of this process, by folder. */
const held = new Map<string, Lock>()

/** Where runs of this name lie: named ones beside the notebook, others out of the way. */
export function runsFolder(named: boolean): string | undefined {
  const setting = globalThis.process?.env?.GRADBOOK_RUNS
  if (setting === 'off') return undefined
  return named ? setting || 'runs' : '.gradbook/runs'
}

let signing = false

/** The folder for this process alone, with nothing left of a write that was broken off; or who has it. */
export function takeFolder(files: Files, folder: string): Lock | Taken {
  const lock = acquire(files, folder)
  if (!(lock instanceof Lock)) return lock
  held.set(lock.holder.folder, lock)
  if (!signing) {
    signing = true
    beside(() => setInterval(signLocks, signEvery)).unref?.()
  }
  removeRests(files, folder)
  return lock
}

/** From now on this is what writes there. */
export function own(lock: Lock, owner: Owner): void {
  owners.set(lock, new WeakRef(owner))
}

/** The lock that this process has of the folder, and what writes there, if that is still there. */
export function maybeHeld(
  files: Files,
  folder: string,
): { lock: Lock; owner: Owner | undefined } | undefined {
  const lock = held.get(files.real(folder))
  return lock?.holds() ? { lock, owner: owners.get(lock)?.deref() } : undefined
}

/** A folder for the name, or for the next one that is free. */
export function claimNamed(files: Files, wanted: string): { name: string; folder: string; lock: Lock } {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`
    const folder = files.join(runsFolder(true)!, name)
    const lock = files.claim(folder) && takeFolder(files, folder)
    if (lock instanceof Lock) return { name, folder, lock }
  }
}

/** A folder for a run without a name, by the time. */
export function claimUnnamed(files: Files): { folder: string; lock: Lock } {
  const parent = runsFolder(false)!
  tidyUnnamed(files, parent)
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  for (let number = 1; ; number++) {
    const folder = files.join(parent, number === 1 ? stamp : `${stamp}-${number}`)
    const lock = files.claim(folder) && takeFolder(files, folder)
    if (lock instanceof Lock) return { folder, lock }
  }
}

const stamped = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:-\d+)?$/

/**
 * Unnamed runs pile up: of those that no live process holds, the newest stay. What has another name there, or anything in it
 * that is not a run's, is somebody's.
 */
function tidyUnnamed(files: Files, parent: string): void {
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
