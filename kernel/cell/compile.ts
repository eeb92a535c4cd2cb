import type { OxcError } from 'oxc-parser'
import { applyEdits, shiftOffsets, sortEdits } from './edits.js'
import { findLineStarts, lineOf, placeAt } from './lines.js'
import { findNames, typeOnly } from './names.js'
import { findNamespaces, mergeNamespaces, type Namespaces } from './namespaces.js'
import { parseCell, parseFile } from './parse.js'
import { rewriteNames, type Words } from './rewrite.js'
import { asProgram, findLastExpression, readSource } from './source.js'
import { writeMappings, type Mapping } from './source-map.js'
import { stripTypes, type Emit } from './strip.js'
import { cellFile, CellSyntaxError, describeErrors, orRefuse } from './syntax-error.js'
import { findTags, type Tags } from './tags.js'
import type { CellSource, CompiledCell } from './types.js'

export interface CompileOptions {
  /** Names that earlier cells declared: one that is also a global (`display`) then means theirs. */
  known?: ReadonlySet<string>
  /** Names that every cell may use without declaring them. Default: those of this thread's global object. */
  globals?: ReadonlySet<string>
  /** What namespaces of earlier cells export, by path: a block of this cell adds to them. */
  namespaces?: ReadonlyMap<string, ReadonlySet<string>>
  /** What the notebook's tsconfig.json says about the JavaScript. */
  emit?: Emit
}

const ownGlobals: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(globalThis))

const onlyCommand = 'The one line that is not TypeScript is `%npm …`, before the first line of code.'

const lineAt = (text: string, offset: number) =>
  text.slice(text.lastIndexOf('\n', offset - 1) + 1, (text.indexOf('\n', offset) + 1 || text.length + 1) - 1)

function refuse(errors: readonly OxcError[], text: string, offset: number): CellSyntaxError {
  const found = describeErrors(errors, text, offset)
  return new CellSyntaxError(
    found.map((problem) =>
      /^[ \t]*%/.test(lineAt(text, problem.place.start))
        ? { ...problem, message: `${problem.message}. ${onlyCommand}` }
        : problem,
    ),
  )
}

/** Words for the program that the text does not use. */
function chooseWords(text: string): Words {
  let prefix = '__'
  while (
    text.includes(`${prefix}scope`) ||
    text.includes(`${prefix}runtime`) ||
    text.includes(`${prefix}value`)
  )
    prefix += '_'
  return { scope: `${prefix}scope`, runtime: `${prefix}runtime`, value: `${prefix}value` }
}

/** From the text with the value marked back to the cell: the mark moves what follows it on its line. */
function unmark(
  mappings: Mapping[],
  marked: string,
  cellText: string,
  marks: { at: number; length: number }[],
): void {
  const from = findLineStarts(marked)
  const to = findLineStarts(cellText)
  for (const mapping of mappings) {
    let offset = from[mapping.sourceLine]! + mapping.sourceColumn
    for (const { at, length } of marks) if (offset >= at) offset = Math.max(at, offset - length)
    const line = lineOf(to, Math.min(offset, cellText.length))
    mapping.sourceLine = line
    mapping.sourceColumn = Math.min(offset, cellText.length) - to[line]!
  }
}

/** A cell that does not run among the others: it becomes a file to import, or goes to the browser. */
function compileTagged(text: string, { module }: Tags): CompiledCell {
  const call =
    module === undefined
      ? `runtime.browser(${JSON.stringify(text)})`
      : `runtime.define(${JSON.stringify(`${module}.${parseCell(text).dialect}`)}, ${JSON.stringify(text)})`
  return {
    program: `(async function (scope, runtime) { await runtime.refresh(); await ${call}; return {}; })`,
    declares: [],
  }
}

/**
 * Makes a cell runnable: parse, find its names, mark the value, strip types, rewrite names to the scope, map back.
 * Throws `CellSyntaxError` for text that is no TypeScript.
 */
export function compileCell(cell: CellSource, options: CompileOptions = {}): CompiledCell {
  const tags = findTags(cell.text)
  if (tags.module !== undefined || tags.browser) return compileTagged(cell.text, tags)
  const source = readSource(cell.text)
  const { text, offset } = asProgram(source)
  const parsed = parseCell(text)
  if (parsed.errors.length > 0) throw refuse(parsed.errors, cell.text, offset)
  const names = findNames(parsed.program)
  const words = chooseWords(text)
  const own = findNamespaces(parsed.program)
  const namespaces: Namespaces = new Map(own)
  if (own.size > 0) mergeNamespaces(namespaces, options.namespaces ?? new Map())
  const last = findLastExpression(parsed)
  // A function alone would take the variable's name.
  const open = `${words.value} = (0, `
  const marked = last
    ? `${text.slice(0, last.start)}${open}${text.slice(last.start, last.end)})${text.slice(last.end)}`
    : text
  const stripped = orRefuse(
    () => stripTypes(marked, parsed, cellFile(cell.number), options.emit),
    () => refuse(parseFile(`cell.${parsed.dialect}`, text, parsed.dialect, true).errors, cell.text, offset),
  )
  // From the back: the closing mark, the opening mark, the parenthesis around an object.
  unmark(stripped.mappings, marked, cell.text, [
    ...(last
      ? [
          { at: last.end + open.length, length: 1 },
          { at: last.start, length: open.length },
        ]
      : []),
    { at: 0, length: offset },
  ])

  const { edits: unsorted, prelude } = rewriteNames(
    stripped.code,
    names,
    options.known ?? new Set(),
    options.globals ?? ownGlobals,
    words,
    { exports: namespaces, earlier: options.namespaces ?? new Map() },
  )
  const edits = sortEdits(unsorted)
  const body = applyEdits(stripped.code, edits)

  // The head is one line: the places that its statements stand for are mapped to it.
  const inCell = findLineStarts(stripped.code)
  const sourceOf = new Map(
    stripped.mappings.map((m) => [inCell[m.line]! + m.column, m] as const).toReversed(),
  )
  const mappings: Mapping[] = []
  let head = `async function (${words.scope}, ${words.runtime}) { "use strict"; let ${words.value}; await ${words.runtime}.refresh(); `
  for (const { line, start } of source.commands) {
    const place = placeAt(cell.text, start, start)
    mappings.push({
      line: 0,
      column: head.length,
      sourceLine: place.line - 1,
      sourceColumn: place.column - 1,
    })
    head += `await ${words.runtime}.npm(${JSON.stringify(line)}); `
  }
  for (const { code, from } of prelude) {
    const origin = from === undefined ? undefined : sourceOf.get(from)
    if (origin) mappings.push({ ...origin, line: 0, column: head.length })
    head += `${code} `
  }

  const offsets = stripped.mappings.map(({ line, column }) => inCell[line]! + column)
  const shifted = shiftOffsets(offsets, edits)
  const lines = findLineStarts(body)
  stripped.mappings.forEach((mapping, index) => {
    const line = lineOf(lines, shifted[index]!)
    mappings.push({ ...mapping, line: line + 1, column: shifted[index]! - lines[line]! })
  })

  return {
    program: `(${head}\n${body}\n${last ? `return { value: ${words.value} };` : 'return {};'} })`,
    map: JSON.stringify({
      version: 3,
      sources: [cellFile(cell.number)],
      names: [],
      mappings: writeMappings(mappings.map((m) => (m.line === 0 ? { ...m, column: m.column + 1 } : m))),
    }),
    declares: [...names].filter(([, kind]) => !typeOnly.has(kind)).map(([name]) => name),
    ...(own.size > 0 ? { namespaces: own } : {}),
  }
}
