import { isInstance, maybeProperty } from '../../../src/untrusted.js'

/** Whether an error says that Stop ended what it comes from: gradbook's, whichever copy of it made the error. */
export function isInterrupted(error: unknown): error is Error {
  return isInstance(error, Error) && maybeProperty(error, 'name') === 'Interrupted'
}
