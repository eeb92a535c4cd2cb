/**
 * What cells have shown, kept until a front end says that it is saved. A page that was reloaded, or opened beside another,
 * missed what was published before: the server throws it away. It asks here instead, over the comm `gradbook.outputs`.
 */
import type { Message, Parent, Wire } from '../../wire/index.js'

/** An output as notebook files store it. */
export type StoredOutput =
  | { output_type: 'stream'; name: string; text: string }
  | { output_type: 'display_data'; data: object; metadata: object }
  | { output_type: 'execute_result'; data: object; metadata: object; execution_count: number }
  | { output_type: 'error'; ename: string; evalue: string; traceback: string[] }

export interface Recorded {
  /** The front end's id of the cell. */
  readonly cell: string
  /** The id of the message that asked to run it. */
  readonly request: string
  number: number
  running: boolean
  outputs: StoredOutput[]
}

/** Cells that are kept; when there are more, those that ended first are forgotten. */
const limit = 64
/** Characters of one stream that are kept: its end says how far it is. */
const streamLimit = 1 << 20

interface Kept extends Recorded {
  clearNext: boolean
  /** Pictures come later than they were asked for: what is noted waits for what was noted before. */
  turn: Promise<unknown>
}

export class KeptOutputs {
  readonly #cells = new Map<string, Kept>()
  readonly #displays = new Map<string, { kept: Kept; output: { data: object; metadata: object } }[]>()
  /** Called when what is kept of a cell has changed. */
  onChange: (recorded: Recorded) => void = () => {}

  /** Recorded cells, oldest first. */
  get cells(): Iterable<Recorded> {
    return this.#cells.values()
  }
  find(request: string): Recorded | undefined {
    return this.#cells.get(request)
  }

  /** A cell was asked to run, by a front end that names its cells. */
  expect({ header, metadata, content }: Message): void {
    if (typeof metadata.cellId !== 'string' || content.silent === true) return
    const cell = metadata.cellId
    for (const kept of this.#cells.values()) if (kept.cell === cell) this.forget(kept.request)
    const request = header.msg_id
    const turn = Promise.resolve()
    this.#cells.set(request, {
      cell,
      request,
      number: 0,
      running: false,
      outputs: [],
      clearNext: false,
      turn,
    })
    for (const kept of this.#cells.values()) {
      if (this.#cells.size <= limit) break
      if (!kept.running && kept.request !== request) this.forget(kept.request)
    }
  }

  forget(request: string): void {
    const kept = this.#cells.get(request)
    if (!kept || kept.running) return
    this.#cells.delete(request)
    for (const [id, places] of this.#displays)
      if (places.some((place) => place.kept === kept)) this.#displays.delete(id)
  }

  /** Something is published because of the request `parent`. */
  note(parent: Parent, type: string, content: object | Promise<object>): void {
    const write = writers[type]
    const kept = this.#cells.get(parent.msg_id ?? '')
    if (!write || (!kept && type !== 'update_display_data')) return
    const queue = kept ?? { turn: Promise.resolve() as Promise<unknown> }
    queue.turn = queue.turn
      .then(() => content)
      .then((ready) => write(this, kept, ready))
      // What could not be published has not been shown either.
      .catch(() => {})
  }

  /** @internal */
  push(kept: Kept, output: StoredOutput): void {
    if (kept.clearNext) kept.outputs = []
    kept.clearNext = false
    const last = kept.outputs.at(-1)
    if (output.output_type === 'stream' && last?.output_type === 'stream' && last.name === output.name)
      last.text = (last.text + output.text).slice(-streamLimit)
    else kept.outputs.push(output)
    this.onChange(kept)
  }

  /** @internal */
  rememberDisplay(id: unknown, kept: Kept, output: { data: object; metadata: object }): void {
    if (typeof id !== 'string') return
    const places = this.#displays.get(id) ?? []
    places.push({ kept, output })
    this.#displays.set(id, places)
  }

  /** @internal */
  updateDisplay(id: unknown, data: object, metadata: object): void {
    for (const { kept, output } of this.#displays.get(String(id)) ?? []) {
      Object.assign(output, { data, metadata })
      this.onChange(kept)
    }
  }
}

type Writer = (outputs: KeptOutputs, kept: Kept | undefined, content: any) => void
const onCell =
  (write: (outputs: KeptOutputs, kept: Kept, content: any) => void): Writer =>
  (outputs, kept, content) => {
    if (kept) write(outputs, kept, content)
  }

const writers: { [type: string]: Writer | undefined } = {
  execute_input: onCell((outputs, kept, { execution_count }) => {
    Object.assign(kept, { number: execution_count, running: true })
    outputs.onChange(kept)
  }),
  stream: onCell((outputs, kept, { name, text }) =>
    outputs.push(kept, { output_type: 'stream', name, text }),
  ),
  display_data: onCell((outputs, kept, { data, metadata, transient }) => {
    const output = { output_type: 'display_data' as const, data, metadata }
    outputs.rememberDisplay(transient?.display_id, kept, output)
    outputs.push(kept, output)
  }),
  update_display_data: (outputs, _kept, { data, metadata, transient }) =>
    outputs.updateDisplay(transient?.display_id, data, metadata),
  execute_result: onCell((outputs, kept, { data, metadata, execution_count }) =>
    outputs.push(kept, { output_type: 'execute_result', data, metadata, execution_count }),
  ),
  error: onCell((outputs, kept, { ename, evalue, traceback }) =>
    outputs.push(kept, { output_type: 'error', ename, evalue, traceback }),
  ),
  clear_output: onCell((outputs, kept, { wait }) => {
    if (wait) kept.clearNext = true
    else {
      kept.outputs = []
      outputs.onChange(kept)
    }
  }),
  status: onCell((outputs, kept, { execution_state }) => {
    if (execution_state !== 'idle' || !kept.running) return
    kept.running = false
    outputs.onChange(kept)
  }),
}

/** The same wire, with what is published noted in the outputs. */
export function keepOutputs(wire: Wire, outputs: KeptOutputs): Wire {
  return {
    ...wire,
    publish(parent, type, content, more) {
      outputs.note(parent, type, content)
      wire.publish(parent, type, content, more)
    },
    publishLater(parent, type, content) {
      outputs.note(parent, type, content)
      wire.publishLater(parent, type, content)
    },
    stream(parent, name, text, sent) {
      outputs.note(parent, 'stream', { name, text })
      wire.stream(parent, name, text, sent)
    },
  }
}
