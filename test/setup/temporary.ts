import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** All that tests, and the programs that they start, write to temporary folders goes into one, which is removed at the end. */
export default function temporary() {
  const folder = mkdtempSync(join(tmpdir(), 'gradbook-'))
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = folder
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}
