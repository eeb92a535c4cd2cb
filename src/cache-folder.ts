import { homedir } from 'node:os'
import { join } from 'node:path'

/** gradbook's cache: environments that it made for itself, models and libraries that it fetched, to be deleted at will. */
export function cacheFolder(): string {
  const { GRADBOOK_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  if (GRADBOOK_CACHE) return GRADBOOK_CACHE
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'gradbook')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'gradbook')
  if (process.platform === 'win32' && LOCALAPPDATA) return join(LOCALAPPDATA, 'gradbook', 'Cache')
  return join(homedir(), '.cache', 'gradbook')
}
