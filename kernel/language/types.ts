import type { CellSource, Diagnostic } from '../cell/types.js'

export interface Completion {
  text: string
  /** 'function', 'class', 'property', 'keyword', 'module', … as front ends name their icons. */
  type: string
  signature?: string
  /** Markdown of the doc comment. */
  documentation?: string
}
export interface Completions {
  /** UTF-16 offsets of what a chosen text replaces. */
  start: number
  end: number
  items: Completion[]
}
export interface Inspection {
  /** The declaration, e.g. `function train(model: LayersModel, options: TrainOptions): Run`. */
  signature: string
  /** Markdown of the doc comment. */
  documentation: string
  /** The expression under the cursor, when it is a plain name or a chain of names whose live value can be shown too. */
  expression?: string
}

/** Knows the types of all cells that ran. Lives in the protocol thread; answers while user code runs. */
export interface Language {
  /** Resolves when the first check will not wait for start-up. */
  ready(): Promise<void>
  /** Problems of the cell as the next one of the program, or in place of the cell of that number. */
  check(cell: CellSource): Promise<Diagnostic[]>
  /** From now on later cells see its names: it has started to run. */
  commit(cell: CellSource): void
  complete(text: string, offset: number): Promise<Completions>
  inspect(text: string, offset: number): Promise<Inspection | undefined>
  /** Problems of a notebook's cells as they stand in the editor, in their order, whatever has run. */
  diagnose(
    cells: readonly { id: string; text: string }[],
  ): Promise<{ id: string; diagnostics: Diagnostic[] }[]>
  isComplete(text: string): { status: 'complete' | 'incomplete' | 'invalid'; indent: string }
  close(): Promise<void>
}
