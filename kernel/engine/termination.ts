const kinds = new Set(['string', 'number', 'bigint', 'boolean', 'symbol', 'object', 'function'])

/**
 * Whether this is what V8 itself throws where Stop ends JavaScript. Node 20 gives it to the handlers of uncaught errors when
 * a microtask was ended: a value whose type reads 'undefined' and that is not `undefined`. To show it ends the process with
 * SIGTRAP: the stack of the error that this makes has a frame V8 cannot write. A set is asked, because V8 compiles
 * `typeof x === 'undefined'` into a test that this value does not pass.
 */
export function isTermination(error: unknown): boolean {
  return error !== undefined && !kinds.has(typeof error)
}
