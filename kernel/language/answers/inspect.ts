import type { Inspection } from '../types.js'

/** Splits what TypeScript says about a name: its declaration in a code block, then markdown. */
export function readHover(hover: string, text: string, start: number): Inspection {
  const match = /^```\w*\n([^]*?)\n```\n?([^]*)$/.exec(hover)
  const signature = (match?.[1] ?? '').replace(/^\(alias\) /, '').replace(/\nimport [^\n]*$/, '')
  // A link to a declaration leads to a file of this machine's.
  const documentation = (match?.[2] ?? hover).replaceAll(/\[([^\]]*)\]\(file:[^)]*\)/g, '$1').trim()
  const found = findExpression(text, start)
  // The key of an object literal is no name of its own.
  const isKey = signature.startsWith('(property)') && !found?.includes('.')
  const expression = isKey ? undefined : found
  return { signature, documentation, ...(expression ? { expression } : {}) }
}

/** The chain of plain names that ends with the name at `start`: `run.model` in `run.model.summary()`. */
export function findExpression(text: string, start: number): string | undefined {
  const name = /^[\p{ID_Start}$_][\p{ID_Continue}$]*/u.exec(text.slice(start))?.[0]
  if (!name) return undefined
  const before = /(?:[\p{ID_Start}$_][\p{ID_Continue}$]*\s*\.\s*)*$/u.exec(text.slice(0, start))?.[0] ?? ''
  // After `)` or `]` the chain starts with something that would have to be run.
  if (/[)\].\p{ID_Continue}$]\s*$/u.test(text.slice(0, start - before.length)) && before === '') {
    if (/[.)\]]\s*$/.test(text.slice(0, start))) return undefined
  }
  if (/[)\].'"`]\s*$/.test(text.slice(0, start - before.length))) return undefined
  return (before + name).replaceAll(/\s/g, '')
}

/** Where to look for what the cursor means: on the name, else behind it, else at the function whose brackets are open. */
export function findInspected(text: string, offset: number): number[] {
  const places = [offset]
  if (offset > 0 && /[\p{ID_Continue}$]/u.test(text[offset - 1]!)) places.push(offset - 1)
  for (const at of openBrackets(text.slice(0, offset)).toReversed()) {
    const callee = /[\p{ID_Continue}$](?=\s*(?:<[^<>]*>)?\s*$)/u.exec(text.slice(0, at))
    if (text[at] !== '(' || !callee) continue
    places.push(callee.index)
    break
  }
  return places
}

/** What has no brackets that count: strings, comments, and templates but for their `${`. */
const quoted =
  /"(?:[^"\\\n]|\\[^])*"?|'(?:[^'\\\n]|\\[^])*'?|\/\/[^\n]*|\/\*[^]*?(?:\*\/|$)|`(?:[^`\\$]|\\[^]|\$(?!\{))*/g

/** Where the brackets are that are open at the end of a text. */
function openBrackets(text: string): number[] {
  const bare = text.replaceAll(quoted, (part) => part.replaceAll(/[^\n]/g, ' '))
  const open: number[] = []
  for (let at = 0; at < bare.length; at++)
    if ('([{'.includes(bare[at]!)) open.push(at)
    else if (')]}'.includes(bare[at]!)) open.pop()
  return open
}
