/**
 * `error.stack` speaks of what the user wrote: `console.error(error)` and a library's log show cells with their lines, and
 * no frame of the kernel. Tracebacks take the frames as V8 gave them from here.
 */
import { readFrame } from './frames.js'
import { isOwn, locate, type Sources } from './locate.js'

interface Kept {
  /** Its frames as they stand in `stack`, and as V8 has them. */
  shown: string
  raw: string
}

const kept = new WeakMap<object, Kept>()

/** The latest, by their frames: libraries give the stack of one error to another. */
const latest = new Map<string, Kept>()
const latestAtMost = 100

function keep(error: unknown, frames: Kept): void {
  if (typeof error === 'object' && error !== null) kept.set(error, frames)
  latest.delete(frames.shown)
  latest.set(frames.shown, frames)
  if (latest.size > latestAtMost) latest.delete(latest.keys().next().value!)
}

/** A stack with V8's own places; one that was written by hand is as it is. */
export function rawStackOf(error: unknown, stack: string): string {
  const own = typeof error === 'object' && error !== null ? kept.get(error) : undefined
  const at = stack.search(/^ {4}at /m)
  const frames = own && stack.includes(own.shown) ? own : at === -1 ? undefined : latest.get(stack.slice(at))
  return frames?.shown ? stack.replace(frames.shown, () => frames.raw) : stack
}

/** The first line of a stack. Errors that Node throws itself have their code in it. */
function headOf(error: unknown, thrower: NodeJS.CallSite | undefined): string {
  try {
    const { name, code, message } = error as { name?: unknown; code?: unknown; message?: unknown }
    const isNodes = thrower?.getFileName()?.startsWith('node:') === true
    if (isNodes && typeof code === 'string' && code.startsWith('ERR_') && typeof name === 'string')
      return `${name.includes('[') ? name : `${name} [${code}]`}: ${String(message)}`
    return Error.prototype.toString.call(error)
  } catch {
    return 'Error'
  }
}

/** How the machinery of Node calls a cell, between it and the kernel. */
const isBetween = /^node:(vm|internal\/(vm|process\/task_queues))\b/

/** The frames of a stack in the user's places. `undefined` where a frame says nothing to the user. */
function describe(text: string, sources: Sources): string | undefined {
  const frame = readFrame(text)
  if (!frame) return text
  if (isOwn(frame) || isBetween.test(frame.file)) return undefined
  const located = locate(frame, sources)
  if (!located) return undefined
  if (located.text === undefined) return text
  const place = `${located.label}:${located.frame.line}:${located.frame.column}`
  return frame.name && frame.name !== 'async'
    ? `    at ${frame.name} (${place})`
    : `    at ${frame.name ? 'async ' : ''}${place}`
}

export function installStacks(sources: Sources): void {
  Error.prepareStackTrace = (error: object, callSites: NodeJS.CallSite[]): string => {
    const head = headOf(error, callSites[0])
    const raw = callSites.map((site) => `    at ${String(site)}`)
    try {
      const shown = raw.map((line) => describe(line, sources)).filter((line) => line !== undefined)
      keep(error, { shown: shown.join('\n'), raw: raw.join('\n') })
      return [head, ...shown].join('\n')
    } catch {
      return [head, ...raw].join('\n')
    }
  }
}
