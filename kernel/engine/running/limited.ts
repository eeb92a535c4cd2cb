/** A question that nobody waits for long must not hold this thread, though what it asks runs a user's code. */
import { Script } from 'node:vm'
import { maybeProperty } from '../../../src/untrusted.js'

const place = Symbol.for('gradbook.limited')
const held = globalThis as { [place]?: () => void }
let script: Script | undefined

/**
 * What `work` gives; `undefined` where it throws or takes longer than so many milliseconds. V8 ends it then, `finally` or
 * not: the end is caught where the script was entered, goes no further, and is told to `onEnded`.
 */
export function limited<Result>(
  milliseconds: number,
  work: () => Result,
  onEnded: () => void,
): Result | undefined {
  script ??= new Script(`globalThis[Symbol.for('gradbook.limited')]()`, { filename: 'gradbook:limited' })
  let result: Result | undefined
  held[place] = () => {
    result = work()
  }
  try {
    script.runInThisContext({ timeout: milliseconds })
    return result
  } catch (error) {
    if (maybeProperty(error, 'code') === 'ERR_SCRIPT_EXECUTION_TIMEOUT') onEnded()
    return undefined
  } finally {
    delete held[place]
  }
}
