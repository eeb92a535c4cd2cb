import { InputError } from '../../errors.js'
import type { Files } from '../../store/files.js'
import { atomically } from '../../settle.js'
import { acquire, Lock, maybeTaken, type Taken } from '../../store/lock.js'
import { say } from '../../say.js'
import { contentsOf, removeRun } from './contents.js'
import { lookAtRunFile } from './run-file.js'

/** Who has a lock, for a message. */
export function nameOf({ holder, alive, silent }: Taken): string {
  const who = holder ? `process ${holder.pid} on ${holder.host}, since ${holder.since}` : 'another process'
  return alive ? who : `${who}; its last sign of life is ${Math.round(silent / 1000)} s old`
}

/**
 * Writes a run into a folder of the user's choice. Nothing is removed but files that are a run's, and those once the new
 * ones are in place: a whole run is written beside, and then takes the place of the one that was there.
 *
 * @param id of the run: an earlier copy of it may be replaced unasked.
 * @param write writes all of the run into a folder.
 */
export function writeCopy(
  files: Files,
  path: string,
  { overwrite, id }: { overwrite: boolean; id: string },
  write: (folder: string) => void,
): void {
  const place = files.real(path)
  mend(files, place)
  const kind = files.kind(place)
  if (kind !== undefined && kind !== 'folder')
    throw refusal(path, 'what is no folder', 'a folder, or a path where nothing is')
  if (kind === undefined) return replace(files, place, write)
  const { ours, others } = contentsOf(files, place)
  const found = lookAtRunFile(files, place)
  const before = found && 'file' in found ? found.file : undefined
  if (overwrite && isWithin(files, files.real(files.folder), place))
    throw refusal(path, 'the working folder, or one that it lies in', 'a folder of the run’s own')
  if (overwrite && others.length > 0)
    throw refusal(
      path,
      `a folder in which there is more than a run: ${listed(others)}`,
      'a folder with nothing in it but a run, as all of it is replaced',
    )
  const taken = maybeTaken(files, place)
  if (taken)
    throw refusal(path, `a folder that a run is written to as it goes (${nameOf(taken)})`, 'one of its own')
  if (!ours.some(isOurName)) {
    const clash = others.find(isOurName)
    if (clash) throw refusal(path, `a folder with ${clash} in it, which is not gradbook’s`, 'one without')
    write(place)
    return
  }
  // Half of a run, whose writing was broken off, has snapshots and no run.json.
  const half = found === undefined && ours.some((name) => name.startsWith('snapshots'))
  if (!before && !half)
    throw refusal(
      path,
      `a folder with ${ours[0]} in it, which is not of a run as gradbook wrote it`,
      'one without',
    )
  if (before?.id !== id && !overwrite)
    throw new InputError({
      where: `run.save('${path}')`,
      received: 'a folder that holds another run',
      expected: 'a folder of its own',
      fix: `Choose another, or run.save('${path}', { overwrite: true }).`,
    })
  // Beside what is not a run's it is written over, file by file, each whole.
  if (others.length > 0 || isWithin(files, files.real(files.folder), place)) write(place)
  else replace(files, place, write)
}

function refusal(path: string, received: string, expected: string): InputError {
  return new InputError({
    where: `run.save('${path}')`,
    received,
    expected,
    fix: 'Nothing was changed. Choose another folder, or move away what is there.',
  })
}

const listed = (names: readonly string[]): string =>
  names.length > 5 ? `${names.slice(0, 5).join(', ')}, and ${names.length - 5} more` : names.join(', ')

const isOurName = (name: string): boolean => /^(?:run\.json$|events\.jsonl$|snapshots(?:$|[/\\]))/.test(name)

/** Whether a folder is the other one, or lies in it. */
function isWithin(files: Files, folder: string, other: string): boolean {
  for (let at = folder; ; at = files.split(at).parent) {
    if (at === other) return true
    if (files.split(at).parent === at) return false
  }
}

/** What a folder is called in which a run waits to take the place of another, and in which that one lies then. */
const waiting = /^(.+)\.([0-9a-f]{8})\.(?:new|old)$/

/** Folders beside `place` that a process left which was killed while it replaced it. */
function leftBeside(files: Files, place: string): string[] {
  const { parent, name } = files.split(place)
  return files
    .list(parent)
    .filter((other) => waiting.exec(other)?.[1] === name)
    .map((other) => files.join(parent, other))
    .filter((folder) => files.kind(folder) === 'folder' && !maybeTaken(files, folder))
}

/** Puts something in its place again where a process was killed after it had taken the old run away: the new one if that is whole. */
export function mend(files: Files, path: string): void {
  const place = files.at(path)
  if (files.kind(place) !== undefined) return
  for (const old of leftBeside(files, place).filter((folder) => folder.endsWith('.old'))) {
    const fresh = old.replace(/old$/, 'new')
    const found = lookAtRunFile(files, fresh)
    files.move(found && 'file' in found ? fresh : old, place)
    return
  }
}

/** Writes a folder that takes the place of the run that is there, if one is. */
function replace(files: Files, place: string, write: (folder: string) => void): void {
  const unique = Math.floor(2 ** 32 * Math.random())
    .toString(16)
    .padStart(8, '0')
  const fresh = `${place}.${unique}.new`
  const old = `${place}.${unique}.old`
  const left = leftBeside(files, place)
  files.claim(fresh)
  try {
    // Says to others that it is being written.
    const lock = acquire(files, fresh)
    write(fresh)
    if (lock instanceof Lock) lock.release()
    if (files.kind(place) === undefined) files.move(fresh, place)
    else atomically(() => exchange(files, { place, fresh, old }))
  } catch (error) {
    removeRun(files, fresh)
    throw error
  }
  for (const folder of [old, ...left])
    if (files.kind(folder) === 'folder' && !removeRun(files, folder))
      say(
        `${folder} holds what lay beside a run that was replaced: ${listed(contentsOf(files, folder).others)}.`,
      )
}

function exchange(files: Files, { place, fresh, old }: { place: string; fresh: string; old: string }): void {
  const lock = acquire(files, place)
  if (!(lock instanceof Lock)) throw new Error(`it is written to by ${nameOf(lock)}`)
  try {
    files.move(place, old)
  } catch (error) {
    lock.release()
    throw error
  }
  try {
    files.move(fresh, place)
  } catch (error) {
    files.move(old, place)
    lock.release()
    throw error
  }
  lock.release()
}
