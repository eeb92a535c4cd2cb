/** The runs of one kernel, as the kernel tells of them. A page that was reloaded asks for everything anew. */
import type { Kernel, KernelMessage } from '@jupyterlab/services'
import type { TranslationBundle } from '@jupyterlab/translation'
import { UUID } from '@lumino/coreutils'
import { Signal, type ISignal } from '@lumino/signaling'
import { askUntilAnswered, onCellEnd } from '../kernels.js'
import type { Action, RunSummary, ShownMistake, ToKernel, ToPanel } from '../../../src/panel/protocol.js'

const target = 'gradbook.runs'

type RunState = Extract<ToPanel, { method: 'run' }>
type Mistakes = Extract<ToPanel, { method: 'mistakes' }>
export type { Action, RunState, RunSummary, Mistakes, ShownMistake }

export class RunsModel {
  readonly #kernel: Kernel.IKernelConnection
  readonly #changed = new Signal<this, void>(this)
  readonly #leave: () => void
  readonly #waiting = new Map<string, (error: string | undefined) => void>()
  #comm: Kernel.IComm | undefined
  #answered = (): void => {}
  /** Tells this page's messages from those of others: all share one comm. */
  readonly #page = UUID.uuid4()
  #requests = 0
  #watched = false
  #chosen: string | undefined
  runs: RunSummary[] = []
  active: string | null = null
  run: RunState | undefined
  mistakes: Mistakes | undefined

  readonly #trans: TranslationBundle

  constructor(kernel: Kernel.IKernelConnection, trans: TranslationBundle) {
    this.#trans = trans
    this.#kernel = kernel
    kernel.registerCommTarget(target, this.#onOpen)
    this.#leave = onCellEnd(kernel, () => {
      if (this.#watched) this.#send({ method: 'state' })
    })
    void this.#find()
  }

  get changed(): ISignal<this, void> {
    return this.#changed
  }

  /** The run that is shown: the one chosen, else the one that trained last. */
  get shown(): string | null {
    return this.runs.some(({ id }) => id === this.#chosen) ? this.#chosen! : this.active
  }

  choose(id: string): void {
    this.#chosen = id === this.active ? undefined : id
    this.#watch()
  }

  /** Whether anyone looks: the kernel sends charts only then. */
  set watched(watched: boolean) {
    this.#watched = watched
    this.#watch()
  }

  /** Does something to the run that is shown; resolves to the reason when it could not be done. */
  do(action: Action): Promise<string | undefined> {
    const id = this.shown
    if (!this.#comm || id === null) return Promise.resolve(this.#trans.__('there is no run'))
    const request = `${this.#page}-${++this.#requests}`
    const done = new Promise<string | undefined>((resolve) => this.#waiting.set(request, resolve))
    this.#send({ method: 'do', id, request, ...action })
    // A branch that was asked for is what one wants to see next.
    if (action.action === 'branch') this.#chosen = undefined
    return done
  }

  dispose(): void {
    this.#leave()
    this.#answered()
    for (const resolve of this.#waiting.values()) resolve(this.#trans.__('the kernel is gone'))
    this.#waiting.clear()
    if (!this.#kernel.isDisposed) {
      if (this.#watched) this.#send({ method: 'watch', page: this.#page, id: null })
      this.#kernel.removeCommTarget(target, this.#onOpen)
    }
    Signal.clearData(this)
  }

  /** The comm of a kernel that had runs before this page was there. */
  async #find(): Promise<void> {
    const reply = await this.#kernel.requestCommInfo({ target_name: target })
    if (reply.content.status !== 'ok' || this.#comm || this.#kernel.isDisposed) return
    const id = Object.keys(reply.content.comms).at(-1)
    if (id !== undefined) this.#attach(this.#kernel.createComm(target, id))
  }

  readonly #onOpen = (comm: Kernel.IComm): void => this.#attach(comm)

  #attach(comm: Kernel.IComm): void {
    this.#comm = comm
    comm.onMsg = (message: KernelMessage.ICommMsgMsg) =>
      this.#receive(message.content.data as unknown as ToPanel)
    comm.onClose = () => {
      if (this.#comm === comm) this.#comm = undefined
    }
    this.#answered()
    this.#answered = askUntilAnswered(() => {
      this.#send({ method: 'state' })
      this.#watch()
    })
  }

  #watch(): void {
    if (this.#watched || this.run) {
      const id = this.#watched ? this.shown : null
      this.#send({ method: 'watch', page: this.#page, id })
    }
  }

  #send(message: ToKernel): void {
    if (this.#comm && !this.#comm.isDisposed && !this.#kernel.isDisposed)
      this.#comm.send(message as unknown as { [key: string]: never })
  }

  #receive(message: ToPanel): void {
    if (message.method === 'done') {
      const resolve = this.#waiting.get(message.request)
      // Another page asked: what it sets off happens once.
      if (!resolve) return
      this.#waiting.delete(message.request)
      if (message.interrupt) void this.#kernel.interrupt()
      return resolve(message.error)
    }
    if (message.method === 'runs') {
      this.#answered()
      const before = this.shown
      this.runs = message.runs
      this.active = message.active
      if (this.shown !== before) this.#watch()
    } else if (message.method === 'run') {
      if (message.id !== this.shown) return
      if (this.run?.id !== message.id) this.mistakes = undefined
      this.run = message
    } else if (message.method === 'mistakes') {
      if (message.id !== this.shown) return
      this.mistakes = message
    }
    this.#changed.emit()
  }
}
