/** `debug_request`: the debugger is loaded when a front end first asks for it. */
import { RanCells, type RanCell } from '../debug/cells.js'
import type { Debugger, DebugRequest } from '../debug/debugger.js'
import { Shared } from '../port.js'
import type { Parent } from '../wire/index.js'
import type { Handler, Kernel } from './kernel.js'

export class Debugging {
  readonly #kernel: Kernel
  readonly #cells = new RanCells()
  readonly #folders: { folder: string; home: string }
  #parent: Parent = {}
  #loading: Promise<Debugger> | undefined
  #debugger: Debugger | undefined

  constructor(kernel: Kernel, folders: { folder: string; home: string }) {
    this.#kernel = kernel
    this.#folders = folders
  }

  #load(): Promise<Debugger> {
    const { executor, shared, stopper, wire, log } = this.#kernel
    return (this.#loading ??= import('../debug/debugger.js').then(
      (module) =>
        (this.#debugger = new module.Debugger({
          ...this.#folders,
          cells: this.#cells,
          publish: (event) => wire.publish(this.#parent, 'debug_event', event),
          isBusy: () => executor.running !== undefined,
          declare: (name) => void this.#declare(name),
          onAttached: (attached) => Atomics.store(shared, Shared.debugged, attached ? 1 : 0),
          interrupt: () => stopper.stop(),
          log,
        })),
    ))
  }

  /** A name that the debugger gave to the cells: the type service and the compiler do not know what it holds. */
  async #declare(name: string): Promise<void> {
    const source = { number: this.#kernel.executor.count, text: `let ${name}: any` }
    const [language, compiler] = await Promise.all([this.#kernel.language, this.#kernel.compiler])
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
      this.#kernel.log(`breakpoints could not be set: ${error.stack}`)
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

export const onDebug: Handler = ({ message, parent }, { debugging }) =>
  debugging.request(message.content as DebugRequest, parent)
