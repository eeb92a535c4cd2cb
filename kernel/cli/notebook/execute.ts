/** Runs the cells of a notebook, one after the other, in a kernel. */
import { KernelDied, type ExecuteOptions, type KernelProcess, type Message } from '../client/index.js'
import { tagsOf, type CodeCell, type Notebook } from './notebook.js'
import { CellOutputs, Displays } from './outputs.js'

export interface ExecuteEvents {
  /** A cell begins: the `index`-th of `count` code cells, both from 1. */
  onCell?: (cell: CodeCell, index: number, count: number) => void
  /** A message of the running cell, after it changed the cell's outputs. */
  onMessage?: (message: Message) => void
  /** A message of a cell that has ended: what its timers print, an error that nobody caught. */
  onLate?: (message: Message) => void
  /** A cell has ended, well or not. */
  onCellEnd?: (cell: CodeCell, milliseconds: number) => void
  answer?: ExecuteOptions['answer']
}

export interface Failure {
  cell: CodeCell
  ename: string
  evalue: string
}

/** The message of a cell that ended with the kernel, in the form of a cell's own errors. */
function takeDeath(outputs: CellOutputs, error: KernelDied): void {
  outputs.outputs.push({
    output_type: 'error',
    ename: 'KernelDied',
    evalue: error.message,
    traceback: [`KernelDied: ${error.message}`],
  })
}

/**
 * Runs every code cell in order and fills in outputs and execution counts, in place. Ends at the first cell that fails
 * and gives it back; a cell tagged `raises-exception` may fail, and one tagged `skip-execution` is passed over.
 */
export async function executeNotebook(
  kernel: KernelProcess,
  notebook: Notebook,
  events: ExecuteEvents = {},
): Promise<Failure | undefined> {
  const displays = new Displays()
  const cells = notebook.cells.filter((cell): cell is CodeCell => cell.cell_type === 'code')
  const running = cells.filter(
    (cell) => cell.source.trim() !== '' && !tagsOf(cell).includes('skip-execution'),
  )
  for (const cell of cells) {
    if (tagsOf(cell).includes('skip-execution')) continue
    cell.outputs = []
    cell.execution_count = null
  }
  // What a finished cell shows late (a timer, a rejection) still belongs to it.
  const earlier = new Map<string, CellOutputs>()
  let current: string | undefined
  const forget = kernel.onMessage((message) => {
    const parent = message.parent_header.msg_id
    if (message.channel !== 'iopub' || parent === undefined || parent === current) return
    const outputs = earlier.get(parent)
    if (!outputs) return
    outputs.take(message)
    events.onLate?.(message)
  })
  try {
    for (const [index, cell] of running.entries()) {
      events.onCell?.(cell, index + 1, running.length)
      const outputs = new CellOutputs(displays)
      cell.outputs = outputs.outputs
      const started = performance.now()
      try {
        const { reply } = await kernel.execute(cell.source, {
          metadata: { cellId: cell.id },
          ...(events.answer ? { answer: events.answer } : {}),
          onMessage: (message) => {
            current = message.parent_header.msg_id
            outputs.take(message)
            events.onMessage?.(message)
          },
        })
        const { status, execution_count, ename, evalue } = reply.content
        if (current !== undefined) earlier.set(current, outputs)
        current = undefined
        cell.execution_count = execution_count ?? null
        events.onCellEnd?.(cell, performance.now() - started)
        if (status !== 'ok' && !tagsOf(cell).includes('raises-exception'))
          return { cell, ename: ename ?? status, evalue: evalue ?? '' }
      } catch (error) {
        if (!(error instanceof KernelDied)) throw error
        takeDeath(outputs, error)
        events.onCellEnd?.(cell, performance.now() - started)
        return { cell, ename: error.name, evalue: error.message }
      }
    }
    return undefined
  } finally {
    forget()
  }
}
