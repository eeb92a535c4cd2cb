import { Template } from '@huggingface/jinja'
import { parentPort, type MessagePort } from 'node:worker_threads'

/** What is to be filled in, and what comes of it. */
export interface Filling {
  template: string
  variables: { [name: string]: unknown }
}
export type Filled = { text: string } | { error: string }

/** Many at once, for one who waits: told through a port and a number that is no longer 0. */
export interface FillingAll {
  template: string
  all: readonly { [name: string]: unknown }[]
  port: MessagePort
  done: Int32Array
}

function fill({ template, variables }: Filling): Filled {
  try {
    let parsed: Template
    try {
      parsed = new Template(template)
    } catch (error) {
      // The parser's own, where it reads behind the last token.
      if (error instanceof TypeError)
        return { error: 'it ends within a block: {% for … %} without {% endfor %}, say' }
      throw error
    }
    return { text: parsed.render(variables) }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

parentPort!.on('message', (asked: Filling | FillingAll) => {
  if (!('all' in asked)) return parentPort!.postMessage(fill(asked))
  const { template, all, port, done } = asked
  port.postMessage(all.map((variables) => fill({ template, variables })))
  Atomics.store(done, 0, 1)
  Atomics.notify(done, 0)
})
