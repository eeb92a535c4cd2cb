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
  /** What the namespaces among them export, by path: a later cell's block sees it. */
  namespaces?: ReadonlyMap<string, ReadonlySet<string>>
}

/** What a program is given beside the scope. */
export interface Runtime {
  /** Loads a module as the cell names it: its namespace object. */
  import(specifier: string, options?: { with?: { type?: string } }): Promise<any>
  /**
   * Makes imported names properties of the scope that always read the module's present value. `names`: local name -> exported
   * name, `'*'` for the whole namespace. A later declaration of the same name takes its place. `module`: what errors call it.
   */
  link(scope: object, namespace: any, names: { [local: string]: string }, module: string): void
  /** Loads local files anew that were edited since they were imported. Called before a cell's own code. */
  refresh(): Promise<void>
  /** Takes what is awaited and gives it back, unless the cell was stopped: then it waits for good. */
  resume<Value>(value: Value): Value | Promise<never>
  /** The same for what `for await` goes through. */
  each<Item>(
    items: AsyncIterable<Item> | Iterable<Item>,
  ): AsyncIterable<Item> | Iterable<Item | Promise<Item>>
  require: NodeJS.Require
  /** What a pasted script calls itself: `require.main === module` holds. */
  module: { exports: unknown; filename: string; id: string }
  /** `import.meta` of a cell: as if it were a file in the notebook's folder. */
  meta: { url: string; dirname: string; filename: string; resolve(specifier: string): string }
  /** Makes `text` the file `./name` beside the notebook, for the cells that import it; nothing is written to disk. */
  define(name: string, text: string): Promise<void>
  /** Bundles `text` and shows it as a script, which runs in the page that shows the notebook. */
  browser(text: string): Promise<void>
  /** Runs npm in the notebook's folder: `install arquero`. */
  npm(command: string): Promise<void>
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
  /** The file that it is about, where that is not the cell. */
  file?: string
}
