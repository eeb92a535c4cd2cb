import type { Files } from '../../store/files.js'
import { isLockName } from '../../store/lock.js'
import { maybeUnfinished } from '../../whole-file.js'
import { maybePlace } from './points.js'

/** What begins every snapshot: by it a file of the user's with such a name is told from one of ours. */
const mark = '"format":"gradbook.snapshot/'

/** Whether a file is a snapshot that gradbook wrote, so that it may be removed when it has served. */
export function isSnapshot(files: Files, path: string): boolean {
  if (files.kind(path) !== 'file') return false
  try {
    return new TextDecoder().decode(files.readPart(path, 0, 256)).includes(mark)
  } catch {
    return false
  }
}

const ofRun = (name: string): boolean => name === 'run.json' || name === 'events.jsonl' || isLockName(name)

/** The file of a run that `name` is the unfinished rest of. */
const isRest = (name: string, ours: (name: string) => boolean): boolean => {
  const finished = maybeUnfinished(name)
  return finished !== undefined && ours(finished)
}

/** All that is a run's in a folder, as paths within it; `run.json` first, without which it is none any more. */
function filesOfRun(files: Files, folder: string): string[] {
  const snapshots = files.join(folder, 'snapshots')
  return [
    ...files
      .list(folder)
      .filter(
        (name) => (ofRun(name) || isRest(name, ofRun)) && files.kind(files.join(folder, name)) === 'file',
      )
      .toSorted((a, b) => Number(b === 'run.json') - Number(a === 'run.json')),
    ...(files.kind(snapshots) === 'folder' ? files.list(snapshots) : [])
      .filter((name) => {
        const path = files.join(snapshots, name)
        if (maybePlace(name)) return isSnapshot(files, path)
        return isRest(name, (finished) => maybePlace(finished) !== undefined) && files.kind(path) === 'file'
      })
      .map((name) => files.join('snapshots', name)),
  ]
}

/** What lies in a folder, as paths within it: what is a run's, and what is anybody's. */
export function contentsOf(files: Files, folder: string): { ours: string[]; others: string[] } {
  const ours = filesOfRun(files, folder)
  const known = new Set(ours)
  const all = files.list(folder).flatMap((name) => {
    const path = files.join(folder, name)
    return name === 'snapshots' && files.kind(path) === 'folder'
      ? files.list(path).map((file) => files.join(name, file))
      : [name]
  })
  return { ours, others: all.filter((name) => !known.has(name)) }
}

/** Removes what is a run's, file by file, and its folders where nothing else is in them; says whether they are gone. */
export function removeRun(files: Files, folder: string): boolean {
  for (const name of filesOfRun(files, folder)) files.removeFile(files.join(folder, name))
  files.removeEmpty(files.join(folder, 'snapshots'))
  return files.removeEmpty(folder)
}

/** Removes what writes left behind that were broken off. Only for who holds the folder: others may be writing. */
export function removeRests(files: Files, folder: string): void {
  for (const name of filesOfRun(files, folder))
    if (maybeUnfinished(name) !== undefined) files.removeFile(files.join(folder, name))
}
