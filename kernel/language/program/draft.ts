import type { Diagnostic } from '../../cell/index.js'
import type { Document } from './document.js'
import type { CellModule, CellProgram } from './program.js'

/** Checks one module, in turn with everything else that is asked of the service. */
export type CheckModule = (module: CellModule, document: Document) => Promise<Diagnostic[]>

/** The notebook as it stands in the editor: a program of its own, in the order of its cells, whatever has run. */
export class Draft {
  readonly #create: () => CellProgram
  readonly #check: CheckModule
  #before: { text: string; diagnostics: Diagnostic[] }[] = []

  constructor(create: () => CellProgram, check: CheckModule) {
    this.#create = create
    this.#check = check
  }

  /** Something else than the cells has changed: everything is checked anew. */
  forget(): void {
    this.#before = []
  }

  /** The problems of each cell. Those above the first one that has changed are as they were. */
  async diagnose(
    cells: readonly { id: string; text: string }[],
  ): Promise<{ id: string; diagnostics: Diagnostic[] }[]> {
    const program = this.#create()
    const before = this.#before
    const now: typeof before = []
    const answers: { id: string; diagnostics: Diagnostic[] }[] = []
    let isSame = true
    for (const { id, text } of cells) {
      const module = program.read(text)
      // It is a file: its problems are found when it runs and becomes one.
      if (module.tags.module !== undefined) {
        program.define(module)
        answers.push({ id, diagnostics: [] })
        continue
      }
      const document = program.next(module)
      program.place(module)
      const known = before[now.length]
      isSame &&= this.#before === before && known?.text === document.text
      const diagnostics = isSame ? known!.diagnostics : await this.#check(module, document)
      now.push({ text: document.text, diagnostics })
      answers.push({ id, diagnostics })
    }
    // Forgotten meanwhile: then what was found may be of before.
    if (this.#before === before) this.#before = now
    return answers
  }
}
