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
