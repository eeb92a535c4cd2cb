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

const opened = 'Opened here'

/** What a parser says in its own words, in those of the text. */
function plainMessage(message: string, written: string): string {
  return message
    .replace(/but found `EOF`$/, 'but found the end')
    .replace(/but found `(?:Identifier|decimal|float|string)`$/, `but found \`${written}\``)
}

/** What a parser says about `text`, of which the first `offset` characters are not the user's. */
export function describeErrors(errors: readonly OxcError[], text: string, offset = 0): Diagnostic[] {
  const starts = findLineStarts(text)
  return errors.map(({ message, labels }): Diagnostic => {
    // Of two places the last: where a name is declared again. But the bracket that is open is not where something is missing.
    const { start, end } = labels.findLast((label) => label.message !== opened) ??
      labels.at(-1) ?? { start: offset, end: offset }
    const bracket = labels.find((label) => label.message === opened && label.start !== start)
    const from = bracket && placeAt(text, bracket.start - offset, bracket.end - offset, starts)
    const said = plainMessage(
      message,
      text.slice(start - offset, Math.min(end - offset, start - offset + 40)),
    )
    return {
      code: 'syntax',
      severity: 'error',
      message:
        from === undefined
          ? said
          : `${said}. \`${text[from.start]}\` was opened at line ${from.line}, column ${from.column}`,
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
