/** TypeScript with its words in colours, for a static page: tokens by one regular expression, no grammar. */
import { escapeHtml } from '../../../../src/show/clean.js'

const keywords = new Set(
  (
    'abstract any as async await boolean break case catch class const continue debugger declare default delete do else enum ' +
    'export extends false finally for from function get if implements import in infer instanceof interface is keyof let ' +
    'namespace never new null number object of private protected public readonly return satisfies set static string super ' +
    'switch symbol this throw true try type typeof undefined unique unknown using var void while with yield'
  ).split(' '),
)

const token =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|(?<string>"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|`(?:\\[\s\S]|[^`\\])*`?)|(?<number>\b(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*\.?[\d_]*(?:[eE][+-]?\d+)?)n?\b)|(?<word>[\p{L}_$][\p{L}\p{N}_$]*)/gu

export function highlight(code: string): string {
  let html = ''
  let at = 0
  for (const found of code.matchAll(token)) {
    html += escapeHtml(code.slice(at, found.index))
    at = found.index + found[0].length
    const { comment, string, number, word } = found.groups!
    const text = escapeHtml(found[0])
    const kind = comment
      ? 'c'
      : string
        ? 's'
        : number
          ? 'n'
          : word && keywords.has(word)
            ? 'k'
            : code[at] === '('
              ? 'f'
              : undefined
    html += kind ? `<span class="${kind}">${text}</span>` : text
  }
  return html + escapeHtml(code.slice(at))
}
