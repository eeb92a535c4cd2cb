import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Completions } from '../types.js'

/** What an import names without its extension, as written in TypeScript. */
const importable = /^(?!\.)(.+?)(?:\.d)?(?:\.(?:ts|tsx|js|jsx))$|^(?!\.)(.+\.(?:mjs|cjs|mts|cts|json))$/

/** Completions of a relative path in an import: files and folders beside the notebook. `undefined` where the text is something else. */
export function completePath(text: string, offset: number, folder: string): Completions | undefined {
  const written = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"](\.{1,2}\/[^'"\n]*)$/.exec(
    text.slice(0, offset),
  )?.[1]
  if (written === undefined) return undefined
  const above = written.slice(0, written.lastIndexOf('/') + 1)
  const start = offset - (written.length - above.length)
  const end = offset + /^[^'"\n/]*/.exec(text.slice(offset))![0].length
  const begun = written.slice(above.length).toLowerCase()
  const found = new Map<string, string>()
  try {
    for (const entry of readdirSync(join(folder, above), { withFileTypes: true })) {
      const { name } = entry
      if (entry.isDirectory()) {
        if (!name.startsWith('.') && name !== 'node_modules') found.set(name, 'folder')
      } else {
        const match = importable.exec(name)
        const label = match?.[1] ?? match?.[2]
        if (label && label !== 'tsconfig.json') found.set(label, 'file')
      }
    }
  } catch {
    // No such folder: nothing to offer.
  }
  const names = [...found].filter(([name]) => name.toLowerCase().startsWith(begun)).sort()
  return { start, end, items: names.map(([name, type]) => ({ text: name, type })) }
}
