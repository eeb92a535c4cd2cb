/**
 * Whether this is what V8 itself throws where Stop ends JavaScript. Node 20 and 22 give it to the handlers of uncaught errors
 * when a microtask was ended: a value of V8's own, which is of none of the types below. It must not be given to any function:
 * a `Set` asked about its `typeof` has ended Node 22 with SIGTRAP (once in some 300 Stops), and so does showing it. Comparisons
 * written out like these are single instructions of V8, which only look at it.
 */
export function isTermination(error: unknown): boolean {
  return !(
    error === undefined ||
    error === null ||
    typeof error === 'object' ||
    typeof error === 'function' ||
    typeof error === 'string' ||
    typeof error === 'number' ||
    typeof error === 'boolean' ||
    typeof error === 'bigint' ||
    typeof error === 'symbol'
  )
}
