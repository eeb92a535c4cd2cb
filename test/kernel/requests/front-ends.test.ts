import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { writeKernelSpec } from '../../../kernel/cli/jupyter/kernelspec.js'
import { formatIpynb, parseIpynb } from '../../../kernel/cli/notebook/ipynb.js'
import type { Notebook } from '../../../kernel/cli/notebook/notebook.js'
import { parsePercent } from '../../../kernel/cli/notebook/percent.js'
import { python, runProgram, temporaryFolder, text, type Finished } from '../../kit/index.js'

const script = `// %% [markdown]
// # Title

// %% tags=["parameters"]
const rate: number = 0.5

// %%
console.log('rate', rate)
rate * 2
`

let folder: string
beforeAll(() => {
  folder = temporaryFolder()
  writeKernelSpec(folder, 'gradbook')
  const notebook = parsePercent(script, 'in.ts')
  const kernelspec = { name: 'gradbook', display_name: 'TypeScript (gradbook)', language: 'typescript' }
  writeFileSync(join(folder, 'in.ipynb'), formatIpynb({ ...notebook, metadata: { kernelspec } }))
})

const run = (program: string, ...args: string[]): Promise<Finished> =>
  runProgram(python!, ['-m', program, ...args], { folder, env: { JUPYTER_PATH: folder } })
const read = (file: string): Notebook => parseIpynb(readFileSync(join(folder, file), 'utf8'), file)
const outputs = (notebook: Notebook): string[] =>
  notebook.cells.flatMap((cell) => (cell.cell_type === 'code' ? [text(cell.outputs)] : []))

describe.skipIf(!python)('jupytext', () => {
  test('turns a notebook into the cells that `gradbook run` reads, and back into the same notebook', async () => {
    expect((await run('jupytext', '--to', 'ts:percent', '-o', 'cells.ts', 'in.ipynb')).code).toBe(0)
    const sources = ({ cells }: Notebook): unknown[] =>
      cells.map(({ cell_type, source, metadata }) => [cell_type, source, metadata])
    expect(sources(parsePercent(readFileSync(join(folder, 'cells.ts'), 'utf8'), 'cells.ts'))).toEqual(
      sources(read('in.ipynb')),
    )
    expect((await run('jupytext', '--test', '--to', 'ts:percent', 'in.ipynb')).code).toBe(0)
  })

  test('puts `%npm` into a comment, which `gradbook run` takes it out of', async () => {
    const source = '%npm install left-pad\nimport leftPad from "left-pad"'
    const cell = {
      cell_type: 'code' as const,
      id: 'a',
      metadata: {},
      source,
      execution_count: null,
      outputs: [],
    }
    writeFileSync(join(folder, 'command.ipynb'), formatIpynb({ metadata: {}, cells: [cell] }))
    expect((await run('jupytext', '--to', 'ts:percent', 'command.ipynb')).code).toBe(0)
    const written = readFileSync(join(folder, 'command.ts'), 'utf8')
    expect(written).toContain('// %npm install left-pad')
    expect(parsePercent(written, 'command.ts').cells[0]!.source).toBe(source)
  })

  test('executes cells of a file', async () => {
    writeFileSync(join(folder, 'plain.ts'), script)
    const ran = await run('jupytext', '--to', 'ipynb', '--execute', '--set-kernel', 'gradbook', 'plain.ts')
    expect(ran).toMatchObject({ code: 0 })
    expect(outputs(read('plain.ipynb'))).toEqual(['', 'rate 0.5\n1'])
  })
})

describe.skipIf(!python)('papermill', () => {
  test('runs a notebook', async () => {
    expect(await run('papermill', 'in.ipynb', 'out.ipynb')).toMatchObject({ code: 0 })
    expect(outputs(read('out.ipynb'))).toEqual(['', 'rate 0.5\n1'])
  })

  test('refuses parameters and runs nothing, as docs/front-ends.md says', async () => {
    const { code, stderr } = await run('papermill', 'in.ipynb', 'other.ipynb', '-p', 'rate', '2')
    expect(code).not.toBe(0)
    expect(stderr).toContain(
      "No parameter translator functions specified for kernel 'gradbook' or language 'typescript'",
    )
  })
})
