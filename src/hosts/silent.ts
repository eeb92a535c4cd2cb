import type { Comm, Comms, Display, Host } from '../host.js'

let count = 0

/**
 * A host that shows nothing and is asked nothing: for tests, servers, and worker threads.
 *
 * @example setHost(silentHost())
 */
export function silentHost(): Host {
  const never = new AbortController().signal
  return {
    kind: 'silent',
    display: (_value, options): Display => ({
      id: options?.display_id ?? `display-${++count}`,
      update: () => {},
    }),
    clearOutput: () => {},
    ask: () => Promise.resolve(''),
    prompt: () => null,
    confirm: () => false,
    interrupt: never,
    interrupted: false,
    comms: noComms,
    cell: undefined,
    breathe: () => new Promise((resolve) => setTimeout(resolve)),
  }
}

/** Where there is no front end, comms open and nobody answers. */
export const noComms: Comms = {
  open: (target): Comm => ({
    id: `comm-${++count}`,
    target,
    send: () => {},
    close: () => {},
    onMsg: () => {},
    onClose: () => {},
  }),
  registerTarget: () => {},
}
