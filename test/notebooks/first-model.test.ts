import { copyFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { gradbook, python, runProgram, temporaryFolder } from '../kit/index.js'
import { cellsOf, committed, execute, joined, minutes, said, sourcesOf, type Cell } from './notebook.js'

const name = '01-first-model'

function testAccuracy(cells: readonly Cell[]): number {
  return Number(/test accuracy ([\d.]+) %/.exec(said(cells))?.[1])
}

/** Numbers in the sentences of a notebook, without those of its code. */
function numbersInText(cells: readonly Cell[]): string[] {
  const sentences = cells
    .filter((cell) => cell.cell_type === 'markdown')
    .map((cell) => joined(cell.source).replace(/`[^`]*`/g, ''))
  return sentences.flatMap((text) => text.match(/\d[\d,]*(?:\.\d+)?(?= |[.,;:)%\n]|$)/g) ?? [])
}

describe('the first notebook, run in Node alone', () => {
  let cells: Cell[]
  beforeAll(async () => {
    cells = await execute(name)
  }, 4 * minutes)

  it('passes 94 % on the test digits', () => {
    expect(testAccuracy(cells)).toBeGreaterThan(94)
  })

  it('prints each number that its text mentions', () => {
    const numbers = numbersInText(cells)
    expect(numbers).toContain('2.303')
    const shown = said(cells) + cells.filter((c) => c.cell_type === 'code').map((c) => joined(c.source))
    expect(numbers.filter((number) => !shown.includes(number.replace(/[.,]$/, '')))).toEqual([])
  })

  it('shows the training cells as charts with a picture, the adjustments marked', () => {
    const charts = cells
      .flatMap((cell) => cell.outputs ?? [])
      .filter((output) => output.data?.['application/vnd.vegalite.v5+json'])
    expect(charts.length).toBeGreaterThanOrEqual(8)
    for (const chart of charts) expect(joined(chart.data!['image/png']).length).toBeGreaterThan(1000)
    expect(JSON.stringify(charts)).toContain('the loss falls steadily')
  })

  it('says the same in its committed outputs', () => {
    expect(testAccuracy(committed(name))).toBeGreaterThan(94)
    expect(sourcesOf(committed(name))).toEqual(sourcesOf(cells))
  })
})

describe.skipIf(!python)('the first notebook, run by nbclient', () => {
  it(
    'runs top to bottom with stdin off',
    async () => {
      const folder = temporaryFolder()
      copyFileSync(resolve('notebooks', `${name}.ipynb`), join(folder, 'first.ipynb'))
      await gradbook(['install', '--prefix', folder])
      const { code, stderr } = await runProgram(
        python!,
        ['-m', 'jupyter', 'execute', '--output', 'out.ipynb', '--timeout', '240', 'first.ipynb'],
        { folder, env: { JUPYTER_PATH: join(folder, 'share', 'jupyter') }, timeout: 4 * minutes },
      )
      expect(code, stderr).toBe(0)
      expect(testAccuracy(cellsOf(join(folder, 'out.ipynb')))).toBeGreaterThan(94)
    },
    4 * minutes,
  )
})
