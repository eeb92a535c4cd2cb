import { parseSync, type Comment, type OxcError, type Program } from 'oxc-parser'
import type { Dialect, Syntax } from './syntax.js'

export interface Parsed {
  dialect: Syntax
  /** It has an import, an export or `import.meta`. */
  isModule: boolean
  program: Program
  comments: Comment[]
  errors: OxcError[]
}

/**
 * Parses a file in the language that its name says. `rules`: with what the language refuses beyond its grammar, such as a name
 * that is declared twice; it takes as long again, and removing the types finds it as well, without its place.
 */
export function parseFile(name: string, text: string, language: Syntax, rules = false): Parsed {
  const { program, comments, errors, module } = parseSync(name, text, {
    lang: language,
    sourceType: 'module',
    preserveParens: false,
    showSemanticErrors: rules,
  })
  return {
    dialect: language,
    isModule: module.hasModuleSyntax,
    program,
    comments,
    errors: errors.filter((error) => error.severity === 'Error'),
  }
}

const parseAs = (text: string, dialect: Dialect) => ({
  ...parseFile(`cell.${dialect}`, text, dialect),
  dialect,
})

type ParsedCell = Parsed & { dialect: Dialect }

/** What was parsed last: a cell is compiled, checked and remembered, each of which needs it. Large ones are not kept. */
let latest: { text: string; parsed: ParsedCell } | undefined
const kept = 10_000

/**
 * Parses a cell. A cell is TypeScript unless it only makes sense with JSX: `<T>value` and `<T>(x: T) => x` mean one thing
 * in the one and another in the other, so the plain dialect is tried first.
 */
export function parseCell(text: string): ParsedCell {
  if (latest?.text === text) return latest.parsed
  const parsed = parseDialect(text)
  latest = text.length > kept ? undefined : { text, parsed }
  return parsed
}

function parseDialect(text: string): ParsedCell {
  const plain = parseAs(text, 'ts')
  if (plain.errors.length === 0 || !/<\s*[\p{L}_$>]/u.test(text)) return plain
  const withJsx = parseAs(text, 'tsx')
  return withJsx.errors.length === 0 || /<\/|\/>/.test(text) ? withJsx : plain
}
