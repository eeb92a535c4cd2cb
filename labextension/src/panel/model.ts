/** The runs of one kernel, as the kernel tells of them. A page that was reloaded asks for everything anew. */
import type { Kernel, KernelMessage } from '@jupyterlab/services'
import type { TranslationBundle } from '@jupyterlab/translation'
import { UUID } from '@lumino/coreutils'
import { Signal, type ISignal } from '@lumino/signaling'
import { askUntilAnswered, onCellEnd } from '../kernels.js'
import type {
  Action,
  Labels,
  RunState,
  RunSummary,
  ShownMistake,
  Step,
  ToKernel,
  ToPanel,
} from '../../../src/panel/protocol.js'
import type { Ledger } from './ledger.js'

const target = 'gradbook.runs'

type Mistakes = Extract<ToPanel, { method: 'mistakes' }>
export type { Action, Labels, RunState, RunSummary, Mistakes, ShownMistake, Step }

/** What came of a request: why nothing was done, or the code of what was. */
export interface Answer {
  error?: string
  step?: Step
}

export class RunsModel {
  readonly #kernel: Kernel.IKernelConnection
  readonly #changed = new Signal<this, void>(this)
  readonly #leave: () => void
  readonly #waiting = new Map<string, (answer: Answer) => void>()
  #comm: Kernel.IComm | undefined
  #answered = (): void => {}
  /** Tells this page's messages from those of others: all share one comm. */
  readonly #page = UUID.uuid4()
  #requests = 0
  #watched = false
  #chosen: string | undefined
  #withParent = false
  /** What was done here and is in no cell. */
  readonly ledger: Ledger
  runs: RunSummary[] = []
  active: string | null = null
  run: RunState | undefined
  mistakes: Mistakes | undefined

  readonly #trans: TranslationBundle

  constructor(kernel: Kernel.IKernelConnection, ledger: Ledger, trans: TranslationBundle) {
    this.ledger = ledger
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

  /** It stays the one that is shown, whatever trains after it. */
  choose(id: string): void {
    this.#chosen = id
    this.#watch()
  }

  /** The run that the one shown branched from, where it is still there. */
  get parent(): RunSummary | undefined {
    const name = this.runs.find(({ id }) => id === this.shown)?.parent?.name
    return name === undefined
      ? undefined
      : this.runs.findLast((one) => one.name === name && one.id !== this.shown)
  }

  /** Whether the parent is drawn beside the run. */
  get withParent(): boolean {
    return this.#withParent
  }
  set withParent(on: boolean) {
    this.#withParent = on
    this.#watch()
  }

  /** Whether anyone looks: the kernel sends charts only then. */
  set watched(watched: boolean) {
    this.#watched = watched
    this.#watch()
  }

  /** Does something to the run that is shown. */
  do(action: Action): Promise<Answer> {
    const id = this.shown
    if (!this.#comm || id === null) return Promise.resolve({ error: this.#trans.__('there is no run') })
    const request = `${this.#page}-${++this.#requests}`
    const done = new Promise<Answer>((resolve) => this.#waiting.set(request, resolve))
    this.#send({ method: 'do', id, request, ...action })
    // A branch that was asked for is what one wants to see next.
    if (action.action === 'branch') this.#chosen = undefined
    return done
  }

  dispose(): void {
    this.#leave()
    this.#answered()
    for (const resolve of this.#waiting.values()) resolve({ error: this.#trans.__('the kernel is gone') })
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
      this.#send({ method: 'watch', page: this.#page, id, withParent: this.#withParent })
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
      const { error, step } = message
      if (step) this.ledger.take(step)
      return resolve({ ...(error !== undefined && { error }), ...(step && { step }) })
    }
    if (message.method === 'runs') {
      this.#answered()
      const before = this.shown
      this.runs = message.runs
      this.active = message.active
      this.ledger.keepOf(message.runs)
      if (this.shown !== before) this.#watch()
    } else if (message.method === 'run') {
      if (message.id !== this.shown) return
      if (this.run?.id !== message.id) this.mistakes = undefined
      this.run = message
      // What was looked at may have been taken back.
      if (this.mistakes && this.mistakes.iteration > message.data.iteration) this.mistakes = undefined
    } else if (message.method === 'mistakes') {
      if (message.id !== this.shown) return
      this.mistakes = message
    }
    this.#changed.emit()
  }
}
