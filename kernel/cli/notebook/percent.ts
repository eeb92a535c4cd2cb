/**
 * A TypeScript file with `// %%` between its cells: jupytext's percent format, which VS Code knows too.
 *
 * `// %% [markdown]` starts a cell of text in comments, `// %% tags=["parameters"]` gives a cell its tags, a file
 * without any marker is one cell, and `// %npm install x` at the head of a cell is the command.
 */
import { InputError } from '../../../src/errors.js'
import type { Cell, Notebook } from './notebook.js'

const marker = /^\/\/\s*%%(?!%)(?:\s+(.*))?$/
const comment = /^\/\/ ?/
/** A `%npm` line as jupytext writes it, so that the file stays TypeScript. */
const commandInComment = /^\/\/ ?(?=%npm[ \t]+\S)/

interface Marker {
  type: Cell['cell_type']
  metadata: Record<string, any>
}

/** `title [markdown] key=json key2=json`, each part optional. */
function parseMarker(text: string, where: string): Marker {
  const metadata: Record<string, any> = {}
  let rest = text.trim()
  const pairs = /(?:^|\s)([A-Za-z_][\w.-]*)=/g
  const starts = [...rest.matchAll(pairs)]
  const firstPair = starts[0]
  starts.forEach((start, index) => {
    const value = rest.slice(start.index + start[0].length, starts[index + 1]?.index).trim()
    try {
      metadata[start[1]!] = JSON.parse(value)
    } catch {
      throw new InputError({
        where,
        received: `${start[1]}=${value}`,
        expected: 'JSON after the equals sign',
        fix: 'Write for example `// %% tags=["parameters"]`',
      })
    }
  })
  if (firstPair) rest = rest.slice(0, firstPair.index).trim()
  const type = /\[(markdown|md|raw)\]/.exec(rest)?.[1]
  const title = rest.replace(/\[(markdown|md|raw)\]/, '').trim()
  if (title) metadata.title = title
  return { type: type === 'raw' ? 'raw' : type ? 'markdown' : 'code', metadata }
}

/** jupytext keeps the notebook's metadata in a commented YAML block at the top: it is not a cell. */
function withoutHeader(lines: string[]): { start: number } {
  if (lines[0]?.trim() !== '// ---') return { start: 0 }
  const end = lines.findIndex((line, index) => index > 0 && line.trim() === '// ---')
  return { start: end < 0 ? 0 : end + 1 }
}

/** `%npm` lines out of their comments, where they count: before the first line of code. */
function uncommentCommands(lines: readonly string[]): string[] {
  const code = lines.findIndex((line) => !/^\s*(\/\/.*)?$/.test(line))
  return lines.map((line, index) => (code < 0 || index < code ? line.replace(commandInComment, '') : line))
}

/** Reads the text of a TypeScript file as a notebook; `file` names it in errors. */
export function parsePercent(text: string, file: string): Notebook {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const cells: Cell[] = []
  let current: Marker = { type: 'code', metadata: {} }
  let body: string[] = []
  let marked = false
  const finish = (): void => {
    while (body.length > 0 && body[0]!.trim() === '') body.shift()
    while (body.length > 0 && body.at(-1)!.trim() === '') body.pop()
    // What stands above the first marker is a cell only if there is something in it.
    if (body.length === 0 && !marked) return
    const common = { id: `cell-${cells.length + 1}`, metadata: current.metadata }
    if (current.type === 'code')
      cells.push({
        cell_type: 'code',
        ...common,
        source: uncommentCommands(body).join('\n'),
        execution_count: null,
        outputs: [],
      })
    else
      cells.push({
        cell_type: current.type,
        ...common,
        source: body.map((line) => line.replace(comment, '')).join('\n'),
      })
  }
  for (let index = withoutHeader(lines).start; index < lines.length; index++) {
    const found = marker.exec(lines[index]!)
    if (!found) {
      body.push(lines[index]!)
      continue
    }
    finish()
    marked = true
    body = []
    current = parseMarker(found[1] ?? '', `${file}, line ${index + 1}`)
  }
  finish()
  return { metadata: {}, cells }
}
