import type { Node } from 'oxc-parser'
import { findLineStarts, parseCell, placeAt, readSource } from '../../cell/index.js'
import { isList, visitChildren, type Within } from '../../cell/nodes.js'

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

/** The body of a function that is a value. */
const bodyOf = (node: Node | null | undefined): Node | null =>
  node?.type === 'ArrowFunctionExpression' || node?.type === 'FunctionExpression' ? node.body : null

/** The statements of a text that only define a function: `function f() {…}`, `const f = () => …`, at any depth. */
export function findDefinitions(text: string): Definition[] {
  const { program } = parseCell(readSource(text).text)
  const starts = findLineStarts(text)
  const found: Definition[] = []
  const add = (statement: Node, body: Node): void => {
    const { line, column } = placeAt(text, statement.start, statement.start, starts)
    const first = placeAt(text, body.start, body.start, starts)
    const last = placeAt(text, body.end, body.end, starts)
    found.push({
      start: { line, column },
      body: { line: first.line, column: first.column },
      end: { line: last.line, column: last.column },
    })
  }
  const visit = (node: Within): void => {
    if (isList(node)) return node.forEach(visit)
    if (!node) return
    if (node.type === 'FunctionDeclaration' && node.body) add(node, node.body)
    const body = node.type === 'VariableDeclaration' && bodyOf(node.declarations[0]?.init)
    if (body) add(node, body)
    visitChildren(node, visit)
  }
  visit(program)
  return found
}
