import { copyFileSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gradbook, temporaryFolder } from '../kit/index.js'

export interface Cell {
  cell_type: string
  source: string | string[]
  outputs?: { output_type: string; data?: Record<string, unknown>; text?: string | string[] }[]
}

export const minutes = 60_000

export const joined = (text: unknown): string => (Array.isArray(text) ? text.join('') : String(text ?? ''))
export const cellsOf = (file: string): Cell[] => JSON.parse(readFileSync(file, 'utf8')).cells
export const sourcesOf = (cells: readonly Cell[]): string[] => cells.map((cell) => joined(cell.source))

/** All that the cells of a notebook print or show as text. */
export function said(cells: readonly Cell[]): string {
  const outputs = cells.flatMap((cell) => cell.outputs ?? [])
  return outputs.map((output) => joined(output.text) + joined(output.data?.['text/plain'])).join('\n')
}

/** A notebook of `notebooks/` as it is committed. */
export const committed = (name: string): Cell[] => cellsOf(resolve('notebooks', `${name}.ipynb`))

/** Executes a notebook of `notebooks/` by `gradbook run` (`parameters`: `name=value` in the cell tagged so), in a folder of its own; throws what the cells said if one fails. */
export async function execute(
  name: string,
  { parameters = [], timeout = 4 * minutes }: { parameters?: string[]; timeout?: number } = {},
): Promise<Cell[]> {
  const folder = temporaryFolder()
  copyFileSync(resolve('notebooks', `${name}.ipynb`), join(folder, 'in.ipynb'))
  const { code, stdout, stderr } = await gradbook(
    ['run', 'in.ipynb', '-o', 'out.ipynb', ...parameters.flatMap((one) => ['-p', one])],
    {
      folder,
      timeout,
    },
  )
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${stdout}${stderr}`)
  return cellsOf(join(folder, 'out.ipynb'))
}
