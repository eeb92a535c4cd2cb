/** `gradbook run`: a notebook or a file of cells, executed in Node alone, by the same kernel that JupyterLab starts. */
import { readFileSync } from 'node:fs'
import { dirname, extname, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { InputError, describe } from '../../src/errors.js'
import { startKernel, type KernelProcess } from './client/index.js'
import { executeNotebook, type Failure } from './notebook/execute.js'
import { checkWritable, readNotebook, writeAtomically } from './notebook/file.js'
import type { PageOptions } from './notebook/html.js'
import { formatIpynb } from './notebook/ipynb.js'
import type { Notebook } from './notebook/notebook.js'
import { parseAssignment, withParameters } from './notebook/parameters.js'
import { TerminalPrinter } from './notebook/terminal.js'

export interface RunOptions {
  /** .ipynb or .html; without it outputs are only printed. */
  output?: string
  /** `name=value` each. */
  parameters?: string[]
  /** Of a page: code is closed at first. */
  fold?: boolean
  /** Of a page: a file with style of the author's own. */
  css?: string
  /** Of a page: a file that goes around it. */
  template?: string
  quiet?: boolean
}

type Format = (notebook: Notebook, file: string, page: PageOptions) => string | Promise<string>

const formats: Record<string, Format> = {
  '.ipynb': (notebook) => formatIpynb(notebook),
  '.html': async (notebook, file, page) =>
    (await import('./notebook/html.js')).formatHtml(notebook, file, page),
}

/** What only a page can be told. */
const ofPages = ['fold', 'css', 'template'] as const

function readPart(option: 'css' | 'template', file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new InputError({
      where: `--${option}`,
      received: `${describe(file)}, which cannot be read (${(error as Error).message})`,
      expected: 'a file',
      fix: `Look for it from ${process.cwd()}, where paths start`,
    })
  }
}

/** What the author says of the page; read before the first cell runs. */
async function readPageOptions(file: string, { fold, css, template }: RunOptions): Promise<PageOptions> {
  const around = template === undefined ? undefined : readPart('template', template)
  if (around !== undefined) (await import('./notebook/page/template.js')).checkTemplate(around, template!)
  return {
    fold: fold === true,
    folder: dirname(resolve(file)),
    // The day where the author is.
    today: new Date().toLocaleDateString('sv'),
    ...(css !== undefined && { css: readPart('css', css) }),
    ...(around !== undefined && { template: around }),
  }
}

function findFormat(output: string): Format {
  const format = formats[extname(output).toLowerCase()]
  if (!format)
    throw new InputError({
      where: '-o',
      received: describe(output),
      expected: `a name that ends in ${Object.keys(formats).join(' or ')}`,
    })
  return format
}

/** The first Ctrl-C stops the cell, whose outputs are still written; the second ends everything. */
function onCtrlC(kernel: KernelProcess, say: (text: string) => void): () => boolean {
  let pressed = 0
  const onSignal = (): void => {
    pressed++
    if (pressed > 1) {
      kernel.kill()
      process.exit(130)
    }
    say('stopping (Ctrl-C again ends the kernel at once)')
    kernel.interrupt().catch(() => {})
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return () => {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
    return pressed > 0
  }
}

/** Answers `prompt()` where a person sits at the terminal. */
async function askPerson({ prompt, password }: { prompt: string; password: boolean }): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true })
  try {
    const answer = lines.question(prompt)
    // What is typed from here on is not echoed.
    if (password) Object.assign(lines, { _writeToOutput: () => {} })
    return await answer
  } finally {
    lines.close()
  }
}

const seconds = (milliseconds: number): string =>
  milliseconds < 59_500
    ? `${(milliseconds / 1000).toFixed(1)} s`
    : `${Math.floor(milliseconds / 60_000)} min ${Math.round((milliseconds % 60_000) / 1000)} s`

/** Runs `file`; resolves to the exit code: 0, 1 when a cell failed, 130 when it was stopped. */
export async function run(file: string, options: RunOptions = {}): Promise<number> {
  const { output } = options
  const format = output === undefined ? undefined : findFormat(output)
  const ofPage = ofPages.find((name) => options[name])
  if (ofPage && format !== formats['.html'])
    throw new InputError({
      where: `--${ofPage}`,
      received: output === undefined ? 'no -o' : `-o ${output}`,
      expected: 'a page: -o NAME.html',
    })
  const values = new Map((options.parameters ?? []).map(parseAssignment))
  const notebook = withParameters(readNotebook(file), values)
  if (output !== undefined) checkWritable(output)
  const page = await readPageOptions(file, options)

  const printer = new TerminalPrinter()
  const started = performance.now()
  const kernel = await startKernel({ folder: dirname(resolve(file)) })
  const wasStopped = onCtrlC(kernel, (text) => printer.note(text))
  describeKernel(notebook, kernel.info)

  const warn = (text: string): void => printer.note(text)
  const save = async (): Promise<void> => {
    if (output !== undefined) writeAtomically(output, await format!(notebook, file, { ...page, warn }))
  }
  let savedAt = performance.now()
  let count = 0
  let failure: Failure | undefined
  try {
    failure = await executeNotebook(kernel, notebook, {
      ...(process.stdin.isTTY ? { answer: askPerson } : {}),
      onCell: (cell, index, total) => {
        count = index
        if (!options.quiet) printer.startCell(cell.source, index, total)
      },
      onMessage: (message) => {
        if (!options.quiet || message.header.msg_type === 'error') printer.take(message)
      },
      onLate: (message) => {
        if (!options.quiet || message.header.msg_type === 'error') printer.take(message)
      },
      onCellEnd: () => {
        printer.endCell()
        // A long notebook that is killed leaves what its finished cells showed.
        if (output?.endsWith('.ipynb') && performance.now() - savedAt > 5_000) {
          savedAt = performance.now()
          writeAtomically(output, formatIpynb(notebook))
        }
      },
    })
  } finally {
    await kernel.shutdown()
    await save()
  }
  const stopped = wasStopped()
  const cells = `${count} ${count === 1 ? 'cell' : 'cells'}`
  const outcome = stopped ? `stopped in cell ${count}` : failure ? `failed in cell ${count}` : cells
  printer.note(
    `${outcome}, ${seconds(performance.now() - started)}${output === undefined ? '' : `, written to ${output}`}`,
  )
  return stopped ? 130 : failure ? 1 : 0
}

/** Says in the notebook which kernel ran it, as Jupyter does. */
function describeKernel(notebook: Notebook, info: any): void {
  notebook.metadata = {
    ...notebook.metadata,
    kernelspec: notebook.metadata.kernelspec ?? {
      name: 'gradbook',
      display_name: 'TypeScript (gradbook)',
      language: 'typescript',
    },
    language_info: info.language_info,
  }
}
