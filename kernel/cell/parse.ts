import { parseSync, type Comment, type OxcError, type Program } from 'oxc-parser'

export type Dialect = 'ts' | 'tsx'

export interface Parsed {
  dialect: Dialect
  program: Program
  comments: Comment[]
  errors: OxcError[]
}

function parseAs(text: string, dialect: Dialect): Parsed {
  const { program, comments, errors } = parseSync(`cell.${dialect}`, text, {
    lang: dialect,
    sourceType: 'module',
    preserveParens: false,
  })
  return { dialect, program, comments, errors: errors.filter((error) => error.severity === 'Error') }
}

/**
 * Parses a cell. A cell is TypeScript unless it only makes sense with JSX: `<T>value` and `<T>(x: T) => x` mean one thing
 * in the one and another in the other, so the plain dialect is tried first.
 */
export function parseCell(text: string): Parsed {
  const plain = parseAs(text, 'ts')
  if (plain.errors.length === 0 || !/<\s*[\p{L}_$>]/u.test(text)) return plain
  const withJsx = parseAs(text, 'tsx')
  return withJsx.errors.length === 0 || /<\/|\/>/.test(text) ? withJsx : plain
}
