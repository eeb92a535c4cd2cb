/** Notebooks in memory, in the terms of nbformat 4.5. */
import type { Output } from './outputs.js'

export interface CodeCell {
  cell_type: 'code'
  id: string
  metadata: Record<string, any>
  source: string
  execution_count: number | null
  outputs: Output[]
}

export interface TextCell {
  cell_type: 'markdown' | 'raw'
  id: string
  metadata: Record<string, any>
  source: string
  attachments?: Record<string, any>
}

export type Cell = CodeCell | TextCell

export interface Notebook {
  metadata: Record<string, any>
  cells: Cell[]
}

/** The tags of a cell, as papermill, nbclient and jupytext know them. */
export function tagsOf(cell: Cell): string[] {
  const tags: unknown = cell.metadata.tags
  return Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : []
}
