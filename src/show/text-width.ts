/**
 * How wide a text is in a TrueType font: the sum of its advance widths, read from the tables `cmap` (formats 4 and 12),
 * `hhea` and `hmtx` of the OpenType specification. Vega lays out titles and legends by it; its own guess, four fifths
 * of the size for each character, leaves gaps half as wide as the text.
 */
export interface FontMetrics {
  /** Width in units of the font size. */
  width(text: string): number
}

/** Where each table of a font begins, by its tag. Throws an Error for a table that the font does not have. */
export function tablesOf(file: Uint8Array): (tag: string) => number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const tables = new Map<string, number>()
  for (let i = 0; i < view.getUint16(4); i++) {
    const record = 12 + i * 16
    const tag = String.fromCharCode(...file.subarray(record, record + 4))
    tables.set(tag, view.getUint32(record + 8))
  }
  return (tag) => {
    const offset = tables.get(tag)
    if (offset === undefined) throw new Error(`the font has no table ${tag}`)
    return offset
  }
}

export function readFontMetrics(file: Uint8Array): FontMetrics {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const at = tablesOf(file)
  const unitsPerEm = view.getUint16(at('head') + 18)
  const metrics = view.getUint16(at('hhea') + 34)
  const advance = (glyph: number) =>
    view.getUint16(at('hmtx') + Math.min(glyph, metrics - 1) * 4) / unitsPerEm
  const glyphOf = readCharacterMap(view, at('cmap'))
  const widths = new Map<number, number>()
  return {
    width(text) {
      let sum = 0
      for (const character of text) {
        const code = character.codePointAt(0)!
        let own = widths.get(code)
        if (own === undefined) widths.set(code, (own = advance(glyphOf(code))))
        sum += own
      }
      return sum
    },
  }
}

/** The glyph of each character; 0: the font has none. */
export function readCharacterMap(view: DataView, cmap: number): (code: number) => number {
  const subtables = Array.from(
    { length: view.getUint16(cmap + 2) },
    (_, i) => cmap + view.getUint32(cmap + 8 + i * 8),
  )
  const wide = subtables.find((table) => view.getUint16(table) === 12)
  if (wide !== undefined) return (code) => findInGroups(view, wide, code)
  const narrow = subtables.find((table) => view.getUint16(table) === 4)
  if (narrow !== undefined) return (code) => findInSegments(view, narrow, code)
  return () => 0
}

function findInGroups(view: DataView, table: number, code: number): number {
  for (let i = 0, groups = view.getUint32(table + 12); i < groups; i++) {
    const group = table + 16 + i * 12
    if (code <= view.getUint32(group + 4))
      return code >= view.getUint32(group) ? view.getUint32(group + 8) + code - view.getUint32(group) : 0
  }
  return 0
}

function findInSegments(view: DataView, table: number, code: number): number {
  const doubled = view.getUint16(table + 6)
  for (let i = 0; i < doubled; i += 2) {
    if (code > view.getUint16(table + 14 + i)) continue
    const start = table + 16 + doubled + i
    if (code < view.getUint16(start)) return 0
    const delta = view.getUint16(start + doubled)
    const place = start + 2 * doubled
    const range = view.getUint16(place)
    if (range === 0) return (code + delta) & 0xffff
    const glyph = view.getUint16(place + range + (code - view.getUint16(start)) * 2)
    return glyph === 0 ? 0 : (glyph + delta) & 0xffff
  }
  return 0
}
