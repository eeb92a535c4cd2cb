import { readFileSync } from 'node:fs'
import { Resvg } from '@resvg/resvg-js'
import { describe, expect, it } from 'vitest'
import { readOutlines, TextDrawer } from '../../../src/show/png/outlines.js'

const file = (name: string) => `src/show/png/assets/${name}.ttf`
const [regular, strong] = ['Inter-Regular', 'Inter-SemiBold'].map((name) =>
  readOutlines(readFileSync(file(name))),
)
const texts = new TextDrawer({ regular: regular!, strong: strong! })

const svgOf = (text: string, more = '') =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="60"><rect width="400" height="60" fill="#fff"/><text transform="translate(200,40)" font-family="Inter, sans-serif" font-size="24px" fill="#000" ${more}>${text}</text></svg>`

/** Share of ink in each of 40 columns. */
function ink(svg: string): number[] {
  const { pixels, width, height } = new Resvg(svg, {
    font: {
      loadSystemFonts: false,
      fontFiles: ['Inter-Regular', 'Inter-SemiBold'].map(file),
      defaultFontFamily: 'Inter',
    },
  }).render()
  const columns = Array.from({ length: 40 }, () => 0)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      columns[Math.floor(x / 10)]! += (255 - pixels[(y * width + x) * 4]!) / 255 / (10 * height)
  return columns
}

describe('texts as paths', () => {
  for (const more of ['text-anchor="start"', 'text-anchor="middle"', 'text-anchor="end" font-weight="600"'])
    it(`have the ink of the font where the text has it (${more})`, () => {
      // No pairs that the font sets closer (resvg kerns, vega's layout does not), and accents that are put together.
      const svg = svgOf('Ünhidé 0.05 &lt;mn&gt; ×', more)
      const drawn = texts.draw(svg)
      expect(drawn).not.toContain('<text')
      const [as, is] = [ink(svg), ink(drawn)]
      expect(Math.max(...as)).toBeGreaterThan(0.1)
      for (const [i, share] of is.entries()) expect(Math.abs(share - as[i]!)).toBeLessThan(0.04)
    })

  it('stay texts where it takes more than one glyph after another, or another font', () => {
    for (const text of ['שלום', `e${String.fromCodePoint(0x301)}`, '中文', 'a\u{202e}b'])
      expect(texts.draw(svgOf(text))).toContain('<text')
    expect(texts.draw(svgOf('a', 'font-style="italic"'))).toContain('<text')
    expect(texts.draw(svgOf('a').replace('Inter, sans-serif', 'monospace'))).toContain('<text')
    expect(texts.draw(svgOf('a').replace('>a<', '><tspan>a</tspan><'))).toContain('<text')
  })

  it('carry no text of the data into the path', () => {
    const drawn = texts.draw(svgOf('a&quot; onload=&quot;x', 'aria-label="&lt;script&gt; x=&quot;1"'))
    expect(drawn).not.toContain('script')
    expect(drawn).not.toContain('onload')
  })
})
