import { readCharacterMap, tablesOf } from '../text-width.js'

/**
 * Texts of an SVG as paths. To have resvg read fonts and shape some hundred short labels takes it 13 of 30 ms; the
 * outlines of our own font, read once, take 3. What needs more than one glyph after another (other scripts, combining
 * marks) stays a text.
 */
export interface Font {
  unitsPerEm: number
  /** Outline and advance of a character, in units of the font with y upwards; `undefined` where the font has none. */
  glyph(code: number): Glyph | undefined
}

interface Glyph {
  advance: number
  /** Commands of a path: a letter and its numbers, one after the other. */
  outline: readonly (string | number)[]
}

/** Reads the tables `cmap`, `hmtx`, `loca` and `glyf` of the OpenType specification. */
export function readOutlines(file: Uint8Array): Font {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const at = tablesOf(file)
  const [head, hmtx, loca, glyf] = ['head', 'hmtx', 'loca', 'glyf'].map(at) as [
    number,
    number,
    number,
    number,
  ]
  const metrics = view.getUint16(at('hhea') + 34)
  const isLong = view.getUint16(head + 50) === 1
  const placeOf = (glyph: number) =>
    isLong ? view.getUint32(loca + glyph * 4) : view.getUint16(loca + glyph * 2) * 2
  const glyphOf = readCharacterMap(view, at('cmap'))
  const known = new Map<number, Glyph | undefined>()

  function contours(glyph: number, depth = 0): Point[][] {
    const [from, to] = [placeOf(glyph), placeOf(glyph + 1)]
    if (from === to || depth > 4) return []
    const start = glyf + from
    const count = view.getInt16(start)
    return count >= 0
      ? simple(view, start, count)
      : composite(view, start).flatMap(({ glyph: part, place }) =>
          contours(part, depth + 1).map((contour) => contour.map(place)),
        )
  }

  return {
    unitsPerEm: view.getUint16(head + 18),
    glyph(code) {
      if (known.has(code)) return known.get(code)
      const glyph = glyphOf(code)
      const found = glyph
        ? {
            advance: view.getUint16(hmtx + Math.min(glyph, metrics - 1) * 4),
            outline: contours(glyph).flatMap(pathOf),
          }
        : undefined
      known.set(code, found)
      return found
    },
  }
}

interface Point {
  x: number
  y: number
  on: boolean
}

function simple(view: DataView, start: number, count: number): Point[][] {
  const ends = Array.from({ length: count }, (_, i) => view.getUint16(start + 10 + i * 2))
  const length = count ? ends.at(-1)! + 1 : 0
  let at = start + 10 + count * 2
  at += 2 + view.getUint16(at) // instructions
  const flags: number[] = []
  while (flags.length < length) {
    const flag = view.getUint8(at++)
    flags.push(flag)
    if (flag & 8) for (let times = view.getUint8(at++); times > 0; times--) flags.push(flag)
  }
  const read = (short: number, same: number) => {
    let value = 0
    return flags.map((flag) => {
      if (flag & short) value += flag & same ? view.getUint8(at++) : -view.getUint8(at++)
      else if (!(flag & same)) {
        value += view.getInt16(at)
        at += 2
      }
      return value
    })
  }
  const xs = read(2, 16)
  const ys = read(4, 32)
  let from = 0
  return ends.map((end) => {
    const points = []
    for (let i = from; i <= end; i++) points.push({ x: xs[i]!, y: ys[i]!, on: (flags[i]! & 1) === 1 })
    from = end + 1
    return points
  })
}

/** Parts of a glyph that is put together of others: a letter and its accent. */
function composite(view: DataView, start: number): { glyph: number; place: (point: Point) => Point }[] {
  const parts: { glyph: number; place: (point: Point) => Point }[] = []
  let at = start + 10
  for (let more = true; more;) {
    const flags = view.getUint16(at)
    const glyph = view.getUint16(at + 2)
    at += 4
    const wide = (flags & 1) !== 0
    // Offsets; where they name points to be joined instead, the part stays where it is.
    const isOffset = (flags & 2) !== 0
    const dx = isOffset ? (wide ? view.getInt16(at) : view.getInt8(at)) : 0
    const dy = isOffset ? (wide ? view.getInt16(at + 2) : view.getInt8(at + 1)) : 0
    at += wide ? 4 : 2
    const fraction = () => {
      at += 2
      return view.getInt16(at - 2) / 16384
    }
    let [a, b, c, d] = [1, 0, 0, 1]
    if (flags & 8) a = d = fraction()
    else if (flags & 0x40) [a, d] = [fraction(), fraction()]
    else if (flags & 0x80) [a, b, c, d] = [fraction(), fraction(), fraction(), fraction()]
    parts.push({
      glyph,
      place: ({ x, y, on }) => ({
        x: Math.round(a * x + c * y + dx),
        y: Math.round(b * x + d * y + dy),
        on,
      }),
    })
    more = (flags & 0x20) !== 0
  }
  return parts
}

/** A contour as quadratic curves. Between two control points lies a point of the curve that is not written down. */
function pathOf(points: readonly Point[]): (string | number)[] {
  if (points.length < 2) return []
  const between = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, on: true })
  const first = points.findIndex(({ on }) => on)
  const ordered =
    first >= 0
      ? [...points.slice(first), ...points.slice(0, first)]
      : [between(points[0]!, points.at(-1)!), ...points]
  const start = ordered[0]!
  const path: (string | number)[] = ['M', start.x, start.y]
  let control: Point | undefined
  for (const point of [...ordered.slice(1), start]) {
    if (point.on) {
      if (control) path.push('Q', control.x, control.y, point.x, point.y)
      else path.push('L', point.x, point.y)
      control = undefined
    } else {
      if (control) {
        const middle = between(control, point)
        path.push('Q', control.x, control.y, middle.x, middle.y)
      }
      control = point
    }
  }
  path.push('Z')
  return path
}

/** Texts that were drawn before, as paths from their left end: labels of axes come again in every chart. */
const mostTexts = 2000

export class TextDrawer {
  readonly #fonts: { readonly regular: Font; readonly strong: Font }
  readonly #texts = new Map<string, { d: string; width: number } | undefined>()

  constructor(fonts: { regular: Font; strong: Font }) {
    this.#fonts = fonts
  }

  /** An SVG as vega writes it, its texts as paths wherever that is the same. */
  draw(svg: string): string {
    return svg.replaceAll(/<text ([^>]*)>([^<]*)<\/text>/g, (whole, attributes: string, text: string) => {
      const family = /font-family="([^"]*)"/.exec(attributes)?.[1]
      const size = Number(/font-size="([\d.]+)px"/.exec(attributes)?.[1])
      // Every family that we do not ship is drawn in ours; resvg does the same.
      const isOther = !family || /^[^,]*(?:mono|dejavu|courier)/i.test(family) || !(size > 0)
      if (isOther || /(?<![\w-])(?:x|y|dx|dy|font-style|font-variant|style|textLength)="/.test(attributes))
        return whole
      const weight = /font-weight="([^"]*)"/.exec(attributes)?.[1] ?? ''
      const font = weight === 'bold' || Number(weight) >= 600 ? this.#fonts.strong : this.#fonts.regular
      const path = this.#path(unescape(text), font)
      if (!path) return whole
      const scale = size / font.unitsPerEm
      const anchor = /text-anchor="([^"]*)"/.exec(attributes)?.[1]
      const before = anchor === 'middle' ? path.width / 2 : anchor === 'end' ? path.width : 0
      const place = /transform="([^"]*)"/.exec(attributes)?.[1] ?? ''
      const ink = attributes.match(/(?<![\w-])(?:fill|stroke|opacity|(?:fill|stroke)-\w+)="[^"]*"/g) ?? []
      return `<path ${ink.join(' ')} transform="${place} translate(${-before * scale},0) scale(${scale},${-scale})" d="${path.d}"/>`
    })
  }

  #path(text: string, font: Font): { d: string; width: number } | undefined {
    const key = `${font === this.#fonts.strong ? 'b' : 'r'}${text}`
    if (this.#texts.has(key)) return this.#texts.get(key)
    if (this.#texts.size >= mostTexts) this.#texts.clear()
    const path = needsShaping.test(text) ? undefined : textPath(text, font)
    this.#texts.set(key, path)
    return path
  }
}

/** Marks that combine, joiners, and what is written from right to left or in syllables. */
const needsShaping = /[\p{M}\u200b-\u200f\u202a-\u202e\u2066-\u2069\u0590-\u109f\u1100-\u11ff]/u

function textPath(text: string, font: Font): { d: string; width: number } | undefined {
  let d = ''
  let x = 0
  for (const character of text) {
    const glyph = font.glyph(character.codePointAt(0)!)
    if (!glyph) return undefined
    let isX = true
    for (const part of glyph.outline) {
      if (typeof part === 'string') {
        d += part
        isX = true
      } else {
        d += `${isX ? part + x : part} `
        isX = !isX
      }
    }
    x += glyph.advance
  }
  return { d, width: x }
}

const unescape = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
