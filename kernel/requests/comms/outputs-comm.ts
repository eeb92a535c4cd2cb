/** The comm `gradbook.outputs`: tells front ends what cells have shown that they did not see. */
import type { CommMessage } from '../../port.js'
import type { Comms } from './comms.js'
import type { KeptOutputs, Recorded } from './kept-outputs.js'

/** Milliseconds between two messages about one cell. */
const pause = 400

type Question =
  | { method: 'state' }
  /** Send what this cell shows, now and whenever it changes. */
  | { method: 'follow'; request: string }
  /** What these cells showed is in the saved file. */
  | { method: 'saved'; requests: string[] }

class OutputsComm {
  readonly #comms: Comms
  readonly #outputs: KeptOutputs
  /** By comm: the requests whose cells it follows. */
  readonly #followers = new Map<string, Set<string>>()
  readonly #due = new Map<string, NodeJS.Timeout>()
  /** Whether a cell's start has been told of. */
  readonly #told = new WeakSet<Recorded>()

  constructor(comms: Comms, outputs: KeptOutputs) {
    this.#comms = comms
    this.#outputs = outputs
    outputs.onChange = (recorded) => this.#onChange(recorded)
  }

  receive(comm: CommMessage): void {
    const { id } = comm
    if (comm.kind === 'open') return void this.#followers.set(id, new Set())
    if (comm.kind === 'close') return void this.#followers.delete(id)
    const question = comm.data as Question
    if (question?.method === 'state')
      this.#send(id, { method: 'cells', cells: [...this.#outputs.cells].map(summary) })
    else if (question?.method === 'follow') {
      this.#followers.get(id)?.add(question.request)
      const recorded = this.#outputs.find(question.request)
      if (recorded) this.#send(id, { method: 'outputs', ...whole(recorded) })
    } else if (question?.method === 'saved' && Array.isArray(question.requests))
      for (const request of question.requests) this.#outputs.forget(request)
  }

  #send(id: string, data: object): void {
    this.#comms.send(undefined, { kind: 'message', id, data })
  }

  #onChange(recorded: Recorded): void {
    if (this.#followers.size === 0) return
    if (recorded.running && !this.#told.has(recorded)) {
      this.#told.add(recorded)
      for (const id of this.#followers.keys()) this.#send(id, { method: 'cells', cells: [summary(recorded)] })
    }
    const { request, running } = recorded
    const isFollowed = [...this.#followers.values()].some((requests) => requests.has(request))
    if (!isFollowed || (running && this.#due.has(request))) return
    clearTimeout(this.#due.get(request))
    this.#due.set(
      request,
      setTimeout(() => this.#tell(recorded), running ? pause : 0),
    )
  }

  #tell(recorded: Recorded): void {
    this.#due.delete(recorded.request)
    const message = { method: 'outputs', ...whole(recorded) }
    for (const [id, requests] of this.#followers) if (requests.has(recorded.request)) this.#send(id, message)
  }
}

const summary = ({ cell, request, running }: Recorded) => ({ cell, request, running })
const whole = ({ cell, request, number, running, outputs }: Recorded) => ({
  cell,
  request,
  number,
  running,
  outputs,
})

/** Opens the other end of those comms. */
export function serveOutputs(comms: Comms, outputs: KeptOutputs): void {
  const end = new OutputsComm(comms, outputs)
  comms.serve('gradbook.outputs', (_message, comm) => end.receive(comm))
}
