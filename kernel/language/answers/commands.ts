import { readSource } from '../../cell/index.js'
import type { Completions } from '../types.js'

/** What people ask of npm beside a notebook. */
const commands = ['ci', 'install', 'ls', 'outdated', 'run', 'uninstall', 'update', 'view']

/** Completions of a `%npm` line. `undefined` where the cursor stands in TypeScript. */
export function completeCommand(text: string, offset: number): Completions | undefined {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset)
  const written = /^\s*%(\w*)$/.exec(line)?.[1]
  // Before the first line of code: behind it `%` is an operator.
  const isFirst = /^\s*(?:\/\/[^\n]*\s*|%npm[^\n]*\s*)*$/.test(text.slice(0, offset - line.length))
  if (written !== undefined && isFirst && 'npm'.startsWith(written))
    return { start: offset - written.length, end: offset, items: [{ text: 'npm', type: 'keyword' }] }
  const inLine = readSource(text).commands.some(({ start, end }) => offset >= start && offset <= end)
  if (!inLine) return undefined
  const word = /^\s*%npm\s+(\w*)$/.exec(line)?.[1]
  const found = word === undefined ? [] : commands.filter((command) => command.startsWith(word))
  const start = offset - (word?.length ?? 0)
  return { start, end: offset, items: found.map((command) => ({ text: command, type: 'keyword' })) }
}
