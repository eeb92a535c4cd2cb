import { maybeHost, type CellInfo } from '../../host.js'

/**
 * Whether the cell that runs now is `cell`, run again: what it made before is to be made anew. Where the front end gives its
 * cells no ids, the one with the same text is the same.
 */
export function isRunAgain(cell: CellInfo | undefined): boolean {
  const now = maybeHost()?.cell
  if (!cell || !now || cell.number === now.number) return false
  return cell.id === undefined && now.id === undefined ? cell.source === now.source : cell.id === now.id
}
