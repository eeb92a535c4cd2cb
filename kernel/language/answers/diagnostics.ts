import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { findLineStarts, placeAt, readSource, type Diagnostic, type Source } from '../../cell/index.js'
import { packageOf } from '../../resolve/packages.js'
import type { TsconfigProblem } from '../../resolve/tsconfig.js'
import { isBeyondTypes, isMissing, missingHelp, missingSpecifier } from './missing.js'
import { toOffset, type Document } from '../program/document.js'
import type { ServiceDiagnostic } from '../typescript/service.js'
import type { Workspace } from '../typescript/workspace.js'

/** What makes JSX elements is not there: so it seems too while the cell has still to install it. */
const needsElements = new Set([2874, 2879])

/** Whether one of a cell's `%npm` lines may bring the package of a specifier. */
function installs(commands: Source['commands'], specifier: string): boolean {
  return commands.some(({ line }) => {
    const [command, ...words] = line.split(/\s+/)
    const wanted = words.filter((word) => !word.startsWith('-'))
    if (!/^(?:i|install|add|ci|link)$/.test(command!)) return false
    // A folder, an archive or an address does not say the name.
    const isNamed =
      wanted.length > 0 && wanted.every((word) => /^(?:@[\w.-]+\/)?[\w.-]+(?:@[^/]*)?$/.test(word))
    return !isNamed || wanted.some((word) => word.replace(/(?<=.)@[^/]*$/, '') === packageOf(specifier))
  })
}

/** What TypeScript says of names that its declarations of the language have in another version. */
const otherLibrary = /\. Do you need to change your target library\? Try changing the 'lib' .*$/

/** Which names there are is said by the Node that runs (lib.ts), and by no option. */
const plainMessage = (message: string): string =>
  message.replace(otherLibrary, ` in Node ${process.versions.node}, which runs this notebook.`)

/** What `noImplicitAny` adds; others of these numbers are about code that is never reached. */
const isImplicitAny = (code: number): boolean =>
  code >= 7005 && code <= 7057 && !(code >= 7027 && code <= 7030) && code !== 7041

/** How TypeScript writes a path in a string: everything but ASCII by its code. */
const literalOf = (path: string): string =>
  JSON.stringify(path)
    .slice(1, -1)
    .replaceAll(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`)

/** Problems of a module as problems of its cell. What lies outside the cell's text is none of the cell's. */
export function readDiagnostics(
  problems: readonly ServiceDiagnostic[],
  document: Document,
  cellText: string,
  workspace: Workspace,
): Diagnostic[] {
  const lines = findLineStarts(document.text)
  const cellLines = findLineStarts(cellText)
  const found: Diagnostic[] = []
  const { commands } = readSource(cellText)
  for (const { range, severity, code, message: said, relatedInformation } of problems) {
    if (severity > 2 || (isImplicitAny(code) && !workspace.refusesImplicitAny)) continue
    const message = document.edits.reduce((text, edit) => {
      const written = cellText.slice(edit.start, edit.end)
      // As a path, and as a path in a string of TypeScript's.
      const path = 'path' in edit ? String(edit.path) : edit.text
      if (path.trim() === '') return text
      return text.replaceAll(path, written).replaceAll(literalOf(path), written)
    }, said)
    const start = toOffset(document, range.start, lines)
    const end = toOffset(document, range.end, lines)
    if (end < 0) continue
    const related = (relatedInformation ?? []).map((info) => `\n  ${info.message}`).join('')
    const specifier = isMissing(code) ? missingSpecifier(message) : undefined
    // The cell installs it before it imports it.
    if (specifier !== undefined && installs(commands, specifier)) continue
    if (specifier !== undefined && isBeyondTypes(specifier, workspace)) continue
    if (needsElements.has(code) && commands.length > 0) continue
    const help = specifier === undefined ? '' : missingHelp(specifier, workspace)
    found.push({
      code: `TS${code}`,
      severity: severity === 1 ? 'error' : 'warning',
      message: `${plainMessage(message)}${related}${help}`.replaceAll(workspace.isCell, ''),
      place: placeAt(cellText, start, end, cellLines),
    })
  }
  return found
}

/** What is wrong with the notebook's tsconfig.json, as a warning with its place in that file. */
export function readConfigProblems(problems: readonly TsconfigProblem[]): Diagnostic[] {
  return problems.map(({ file, message, offset }) => {
    let text = ''
    try {
      text = readFileSync(file, 'utf8')
    } catch {
      // It says that it cannot be read.
    }
    return {
      code: basename(file),
      severity: 'warning',
      message,
      place: placeAt(text, offset, offset + 1),
      file,
    }
  })
}
