import { isAlive, type Files } from '../../store/files.js'
import { readRunFile } from './run-file.js'

/** Unnamed runs that no live process holds and that stay on disk. */
const keptUnnamed = 5

/** Folders that runs of this process write to. */
const held = new Set<string>()

/** Where runs of this name lie: named ones beside the notebook, others out of the way. */
export function runsFolder(named: boolean): string | undefined {
  const setting = globalThis.process?.env?.GRADBOOK_RUNS
  if (setting === 'off') return undefined
  return named ? setting || 'runs' : '.gradbook/runs'
}

/** This process writes to the folder. */
export function hold(files: Files, folder: string): void {
  held.add(files.at(folder))
}

/** Whether a live process writes to this folder: another one, or this one. */
export function isHeld(files: Files, folder: string): boolean {
  if (held.has(files.at(folder))) return true
  const pid = readRunFile(files, folder)?.pid ?? 0
  return pid !== 0 && pid !== globalThis.process?.pid && isAlive(pid)
}

/** A folder for the name, or for the next one that is free. */
export function claimNamed(files: Files, wanted: string): { name: string; folder: string } {
  const parent = runsFolder(true)!
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`
    const folder = files.join(parent, name)
    if (files.claim(folder)) return { name, folder }
  }
}

/** A folder for a run without a name, by the time. */
export function claimUnnamed(files: Files): string {
  const parent = runsFolder(false)!
  tidyUnnamed(files, parent)
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  let number = 1
  let folder = files.join(parent, stamp)
  while (!files.claim(folder)) folder = files.join(parent, `${stamp}-${++number}`)
  return folder
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
