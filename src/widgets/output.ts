/** A place for outputs among widgets: what a cell would show below itself, here inside a box. */
import { beside, maybeHost, type MimeBundle, type Sink } from '../host.js'
import { toBundle } from '../show/values/values.js'
import type { OutputAttributes } from './generated.js'
import { createWidget, Widget, type Given } from './widget.js'

type StoredOutput =
  | { output_type: 'display_data'; data: MimeBundle; metadata: object }
  | { output_type: 'stream'; name: 'stdout' | 'stderr'; text: string }
  | { output_type: 'error'; ename: string; evalue: string; traceback: string[] }

/** Milliseconds between two messages about what is captured: all outputs travel each time. */
const pause = 100
/** Characters of one stream that are kept: its end says how far it is. */
const streamLimit = 1 << 20

/** Bytes as notebooks store them. */
function base64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

function storedOf(bundle: MimeBundle): MimeBundle {
  const stored = Object.entries(bundle).map(([mime, data]) => [
    mime,
    data instanceof Uint8Array ? base64(data) : data,
  ])
  return Object.fromEntries(stored)
}

const bundleOf = (value: unknown): MimeBundle => storedOf(toBundle(value) ?? { 'text/plain': String(value) })

const displayOf = (data: MimeBundle): StoredOutput => ({ output_type: 'display_data', data, metadata: {} })

class OutputWidget extends Widget<any> {
  /** What is shown, when that has not been told to front ends yet. */
  #next: StoredOutput[] | undefined
  #soon: ReturnType<typeof setTimeout> | undefined
  #sent = 0
  #clearNext = false
  /** By display: what it shows now. */
  readonly #displays = new Map<string, StoredOutput>()

  get outputs(): readonly StoredOutput[] {
    return this.#next ?? this.get('outputs')
  }
  set outputs(outputs: readonly StoredOutput[]) {
    this.#next = undefined
    this.set({ outputs })
  }

  show(value: unknown): this {
    this.outputs = this.#with(displayOf(bundleOf(value)))
    return this
  }

  write(text: string, name: 'stdout' | 'stderr' = 'stdout'): this {
    this.outputs = this.#with({ output_type: 'stream', name, text })
    return this
  }

  replace(value: unknown): this {
    this.outputs = [displayOf(bundleOf(value))]
    return this
  }

  clear({ wait = false } = {}): this {
    this.#clearNext = wait
    if (!wait) this.outputs = []
    return this
  }

  async capture<Result>(work: () => Result): Promise<Awaited<Result> | undefined> {
    const host = maybeHost()
    if (!host?.capture) return await work()
    try {
      return await host.capture(this.#sink, work)
    } finally {
      this.#flush()
    }
  }

  readonly #sink: Sink = {
    write: (name, text) => this.#tell(this.#with({ output_type: 'stream', name, text })),
    show: (id, data) => {
      const output = displayOf(storedOf(data))
      const shown = this.#displays.get(id)
      this.#displays.set(id, output)
      const at = shown && !this.#clearNext ? this.outputs.indexOf(shown) : -1
      this.#tell(at >= 0 ? this.outputs.with(at, output) : this.#with(output))
    },
    clear: (options) => void this.clear(options),
    fail: (problem) => this.#tell(this.#with({ output_type: 'error', ...problem })),
  }

  /** What is shown with `output` after it; text follows directly on text. */
  #with(output: StoredOutput): StoredOutput[] {
    const before = this.#clearNext ? [] : this.outputs
    this.#clearNext = false
    const last = before.at(-1)
    if (output.output_type !== 'stream' || last?.output_type !== 'stream' || last.name !== output.name)
      return [...before, output]
    return [...before.slice(0, -1), { ...last, text: (last.text + output.text).slice(-streamLimit) }]
  }

  /** Tells front ends of `outputs`, but not of every step where they come in crowds. */
  #tell(outputs: StoredOutput[]): void {
    this.#next = outputs
    const wait = this.#sent + pause - performance.now()
    if (wait <= 0) this.#flush()
    else this.#soon ??= beside(() => setTimeout(() => this.#flush(), wait))
  }

  #flush(): void {
    clearTimeout(this.#soon)
    this.#soon = undefined
    if (!this.#next) return
    this.outputs = this.#next
    this.#sent = performance.now()
  }
}

export interface Output extends Widget<OutputAttributes>, OutputAttributes {
  /** Shows `value` below what is there already. */
  show(value: unknown): this
  /** Writes text as it is; put a line feed at its end. Follows directly on text that is there. */
  write(text: string, name?: 'stdout' | 'stderr'): this
  /** Shows `value` alone. */
  replace(value: unknown): this
  /** Removes what is shown; with `wait`, when the next output comes. */
  clear(options?: { wait?: boolean }): this
  /**
   * Runs `work` with what it prints and displays, then or later, shown here rather than under the cell: the way to see
   * what a listener prints. Resolves to what `work` returns; an error of it is shown here too, and resolves to
   * `undefined`. What child processes and native code print stays with the cell.
   *
   * `button.onClick(() => log.capture(() => console.log('pressed')))`
   */
  capture<Result>(work: () => Result): Promise<Awaited<Result> | undefined>
}

/** Outputs among widgets: `const log = Output(); log.write('…\n'); log.show(chart)`. */
export function Output(attributes?: Given<OutputAttributes>): Output {
  return createWidget('Output', attributes, OutputWidget) as unknown as Output
}
