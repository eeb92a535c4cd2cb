/** How a cell is checked: problems stop it, are shown as warnings, or are not looked for. */
export type Checking = 'error' | 'warn' | 'off'

/** `// @check off`, `// @check warn` or `// @check error` on a line of its own before the first line of code. */
export function findChecking(text: string): Checking | undefined {
  for (const line of text.split('\n')) {
    const match = /^\s*\/\/\s*@check\s+(error|warn|off)\b/.exec(line)
    if (match) return match[1] as Checking
    if (!/^\s*(\/\/.*|%npm .*|#[ \t]*\|.*)?$/.test(line)) return undefined
  }
  return undefined
}
