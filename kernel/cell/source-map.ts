/** Version 3 source maps: read, write, look up. Lines and columns count from 0 here, as the format does. */

/** A place in the generated text and the place in the source that it came from. */
export interface Mapping {
  line: number
  column: number
  sourceLine: number
  sourceColumn: number
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const valueOf = new Map([...digits].map((digit, value) => [digit.charCodeAt(0), value]))

/** The mappings of a one-source map, in ascending order. Segments without a source are left out. */
export function readMappings(text: string): Mapping[] {
  const mappings: Mapping[] = []
  let line = 0
  let column = 0
  let sourceLine = 0
  let sourceColumn = 0
  const fields = [0, 0, 0, 0, 0]
  let field = 0
  let value = 0
  let shift = 0
  const finish = () => {
    if (field > 0) {
      column += fields[0]!
      if (field >= 4) {
        sourceLine += fields[2]!
        sourceColumn += fields[3]!
        mappings.push({ line, column, sourceLine, sourceColumn })
      }
    }
    field = 0
  }
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 44 /* , */) finish()
    else if (code === 59 /* ; */) {
      finish()
      line++
      column = 0
    } else {
      const digit = valueOf.get(code)
      if (digit === undefined) throw new Error(`a source map holds the character ${text[index]}`)
      value += (digit & 31) << shift
      if (digit & 32) shift += 5
      else {
        fields[field++] = value & 1 ? -(value >> 1) : value >> 1
        value = shift = 0
      }
    }
  }
  finish()
  return mappings
}

function writeNumber(value: number): string {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1
  let text = ''
  do {
    const digit = rest & 31
    rest >>>= 5
    text += digits[rest > 0 ? digit | 32 : digit]
  } while (rest > 0)
  return text
}

/** The `mappings` text of a one-source map. */
export function writeMappings(mappings: readonly Mapping[]): string {
  let text = ''
  let line = 0
  let column = 0
  let sourceLine = 0
  let sourceColumn = 0
  let first = true
  for (const mapping of mappings) {
    for (; line < mapping.line; line++) {
      text += ';'
      column = 0
      first = true
    }
    if (!first) text += ','
    first = false
    text +=
      writeNumber(mapping.column - column) +
      'A' +
      writeNumber(mapping.sourceLine - sourceLine) +
      writeNumber(mapping.sourceColumn - sourceColumn)
    column = mapping.column
    sourceLine = mapping.sourceLine
    sourceColumn = mapping.sourceColumn
  }
  return text
}

/** The place in the source of a generated place: that of the last mapping on its line that does not lie behind it. */
export function findSource(
  mappings: readonly Mapping[],
  line: number,
  column: number,
): { line: number; column: number } | undefined {
  let low = 0
  let high = mappings.length
  while (low < high) {
    const middle = (low + high) >> 1
    const at = mappings[middle]!
    if (at.line < line || (at.line === line && at.column <= column)) low = middle + 1
    else high = middle
  }
  const found = mappings[low - 1]
  if (!found || found.line !== line) return undefined
  return { line: found.sourceLine, column: found.sourceColumn }
}
