import { InputError, describe } from '../../errors.js'
import { processors } from './native.js'

export interface BackendOptions {
  /**
   * Kernels of fewer operations than this (elements; for a product its multiplications), whose inputs are numbers at hand, run
   * on the host at once: a call of ONNX Runtime takes as long as about this many of them there. 0 sends every kernel that has
   * an ONNX form.
   */
  minimumSize: number
  /** 'lazy': kernels wait until a value is read, and run as one graph. 'eager': each runs at once, for debugging. */
  mode: 'lazy' | 'eager'
  /** Threads of a session; the number of processors unless set, but no more than 8: each kept session has threads of its own. */
  threads: number
  /** Sessions that are kept for the next time the same graph comes. */
  sessions: number
}

export const options: BackendOptions & { device: string } = {
  minimumSize: 4000,
  mode: 'lazy',
  threads: 0,
  sessions: 128,
  device: 'cpu',
}

/** Threads that a session gets. */
export const threads = (): number => options.threads || Math.min(processors(), 8)

const wholeFrom = (least: number) => ({
  expected: `a whole number of at least ${least}`,
  fits: (value: unknown) => Number.isInteger(value) && (value as number) >= least,
})

const rows: { [name in keyof BackendOptions]: { expected: string; fits(value: unknown): boolean } } = {
  minimumSize: wholeFrom(0),
  mode: { expected: "'lazy' or 'eager'", fits: (value) => value === 'lazy' || value === 'eager' },
  threads: wholeFrom(1),
  sessions: wholeFrom(1),
}

const listeners: (() => void)[] = []

/** Calls `listener` before the options change, so that work that waits runs under those it was given under. */
export function onOptions(listener: () => void): void {
  listeners.push(listener)
}

/**
 * Changes how the backend works; what is left out stays as it is.
 *
 *     setBackendOptions({ minimumSize: 0, mode: 'eager' })
 */
export function setBackendOptions(changes: Partial<BackendOptions> = {}): void {
  for (const [name, value] of Object.entries(changes)) {
    const row = rows[name as keyof BackendOptions]
    if (row === undefined)
      throw new InputError({
        where: `setBackendOptions({ ${name} })`,
        received: `the option '${name}'`,
        expected: `one of ${Object.keys(rows).join(', ')}`,
      })
    if (!row.fits(value))
      throw new InputError({
        where: `setBackendOptions({ ${name} })`,
        received: describe(value),
        expected: row.expected,
      })
  }
  for (const listener of listeners) listener()
  Object.assign(options, changes)
}

/** Changes the device; the work that waits runs before. */
export function changeDevice(device: string): void {
  for (const listener of listeners) listener()
  options.device = device
}
