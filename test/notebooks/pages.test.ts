import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { gradbook, temporaryFolder } from '../kit/index.js'

/** The code of a page, block after block, as the cells of a notebook. */
function cellsOf(page: string): string {
  const blocks = [...readFileSync(page, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```/gm)]
  return blocks.map(([, code]) => `// %%\n${code}`).join('\n')
}

it.each([
  'README.md',
  'docs/training.md',
  'docs/panel.md',
  'docs/widgets.md',
  'docs/text.md',
  'docs/data.md',
  'docs/assistant.md',
  'docs/sweep.md',
  'docs/from-keras.md',
  'docs/from-pytorch.md',
])(
  'the code of %s runs from top to bottom, types checked, in an empty folder',
  async (page) => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'page.ts'), cellsOf(page))
    const { code, stdout, stderr } = await gradbook(['run', 'page.ts'], { folder, timeout: 600_000 })
    // The name of a loss is none.
    expect((stderr + stdout).replaceAll('meanSquaredError', '')).not.toMatch(/Error/)
    expect(code).toBe(0)
    if (page === 'docs/training.md') expect(stdout).toContain('3.00 1.00')
    if (page === 'docs/from-keras.md') expect(stdout).toContain('w, b: 3.00 1.00')
    if (page === 'docs/from-pytorch.md') expect(stdout).toMatch(/w, b: 3\.0\d 1\.0\d/)
    if (page === 'docs/data.md') expect(stdout).toContain('3 examples, x float32 [2]')
  },
  600_000,
)
