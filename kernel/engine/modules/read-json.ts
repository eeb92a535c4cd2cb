import { basename } from 'node:path'
import { placeAt } from '../../cell/lines.js'
import { CellSyntaxError } from '../../cell/syntax-error.js'
import { JsonError, parseJson } from '../../resolve/json-text.js'

/** The value of a JSON file; where it is broken, an error with the file and the place. */
export function readJson(path: string, text: string): unknown {
  try {
    return parseJson(text)
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    const place = placeAt(text, error.offset, error.offset + 1)
    const message = `${basename(path)} is broken at line ${place.line}, column ${place.column}: ${error.message}`
    throw new CellSyntaxError([{ code: 'syntax', severity: 'error', message, place }], path)
  }
}
