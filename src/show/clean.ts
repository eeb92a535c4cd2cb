/* eslint-disable no-control-regex -- control characters are what is looked for */
/**
 * Text that came from data or from a model, made safe to show. Nothing that a data set holds may run, move the cursor
 * of a terminal, turn the direction of the text around it, or fill a page.
 */

// ESC sequences (CSI with parameters, OSC up to its end, two-character ones) in one expression.
const ansi =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])|\u009b[0-?]*[ -/]*[@-~]/g
// Marks that embed, override or isolate a direction. Letters of right-to-left scripts keep their own.
const directions = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/** Plain text for a label, a cell of a table or a terminal: no control characters, at most `limit` characters. */
export function cleanText(value: unknown, limit = 200): string {
  let text = typeof value === 'string' ? value : String(value)
  // Cut first, so that a megabyte is not scanned for nothing; escape sequences are short.
  if (text.length > limit * 8) text = text.slice(0, limit * 8)
  text = text.replace(ansi, '').replace(directions, '').replace(/\r\n?/g, '\n').replace(controls, '\ufffd')
  const characters = text.length > limit ? [...text] : undefined
  const cut = characters && characters.length > limit ? `${characters.slice(0, limit - 1).join('')}…` : text
  return cut.replace(/\p{Surrogate}/gu, '\ufffd')
}

/** The same on one line. */
export function cleanLine(value: unknown, limit = 60): string {
  return cleanText(value, limit * 4)
    .replace(/\s+/g, ' ')
    .trim()
    .replace(new RegExp(`^(.{${limit - 1}}).{2,}$`, 'su'), '$1…')
}

const entities: { [character: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * Text as HTML content or a quoted attribute.
 *
 * @example html(`<b>${escapeHtml('a < b')}</b>`)
 */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!)
}

/** Text from data as HTML: cleaned, then escaped, with its direction kept to itself. */
export function safeHtml(value: unknown, limit?: number): string {
  return escapeHtml(cleanText(value, limit))
}

/**
 * Text for the title of an axis or a tooltip. Vega-Lite writes these into expressions of its own (descriptions for
 * screen readers) and escapes quotes but not backslashes, so `\"` in a title would end the string there.
 */
export function cleanTitle(value: unknown, limit = 40): string {
  return cleanLine(value, limit).replace(/["'\\]/g, '\u2019')
}
