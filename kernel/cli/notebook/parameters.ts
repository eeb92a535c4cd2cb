/** `-p name=value`: new values for the constants of the cell tagged `parameters`, put in on its syntax tree. */
import { parseSync, type Expression } from 'oxc-parser'
import { InputError, describe } from '../../../src/errors.js'
import { tagsOf, type CodeCell, type Notebook } from './notebook.js'

const howTo = 'Tag the cell that holds them `parameters` (in a .ts file: `// %% tags=["parameters"]`)'

/** Splits `name=value` of the command line. */
export function parseAssignment(text: string): [name: string, value: string] {
  const at = text.indexOf('=')
  if (at < 1)
    throw new InputError({
      where: '-p',
      received: describe(text),
      expected: 'name=value',
      fix: 'Write for example `-p learningRate=0.01`',
    })
  return [text.slice(0, at).trim(), text.slice(at + 1)]
}

interface Parameter {
  name: string
  cell: CodeCell
  start: number
  end: number
  initial: Expression
}

/** The variables with a value that stand at the top level of the cells tagged `parameters`. */
function findParameters(notebook: Notebook): Parameter[] {
  const found: Parameter[] = []
  for (const cell of notebook.cells) {
    if (cell.cell_type !== 'code' || !tagsOf(cell).includes('parameters')) continue
    const { program, errors } = parseSync('parameters.ts', cell.source, { sourceType: 'module', lang: 'ts' })
    if (errors.length > 0)
      throw new InputError({
        where: 'the cell tagged `parameters`',
        received: `code that does not parse (${errors[0]!.message})`,
        expected: 'TypeScript',
      })
    for (const statement of program.body) {
      const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
      if (declaration?.type !== 'VariableDeclaration') continue
      for (const { id, init } of declaration.declarations)
        if (id.type === 'Identifier' && init)
          found.push({ name: id.name, cell, start: init.start, end: init.end, initial: init })
    }
  }
  return found
}

type Kind = 'number' | 'boolean' | 'string' | 'other'

function kindOf(expression: Expression): Kind {
  if (expression.type === 'UnaryExpression' && expression.operator === '-') return kindOf(expression.argument)
  if (expression.type === 'TemplateLiteral') return 'string'
  if (expression.type !== 'Literal') return 'other'
  const type = typeof expression.value
  return type === 'number' || type === 'boolean' || type === 'string' ? type : 'other'
}

/** The value as source text; it takes the type that the parameter has in the notebook. */
function toSource({ name, initial }: Parameter, text: string): string {
  const refuse = (expected: string): InputError =>
    new InputError({ where: `-p ${name}`, received: describe(text), expected })
  const trimmed = text.trim()
  switch (kindOf(initial)) {
    case 'number':
      if (trimmed === '' || !Number.isFinite(Number(trimmed))) throw refuse('a number')
      return String(Number(trimmed))
    case 'boolean':
      if (trimmed !== 'true' && trimmed !== 'false') throw refuse('true or false')
      return trimmed
    case 'string':
      return JSON.stringify(text)
    case 'other':
      try {
        const source = JSON.stringify(JSON.parse(trimmed))
        // A statement may not begin with a brace, an initialiser may; lone surrogates stay escaped by JSON.
        return source
      } catch {
        return JSON.stringify(text)
      }
  }
}

/** The notebook with these values in place of those written in it. The given one stays as it is. */
export function withParameters(notebook: Notebook, values: ReadonlyMap<string, string>): Notebook {
  if (values.size === 0) return notebook
  const parameters = findParameters(notebook)
  const known = [...new Set(parameters.map(({ name }) => name))]
  for (const name of values.keys())
    if (!known.includes(name))
      throw new InputError({
        where: '-p',
        received: `the name ${describe(name)}`,
        expected: known.length > 0 ? `one of ${known.join(', ')}` : 'a notebook with parameters',
        ...(known.length > 0 ? {} : { fix: howTo }),
      })
  const cells = notebook.cells.map((cell) => {
    if (cell.cell_type !== 'code') return cell
    // From the end to the front, so that positions stay right.
    const edits = parameters
      .filter((parameter) => parameter.cell === cell && values.has(parameter.name))
      .sort((a, b) => b.start - a.start)
    let { source } = cell
    for (const edit of edits)
      source = source.slice(0, edit.start) + toSource(edit, values.get(edit.name)!) + source.slice(edit.end)
    return edits.length > 0 ? { ...cell, source } : cell
  })
  return { ...notebook, cells }
}
