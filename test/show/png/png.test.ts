import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { long } from '../../kit/needs.js'
import { confusionView, mistakesView, runView } from '../sample-views.js'

// The drawing thread is a file of its own, so what a user runs is tested: dist/.
const built = new URL('../../../dist/src/show/index.js', import.meta.url).href
const { addPicture, toBundle, toPng } = (await import(built)) as typeof import('../../../src/show/index.js')

const size = (png: Uint8Array) => {
  const view = new DataView(png.buffer, png.byteOffset)
  return [view.getUint32(16), view.getUint32(20)]
}
const mime = 'application/vnd.vegalite.v5+json'
const bar = {
  $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
  width: 100,
  height: 50,
  padding: 0,
  data: { values: [{ a: 1 }] },
  mark: 'bar',
}

describe('the picture of a chart', () => {
  it('is a PNG of twice the pixels, beside the spec and the text', async () => {
    const bundle = await addPicture({ [mime]: bar, 'text/plain': 'a bar' })
    expect(Object.keys(bundle)).toEqual([mime, 'text/plain', 'image/png'])
    const png = bundle['image/png'] as Uint8Array
    expect([...png.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47])
    expect(size(png)).toEqual([200, 100])
  })

  it('is drawn of every chart of ours, with ink in it', async () => {
    for (const view of [runView(300), mistakesView(), confusionView]) {
      const png = (await addPicture(toBundle(view)!))['image/png'] as Uint8Array
      expect(size(png)[0]).toBeGreaterThan(300)
      expect(png.length).toBeGreaterThan(8000)
    }
  })

  it('is drawn of a Vega spec too', async () => {
    const spec = {
      $schema: 'https://vega.github.io/schema/vega/v5.json',
      width: 40,
      height: 30,
      padding: 0,
      marks: [],
    }
    const bundle = await addPicture({ 'application/vnd.vega.v5+json': spec })
    expect(size(bundle['image/png'] as Uint8Array)).toEqual([80, 60])
  })

  it('is drawn with our own font: its letters have the widths that Inter has', async () => {
    const text = (font: string) => ({
      ...bar,
      data: { values: [{}] },
      mark: { type: 'text', text: 'iiiWWW', font, fontSize: 20 },
    })
    const [inter, unknown] = await Promise.all([toPng(text('Inter')), toPng(text('No Such Font'))])
    expect(Buffer.from(inter!).equals(unknown!)).toBe(true)
  })

  it('of a spec that is wrong is the reason in the text, and no chart that a page would show blank', async () => {
    const wrong = async (spec: object) => {
      const { mark: _mark, ...rest } = bar
      const bundle = await addPicture({ [mime]: { ...rest, ...spec }, 'text/plain': 'mine' })
      expect(Object.keys(bundle)).toEqual(['text/plain'])
      return bundle['text/plain']
    }
    expect(await wrong({ mark: 'baar' })).toMatch(
      /^mine\n\(it cannot be drawn: no mark of Vega-Lite is called 'baar' \(mark\); it knows arc, area, bar, .+\)$/,
    )
    expect(await wrong({})).toMatch(/cannot be drawn: the specification is not complete\. .*"mark", "layer"/)
    expect(await wrong({ mark: 'bar', encoding: { x: { field: 'a', type: 'quantity' } } })).toContain(
      "no type of Vega-Lite is called 'quantity' (encoding.x.type)",
    )
    await expect(toPng(bar)).resolves.toBeInstanceOf(Uint8Array)
  })

  it('of data that cannot be read is left out with the reason: it would be an empty frame', async () => {
    const bundle = await addPicture({
      [mime]: { ...bar, data: { url: 'nowhere.csv' } },
      'text/plain': 'mine',
    })
    expect(Object.keys(bundle)).toEqual([mime, 'text/plain'])
    expect(bundle['text/plain']).toMatch(/no picture: data from 'nowhere\.csv' could not be read: ENOENT/)
    const thrown = { ...bar, transform: [{ calculate: 'datum.b.c.d', as: 'e' }] }
    expect((await addPicture({ [mime]: thrown }))['text/plain']).toMatch(/no picture: .*undefined/)
  })

  it('is drawn of data in a file beside the notebook', async () => {
    const spec = { ...bar, data: { url: 'test/show/fixtures/rows.csv' }, encoding: { y: { field: 'a' } } }
    const [read, given] = await Promise.all([
      toPng(spec),
      toPng({ ...spec, data: { values: [{ a: 'x' }, { a: 'y' }] } }),
    ])
    expect(Buffer.from(read).equals(given)).toBe(true)
  })

  it('has the texts of an SVG that is a picture in it', async () => {
    const figure = (inside: string) => {
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="90" height="50">${inside}</svg>`
      const url = `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`
      return {
        ...bar,
        data: { values: [{ url }] },
        mark: { type: 'image', width: 90, height: 50 },
        encoding: { url: { field: 'url' } },
      }
    }
    const text = '<text x="9" y="30" font-size="20">WWW</text>'
    expect(Buffer.from(await toPng(figure(text))).equals(await toPng(figure('')))).toBe(false)
  })

  it('of what cannot be sent to a thread is left out too', async () => {
    const bundle = await addPicture({ [mime]: { ...bar, f: () => 1 } })
    expect(bundle['text/plain']).toMatch(/no picture/)
  })

  it('is not drawn where there is one already, or no spec', async () => {
    const given = { [mime]: bar, 'image/png': Uint8Array.of(1) }
    expect(await addPicture(given)).toBe(given)
    expect(await addPicture({ 'text/plain': 'x' })).toEqual({ 'text/plain': 'x' })
  })

  it('keeps order and identity when many are asked for at once', async () => {
    const pngs = await Promise.all([100, 150, 200].map((width) => toPng({ ...bar, width })))
    expect(pngs.map((png) => size(png)[0])).toEqual([200, 300, 400])
  })

  const dots = (count: number, mark = 'point') => ({
    ...bar,
    data: { values: Array.from({ length: count }, (_, i) => ({ a: i, b: (i * 7919) % 1_009 })) },
    mark,
    encoding: { x: { field: 'a', type: 'quantitative' }, y: { field: 'b', type: 'quantitative' } },
  })
  const three = (first: object) =>
    Promise.all([first, bar, bar].map((spec) => addPicture({ [mime]: spec, 'text/plain': 'mine' })))

  it('of a million dots has those that can be told apart, and says so; the next charts have theirs', async () => {
    const [million, ...next] = await three(dots(1_000_000))
    expect(million!['image/png']).toBeInstanceOf(Uint8Array)
    expect(million!['text/plain']).toMatch(/^mine\n\(its picture has [\d,]+ of the 1,000,000 rows: /)
    for (const bundle of next) expect(bundle['image/png']).toBeInstanceOf(Uint8Array)
  })

  it.skipIf(!long)('that takes too long says so, and takes none of the time of the next charts', async () => {
    const [endless, ...next] = await three({
      ...dots(1),
      data: { sequence: { start: 0, stop: 4e7, as: 'a' } },
    })
    expect(endless!['text/plain']).toMatch(/^mine\n\(no picture: it t(?:ook|akes) /)
    for (const bundle of next) expect(bundle['image/png']).toBeInstanceOf(Uint8Array)
  })

  it('does not keep the process alive', () => {
    const script = `
      import { toPng } from './dist/src/show/index.js'
      const png = await toPng(${JSON.stringify(bar)})
      process.stdout.write(String(png.length))`
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    expect(Number(out)).toBeGreaterThan(100)
  })
})
