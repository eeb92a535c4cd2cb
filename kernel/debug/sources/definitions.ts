import { visitorKeys } from 'oxc-parser'
import { findLineStarts, parseCell, placeAt, readSource } from '../../cell/index.js'

interface Point {
  line: number
  column: number
}

/** A statement that defines a function, and the body of that function; lines and columns count from 1. */
export interface Definition {
  start: Point
  body: Point
  end: Point
}

const isFunction = (node: any): boolean =>
  node?.type === 'ArrowFunctionExpression' || node?.type === 'FunctionExpression'

/** The statements of a text that only define a function: `function f() {…}`, `const f = () => …`, at any depth. */
export function findDefinitions(text: string): Definition[] {
  const { program } = parseCell(readSource(text).text)
  const starts = findLineStarts(text)
  const found: Definition[] = []
  const add = (statement: any, body: any): void => {
    const { line, column } = placeAt(text, statement.start, statement.start, starts)
    const first = placeAt(text, body.start, body.start, starts)
    const last = placeAt(text, body.end, body.end, starts)
    found.push({
      start: { line, column },
      body: { line: first.line, column: first.column },
      end: { line: last.line, column: last.column },
    })
  }
  const visit = (node: any): void => {
    if (node.type === 'FunctionDeclaration' && node.body) add(node, node.body)
    if (node.type === 'VariableDeclaration' && isFunction(node.declarations[0]?.init))
      add(node, node.declarations[0].init.body)
    for (const key of visitorKeys[node.type] ?? []) {
      const child = node[key]
      for (const item of Array.isArray(child) ? child : [child]) if (item) visit(item)
    }
  }
  visit(program)
  return found
}
