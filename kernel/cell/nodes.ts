/** The nodes of a syntax tree, in the parser's own types. */
import { visitorKeys, type Directive, type Node, type Statement } from 'oxc-parser'

/** What stands in the body of a program or a block. */
export type Item = Statement | Directive

/** A program as far as its statements are asked for. */
export interface Body {
  body: readonly Item[]
}

/** The nodes that say a type: of 'FunctionExpression' the functions. */
export type NodeOf<Type extends Node['type'], Among = Node> = Among extends { type: infer Types }
  ? Type extends Types
    ? Among
    : never
  : never

/** What is or may be at a place of a tree. */
export type Within = Node | readonly (Node | null)[] | null | undefined

export const isList = (place: Within): place is readonly (Node | null)[] => Array.isArray(place)

/** Calls `visit` with what lies in a node, in the order of the text. */
export function visitChildren(node: Node, visit: (child: Within) => void): void {
  const within = node as unknown as { readonly [key: string]: Within }
  for (const key of visitorKeys[node.type] ?? []) visit(within[key])
}

/** What a statement declares where it is an `export`; any other is given back. */
export const withoutExport = (statement: Item) =>
  statement.type === 'ExportNamedDeclaration' || statement.type === 'ExportDefaultDeclaration'
    ? (statement.declaration ?? statement)
    : statement
