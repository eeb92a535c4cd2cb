/** Version 3 source maps: read, write, look up. Lines and columns count from 0 here, as the format does. */
import { decode, encode, type SourceMapSegment } from '@jridgewell/sourcemap-codec'

/** A place in the generated text and the place in the source that it came from. */
export interface Mapping {
  line: number
  column: number
  sourceLine: number
  sourceColumn: number
}

/** The mappings of a one-source map, in ascending order. Segments without a source are left out. */
export function readMappings(text: string): Mapping[] {
  const mappings: Mapping[] = []
  decode(text).forEach((segments, line) => {
    for (const segment of segments)
      if (segment.length !== 1)
        mappings.push({ line, column: segment[0], sourceLine: segment[2], sourceColumn: segment[3] })
  })
  return mappings
}

/** The `mappings` text of a one-source map. */
export function writeMappings(mappings: readonly Mapping[]): string {
  const lines: SourceMapSegment[][] = []
  for (const { line, column, sourceLine, sourceColumn } of mappings) {
    while (lines.length <= line) lines.push([])
    lines[line]!.push([column, 0, sourceLine, sourceColumn])
  }
  return encode(lines)
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
