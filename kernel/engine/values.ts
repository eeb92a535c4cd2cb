/** Values as MIME bundles. What `src/show` knows is drawn by it; it is loaded when the first value needs it. */
import { createRequire } from 'node:module'
import { inspect, types } from 'node:util'
import type { MimeBundle } from '../../src/host.js'
import { toJson } from '../json.js'
import type { Shown, ShownText } from '../port.js'

type ToBundle = (value: unknown) => MimeBundle | undefined
let toBundle: ToBundle | undefined
const require = createRequire(import.meta.url)

/** Loaded synchronously, because `display(value)` is. */
function loadToBundle(): ToBundle {
  return (require('../../src/show/values.js') as { toBundle: ToBundle }).toBundle
}

const textOptions = { depth: 4, maxArrayLength: 100, maxStringLength: 10_000, breakLength: 100 }

/** How a value reads as text, as Node prints it. */
export function toText(value: unknown): string {
  try {
    return inspect(value, textOptions)
  } catch (error) {
    return `[a value that cannot be shown: ${(error as Error)?.message ?? String(error)}]`
  }
}

/** Shapes that are text and nothing else are known without loading anything. */
function isPlain(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function')
}

/** The MIME bundle of a value: never fails, since a value that breaks its own drawing is still worth its text. */
export function show(value: unknown): Shown {
  if (isPlain(value)) return { data: { 'text/plain': toText(value) }, metadata: {} }
  let bundle: MimeBundle | undefined
  try {
    toBundle ??= loadToBundle()
    bundle = toBundle(value)
  } catch (error) {
    const text = `${toText(value)}\n(shown as text: ${(error as Error)?.message ?? String(error)})`
    return { data: { 'text/plain': text }, metadata: {} }
  }
  if (!bundle) return { data: { 'text/plain': toText(value) }, metadata: {} }
  return showBundle(bundle, isLive(value))
}

const display = Symbol.for('Jupyter.display')

/** The same, for a value whose own `Symbol.for('Jupyter.display')` is an async function, as Deno's may be. */
export function showInTime(value: unknown): Shown | Promise<Shown> {
  const draw = isPlain(value) ? undefined : ownDisplay(value as object)
  if (!draw) return show(value)
  return draw.then(
    (bundle) => (bundle !== null && typeof bundle === 'object' ? showBundle(bundle) : show(undefined)),
    (error: unknown) =>
      showBundle({ 'text/plain': `(could not be shown: ${(error as Error)?.message ?? String(error)})` }),
  )
}

function ownDisplay(value: object): Promise<MimeBundle> | undefined {
  try {
    const draw = (value as { [display]?: unknown })[display]
    return types.isAsyncFunction(draw) ? (draw as () => Promise<MimeBundle>).call(value) : undefined
  } catch {
    // It refuses to be looked into: its text says so.
    return undefined
  }
}

function isLive(value: unknown): boolean {
  try {
    return (value as { live?: unknown }).live === true
  } catch {
    // It refuses to be looked into; what could be shown of it is shown.
    return false
  }
}

/** A bundle that the user made. */
export function showBundle(bundle: MimeBundle, live = false): Shown {
  return live ? { data: bundle, metadata: {}, live } : { data: bundle, metadata: {} }
}

/** What is shown again and again, as JSON; `undefined` for what is not, and for what JSON cannot hold as it is. */
export function maybeText({ data, live }: Shown): ShownText | undefined {
  if (!live || Object.values(data).some((part) => part instanceof Uint8Array)) return undefined
  try {
    return { json: toJson(data) }
  } catch {
    return undefined
  }
}
