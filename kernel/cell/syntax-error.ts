import type { OxcError } from 'oxc-parser'
import { findLineStarts, placeAt } from './lines.js'
import type { Diagnostic } from './types.js'

/** What a stack trace calls a cell. */
export const cellFile = (number: number): string => `gradbook:cell-${number}.ts`

/** A cell, or a file that it imports, is no TypeScript. */
export class CellSyntaxError extends SyntaxError {
  override name = 'SyntaxError'
  readonly diagnostics: Diagnostic[]
  /** The file, where it is not a cell. */
  readonly file: string | undefined
  constructor(diagnostics: Diagnostic[], file?: string) {
    super(diagnostics[0]?.message ?? 'the text cannot be parsed')
    this.diagnostics = diagnostics
    this.file = file
  }
}

/** What a parser says about `text`, of which the first `offset` characters are not the user's. */
export function describeErrors(errors: readonly OxcError[], text: string, offset = 0): Diagnostic[] {
  const starts = findLineStarts(text)
  return errors.map(({ message, labels }): Diagnostic => {
    // Of two places the last: where a name is declared again.
    const { start, end } = labels.at(-1) ?? { start: offset, end: offset }
    return {
      code: 'syntax',
      severity: 'error',
      message,
      place: placeAt(text, start - offset, end - offset, starts),
    }
  })
}

/** Does what refuses a text without saying where; `explain` looks again, for the place. */
export function orRefuse<Result>(work: () => Result, explain: () => CellSyntaxError): Result {
  try {
    return work()
  } catch (error) {
    const explained = error instanceof SyntaxError ? explain() : undefined
    throw explained && explained.diagnostics.length > 0 ? explained : error
  }
}
