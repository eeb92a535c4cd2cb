/** The variables of the cells, looked at and evaluated while no function is stopped. */
import { setTimeout as sleep } from 'node:timers/promises'
import { compileCell } from '../cell/index.js'
import { terminateMainThread } from '../termination/terminate.js'
import type { Variable, View } from './agent/agent.js'
import { messageOf, NoAnswer, Thrown, type RemoteObject } from './inspect-main.js'
import { agentKey } from './agent/offer.js'
import type { Thread } from './thread.js'

const agent = `globalThis[Symbol.for(${JSON.stringify(agentKey)})]`

/** What is evaluated beside the cells is ended after this many milliseconds: Stop knows only of cells. */
const evaluatesFor = 5_000

/** For how long a list of variables is still good while a cell runs: front ends ask anew after each message. */
const listedFor = 300

/** How long the main thread may take to list them: it may be in a native call. */
const listsWithin = 500

export class NotebookVariables {
  readonly #thread: Thread
  /** Makes a name known to the cells that follow. */
  readonly #declare: (name: string) => void
  #listed: { at: number; variables: Variable[] } = { at: -Infinity, variables: [] }
  #reference = 0

  constructor(thread: Thread, declare: (name: string) => void) {
    this.#thread = thread
    this.#declare = declare
  }

  /** The variables. While a cell runs it is looked at between two instructions, and not too often. */
  async list(view: View): Promise<Variable[]> {
    const { main, isRunning, paused } = this.#thread
    const { at, variables } = this.#listed
    if (isRunning && performance.now() - at < listedFor) return variables
    let listed = variables
    try {
      const reference: number = await Promise.race([main.call('openNotebook'), refuseAfter(listsWithin)])
      listed = await main.call('list', reference, view)
      // Those of the list before are still on the user's screen.
      if (!paused) void main.call('release', this.#reference).catch(() => {})
      this.#reference = reference
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
    }
    // A thread that did not answer will not answer the next of many such questions either.
    this.#listed = { at: performance.now(), variables: listed }
    return listed
  }

  /** Runs TypeScript as a cell would, and gives its value. Rejects with `Thrown` for what it throws. */
  async evaluate(text: string): Promise<RemoteObject> {
    return this.#run(text, 'value', false)
  }

  /** The MIME bundle of an expression's value. */
  async rich(text: string): Promise<object> {
    return (await this.#run(text, `${agent}.rich(value)`, true)).value
  }

  async #run(text: string, give: string, returnByValue: boolean): Promise<RemoteObject> {
    const thread = this.#thread
    const { main } = thread
    const known = new Set<string>(await main.call('names'))
    const { program, declares } = compileCell({ number: 0, text }, { known })
    for (const name of declares) this.#declare(name)
    // A stop in here could be answered by nobody: this request is still waited for.
    await thread.letGo()
    try {
      const { result, exceptionDetails } = await main.post(
        'Runtime.evaluate',
        {
          expression: `${agent}.run(${program}).then(({ value }) => ${give})`,
          awaitPromise: true,
          returnByValue,
          silent: true,
        },
        evaluatesFor,
      )
      if (exceptionDetails) throw new Thrown(messageOf(exceptionDetails))
      return result
    } catch (error) {
      if (!(error instanceof NoAnswer) || thread.isRunning) throw error
      const termination = terminateMainThread()
      await Promise.race([termination.ended, sleep(500)])
      termination.close()
      throw new Thrown(`there was no result after ${evaluatesFor / 1_000} s`)
    } finally {
      await thread.takeBack()
    }
  }
}

async function refuseAfter(milliseconds: number): Promise<never> {
  await sleep(milliseconds)
  throw new NoAnswer()
}
