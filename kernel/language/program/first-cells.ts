import { firstCapacity } from '../typescript/blank.js'
import { CellProgram } from './program.js'
import type { Service } from '../typescript/service.js'
import { inOrder } from './in-order.js'
import { consoleMethods } from '../typescript/world.js'

/**
 * What a text can say that would be answered otherwise, without a problem, where something is not declared: imports, the global
 * object, declarations of globals, comments that take problems away, cells that are something else. (`\u` may spell any of them.)
 */
const observing = /\b(?:import|require|globalThis|declare)\b|@(?:ts-|jsx|module|browser)|\/\/\/|\\u/

/** Parameters and variables without a type, which cells may have (diagnostics.ts): not for something that is missing. */
const untyped = new Set([7005, 7006, 7019, 7031, 7034])

const logging = new RegExp(`\\bconsole\\.(?:${consoleMethods.join('|')})\\(`, 'g')

/**
 * The cells that come while the type service still reads its types: 190 ms, 15 of which are for the language itself. They are
 * checked by a second TypeScript, which lives until the first is ready, in the world of scripts/cell-types.mjs: the language, and
 * little else.
 *
 * All that this world declares, the full one declares in the same way. So a cell without a problem here has none there
 * either. Any other waits for the service, which says what is wrong, or that only our world was too small.
 */
export class FirstCells {
  readonly #service: Service
  readonly #program: CellProgram
  readonly #inTurn = inOrder()
  #passed: string | undefined
  #isOpen = true

  /** `service` lies in the small world. */
  constructor(service: Service, notebookFolder: string) {
    this.#service = service
    const world = { folder: service.folder, language: 'ts', elementMakers: [] } as const
    this.#program = new CellProgram(world, notebookFolder)
    this.#program.capacity = firstCapacity
  }

  /** Whether nothing is wrong with a cell as the next one; otherwise it is for the service to say. */
  passes(text: string): Promise<boolean> {
    if (observing.test(text) || text.replaceAll(logging, '').includes('console'))
      return Promise.resolve(false)
    return this.#inTurn(async () => {
      if (!this.#isOpen) return false
      const module = this.#program.read(text)
      if (module.dialect !== 'ts') return false
      const { path, text: written } = this.#program.next(module)
      await this.#service.write(path, written)
      const problems = await this.#service.diagnose(path)
      if (problems.some(({ severity, code }) => severity <= 2 && !untyped.has(code))) return false
      this.#passed = text
      return true
    }).catch(() => false)
  }

  /** Later cells see the names of this one, which runs now. Of one that did not pass this world knows nothing: it ends. */
  commit(text: string): void {
    void this.#inTurn(async () => {
      if (text !== this.#passed || this.#program.add(this.#program.read(text))) this.close()
      this.#passed = undefined
    })
  }

  close(): void {
    this.#isOpen = false
    void this.#service.close()
  }
}
