/**
 * Outputs of cells in a terminal: results and streams to stdout as they come, progress to stderr.
 *
 * A display that is updated (a run that trains) keeps one line at the bottom of a terminal, redrawn in place; where
 * stderr is no terminal a line of it is printed now and then, and its last state at the end of the cell.
 */
import { fitLine } from '../../../src/show/values/progress.js'
import type { Message } from '../client/index.js'

export interface Sink {
  write(text: string): unknown
  isTTY?: boolean
  columns?: number
}

interface Live {
  text: string
  /** What of it the reader has seen, and when. */
  printed: string
  printedAt: number
  updated: boolean
}

const dim = (text: string): string => `\x1b[2m${text}\x1b[22m`
/** https://no-color.org */
const isColoured = (sink: Sink): boolean => sink.isTTY === true && !process.env.NO_COLOR
const clearDown = '\r\x1b[J'
// oxlint-disable-next-line no-control-regex
const escapes = /\x1b\[[0-9;?]*[A-Za-z]/g

/** Lines of no terminal are not told more often than this. */
const quietMilliseconds = 10_000

export class TerminalPrinter {
  readonly #out: Sink
  readonly #progress: Sink
  readonly #now: () => number
  readonly #live = new Map<string, Live>()
  #drawnLines = 0
  #lineOpen = false

  constructor(out: Sink = process.stdout, progress: Sink = process.stderr, now = () => performance.now()) {
    this.#out = out
    this.#progress = progress
    this.#now = now
  }

  /** The line above a cell's outputs. */
  startCell(source: string, index: number, count: number): void {
    const first = source.split('\n').find((line) => line.trim() !== '' && !line.trim().startsWith('//'))
    const label = `[${index}/${count}] ${(first ?? source.split('\n')[0] ?? '').trim()}`
    this.note(this.#fit(label))
  }

  /** A remark of the program's own. */
  note(text: string): void {
    this.#erase()
    this.#endLine()
    this.#progress.write(`${isColoured(this.#progress) ? dim(text) : text}\n`)
    this.#draw()
  }

  take({ header: { msg_type }, content }: Pick<Message, 'header' | 'content'>): void {
    switch (msg_type) {
      case 'stream':
        return this.#print(content.text, { raw: true })
      case 'execute_result':
        return this.#print(textOf(content.data))
      case 'display_data':
        return this.#display(content)
      case 'update_display_data':
        return this.#update(content)
      case 'error':
        return this.#print(
          isColoured(this.#out)
            ? content.traceback.join('\n')
            : content.traceback.join('\n').replace(escapes, ''),
        )
      default:
    }
  }

  /** Leaves the last state of what was live on the screen. */
  endCell(): void {
    this.#erase()
    for (const live of this.#live.values()) if (live.text !== live.printed) this.#write(ended(live.text))
    this.#live.clear()
    this.#endLine()
  }

  #display(content: any): void {
    const text = textOf(content.data)
    const id: string | undefined = content.transient?.display_id
    if (!id) return this.#print(text)
    // One line that may be updated soon waits below, on a terminal, where it can be drawn over.
    const waits = this.#progress.isTTY && !text.trimEnd().includes('\n')
    if (!waits) this.#print(text)
    else this.#settle()
    this.#live.set(id, { text, printed: waits ? '' : text, printedAt: this.#now(), updated: false })
    this.#erase()
    this.#draw()
  }

  /** What waits below and was not updated is no progress: it takes its place above what comes next. */
  #settle(): void {
    for (const live of this.#live.values())
      if (!live.updated && live.text !== live.printed) {
        this.#erase()
        this.#write(ended(live.text))
        live.printed = live.text
      }
  }

  #update(content: any): void {
    const live = this.#live.get(content.transient?.display_id)
    if (!live) return
    live.text = textOf(content.data)
    live.updated = true
    if (this.#progress.isTTY) {
      this.#erase()
      this.#endLine()
      this.#draw()
    } else if (this.#now() - live.printedAt >= quietMilliseconds && live.text !== live.printed) {
      this.#endLine()
      this.#progress.write(ended(live.text))
      live.printed = live.text
      live.printedAt = this.#now()
    }
  }

  #print(text: string, { raw = false } = {}): void {
    if (text === '') return
    this.#settle()
    this.#erase()
    if (raw) {
      this.#out.write(text)
      this.#lineOpen = !text.endsWith('\n')
    } else this.#write(ended(text))
    this.#draw()
  }

  /** Whole lines, on lines of their own. */
  #write(lines: string): void {
    this.#endLine()
    this.#out.write(lines)
  }

  /** What comes next starts on a line of its own. */
  #endLine(): void {
    if (this.#lineOpen) this.#out.write('\n')
    this.#lineOpen = false
  }

  #erase(): void {
    if (this.#drawnLines > 0)
      this.#progress.write(this.#drawnLines > 1 ? `\x1b[${this.#drawnLines - 1}A${clearDown}` : clearDown)
    this.#drawnLines = 0
  }

  /** The live lines below everything printed; not while a printed line is still open. */
  #draw(): void {
    if (!this.#progress.isTTY || this.#lineOpen) return
    const lines = [...this.#live.values()]
      .filter((live) => live.updated || live.text !== live.printed)
      .map((live) => this.#fit(live.text.split('\n')[0]!))
    if (lines.length > 0) this.#progress.write(lines.join('\n'))
    this.#drawnLines = lines.length
  }

  /** As much of a line as the terminal shows without wrapping it. */
  #fit(line: string): string {
    const width = (this.#progress.isTTY ? this.#progress.columns : 100) || 80
    const bare = [...line.replace(escapes, '')]
    return bare.length < width ? line : fitLine(bare.join(''), width - 1)
  }
}

const ended = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`)

/** What of a bundle a terminal can show. */
function textOf(data: Record<string, unknown>): string {
  const text = data['text/plain'] ?? data['text/markdown']
  if (text !== undefined) return String(text)
  const mimes = Object.keys(data)
  return mimes.length > 0 ? `<${mimes.join(', ')}>` : ''
}
