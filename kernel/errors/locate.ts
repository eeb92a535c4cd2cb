/** Where a frame of a stack lies in what the user wrote. */
import { findSource, readMappings, type Mapping } from '../cell/source-map.js'
import type { Frame } from './frames.js'

/** What a traceback needs of a cell that ran. */
export interface CellText {
  number: number
  text: string
  /** The `map` of its compiled form. */
  map?: string | undefined
}

/** Finds the cell of a number, and the source map and text of a file that was compiled. */
export interface Sources {
  cell(number: number): CellText | undefined
  file?(path: string): { text: string; map: string } | undefined
}

export interface Located {
  frame: Frame
  /** 'Cell [3]' or a path. */
  label: string
  text: string | undefined
}

export const cellNumber = /^gradbook:cell-(\d+)\.ts$/

/** Mappings that were decoded, by file, with what they were decoded from: a file is compiled anew when it is edited. */
const decoded = new Map<string, { map: string; mappings: Mapping[] }>()

function mappingsOf(file: string, map: string): Mapping[] {
  let known = decoded.get(file)
  if (known?.map !== map)
    decoded.set(file, (known = { map, mappings: readMappings(JSON.parse(map).mappings) }))
  return known.mappings
}

/** Turns positions in compiled text into those of what the user wrote. `undefined` where it stands for nothing of theirs. */
export function locate(frame: Frame, sources: Sources): Located | undefined {
  const number = cellNumber.exec(frame.file)?.[1]
  const cell = number === undefined ? undefined : sources.cell(Number(number))
  const source = cell ? { text: cell.text, map: cell.map } : sources.file?.(frame.file)
  const label = number === undefined ? frame.file : `Cell [${number}]`
  if (!source?.map) return { frame, label, text: source?.text }
  const at = findSource(mappingsOf(frame.file, source.map), frame.line - 1, frame.column - 1)
  if (!at) return undefined
  return { frame: { ...frame, line: at.line + 1, column: at.column + 1 }, label, text: source.text }
}

/** Folders of this project's own code, whose frames say nothing to the user. */
const ownFolders = [new URL('../', import.meta.url), new URL('../../src/', import.meta.url)].map((url) =>
  decodeURIComponent(url.pathname),
)

/** A frame of the kernel or of gradbook itself. */
export function isOwn({ file }: Frame): boolean {
  return /^(evalmachine|\[cell\])/.test(file) || ownFolders.some((folder) => file.startsWith(folder))
}

/** A frame that a traceback leaves out. */
export function isHidden(frame: Frame): boolean {
  return /^(node:|internal\/)/.test(frame.file) || isOwn(frame)
}
