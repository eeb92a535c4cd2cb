/** Questions to the user: `ask` lets the thread go on, `prompt` and `confirm` hold it, as in a browser. */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import { Shared, type ToProtocol } from '../../port.js'
import { currentOrigin } from '../running/cause.js'

/** There is nobody to answer: the notebook is executed without a user. */
export class NobodyToAsk extends Error {
  override name = 'NobodyToAsk'
  constructor(question: string) {
    super(
      `nobody can answer '${question}' here: the front end that runs this cell takes no input. Run it in a notebook with a user, or set the value in the cell.`,
    )
  }
}

export interface Questions {
  ask(question: string, options?: { password?: boolean }): Promise<string>
  prompt(question?: string, initial?: string): string | null
  confirm(question?: string): boolean
  /** The answer to `ask` number `id`; `null` when it was given up. */
  answer(id: number, value: string | null): void
}

export function createQuestions(
  post: (message: ToProtocol) => void,
  shared: Int32Array,
  answers: MessagePort,
): Questions {
  const waiting = new Map<number, (value: string | null) => void>()
  let count = 0

  function askAndWait(question: string): string | null {
    const { cause, canAsk } = currentOrigin()
    if (!canAsk) return null
    const id = ++count
    post({ type: 'ask', cause, id, question, password: false, blocking: true })
    for (;;) {
      const seen = Atomics.load(shared, Shared.answers)
      const received = receiveMessageOnPort(answers) as
        | { message: { id: number; value: string | null } }
        | undefined
      // An answer to an earlier question, which was stopped, is not this one's.
      if (received?.message.id === id) return received.message.value
      if (!received) Atomics.wait(shared, Shared.answers, seen)
    }
  }

  return {
    ask(question, { password = false } = {}) {
      const { cause, canAsk } = currentOrigin()
      if (!canAsk) return Promise.reject(new NobodyToAsk(question))
      const id = ++count
      return new Promise((resolve, reject) => {
        waiting.set(id, (value) => (value === null ? reject(new NobodyToAsk(question)) : resolve(value)))
        post({ type: 'ask', cause, id, question, password, blocking: false })
      })
    },
    prompt(question = '', initial = '') {
      const value = askAndWait(initial === '' ? question : `${question} [${initial}]`)
      return value === '' ? initial : value
    },
    confirm(question = '') {
      const value = askAndWait(`${question} [y/N]`)
      return /^\s*(y|yes|true|ok)\s*$/i.test(value ?? '')
    },
    answer(id, value) {
      waiting.get(id)?.(value)
      waiting.delete(id)
    },
  }
}
