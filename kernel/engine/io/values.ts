/** Values as MIME bundles. What `src/show` knows is drawn by it; it is loaded when the first value needs it. */
import { createRequire } from 'node:module'
import { inspect } from 'node:util'
import type { MimeBundle } from '../../../src/host.js'
import { maybeProperty, messageOf } from '../../../src/untrusted.js'
import { toJson } from '../../json.js'
import type { Shown, ShownText } from '../../port.js'

type ToBundle = (value: unknown) => MimeBundle | undefined
let toBundle: ToBundle | undefined
const require = createRequire(import.meta.url)

/** Loaded synchronously, because `display(value)` is. */
function loadToBundle(): ToBundle {
  return (require('../../../src/show/values/values.js') as { toBundle: ToBundle }).toBundle
}

/** Loads what draws values, where its loading must not be ended in the middle. */
export function prepareToShow(): void {
  toBundle ??= loadToBundle()
}

const textOptions = { depth: 4, maxArrayLength: 100, maxStringLength: 10_000, breakLength: 100 }

/** How a value reads as text, as Node prints it. */
export function toText(value: unknown): string {
  try {
    const text: unknown = inspect(value, textOptions)
    return typeof text === 'string' ? text : String(text)
  } catch (error) {
    return `[a value that cannot be shown: ${messageOf(error)}]`
  }
}

/** Shapes that are text and nothing else are known without loading anything. */
function isPlain(value: unknown): value is string | number | boolean | bigint | symbol | null | undefined {
  return value === null || (typeof value !== 'object' && typeof value !== 'function')
}

const asText = (text: string): Shown => ({ data: { 'text/plain': text }, metadata: {} })

/** A value as its text alone: what it has is not asked for anything. */
export const showText = (value: unknown): Shown => asText(toText(value))

/** The MIME bundle of a value: never fails, since a value that breaks its own drawing is still worth its text. */
export function show(value: unknown): Shown {
  if (isPlain(value)) return asText(toText(value))
  let bundle: MimeBundle | undefined
  try {
    toBundle ??= loadToBundle()
    bundle = toBundle(value)
  } catch (error) {
    return asText(`${toText(value)}\n(shown as text: ${messageOf(error)})`)
  }
  return bundle ? showBundle(bundle, maybeProperty(value, 'live') === true) : asText(toText(value))
}

const display = Symbol.for('Jupyter.display')

/**
 * The same, for a value whose own `Symbol.for('Jupyter.display')` takes its time: what that function gives is awaited, be it
 * `async` or one that returns a promise.
 */
export function showInTime(value: unknown): Shown | Promise<Shown> {
  if (isPlain(value)) return asText(toText(value))
  const draw = maybeProperty(value, display)
  if (typeof draw !== 'function') return show(value)
  let drawn: unknown
  try {
    drawn = draw.call(value)
    if (!isThenable(drawn)) return showOwn(value, drawn)
  } catch (error) {
    return notShown(error)
  }
  // Not `Promise.resolve`, which gives back what calls itself one.
  return new Promise((resolve) => resolve(drawn)).then((bundle) => showOwn(value, bundle), notShown)
}

const isThenable = (value: unknown): boolean =>
  !isPlain(value) && typeof (value as { then?: unknown }).then === 'function'

const notShown = (error: unknown): Shown => asText(`(could not be shown: ${messageOf(error)})`)

/** What a value's own function drew: a bundle, or nothing that is one, and then its text says more. */
function showOwn(value: unknown, drawn: unknown): Shown {
  return isPlain(drawn) || typeof drawn === 'function' || isArray(drawn)
    ? asText(toText(value))
    : showBundle(drawn as MimeBundle)
}

/** `Array.isArray`, which asks of a revoked proxy too much. */
function isArray(value: unknown): boolean {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

const isJson = /^application\/(?:.*\+)?json$/

/** What a notebook's file can hold under a MIME type: JSON for the types of JSON, for all others text or bytes. */
function maybePart(type: string, part: unknown): unknown {
  if (part === undefined || typeof part === 'function' || typeof part === 'symbol') return undefined
  if (typeof part === 'string' || part instanceof Uint8Array || isJson.test(type)) return part
  if (isArray(part) && (part as unknown[]).every((line) => typeof line === 'string'))
    return (part as string[]).join('')
  return isPlain(part) ? String(part) : toText(part)
}

/** A bundle that the user made: what of it can be shown. */
export function showBundle(bundle: MimeBundle, live = false): Shown {
  if (live) return { data: bundle, metadata: {}, live }
  if (isPlain(bundle) || isArray(bundle) || ArrayBuffer.isView(bundle)) return asText(toText(bundle))
  const data: MimeBundle = {}
  let types: string[]
  try {
    types = Object.keys(bundle)
  } catch (error) {
    return notShown(error)
  }
  for (const type of types) {
    const part = maybePart(type, maybeProperty(bundle, type))
    if (part !== undefined) data[type] = part
  }
  return types.length > 0 && Object.keys(data).length === 0 ? asText(toText(bundle)) : { data, metadata: {} }
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
