import { broughtPackages } from '../../resolve/packages.js'
import type { Completion, Completions } from '../types.js'
import type { Position, ServiceCompletion } from '../typescript/service.js'

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
  const before = /(?:(?<=\.\s*)#)?[\p{ID_Continue}$\u200C\u200D]*$/u.exec(text.slice(0, offset))![0]
  const after = /^[\p{ID_Continue}$\u200C\u200D]*/u.exec(text.slice(offset))![0]
  return { start: offset - before.length, end: offset + after.length }
}

/** Whether the cursor stands behind a dot: names of other cells cannot come there. */
export function isMember(text: string, offset: number): boolean {
  return /(?<!\.\.)\.\s*$/.test(text.slice(0, findPrefix(text, offset).start))
}

const inSpecifier = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*(['"])([^'"\n]*)$/

/** A completion as the service gave it, with the text that it stands for. */
export interface Candidate {
  label: string
  item: ServiceCompletion
  /** Where its text goes; where there is none, in place of the name that is written. */
  start?: number
  /** What is written there. */
  text?: string
}

/** Keys that TypeScript takes for names, and would write without quotes: `value[1st]`. */
const quoteKey = (text: string): string =>
  text.replace(/\[([^"'[\]]+)\]$/, (written, key: string) =>
    /^(?:0|[1-9]\d{0,14})$/.test(key) ? written : `[${JSON.stringify(key)}]`,
  )

/** What an item replaces, where it says so itself: `?.id` from the dot on, `["a-b"]`, a key in its quotes. */
function readEdit(
  item: ServiceCompletion,
  text: string,
  toOffset: (position: Position) => number,
): Pick<Candidate, 'start' | 'text'> {
  const { textEdit } = item
  if (!textEdit) return {}
  const start = toOffset(textEdit.range.start)
  const quote = text[start - 1]
  const isKey = /^[.?]|^\[/.test(textEdit.newText)
  if (isKey || (quote !== '"' && quote !== "'")) return { start, text: quoteKey(textEdit.newText) }
  const literal = JSON.stringify(textEdit.newText).slice(1, -1)
  return {
    start,
    text: quote === '"' ? literal : literal.replaceAll('\\"', '"').replaceAll("'", "\\'"),
  }
}

/** Names of our own making: files of the workspace, aliases of the modules. Nobody imports a tsconfig.json. */
const isOurs = (label: string) => label.startsWith('$') || /^__.+__$/.test(label) || label === 'tsconfig.json'

/** Names that start with `_` come after the others of their rank. */
const isPrivate = ({ label }: Candidate): number => (label.startsWith('_') ? 1 : 0)

/** Completions that fit what is written, the nearest first: own names, then those of libraries, then keywords. */
export function findCandidates(
  items: readonly ServiceCompletion[],
  text: string,
  offset: number,
  toOffset: (position: Position) => number,
): { start: number; end: number; candidates: Candidate[] } {
  let { start, end } = findPrefix(text, offset)
  const all = items
    // A symbol's name in brackets is no key.
    .filter(({ insertText, label }) => !(label === 'Symbol' && insertText?.endsWith('[Symbol]')))
    .map((item): Candidate => {
      const label = item.label.replace(/\?$/, '')
      return { item, label, ...readEdit(item, text, toOffset) }
    })
  const specifier = inSpecifier.exec(text.slice(0, offset))?.[2]
  if (specifier !== undefined) {
    // A package is completed by its whole name, where the service goes part by part.
    start = offset - specifier.length
    end = offset + /^[^'"\n]*/.exec(text.slice(offset))![0].length
    const above = specifier.slice(0, specifier.lastIndexOf('/') + 1)
    for (const candidate of all) {
      if (!candidate.label.startsWith(above)) candidate.label = above + candidate.label
      delete candidate.start
      delete candidate.text
    }
    const known = new Set(all.map(({ label }) => label))
    for (const label of broughtPackages)
      if (!known.has(label)) all.push({ label, item: { label, kind: 9, sortText: '11' } })
  }
  const begun = (from: number) => text.slice(from, offset).toLowerCase()
  const written = begun(start)
  /** A key in quotes is written from behind the quote on, anything else from where the name begins. */
  const isBegun = ({ label, start: from = start, text: whole = label, item }: Candidate): boolean => {
    if (specifier === undefined && !/^[.?]|^\[/.test(whole) && from < start)
      return whole.toLowerCase().startsWith(begun(from))
    return [label, label.replace(/^["']/, ''), item.filterText ?? label].some((name) =>
      name.toLowerCase().startsWith(written),
    )
  }
  const rank = ({ item }: Candidate) => item.sortText ?? '5'
  const candidates = all
    .filter(({ label }) => !isOurs(label))
    .filter(isBegun)
    .sort(
      (a, b) =>
        rank(a).localeCompare(rank(b)) || isPrivate(a) - isPrivate(b) || a.label.localeCompare(b.label),
    )
  // Front ends replace one range: what begins later is written with what stands before it.
  const first = Math.min(start, ...candidates.map((candidate) => candidate.start ?? start))
  for (const candidate of candidates) {
    const { start: from = start, item, label } = candidate
    const own =
      candidate.text ?? (item.insertText && item.insertText !== item.label ? item.insertText : label)
    candidate.text = text.slice(first, from) + own
  }
  // In quotes a key goes on to the closing one.
  if (candidates.some(({ start: from }) => from !== undefined && /["']/.test(text[from - 1] ?? ''))) {
    const [rest] = /^[^"'\n]*/.exec(text.slice(offset))!
    if (/^["']/.test(text.slice(offset + rest.length))) end = Math.max(end, offset + rest.length)
  }
  return { start: first, end, candidates }
}

/** What a declaration starts with, for names that the service knows only as an alias of something in another cell. */
const declared: { [keyword: string]: string } = {
  class: 'class',
  constructor: 'class',
  function: 'function',
  enum: 'enum',
  namespace: 'module',
  module: 'module',
  interface: 'interface',
  type: 'type',
}

function declaredType(detail = ''): string | undefined {
  const keyword = /^(?:\(alias\) )?(\w+) /.exec(detail)?.[1] ?? ''
  return Object.hasOwn(declared, keyword) ? declared[keyword] : undefined
}

/** As front ends take it. `resolved`: the same items with their signatures, where they were asked for. */
export function readCompletions(
  { start, end, candidates }: ReturnType<typeof findCandidates>,
  resolved: ReadonlyMap<ServiceCompletion, ServiceCompletion>,
): Completions {
  return {
    start,
    end,
    items: candidates.map(({ label, item, text = label }): Completion => {
      const { detail, documentation } = resolved.get(item) ?? item
      const signature = detail?.replace(/^\(\w+\) /, '').replace(/\nimport [^\n]*$/, '')
      const doc = typeof documentation === 'string' ? documentation : documentation?.value
      return {
        text,
        type: declaredType(detail) ?? types[item.kind ?? 1] ?? 'text',
        ...(signature ? { signature } : {}),
        ...(doc ? { documentation: doc } : {}),
      }
    }),
  }
}
