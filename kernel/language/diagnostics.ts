import { findLineStarts, placeAt, type Diagnostic } from '../cell/index.js'
import { isPackage, packageOf } from '../packages.js'
import type { Document } from './program.js'
import type { ServiceDiagnostic } from './service.js'
import type { Workspace } from './workspace.js'

/** Codes for a module that was not found: as an import, as one for its effects, as a value without types. */
const missingModule = new Set([2307, 2792, 2882])

/** What to do about a missing module: where it was looked for, and the command. */
function missingHelp(message: string, { searched }: Workspace): string {
  const specifier = /'([^']+)'/.exec(message)?.[1]
  if (!specifier) return ''
  if (!isPackage(specifier)) return `\nLooked in ${searched[0]}.`
  return `\nLooked for node_modules/${packageOf(specifier)} in ${searched[0]} and the folders above it. Run \`npm install ${packageOf(specifier)}\` there, or put %npm install ${packageOf(specifier)} on the first line of a cell.`
}

/** Problems of a module as problems of its cell. What lies outside the cell's text is none of the cell's. */
export function readDiagnostics(
  problems: readonly ServiceDiagnostic[],
  document: Document,
  cellText: string,
  workspace: Workspace,
): Diagnostic[] {
  const lines = findLineStarts(document.text)
  const cellLines = findLineStarts(cellText)
  const offsetOf = ({ line, character }: { line: number; character: number }) =>
    (lines[line] ?? document.text.length) + character - document.start
  const found: Diagnostic[] = []
  for (const { range, severity, code, message, relatedInformation } of problems) {
    if (severity > 2) continue
    const start = offsetOf(range.start)
    const end = offsetOf(range.end)
    if (end < 0) continue
    const related = (relatedInformation ?? []).map((info) => `\n  ${info.message}`).join('')
    const help = missingModule.has(code) ? missingHelp(message, workspace) : ''
    found.push({
      code: `TS${code}`,
      severity: severity === 1 ? 'error' : 'warning',
      message: `${message}${related}${help}`.replaceAll(workspace.isCell, ''),
      place: placeAt(cellText, start, end, cellLines),
    })
  }
  return found
}
