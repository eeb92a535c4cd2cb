import { Template } from '@huggingface/jinja'
import { parentPort } from 'node:worker_threads'

/** What is to be filled in, and what comes of it. */
export interface Filling {
  template: string
  variables: { [name: string]: unknown }
}
export type Filled = { text: string } | { error: string }

parentPort!.on('message', ({ template, variables }: Filling) => {
  let answer: Filled
  try {
    answer = { text: new Template(template).render(variables) }
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) }
  }
  parentPort!.postMessage(answer)
})
