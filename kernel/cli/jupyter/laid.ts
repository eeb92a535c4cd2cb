import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Removes what gradbook laid in a folder, by name, and the folder where nothing else is in it. */
export function removeLaid(folder: string, names: readonly string[]): void {
  for (const name of names) rmSync(join(folder, name), { recursive: true, force: true })
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder)
}
