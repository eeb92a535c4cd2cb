/** What a breakpoint asks for beside its place. */
import { Refused } from './refused.js'

export interface Hit {
  /** TypeScript; passed over while it is false. */
  condition?: string | undefined
  /** `3`: the third time; `>= 3`, `> 3`, `< 3`, `% 3`: from, after, before the third, every third. Counted within a run of a cell. */
  hitCondition?: string | undefined
  /** Written instead of stopping, with `{expression}` in it. */
  logMessage?: string | undefined
}

const compared: { readonly [operator: string]: (hits: number, count: number) => boolean } = {
  '': (hits, count) => hits === count,
  '=': (hits, count) => hits === count,
  '==': (hits, count) => hits === count,
  '===': (hits, count) => hits === count,
  '>': (hits, count) => hits > count,
  '>=': (hits, count) => hits >= count,
  '<': (hits, count) => hits < count,
  '<=': (hits, count) => hits <= count,
  '%': (hits, count) => hits % count === 0,
}

/** Whether a breakpoint that was hit so often is one to stop at; throws `Refused` for what cannot be read. */
export function fitsHitCondition(text: string, hits: number): boolean {
  const [, operator = '', count] = /^\s*(={1,3}|[<>]=?|%)?\s*(\d+)\s*$/.exec(text) ?? []
  const compare = count === undefined ? undefined : compared[operator]
  if (!compare || (operator === '%' && Number(count) === 0))
    throw new Refused(
      `a hit condition is a count, or one after ${Object.keys(compared).filter(Boolean).join(', ')}; received ${JSON.stringify(text)}`,
    )
  return compare(hits, Number(count))
}

/** A log message as a template of TypeScript: `{expression}` is evaluated where it was hit, what has no partner is text. */
export function logTemplate(message: string): string {
  let template = ''
  for (let at = 0; at < message.length;) {
    const end = message[at] === '{' ? findClosing(message, at) : -1
    if (end > at + 1) {
      template += `\${${message.slice(at + 1, end)}}`
      at = end + 1
    } else template += message[at++]!.replace(/[`\\$]/, '\\$&')
  }
  return `\`${template}\``
}

function findClosing(text: string, open: number): number {
  let depth = 0
  for (let at = open; at < text.length; at++) {
    if (text[at] === '{') depth++
    else if (text[at] === '}' && --depth === 0) return at
  }
  return -1
}
