import { InputError } from '../../errors.js'
import type { Files } from '../../store/files.js'
import { Lock, type Taken } from '../../store/lock.js'
import { nameOf } from './copy.js'
import { maybeHeld, runsFolder, takeFolder, type Owner } from './folders.js'

/** A run's folder that somebody wants to go on in: theirs, another's, or one that cannot be written to. */
export type Claim =
  | {
      lock: Lock
      /** What writes there still, in this process. */
      owner?: Owner
      isNew?: true
    }
  | { taken: Taken }
  | { unwritable: Error }
  | 'off'

/**
 * Runs `work` with the folder held, so that nobody writes there while it is read. It is let go again where no run comes of it.
 *
 * @param takesOver whether a run of this process gives way.
 */
export function withClaim<T>(
  files: Files,
  folder: string,
  { save = true, takesOver }: { save?: boolean; takesOver: (owner: Owner) => boolean },
  work: (claim: Claim) => T | undefined,
): T | undefined {
  const claim = save && runsFolder(true) !== undefined ? claimFolder(files, folder, takesOver) : 'off'
  let made: T | undefined
  try {
    return (made = work(claim))
  } finally {
    if (made === undefined && claim !== 'off' && 'isNew' in claim) claim.lock.release()
  }
}

function claimFolder(files: Files, folder: string, takesOver: (owner: Owner) => boolean): Claim {
  const here = maybeHeld(files, folder)
  if (here) {
    const { lock, owner } = here
    if (!owner) return { lock }
    if (takesOver(owner)) {
      // What it does in the background, too.
      owner.settle()
      return { lock, owner }
    }
    return { taken: { file: lock.file, holder: lock.holder, alive: true, silent: 0 } }
  }
  try {
    const lock = takeFolder(files, folder)
    return lock instanceof Lock ? { lock, isNew: true } : { taken: lock }
  } catch (error) {
    return { unwritable: error as Error }
  }
}

/** Where it cannot be known whether who has the folder still lives. */
export function unsure(folder: string, taken: Taken, where: string): InputError {
  return new InputError({
    where,
    received: `${folder}, which is held by ${nameOf(taken)}. Whether that still runs cannot be seen from here`,
    expected: 'a run that nobody else writes to',
    fix: `End that process; if it is gone already, wait until three minutes have passed since its last sign of life, or remove ${taken.file}.`,
  })
}
