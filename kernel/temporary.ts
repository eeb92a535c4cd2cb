/** A folder for temporary files, also where the one that the environment names is missing, not writable or full. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where temporary files may lie, the usual place first. */
function candidates(): string[] {
  const usual = tmpdir()
  if (process.platform === 'win32') return [usual, join(homedir(), 'AppData', 'Local', 'Temp')]
  const others = ['/tmp', '/var/tmp', process.env.XDG_RUNTIME_DIR, '/dev/shm', join(homedir(), '.cache')]
  return [...new Set([usual, ...others.filter((path) => path !== undefined)])]
}

/** Why nothing can be written in a folder, in a few words. */
function reasonOf(error: unknown, folder: string): string {
  const { code, message } = error as NodeJS.ErrnoException
  const reasons: { [code: string]: string } = {
    ENOENT: 'does not exist',
    ENOTDIR: 'is not a folder',
    EACCES: 'may not be written to',
    EPERM: 'may not be written to',
    EROFS: 'cannot be written to',
    ENOSPC: 'is full',
    EDQUOT: 'is full (quota)',
    ENOTSUP: 'takes no named pipes',
  }
  return `${folder} ${(code && reasons[code]) ?? `cannot be used (${message})`}`
}

/** No folder for temporary files can be used. */
export class NoTemporaryFolder extends Error {
  override name = 'NoTemporaryFolder'
  constructor(reasons: readonly string[]) {
    super(
      `there is no room for temporary files: ${reasons.join(', ')}. Free some space, or set TMPDIR to a folder that can be written to`,
    )
  }
}

/**
 * Makes a folder of one's own and `fill`s it, in the first place where both succeed.
 *
 * @param tell is told in a line where the usual place could not be used
 * @param room bytes that have to be free there, as far as can be said beforehand
 * @throws NoTemporaryFolder
 */
export function inTemporaryFolder<Result>(
  prefix: string,
  fill: (folder: string) => Result,
  { tell = () => {}, room = 0 }: { tell?: (line: string) => void; room?: number } = {},
): Result {
  const reasons: string[] = []
  for (const place of candidates()) {
    let folder: string | undefined
    try {
      if (!statSync(place).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' })
      folder = mkdtempSync(join(place, prefix))
      if (room > 0) {
        const probe = join(folder, 'room')
        writeFileSync(probe, new Uint8Array(room))
        rmSync(probe)
      }
      const result = fill(folder)
      if (reasons.length > 0) tell(`${reasons[0]}: ${place} is used for temporary files`)
      return result
    } catch (error) {
      if (folder) rmSync(folder, { recursive: true, force: true })
      if ((error as NodeJS.ErrnoException).code === undefined) throw error
      reasons.push(reasonOf(error, place))
    }
  }
  throw new NoTemporaryFolder(reasons)
}
