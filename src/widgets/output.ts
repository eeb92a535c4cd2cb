/** A place for outputs among widgets: what a cell would show below itself, here inside a box. */
import type { MimeBundle } from '../host.js'
import type { OutputAttributes } from './generated.js'
import { createWidget, Widget } from './widget.js'

const displaySymbol = Symbol.for('Jupyter.display')

type StoredOutput =
  | { output_type: 'display_data'; data: MimeBundle; metadata: object }
  | { output_type: 'stream'; name: 'stdout' | 'stderr'; text: string }

function bundleOf(value: unknown): MimeBundle {
  const display = (value as { [displaySymbol]?: () => MimeBundle } | null | undefined)?.[displaySymbol]
  return display ? display.call(value) : { 'text/plain': String(value) }
}

class OutputWidget extends Widget<any> {
  /** Shows `value` below what is there already. */
  show(value: unknown): this {
    return this.#append({ output_type: 'display_data', data: bundleOf(value), metadata: {} })
  }

  /** Writes text as it is; put a line feed at its end. Follows directly on text that is there. */
  write(text: string, name: 'stdout' | 'stderr' = 'stdout'): this {
    return this.#append({ output_type: 'stream', name, text })
  }

  /** Shows `value` alone. */
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

export type Output = Widget<OutputAttributes> &
  OutputAttributes &
  Pick<OutputWidget, 'show' | 'write' | 'replace' | 'clear'>

/** Outputs among widgets: `const log = Output(); log.write('…\n'); log.show(chart)`. */
export function Output(attributes?: Partial<OutputAttributes>): Output {
  return createWidget('Output', attributes, OutputWidget) as unknown as Output
}
