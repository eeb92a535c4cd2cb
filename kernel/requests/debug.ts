/** `debug_request`: the debugger is loaded when a front end first asks for it. */
import type { Debugger, DebugRequest } from '../debug/debugger.js'
import { RanCells, type RanCell } from '../debug/sources/cells.js'
import type { Language } from '../language/types.js'
import { Shared } from '../port.js'
import type { Parent, Wire } from '../wire/index.js'
import type { Compiler } from './cells/compiler.js'
import type { Subshells } from './cells/subshells.js'
import type { Handler } from './handler.js'

interface Uses {
  wire: Wire
  log(line: string): void
  shared: Int32Array
  subshells: Subshells
  language: Promise<Language>
  compiler: Promise<Compiler>
  /** Presses Stop. */
  interrupt(): void
  /** The notebook's folder. */
  folder: string
  /** The kernel's own installation: the folder that holds its package.json. */
  home: string
}

export class Debugging {
  readonly #uses: Uses
  readonly #cells = new RanCells()
  #parent: Parent = {}
  #loading: Promise<Debugger> | undefined
  #debugger: Debugger | undefined

  constructor(uses: Uses) {
    this.#uses = uses
  }

  #load(): Promise<Debugger> {
    const { subshells, shared, interrupt, wire, log, folder, home } = this.#uses
    return (this.#loading ??= import('../debug/debugger.js').then(
      (module) =>
        (this.#debugger = new module.Debugger({
          folder,
          home,
          cells: this.#cells,
          publish: (event) => wire.publish(this.#parent, 'debug_event', event),
          isBusy: () => subshells.main.running !== undefined,
          declare: (name) => void this.#declare(name),
          onAttached: (attached) => Atomics.store(shared, Shared.debugged, attached ? 1 : 0),
          interrupt,
          log,
        })),
    ))
  }

  /** A name that the debugger gave to the cells: the type service and the compiler do not know what it holds. */
  async #declare(name: string): Promise<void> {
    const source = { number: this.#uses.subshells.count, text: `let ${name}: any` }
    const [language, compiler] = await Promise.all([this.#uses.language, this.#uses.compiler])
    language.commit(source)
    compiler.commit(compiler.compile(source))
  }

  async request(request: DebugRequest, parent: Parent): Promise<object> {
    const loaded = await this.#load()
    this.#parent = parent
    return loaded.request(request)
  }

  /** A cell is about to run: its breakpoints are set first. */
  async beforeCell(cell: RanCell): Promise<void> {
    this.#cells.add(cell)
    await this.#debugger?.beforeCell(cell).catch((error: Error) => {
      // The cell runs all the same.
      this.#uses.log(`breakpoints could not be set: ${error.stack}`)
    })
  }

  /** Stop was pressed; see `Debugger.letGo`. */
  async letGo(): Promise<void> {
    await this.#debugger?.letGo()
  }

  async takeBack(): Promise<void> {
    await this.#debugger?.takeBack()
  }

  close(): void {
    this.#debugger?.close()
  }
}

export const onDebug =
  (debugging: Debugging): Handler =>
  ({ message, parent }) =>
    debugging.request(message.content as DebugRequest, parent)
