/** `console.group` without its `groupEnd`: an error or Stop came between them. What is printed later stands where it stood before. */

/** Where Node keeps the indentation, a text: 20 calls it kGroupIndent, 22 and later kGroupIndentationString. */
const place = Object.getOwnPropertySymbols(console).find(
  (symbol) =>
    symbol.description?.startsWith('kGroupIndent') === true &&
    typeof (console as unknown as { [key: symbol]: unknown })[symbol] === 'string',
)

/** Remembers the indentation now; the returned function goes back to it. */
export function markGroups(): () => void {
  if (place === undefined) return () => {}
  const printer = console as unknown as { [key: symbol]: unknown }
  const indentation = printer[place]
  return () => {
    printer[place] = indentation
  }
}
