/** What is wrong with a cell before it runs, syntax and types, as front ends show it. */
import type { Diagnostic } from '../cell/types.js'
import type { Problem } from '../port.js'
import { blue, codeFrame, faint, readText, red } from './code-frame.js'
import type { CellText } from './locate.js'

/** Each problem with its place and code, the first ten of them. */
export function describeProblems(problems: readonly Diagnostic[], label: string, text: string): string[] {
  const lines: string[] = []
  for (const { code, message, place, file } of problems.slice(0, 10)) {
    const [head, ...rest] = message.split('\n')
    if (lines.length) lines.push('')
    lines.push(`${red(code === 'syntax' ? 'SyntaxError' : code)}: ${head}`, ...rest)
    lines.push(
      `    ${faint('at')} ${blue(`${file ?? label}, line ${place.line}, column ${place.column}`)}`,
      '',
    )
    const whole = file === undefined ? text : (readText(file) ?? '')
    lines.push(...codeFrame(whole, place.line, place.column, place.end - place.start))
  }
  if (problems.length > 10) lines.push('', faint(`… and ${problems.length - 10} more`))
  return lines
}

/** Problems of a cell that runs all the same, as text. */
export function formatWarnings(diagnostics: readonly Diagnostic[], cell: CellText): string {
  const warnings = diagnostics.filter(({ severity }) => severity === 'warning')
  if (warnings.length === 0) return ''
  return `${describeProblems(warnings, `Cell [${cell.number}]`, cell.text).join('\n')}\n`
}

/** Problems of a cell that did not run, as one error: each with its code frame. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[], cell: CellText): Problem {
  const errors = diagnostics.filter(({ severity }) => severity === 'error')
  const [first] = errors
  // TypeScript's own numbers: 1000 to 1999 are about syntax.
  const isSyntax = errors.some(({ code }) => code === 'syntax' || /^TS1\d{3}$/.test(code))
  const label = first && first.code !== 'syntax' ? `${first.code}: ` : ''
  return {
    ename: isSyntax ? 'SyntaxError' : 'TypeError',
    evalue: `${label}${first?.message.split('\n')[0] ?? ''}`,
    traceback: describeProblems(errors, `Cell [${cell.number}]`, cell.text),
  }
}
