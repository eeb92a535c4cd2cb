/** A place for outputs among widgets: what a cell would show below itself, here inside a box. */
import type { MimeBundle } from '../host.js'
import { toBundle } from '../show/values.js'
import type { OutputAttributes } from './generated.js'
import { createWidget, Widget } from './widget.js'

type StoredOutput =
  | { output_type: 'display_data'; data: MimeBundle; metadata: object }
  | { output_type: 'stream'; name: 'stdout' | 'stderr'; text: string }

/** Bytes as notebooks store them. */
function base64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

function bundleOf(value: unknown): MimeBundle {
  const bundle = toBundle(value) ?? { 'text/plain': String(value) }
  const stored = Object.entries(bundle).map(([mime, data]) => [
    mime,
    data instanceof Uint8Array ? base64(data) : data,
  ])
  return Object.fromEntries(stored)
}

class OutputWidget extends Widget<any> {
  show(value: unknown): this {
    return this.#append({ output_type: 'display_data', data: bundleOf(value), metadata: {} })
  }

  write(text: string, name: 'stdout' | 'stderr' = 'stdout'): this {
    return this.#append({ output_type: 'stream', name, text })
  }

  replace(value: unknown): this {
    return this.set({ outputs: [{ output_type: 'display_data', data: bundleOf(value), metadata: {} }] })
  }

  clear(): this {
    return this.set({ outputs: [] })
  }

  #append(output: StoredOutput): this {
    return this.set({ outputs: [...this.get('outputs'), output] })
  }
}

export interface Output extends Widget<OutputAttributes>, OutputAttributes {
  /** Shows `value` below what is there already. */
  show(value: unknown): this
  /** Writes text as it is; put a line feed at its end. Follows directly on text that is there. */
  write(text: string, name?: 'stdout' | 'stderr'): this
  /** Shows `value` alone. */
  replace(value: unknown): this
  clear(): this
}

/** Outputs among widgets: `const log = Output(); log.write('…\n'); log.show(chart)`. */
export function Output(attributes?: Partial<OutputAttributes>): Output {
  return createWidget('Output', attributes, OutputWidget) as unknown as Output
}
