/**
 * `node:test` makes one tree of tests and one report for the life of the process, by the cell that loads it. Here the report
 * belongs to the cell that runs: the one that has called its tests. And a test ends when its cell is stopped: the next one
 * would wait for it without end.
 */
import { createRequire } from 'node:module'
import { currentOrigin, runBeside, runForLatest, type Origin } from '../running/cause.js'

const require = createRequire(import.meta.url)
let isLoaded = false

const isNodeTest = (specifier: string): boolean => specifier === 'node:test'

/** Loads it, where a cell is about to. */
export function prepareNodeTest(specifier: string): void {
  if (isLoaded || !isNodeTest(specifier)) return
  isLoaded = true
  runForLatest(() => require('node:test'))
}

type Run = (...args: unknown[]) => unknown

/** What is called with a name, options and a function, each of which may be missing. */
const names = new Set<PropertyKey>(['default', 'test', 'it', 'describe', 'suite', 'skip', 'todo', 'only'])

const signals = new WeakMap<Origin, AbortSignal>()

/**
 * Aborted once a cell was stopped for good: a test that ended as soon as Stop is pressed would let its cell go on with the
 * next line.
 */
function endOf(cell: Origin): AbortSignal {
  const known = signals.get(cell)
  if (known) return known
  const controller = new AbortController()
  const abortOnceStopped = (tries: number): void => {
    if (cell.stopped) controller.abort(cell.controller.signal.reason)
    else if (tries > 0) setTimeout(abortOnceStopped, 50, tries - 1)
  }
  cell.controller.signal.addEventListener('abort', () => runBeside(() => abortOnceStopped(100)), {
    once: true,
  })
  signals.set(cell, controller.signal)
  return controller.signal
}

function withSignal(args: readonly unknown[]): unknown[] {
  const signal = endOf(currentOrigin())
  const given = args.findIndex((one) => one !== null && typeof one === 'object')
  if (given >= 0) return args.with(given, { signal, ...(args[given] as object) })
  const body = args.findIndex((one) => typeof one === 'function')
  return args.toSpliced(body < 0 ? args.length : body, 0, { signal })
}

const watched = new WeakMap<object, object>()

/** The functions that make tests, and what holds them, with the cell's own signal in the options. */
function watch<Value extends object>(value: Value): Value {
  const known = watched.get(value)
  if (known) return known as Value
  const copy = new Proxy(typeof value === 'function' ? value : { ...value }, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name)
      return names.has(name) && typeof found === 'function' ? watch(found) : found
    },
    apply: (target, self, args) => Reflect.apply(target as unknown as Run, self, withSignal(args)),
  })
  watched.set(value, copy)
  return copy
}

/** What a cell is given of it. */
export function watchNodeTest<Module>(specifier: string, found: Module): Module {
  return isNodeTest(specifier) ? (watch(found as object) as Module) : found
}

/** Turns in which what a finished test reports has come through the streams of its reporter. */
const turns = 10

/** Resolves when what was reported by now has been written. */
export async function reported(): Promise<void> {
  if (!isLoaded) return
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}
