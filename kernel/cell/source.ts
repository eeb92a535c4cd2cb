import type { Parsed } from './parse.js'
import { parseCell } from './parse.js'

/** `%npm …` lines at the head of a cell: the one command that is not TypeScript. */
const command = /^\s*%npm\b[ \t]*(.*?)\s*$/

/** A cell's text as TypeScript. Every character keeps its offset, so places in it are places in the cell. */
export interface Source {
  text: string
  /** What `%npm` lines ask for, with their places: `install arquero`. */
  commands: { line: string; start: number; end: number }[]
  /** The cell is one object literal: `text` is an expression, which reads as a block without parentheses around it. */
  isObject: boolean
}

/** Blanks the `%npm` lines before the first line of code. */
function takeCommands(text: string): Pick<Source, 'text' | 'commands'> {
  if (!text.includes('%npm')) return { text, commands: [] }
  const commands: Source['commands'] = []
  let start = 0
  let result = ''
  for (const line of text.split('\n')) {
    const match = command.exec(line)
    if (match) {
      commands.push({ line: match[1] || 'help', start, end: start + line.length })
      result += `${' '.repeat(line.length)}\n`
    } else if (/^\s*(\/\/.*)?$/.test(line)) result += `${line}\n`
    else break
    start += line.length + 1
  }
  return { text: (result + text.slice(start)).slice(0, text.length), commands }
}

const trailingSemicolon = /;(\s*)$/

/** `{ a: 1, b: 2 }` alone in a cell is an object, as in every console; so is what is no block: `{ a: 1 }.a`, `{ a: 1 } as const`. */
function takeObject(text: string): string | undefined {
  if (!/^\s*(\/\/[^\n]*\n\s*|\/\*[^]*?\*\/\s*)*\{/.test(text)) return undefined
  const bare = text.replace(trailingSemicolon, ' $1')
  const { program, errors } = parseCell(`(${bare}\n)`)
  const [statement, ...others] = program.body
  if (errors.length > 0 || others.length > 0 || statement?.type !== 'ExpressionStatement') return undefined
  const isObject = statement.expression.type === 'ObjectExpression' || parseCell(text).errors.length > 0
  return isObject ? bare : undefined
}

/** A `#!` line, of a script that was pasted, stands only at the start of a file, and a cell's program has something before it. */
const withoutHashbang = (text: string): string => (text.startsWith('#!') ? `//${text.slice(2)}` : text)

/** Options of a cell for Quarto, `#| echo: false`, at its head. Of languages that it does not know it reads them so, and only so. */
const withoutOptions = (text: string): string =>
  text.replace(/^(?:#[ \t]*\|.*(?:\n|$))+/, (lines) => lines.replace(/^#./gm, '//'))

/** Reads what a cell says beyond TypeScript. */
export function readSource(cellText: string): Source {
  const { text, commands } = takeCommands(withoutOptions(withoutHashbang(cellText)))
  const object = takeObject(text)
  return { text: object ?? text, commands, isObject: object !== undefined }
}

/** The text to give to a TypeScript parser, and how many characters stand before the cell's own. */
export function asProgram(source: Source): { text: string; offset: number } {
  return source.isObject ? { text: `(${source.text}\n)`, offset: 1 } : { text: source.text, offset: 0 }
}

/** The place of the expression whose value the cell shows, in the parsed text. */
export function findLastExpression({ program }: Parsed): { start: number; end: number } | undefined {
  const statements = program.body.filter((statement) => statement.type !== 'EmptyStatement')
  const last = statements.at(-1)
  if (last?.type === 'ExpressionStatement') return last.expression
  if (
    last?.type === 'ExportDefaultDeclaration' &&
    !/Declaration$|^TSDeclareFunction$/.test(last.declaration.type)
  )
    return last.declaration
  return undefined
}
