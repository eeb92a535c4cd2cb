/** One cell as it came from the front end. */
export interface CellSource {
  /** Its execution count. */
  number: number
  text: string
}

/** A cell made runnable. */
export interface CompiledCell {
  /**
   * JavaScript: one expression, an async function of (scope, runtime). Top-level names are properties of `scope`; imports go through
   * `runtime.import(specifier)`. It resolves to `{ value }` of the last expression, or to `{}`.
   */
  program: string
  /** From positions in `program` to positions in the cell's text, JSON of a version 3 source map. */
  map?: string
  /** Top-level names that the cell declares (values, not types). */
  declares: string[]
}

/** Where a problem lies in the cell's text; lines and columns count from 1, offsets are UTF-16. */
export interface Place {
  line: number
  column: number
  start: number
  end: number
}

export interface Diagnostic {
  /** 'TS2322'; 'syntax' where the parser found it. */
  code: string
  severity: 'error' | 'warning'
  message: string
  place: Place
}
