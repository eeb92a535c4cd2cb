import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { gradbook } from '../kit/command.js'
import { dataOf, rowsOfMark } from './inside-spec.js'
import { temporaryFolder } from '../kit/files.js'

interface Output {
  output_type: string
  data?: { [mime: string]: unknown }
}
interface Cell {
  cell_type: string
  source: string | string[]
  outputs?: Output[]
}

const mime = 'application/vnd.vegalite.v5+json'
let folder = ''
let cells: Cell[] = []

beforeAll(async () => {
  // In an empty folder: a run's name is free there, and everything the notebook imports comes with gradbook.
  folder = temporaryFolder()
  copyFileSync('notebooks/gallery.ipynb', join(folder, 'gallery.ipynb'))
  const { code, stdout, stderr } = await gradbook(['run', 'gallery.ipynb', '-o', 'out.ipynb'], {
    folder,
    timeout: 400_000,
  })
  if (code !== 0) throw new Error(`${stdout.slice(-2000)}${stderr.slice(-2000)}`)
  cells = (JSON.parse(readFileSync(join(folder, 'out.ipynb'), 'utf8')) as { cells: Cell[] }).cells
}, 420_000)

const bundles = () =>
  cells.flatMap((cell) => cell.outputs ?? []).flatMap((output) => (output.data ? [output.data] : []))
const specs = () => bundles().flatMap((bundle) => (bundle[mime] ? [bundle[mime] as never] : []))
const titles = () => specs().map((spec) => JSON.stringify((spec as { title?: unknown }).title ?? ''))

describe('the gallery', () => {
  it('shows every picture: each code cell has something to see', () => {
    const silent = cells.filter(
      (cell) => cell.cell_type === 'code' && !cell.outputs?.some((output) => output.data),
    )
    expect(silent.map((cell) => [cell.source].flat().join('').slice(0, 60))).toEqual([])
    for (const title of [
      'digits',
      'Iteration 1',
      'gallery',
      'Training examples by highest loss',
      'Validation set',
      'gallery and bold',
      'Calibration',
      'Gradients',
      'Irises',
      'Decision boundary',
      'Names, letter by letter',
      'Near and far',
      'Loss by kind of token',
      'Attention of layer 1',
      'The lens',
      'Loss by size',
      'Cosine',
    ])
      expect(
        titles().some((found) => found.includes(title)),
        title,
      ).toBe(true)
  })

  it('has a picture and a text for every chart, and no HTML beside it', () => {
    for (const bundle of bundles()) {
      expect(typeof bundle['text/plain'] === 'string' || Array.isArray(bundle['text/plain'])).toBe(true)
      if (!bundle[mime]) continue
      expect(bundle['text/html']).toBeUndefined()
      expect(Buffer.from([bundle['image/png']].flat().join(''), 'base64').subarray(1, 4).toString()).toBe(
        'PNG',
      )
    }
    expect(specs().length).toBeGreaterThanOrEqual(18)
  })

  it('has at most 5,000 points in a chart', () => {
    for (const spec of specs())
      expect(dataOf(spec).reduce((sum, rows) => sum + rows.length, 0)).toBeLessThanOrEqual(5000)
  })

  it('marks the adjustments at the iteration at which they were made', () => {
    const adjusted = specs().filter((spec) => JSON.stringify(spec).includes('exclude 4 examples'))
    expect(adjusted.length).toBeGreaterThan(0)
    expect(
      new Set(rowsOfMark(adjusted[0]!, 'rule').flatMap((row) => (row.adjustment ? [row.x] : []))),
    ).toEqual(new Set([300]))
  })
})
