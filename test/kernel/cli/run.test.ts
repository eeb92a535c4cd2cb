import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gradbook, python, runProgram, temporaryFolder, text } from '../../kit/index.js'

const program = `// %% [markdown]
// # A short story
// %% tags=["parameters"]
const learningRate = 0.1
// %%
console.log('rate', learningRate)
const steps = [1, 2].map((step) => step * learningRate)
steps
`

function write(name: string, content: string): { folder: string; file: string } {
  const folder = temporaryFolder()
  const file = join(folder, name)
  writeFileSync(file, content)
  return { folder, file }
}

const readCells = (file: string): any[] => JSON.parse(readFileSync(file, 'utf8')).cells

describe('gradbook run', () => {
  it('prints outputs to stdout and nothing else, and exits with 0', async () => {
    const { file } = write('story.ts', program)
    const { code, stdout, stderr } = await gradbook(['run', file])
    expect(stdout).toBe('rate 0.1\n[ 0.1, 0.2 ]\n')
    expect(stderr).toContain('[1/2] const learningRate = 0.1\n')
    expect(code).toBe(0)
  })

  it('prints what a cell says after its end, and keeps it in that cell', async () => {
    const { folder, file } = write(
      'late.ts',
      `void setTimeout(() => { console.log('late line'); throw new Error('late error') }, 50)
// %%
await new Promise((resolve) => setTimeout(resolve, 300))
`,
    )
    const { code, stdout } = await gradbook(['run', file, '-o', 'out.ipynb'], { folder })
    expect(stdout).toContain('late line\n')
    expect(stdout).toContain('Error: late error')
    expect(code).toBe(0)
    const [first] = readCells(join(folder, 'out.ipynb'))
    expect(first.outputs.map((output: any) => output.output_type)).toEqual(['stream', 'error'])
  })

  it('writes a notebook that nbformat holds valid, with -p in the source and nothing else beside it', async () => {
    const { folder, file } = write('story.ts', program)
    const { code } = await gradbook(['run', 'story.ts', '-o', 'out.ipynb', '-p', 'learningRate=0.5'], {
      folder,
    })
    expect(code).toBe(0)
    expect(readdirSync(folder).sort()).toEqual(['out.ipynb', 'story.ts'])
    const cells = readCells(join(folder, 'out.ipynb'))
    expect(cells.map(({ cell_type }) => cell_type)).toEqual(['markdown', 'code', 'code'])
    expect(cells[1].source).toEqual(['const learningRate = 0.5'])
    expect(cells[2].execution_count).toBe(2)
    expect(cells[2].outputs[0]).toEqual({ output_type: 'stream', name: 'stdout', text: ['rate 0.5\n'] })
    expect(readFileSync(file, 'utf8')).toBe(program)
    if (!python) return
    const check = `import nbformat; nbformat.validate(nbformat.read('out.ipynb', 4))`
    expect(await runProgram(python, ['-W', 'error', '-c', check], { folder })).toMatchObject({ code: 0 })
  })

  it('leaves a notebook as it is without -o, and takes it up where it lies', async () => {
    const { folder, file } = write('story.ts', program)
    await gradbook(['run', file, '-o', join(folder, 'story.ipynb')])
    writeFileSync(join(folder, 'near.ts'), 'export const near = 41\n')
    const notebook = JSON.parse(readFileSync(join(folder, 'story.ipynb'), 'utf8'))
    notebook.cells[2].source = "import { near } from './near'\nnear + 1"
    const before = JSON.stringify(notebook)
    writeFileSync(join(folder, 'story.ipynb'), before)
    const { stdout } = await gradbook(['run', join(folder, 'story.ipynb')])
    expect(stdout).toBe('42\n')
    expect(readFileSync(join(folder, 'story.ipynb'), 'utf8')).toBe(before)
  })

  it('ends at the first failing cell with its code frame and exit code 1; what came before is written', async () => {
    const { folder } = write(
      'story.ts',
      "'fine'\n// %%\nconst a: number = 'x'\n// %%\nconsole.log('never')\n",
    )
    const { code, stdout, stderr } = await gradbook(['run', 'story.ts', '-o', 'out.ipynb'], { folder })
    expect(code).toBe(1)
    expect(stdout).toContain("> 1 | const a: number = 'x'")
    expect(stdout).not.toContain('never')
    expect(stderr).toContain('failed in cell 2')
    const cells = readCells(join(folder, 'out.ipynb'))
    expect(cells[0].outputs[0].data['text/plain']).toEqual(["'fine'"])
    expect(cells[1].outputs[0].output_type).toBe('error')
    expect(cells[2].outputs).toEqual([])
  })

  it('goes on after a cell that is tagged `raises-exception`, and passes over `skip-execution`', async () => {
    const { file } = write(
      'story.ts',
      `// %% tags=["raises-exception"]\nthrow new Error('meant')\n// %% tags=["skip-execution"]\nconsole.log('never')\n// %%\nconsole.log('after')\n`,
    )
    const { code, stdout } = await gradbook(['run', file])
    expect(stdout).toMatch(/meant[\s\S]*after/)
    expect(stdout).not.toContain('never\n')
    expect(code).toBe(0)
  })

  it('writes a page with the outputs and their picture, whose code is escaped', async () => {
    const { folder } = write(
      'story.ts',
      `// %%\nconst x = '</script>'\ndisplay({ 'image/png': 'iVBORw0KGgo=', 'text/plain': 'a <chart>' }, { raw: true })\nx`,
    )
    const { code } = await gradbook(['run', 'story.ts', '-o', 'out.html'], { folder })
    expect(code).toBe(0)
    const html = readFileSync(join(folder, 'out.html'), 'utf8')
    expect(html).toContain('<img src="data:image/png;base64,iVBORw0KGgo=" alt="a &lt;chart&gt;">')
    expect(html).not.toContain("'</script>'")
  })

  it('reports a cell that ends the process, keeps earlier outputs and exits with 1', async () => {
    const { folder } = write('story.ts', "'fine'\n// %%\nprocess.exit(3)\n")
    const { code } = await gradbook(['run', 'story.ts', '-o', 'out.ipynb'], { folder })
    expect(code).toBe(1)
    const cells = readCells(join(folder, 'out.ipynb'))
    expect(cells[0].outputs).toHaveLength(1)
    expect(text(cells[1].outputs.map((one: any) => one))).toMatch(/ended|exit/)
  })

  it('is stopped by Ctrl-C at once, writes what there is and exits with 130', async () => {
    const { folder } = write('story.ts', "console.log('begun')\nwhile (true) {}\n")
    const child = spawn(
      process.execPath,
      [resolve('bin/gradbook.mjs'), 'run', 'story.ts', '-o', 'out.ipynb'],
      { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] },
    )
    child.stdout.once('data', () => child.kill('SIGINT'))
    const code = await new Promise((done) => child.once('exit', done))
    expect(code).toBe(130)
    expect(text(readCells(join(folder, 'out.ipynb'))[0].outputs)).toContain('begun')
  })

  it.each([
    [['run', 'no.ts'], "'no.ts', which is not there"],
    [['run', 'notes.txt'], "received 'notes.txt'. Expected a notebook (.ipynb) or a TypeScript file"],
    [['run', 'corrupt.ipynb'], 'text that is not JSON'],
    [['run', 'story.ts', '-o', 'out.pdf'], 'Expected a name that ends in .ipynb or .html'],
    [['run', 'story.ts', '-o', 'story.ts/out.html'], 'which cannot be written'],
    [['run', 'story.ts', '-p', 'rate=1'], "received the name 'rate'. Expected one of learningRate."],
    [['lab', 'nowhere'], "'nowhere', which is not there"],
  ])('says what is wrong with %j, runs nothing and exits with 1', async (args, message) => {
    const { folder } = write('story.ts', program)
    writeFileSync(join(folder, 'corrupt.ipynb'), '{"cells": [')
    const { code, stdout, stderr } = await gradbook(args, { folder })
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('    at ')
    expect(stdout).toBe('')
    expect(code).toBe(1)
  })
})

describe.skipIf(!python)('nbclient', () => {
  it('executes a notebook with this kernel as a front end without stdin', async () => {
    const { folder, file } = write('story.ts', program)
    await gradbook(['run', file, '-o', join(folder, 'story.ipynb')])
    await gradbook(['install', '--prefix', folder])
    const executed = await runProgram(
      python!,
      [
        '-m',
        'jupyter',
        'nbconvert',
        '--to',
        'notebook',
        '--execute',
        'story.ipynb',
        '--output',
        'done.ipynb',
      ],
      { folder, env: { JUPYTER_PATH: join(folder, 'share', 'jupyter'), HOME: folder } },
    )
    expect(executed).toMatchObject({ code: 0 })
    const cells = readCells(join(folder, 'done.ipynb'))
    expect(cells[2].outputs[0].text).toEqual(['rate 0.1\n'])
  })
})
