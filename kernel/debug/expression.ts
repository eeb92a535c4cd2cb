import { findNames, parseCell, CellSyntaxError } from '../cell/index.js'
import { typeOnly } from '../cell/names.js'
import { applyEdits, sortEdits } from '../cell/edits.js'
import { rewriteNames } from '../cell/rewrite.js'
import { stripTypes } from '../cell/strip.js'
import { agentKey } from './agent/offer.js'

const agent = `globalThis[Symbol.for(${JSON.stringify(agentKey)})]`
const ownGlobals: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(globalThis))

/**
 * TypeScript that the user evaluates in a paused function, as JavaScript for V8: the function's own names (`locals`) stay,
 * names of the cells are looked up where cells have them.
 */
export function compileExpression(
  text: string,
  locals: ReadonlySet<string>,
  names: ReadonlySet<string>,
): { code: string; declares: string[] } {
  const parsed = parseCell(text)
  const [problem] = parsed.errors
  if (problem)
    throw new CellSyntaxError([
      {
        code: 'syntax',
        severity: 'error',
        message: problem.message,
        place: { line: 1, column: 1, start: 0, end: 0 },
      },
    ])
  const { code } = stripTypes(text, parsed, 'evaluate.ts')
  const declared = findNames(parsed.program)
  const { edits, prelude } = rewriteNames(
    code,
    declared,
    new Set([...names].filter((name) => !locals.has(name))),
    new Set([...ownGlobals, ...locals]),
    { scope: `${agent}.scope`, runtime: `${agent}.runtime`, value: '__value' },
  )
  const head = prelude.map((statement) => `${statement.code}\n`).join('')
  return {
    code: `${head}${applyEdits(code, sortEdits(edits))}`,
    declares: [...declared].filter(([, kind]) => !typeOnly.has(kind)).map(([name]) => name),
  }
}
