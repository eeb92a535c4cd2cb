/** Messages of IOPub become the outputs of a cell as nbformat 4 stores them. */
import type { Message } from '../client/index.js'

export type MimeData = Record<string, any>

export type Output =
  | { output_type: 'stream'; name: 'stdout' | 'stderr'; text: string }
  | { output_type: 'display_data'; data: MimeData; metadata: Record<string, any> }
  | { output_type: 'execute_result'; execution_count: number; data: MimeData; metadata: Record<string, any> }
  | { output_type: 'error'; ename: string; evalue: string; traceback: string[] }

/** Where displays with an id lie, in any cell, so that an update finds all of them. */
export class Displays {
  readonly #byId = new Map<string, { data: MimeData; metadata: Record<string, any> }[]>()

  add(id: string, output: { data: MimeData; metadata: Record<string, any> }): void {
    const outputs = this.#byId.get(id)
    if (outputs) outputs.push(output)
    else this.#byId.set(id, [output])
  }

  update(id: string, data: MimeData, metadata: Record<string, any>): void {
    for (const output of this.#byId.get(id) ?? []) {
      output.data = data
      output.metadata = metadata
    }
  }
}

/** The outputs of one cell, kept as a front end keeps them. */
export class CellOutputs {
  readonly outputs: Output[] = []
  readonly #displays: Displays
  #clearOnNext = false

  constructor(displays: Displays = new Displays()) {
    this.#displays = displays
  }

  /** Takes one message; those that are no output are passed over. */
  take({ header: { msg_type }, content }: Pick<Message, 'header' | 'content'>): void {
    if (msg_type === 'clear_output') {
      this.#clearOnNext = content.wait
      if (!content.wait) this.outputs.length = 0
      return
    }
    const displayId: string | undefined = content?.transient?.display_id
    if (msg_type === 'update_display_data') {
      if (displayId) this.#displays.update(displayId, content.data, content.metadata ?? {})
      return
    }
    const output = toOutput(msg_type, content)
    if (!output) return
    if (this.#clearOnNext) this.outputs.length = 0
    this.#clearOnNext = false
    const last = this.outputs.at(-1)
    if (output.output_type === 'stream' && last?.output_type === 'stream' && last.name === output.name) {
      last.text += output.text
      return
    }
    if (displayId && 'data' in output) {
      // A display shown again under its id changes the earlier ones too.
      this.#displays.update(displayId, output.data, output.metadata)
      this.#displays.add(displayId, output)
    }
    this.outputs.push(output)
  }
}

function toOutput(type: string, content: any): Output | undefined {
  switch (type) {
    case 'stream':
      return { output_type: 'stream', name: content.name, text: content.text }
    case 'display_data':
      return { output_type: 'display_data', data: content.data, metadata: content.metadata ?? {} }
    case 'execute_result':
      return {
        output_type: 'execute_result',
        execution_count: content.execution_count,
        data: content.data,
        metadata: content.metadata ?? {},
      }
    case 'error':
      return {
        output_type: 'error',
        ename: content.ename,
        evalue: content.evalue,
        traceback: content.traceback,
      }
    default:
      return undefined
  }
}
