/** What is asked about a notebook, and what its answer means for each cell. Knows nothing of VS Code. */

export interface Cell {
  id: string
  text: string
}

export interface Problem {
  code: string
  severity: 'error' | 'warning'
  message: string
  /** UTF-16 offsets into the cell. */
  place: { start: number; end: number }
}

export type Answer = readonly { id: string; diagnostics: readonly Problem[] }[]

interface Metadata {
  kernelspec?: { name?: string; language?: string }
  language_info?: { name?: string }
  /** Microsoft's extension keeps what the file says below this name. */
  metadata?: Metadata
}

/** Whether a notebook's metadata names our kernel; `name` may have been chosen with `gradbook install --name`. */
export function isGradbook(metadata: unknown): boolean {
  const said = (metadata ?? {}) as Metadata
  const { kernelspec } = said.metadata ?? said
  const { name = '' } = kernelspec ?? {}
  return /^gradbook/i.test(name)
}

/** The position of a UTF-16 offset, lines and characters from 0; one beyond the end is the end. */
export function positionAt(text: string, offset: number): { line: number; character: number } {
  const before = text.slice(0, Math.max(0, offset))
  const lines = before.split(/\r\n|\r|\n/)
  return { line: lines.length - 1, character: lines.at(-1)!.length }
}
