/** TeX as MathML, made when the page is made: a browser draws it without a script or a font of its own. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import temml from 'temml'
import { escapeHtml } from '../../../../src/show/clean.js'

/** What `\newcommand` and `\def` made in one cell, for the cells below it. A page has its own. */
export type Macros = Record<string, unknown>

/** More than a person writes in one formula; what a text from elsewhere could make of a macro that doubles itself ends here. */
const limits = { maxExpand: 1000, maxSize: [50, 200] as [number, number] }

/** MathML of `tex`; what is no TeX is shown as it was written, with the reason beside the pointer. */
export function mathsToHtml(tex: string, display: boolean, macros: Macros): string {
  try {
    return temml.renderToString(tex.trim(), {
      displayMode: display,
      throwOnError: true,
      annotate: true,
      trust: false,
      macros,
      ...limits,
    })
  } catch (error) {
    const sign = display ? '$$' : '$'
    const reason = (error as Error).message.split('\n')[0]!
    return `<code class="no-maths" title="${escapeHtml(reason)}">${escapeHtml(sign + tex + sign)}</code>`
  }
}

/**
 * A formula in a line: `$…$`, `$$…$$`, `\\(…\\)`, `\\[…\\]`. As in Pandoc, a price is none: no digit follows the last sign, and
 * what stands within touches both signs or neither.
 */
export const inline =
  /^(?:\$\$(?<displayed>(?:\\[\s\S]|[^$\\])+?)\$\$|\$(?!\$)(?<text>(?=\S)(?:\\[\s\S]|[^$\\\n]|\n(?!\s*\n))*?(?<=\S)|\s(?:\\[\s\S]|[^$\\\n])+?\s)\$(?!\d)|\\\\\((?<round>[\s\S]+?)\\\\\)|\\\\\[(?<square>[\s\S]+?)\\\\\])/

/** Lines of a formula of their own: `$$…$$` or an environment of LaTeX. */
export const block =
  /^ {0,3}(?:\$\$(?<displayed>(?:\\[\s\S]|[^$\\])+?)\$\$|(?<environment>\\begin\{(?<name>[a-zA-Z]+\*?)\}[\s\S]+?\\end\{\k<name>\}))[ \t]*(?:\n+|$)/

const parts = /\$\$(?:\\[\s\S]|[^$\\])+?\$\$|\$(?:\\[\s\S]|[^$\\])+?\$/g

/** The output `text/latex`: text with formulas, an environment, or TeX alone. */
export function latexToHtml(text: string, macros: Macros): string {
  if (!/\$/.test(text)) return mathsToHtml(text.replace(/^\s*\\\[|\\\]\s*$/g, ''), true, macros)
  let html = ''
  let at = 0
  for (const found of text.matchAll(parts)) {
    const width = found[0].startsWith('$$') ? 2 : 1
    html += escapeHtml(text.slice(at, found.index))
    html += mathsToHtml(found[0].slice(width, -width), width === 2, macros)
    at = found.index + found[0].length
  }
  return html + escapeHtml(text.slice(at))
}

/** Temml's own style, with its one small font inside. */
export function mathsStyle(): string {
  const css = fileURLToPath(import.meta.resolve('temml/dist/Temml-Local.css'))
  const font = readFileSync(fileURLToPath(import.meta.resolve('temml/dist/Temml.woff2'))).toString('base64')
  return readFileSync(css, 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/\n\s*\n+/g, '\n')
    .replace("url('Temml.woff2')", `url(data:font/woff2;base64,${font})`)
}
