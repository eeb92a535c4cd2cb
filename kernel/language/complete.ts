import type { Completion, Completions } from './types.js'
import type { ServiceCompletion } from './service.js'

/** The protocol's kinds of completions, as notebook front ends name them and their icons. */
const types: { [kind: number]: string } = {
  1: 'text',
  2: 'method',
  3: 'function',
  4: 'class',
  5: 'property',
  6: 'variable',
  7: 'class',
  8: 'interface',
  9: 'module',
  10: 'property',
  12: 'value',
  13: 'enum',
  14: 'keyword',
  17: 'file',
  18: 'reference',
  19: 'folder',
  20: 'enum',
  21: 'constant',
  22: 'struct',
  25: 'type',
}

/** What is replaced: the name, or the part of a path, that the cursor stands behind or in. */
export function findPrefix(text: string, offset: number): { start: number; end: number } {
  const before = /[\p{ID_Continue}$\u200C\u200D]*$/u.exec(text.slice(0, offset))![0]
  const after = /^[\p{ID_Continue}$\u200C\u200D]*/u.exec(text.slice(offset))![0]
  return { start: offset - before.length, end: offset + after.length }
}

/** Completions that fit what is written, the nearest first: own names, then those of libraries, then keywords. */
export function readCompletions(
  items: readonly ServiceCompletion[],
  text: string,
  offset: number,
): Completions {
  let { start, end } = findPrefix(text, offset)
  const path = /(?:from|import|require)\s*\(?\s*(['"])([^'"\n]*)$/.exec(text.slice(0, offset))
  if (path) {
    start = offset - path[2]!.length + (path[2]!.lastIndexOf('/') + 1)
    end = offset
    // A bare specifier is one word: `@tensorflow/tfjs`.
    if (!path[2]!.startsWith('.') && items.some(({ label }) => label.includes('/')))
      start = offset - path[2]!.length
  }
  const written = text.slice(start, offset).toLowerCase()
  const rank = (item: ServiceCompletion) => item.sortText ?? '5'
  const fitting = items
    .map((item) => ({ item, label: item.label.replace(/\?$/, '') }))
    .filter(({ label }) => !label.startsWith('$') && !/^__.*__$/.test(label))
    .filter(({ label }) => label.toLowerCase().startsWith(written))
    .sort((a, b) => rank(a.item).localeCompare(rank(b.item)) || a.label.localeCompare(b.label))
  return {
    start,
    end,
    items: fitting.map(({ item, label }): Completion => {
      const plain = item.insertText ?? label
      return {
        text: plain,
        type: types[item.kind ?? 1] ?? 'text',
        ...(item.detail ? { signature: item.detail } : {}),
      }
    }),
  }
}
