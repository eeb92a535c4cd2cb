/** An error as front ends show it: what happened, where in which cell, what caused it. */
import { inspect, types } from 'node:util'
import { isInstance, maybeProperty, maybeText, messageOf } from '../../src/untrusted.js'
import { CellSyntaxError } from '../cell/syntax-error.js'
import type { Problem } from '../port.js'
import { blue, codeFrame, faint, readText, red } from './code-frame.js'
import { readFrames, type Frame } from './frames.js'
import { cellNumber, isHidden, locate, type Sources } from './locate.js'
import { describeProblems } from './problems.js'
import { rawStackOf } from './stacks.js'

/** Names of the compiled program that leak into V8's messages. */
function plainMessage(message: string): string {
  return message
    .replaceAll(/\(0 ?, __+(?:scope|runtime)\.([\p{L}\p{N}_$]+)\)/gu, '$1')
    .replaceAll(/__+(?:scope|runtime)\./g, '')
}

const nameOf = (frame: Frame) =>
  frame.name
    .replace(/^async(?: |$)/, '')
    .replace(/ \[as [^\]]*\]$/, '')
    .replace(/^(Object|Proxy)\.(?=[\p{L}_$])/u, '')
    .replace(/^(.*\.)?<anonymous>$|^eval$/, '')

/** The package that a file belongs to: `@tensorflow/tfjs-core`. */
const libraryOf = (file: string): string | undefined =>
  /^.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file)?.[1]?.replaceAll('\\', '/')

const isSame = (a: Frame | undefined, b: Frame): boolean =>
  a !== undefined && a.file === b.file && a.line === b.line && a.column === b.column && a.name === b.name

function describeFrames(stack: string, sources: Sources): string[] {
  const all = readFrames(stack).filter((frame) => !isHidden(frame))
  // Below the last frame of the user's lies only what called the cell.
  const last = all.findLastIndex(({ file }) => cellNumber.test(file) || sources.file?.(file) !== undefined)
  const frames = (last === -1 ? all : all.slice(0, last + 1))
    .map((frame) => locate(frame, sources))
    .filter((located) => located !== undefined)
  const lines: string[] = []
  let framed = false
  let shown = 0
  for (let index = 0; index < frames.length; index++) {
    const { frame, label, text } = frames[index]!
    const library = libraryOf(frame.file)
    // Of an error that has come through no code of the user's the first frame says where it was thrown.
    if (library !== undefined && (last !== -1 || index > 0)) {
      const first = index
      const libraries = new Set<string>()
      for (let next: string | undefined = library; next !== undefined;) {
        libraries.add(next)
        const following = frames[++index]
        next = following && libraryOf(following.frame.file)
      }
      const count = index - first
      lines.push(faint(`    … ${count} ${count === 1 ? 'frame' : 'frames'} in ${[...libraries].join(', ')}`))
      index--
      continue
    }
    // A recursion says the same of each of its turns.
    let turns = 1
    while (isSame(frames[index + turns]?.frame, frame)) turns++
    index += turns - 1
    if (++shown > 12) {
      lines.push(faint(`    … ${frames.length - index} more`))
      break
    }
    const name = nameOf(frame)
    lines.push(
      `    ${faint('at')} ${name ? `${name} ` : ''}${blue(`${label}, line ${frame.line}, column ${frame.column}`)}`,
    )
    if (turns > 1) lines.push(faint(`    … ${turns - 1} more of the same`))
    const code = text ?? (library !== undefined || framed ? undefined : readText(frame.file))
    if (code !== undefined && !framed && library === undefined) {
      framed = true
      lines.push('', ...codeFrame(code, frame.line, frame.column), '')
    }
  }
  while (lines.at(-1) === '') lines.pop()
  return lines
}

/** What the report of an error says by itself. */
const told = new Set(['name', 'message', 'stack', 'cause', 'errors', 'error', 'suppressed'])

/** What an error carries beside its message: `{ code: 'ENOENT', … }`. Those of gradbook say all in their message. */
function describeProperties(error: object): string[] {
  try {
    return listProperties(error)
  } catch {
    // They refuse to be read; the error itself is told.
    return []
  }
}

function listProperties(error: object): string[] {
  for (let at = Object.getPrototypeOf(error); at !== null; at = Object.getPrototypeOf(at))
    if (at.constructor?.name === 'GradbookError') return []
  const entries = Object.entries(Object.getOwnPropertyDescriptors(error)).filter(
    ([name, { enumerable, value }]) => enumerable && value !== undefined && !told.has(name),
  )
  if (entries.length === 0) return []
  const properties = Object.fromEntries(entries.map(([name, { value }]) => [name, value]))
  const text = inspect(properties, { depth: 1, breakLength: 100, maxArrayLength: 10, maxStringLength: 300 })
  const lines = text.split('\n')
  return ['', ...lines.slice(0, 20), ...(lines.length > 20 ? ['…'] : [])].map(faint)
}

/** Of longer texts the beginning is told: front ends hold all of it, twice. */
const longest = 100_000

const shorten = (text: string): string =>
  text.length > longest ? `${text.slice(0, longest)}… (${text.length - longest} more characters)` : text

/** Of many errors in one, or of one that was caused by very many, the first are told. */
const mostErrors = 10

/** What was thrown and is no error. */
function reportValue(value: unknown): Problem {
  const text = typeof value === 'string' ? value : inspectSafely(value)
  const evalue = shorten(text)
  return { ename: 'Thrown', evalue, traceback: [`${red('Thrown')}: ${evalue}`] }
}

function inspectSafely(value: unknown): string {
  try {
    return inspect(value, { depth: 2, breakLength: 100 })
  } catch (error) {
    return `a value that refuses to be shown (${shorten(messageOf(error))})`
  }
}

function isErrorLike(value: unknown): value is object {
  if (isInstance(value, Error) || types.isNativeError(value)) return true
  try {
    return value !== null && typeof value === 'object' && 'stack' in value
  } catch {
    // A proxy that answers nothing is told by what it stands for.
    return false
  }
}

/** A part of an error's report as text; where it has none, what `fallback` says. */
function partOf(error: object, name: string, fallback: string): string {
  let value: unknown
  try {
    value = (error as Record<string, unknown>)[name]
    if (value === undefined || value === null || value === '') return fallback
    return shorten(String(value))
  } catch (refusal) {
    // What is behind a proxy, or what the text of the value is where it cannot become a string.
    return value === undefined
      ? `(its ${name} cannot be read: ${shorten(messageOf(refusal))})`
      : inspectSafely(value)
  }
}

/** The errors in an `AggregateError`, as far as they are told, and how many there are. */
function errorsIn(error: object): { first: unknown[]; count: number } {
  try {
    const errors = maybeProperty(error, 'errors')
    if (!Array.isArray(errors)) return { first: [], count: 0 }
    return { first: errors.slice(0, mostErrors), count: errors.length }
  } catch {
    return { first: [], count: 0 }
  }
}

function reportError(error: unknown, sources: Sources, seen: Set<unknown>, depth: number): Problem {
  if (!isErrorLike(error)) return reportValue(error)
  seen.add(error)
  const ename = nameOfError(error)
  const evalue = plainMessage(partOf(error, 'message', ''))
  const traceback =
    isInstance(error, CellSyntaxError) && error.file !== undefined
      ? describeProblems(error.diagnostics, error.file, readText(error.file) ?? '')
      : [
          evalue ? `${red(ename)}: ${evalue}` : red(ename),
          ...describeFrames(rawStackOf(error, maybeStack(error)), sources),
          ...describeProperties(error),
        ]
  if (depth < 5) {
    const inner = (title: string, reason: unknown) => {
      if (seen.has(reason)) return
      const report = reportError(reason, sources, seen, depth + 1)
      traceback.push('', faint(title), ...report.traceback.map((line) => (line ? `  ${line}` : line)))
    }
    const { first, count } = errorsIn(error)
    first.forEach((reason, index) => inner(`${index + 1} of ${count}:`, reason))
    if (count > first.length) traceback.push('', faint(`… and ${count - first.length} more`))
    const cause = maybeProperty(error, 'cause')
    if (cause !== undefined) inner('Caused by:', cause)
    // An error while `using` disposed, and the one that it came on top of.
    if (ename === 'SuppressedError') {
      inner('While disposing:', maybeProperty(error, 'error'))
      inner('After:', maybeProperty(error, 'suppressed'))
    }
  }
  return { ename, evalue, traceback }
}

/** A name is one line; what has none that can be read is an error all the same. */
function nameOfError(error: object): string {
  const name = maybeText(maybeProperty(error, 'name') || 'Error') ?? 'Error'
  return name.split('\n', 1)[0]!.slice(0, 200) || 'Error'
}

function maybeStack(error: object): string {
  const stack = maybeProperty(error, 'stack')
  return typeof stack === 'string' ? shorten(stack) : ''
}

/**
 * An error as Jupyter shows it: name, message, and where in which cell it came from, with the chain of its causes. Whatever
 * was thrown, and however it answers when it is asked: this never fails, since a cell whose error cannot be told never ends.
 */
export function formatError(error: unknown, sources: Sources): Problem {
  try {
    return reportError(error, sources, new Set(), 0)
  } catch (refusal) {
    const evalue = `an error that cannot be told (${shorten(messageOf(refusal))})`
    return { ename: 'Error', evalue, traceback: [`${red('Error')}: ${evalue}`] }
  }
}
