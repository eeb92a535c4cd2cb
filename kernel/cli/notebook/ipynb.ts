/** The .ipynb format: any nbformat 4 is read, 4.5 is written. */
import { randomUUID } from 'node:crypto'
import { InputError, describe } from '../../../src/errors.js'
import type { Cell, Notebook } from './notebook.js'
import type { MimeData, Output } from './outputs.js'

type Json = Record<string, any>

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** nbformat allows a text to be a list of its lines. */
function joinLines(value: unknown): string {
  return Array.isArray(value) ? value.join('') : String(value ?? '')
}

/** As Jupyter writes text to disk: a list of lines that keep their ends, so that diffs stay small. */
function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+/g) ?? []
}

const isJsonMime = (mime: string): boolean => mime === 'application/json' || mime.endsWith('+json')
const isTextMime = (mime: string): boolean =>
  mime.startsWith('text/') || mime === 'image/svg+xml' || mime === 'application/javascript'

function readData(data: unknown): MimeData {
  if (!isObject(data)) return {}
  return Object.fromEntries(
    Object.entries(data).map(([mime, value]) => [
      mime,
      isJsonMime(mime) || !Array.isArray(value) ? value : joinLines(value),
    ]),
  )
}

function writeData(data: MimeData): MimeData {
  return Object.fromEntries(
    Object.entries(data).map(([mime, value]) => [
      mime,
      isTextMime(mime) && typeof value === 'string' ? splitLines(value) : value,
    ]),
  )
}

function readOutput(output: Json): Output {
  const { output_type } = output
  if (output_type === 'stream')
    return { output_type, name: output.name === 'stderr' ? 'stderr' : 'stdout', text: joinLines(output.text) }
  if (output_type === 'error')
    return {
      output_type,
      ename: String(output.ename),
      evalue: String(output.evalue),
      traceback: Array.isArray(output.traceback) ? output.traceback.map(String) : [],
    }
  const shown = { data: readData(output.data), metadata: isObject(output.metadata) ? output.metadata : {} }
  return output_type === 'execute_result'
    ? { output_type, execution_count: output.execution_count ?? null, ...shown }
    : { output_type: 'display_data', ...shown }
}

function writeOutput(output: Output): Json {
  if (output.output_type === 'stream') return { ...output, text: splitLines(output.text) }
  if (output.output_type === 'error') return output
  return { ...output, data: writeData(output.data) }
}

/** Reads the text of a notebook file; `file` names it in errors. */
export function parseIpynb(text: string, file: string): Notebook {
  const wrong = (received: string, expected: string, fix?: string): InputError =>
    new InputError({ where: file, received, expected, ...(fix ? { fix } : {}) })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw wrong(
      text.trim() === '' ? 'an empty file' : `text that is not JSON (${(error as Error).message})`,
      'a Jupyter notebook, which is a JSON document',
      'Restore the file, or open and save it in JupyterLab',
    )
  }
  if (!isObject(json)) throw wrong(`JSON of ${describe(json)}`, 'an object with `cells` and `nbformat`')
  if (json.nbformat !== 4)
    throw wrong(
      `nbformat ${describe(json.nbformat)}`,
      'a notebook of format 4',
      'Convert it with `jupyter nbconvert --to notebook --nbformat 4 FILE`',
    )
  if (!Array.isArray(json.cells)) throw wrong(`cells: ${describe(json.cells)}`, 'a list of cells')
  const taken = new Set<string>()
  const cells = json.cells.map((cell: unknown, index): Cell => {
    if (!isObject(cell) || !['code', 'markdown', 'raw'].includes(cell.cell_type))
      throw wrong(
        `cell ${index + 1}: ${isObject(cell) ? `cell_type ${describe(cell.cell_type)}` : describe(cell)}`,
        'a code, markdown or raw cell',
      )
    const given = typeof cell.id === 'string' && /^[a-zA-Z0-9-_]{1,64}$/.test(cell.id) ? cell.id : ''
    const id = given && !taken.has(given) ? given : randomUUID().slice(0, 8)
    taken.add(id)
    const common = {
      id,
      metadata: isObject(cell.metadata) ? cell.metadata : {},
      source: joinLines(cell.source),
    }
    if (cell.cell_type === 'code')
      return {
        cell_type: 'code',
        ...common,
        execution_count: typeof cell.execution_count === 'number' ? cell.execution_count : null,
        outputs: Array.isArray(cell.outputs) ? cell.outputs.filter(isObject).map(readOutput) : [],
      }
    return {
      cell_type: cell.cell_type,
      ...common,
      ...(isObject(cell.attachments) ? { attachments: cell.attachments } : {}),
    }
  })
  return { metadata: isObject(json.metadata) ? json.metadata : {}, cells }
}

/** Jupyter sorts the keys of what it writes; so do we, so that saving there changes nothing. */
function sorted(value: any): any {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  )
}

/** The text of a notebook file, as Jupyter would write it. */
export function formatIpynb(notebook: Notebook): string {
  const cells = notebook.cells.map((cell) =>
    cell.cell_type === 'code'
      ? { ...cell, source: splitLines(cell.source), outputs: cell.outputs.map(writeOutput) }
      : { ...cell, source: splitLines(cell.source) },
  )
  return `${JSON.stringify(
    sorted({ cells, metadata: notebook.metadata, nbformat: 4, nbformat_minor: 5 }),
    null,
    1,
  )}\n`
}
